"""A tile source of large_image (girder): bundles and trees, and slides that nothing better takes.

It is found by its entry point: with the package installed, `large_image.open("slide.bundle")` opens it. large_image itself is not installed with it.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from large_image.cache_util import LruCacheMetaclass, methodcache  # type: ignore[import-not-found,import-untyped,unused-ignore]
from large_image.constants import TILE_FORMAT_NUMPY, SourcePriority  # type: ignore[import-not-found,import-untyped,unused-ignore]
from large_image.exceptions import TileSourceError, TileSourceFileNotFoundError  # type: ignore[import-not-found,import-untyped,unused-ignore]
from large_image.tilesource import FileTileSource  # type: ignore[import-not-found,import-untyped,unused-ignore]

from ._errors import MissingFileError, OrigamiError
from ._served import ServedSlide
from ._slide import PROPERTY_NAME_MPP_X, PROPERTY_NAME_MPP_Y, PROPERTY_NAME_OBJECTIVE_POWER, Slide, detect_format, is_server_address

# A tile is read of so many pixels of a level at most: a slide without small levels would otherwise be read whole.
_MOST_PX = 16384 * 16384


class OrigamiTileSource(FileTileSource, metaclass=LruCacheMetaclass):  # type: ignore[misc,metaclass,unused-ignore]
    """Tiles of a bundle, a tree or a slide. Levels halve until one tile holds the slide; those that it has not are reduced from the next finer one."""

    cacheName = "tilesource"
    name = "origami"
    extensions = {
        None: SourcePriority.LOW,
        "bundle": SourcePriority.PREFERRED,
        "dzi": SourcePriority.HIGH,
        "svs": SourcePriority.LOWER,
        "tif": SourcePriority.LOWER,
        "tiff": SourcePriority.LOWER,
        "dcm": SourcePriority.LOWER,
    }
    mimeTypes = {None: SourcePriority.FALLBACK}

    def __init__(self, path: Any, **kwargs: Any) -> None:
        super().__init__(path, **kwargs)
        self._largeImagePath = str(self._getLargeImagePath())
        try:
            self._slide = Slide(self._largeImagePath)
        except MissingFileError:
            raise TileSourceFileNotFoundError(self._largeImagePath) from None
        except OrigamiError as error:
            raise TileSourceError(str(error)) from error
        self.sizeX, self.sizeY = self._slide.dimensions
        tile = self._slide._native.tile or (256, 256)
        # What is no usual tile, such as a strip, is cut anew.
        usable = all(64 <= side <= 4096 for side in tile) and max(tile) < 4 * min(tile)
        self.tileWidth, self.tileHeight = tile if usable else (256, 256)
        tiles = max(self.sizeX / self.tileWidth, self.sizeY / self.tileHeight)
        self.levels = max(0, math.ceil(math.log2(tiles))) + 1
        self._populatedLevels = sum(level is not None for level in self._nonemptyLevelsList())

    @classmethod
    def canRead(cls, path: Any, *args: Any, **kwargs: Any) -> bool:
        """Whether it is something that `Slide` opens; nothing is decoded. A server is asked whether it has the slide."""
        if not isinstance(path, (str, Path)):
            return False
        try:
            if is_server_address(str(path)):
                return bool(ServedSlide(str(path)).levels)
            return detect_format(path) is not None
        except OrigamiError:
            return False

    def _downsample(self, z: int) -> int:
        return 1 << (self.levels - 1 - z)

    def _nonemptyLevelsList(self, frame: int = 0) -> list[bool | None]:
        have = self._slide.level_downsamples
        return [True if any(abs(own / self._downsample(z) - 1) < 0.01 for own in have) else None for z in range(self.levels)]

    def getNativeMagnification(self) -> dict[str, float | None]:
        """Power of the objective, and millimetres per pixel; None what is not known."""
        found = self._slide.properties
        power, x, y = (
            float(found[name]) if name in found else None for name in (PROPERTY_NAME_OBJECTIVE_POWER, PROPERTY_NAME_MPP_X, PROPERTY_NAME_MPP_Y)
        )
        if power is None and x is not None:
            # As large_image guesses it: 10 microns by the power of the objective.
            power = 10 / x
        return {"magnification": power, "mm_x": None if x is None else x / 1000, "mm_y": None if y is None else y / 1000}

    def getInternalMetadata(self, **kwargs: Any) -> dict[str, Any]:
        """The properties of the slide."""
        return {"origami": dict(self._slide.properties)}

    def getAssociatedImagesList(self) -> list[str]:
        """Names of label, macro and the like."""
        return sorted(self._slide.associated_images)

    def _getAssociatedImage(self, imageKey: str) -> Any:
        images = self._slide.associated_images
        return images[imageKey].convert("RGB") if imageKey in images else None

    @methodcache()  # type: ignore[untyped-decorator,unused-ignore]
    def getTile(self, x: int, y: int, z: int, pilImageAllowed: bool = False, numpyAllowed: bool = False, **kwargs: Any) -> Any:
        """A tile of level `z`, of which 0 is the coarsest."""
        from PIL import Image

        self._xyzInRange(x, y, z)
        step = self._downsample(z)
        level = self._slide.get_best_level_for_downsample(step * 1.01)
        scale = step / self._slide.level_downsamples[level]
        width, height = (max(1, round(side * scale)) for side in (self.tileWidth, self.tileHeight))
        if width * height > _MOST_PX:
            raise TileSourceError(f"{self._largeImagePath}: it has no small levels; encode it, and open the bundle")
        corner = (x * self.tileWidth * step, y * self.tileHeight * step)
        try:
            tile = self._slide.read_region(corner, level, (width, height), as_array=True)
        except OrigamiError as error:
            raise TileSourceError(str(error)) from error
        if (width, height) != (self.tileWidth, self.tileHeight):
            import numpy as np

            tile = np.asarray(Image.fromarray(tile).resize((self.tileWidth, self.tileHeight), Image.Resampling.BOX))
        return self._outputTile(tile, TILE_FORMAT_NUMPY, x, y, z, pilImageAllowed, numpyAllowed, **kwargs)
