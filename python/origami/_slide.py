"""Slides with the interface of openslide-python, over bundles, trees and slides."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from io import BytesIO
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, overload

from . import _native
from ._errors import MissingFileError

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image
    from PIL.ImageCms import ImageCmsProfile

    from ._remote_file import RemoteFile
    from ._served import ServedSlide

PROPERTY_NAME_COMMENT = "openslide.comment"
PROPERTY_NAME_VENDOR = "openslide.vendor"
PROPERTY_NAME_QUICKHASH1 = "openslide.quickhash-1"
PROPERTY_NAME_BARCODE = "openslide.barcode"
PROPERTY_NAME_BACKGROUND_COLOR = "openslide.background-color"
PROPERTY_NAME_OBJECTIVE_POWER = "openslide.objective-power"
PROPERTY_NAME_MPP_X = "openslide.mpp-x"
PROPERTY_NAME_MPP_Y = "openslide.mpp-y"
PROPERTY_NAME_BOUNDS_X = "openslide.bounds-x"
PROPERTY_NAME_BOUNDS_Y = "openslide.bounds-y"
PROPERTY_NAME_BOUNDS_WIDTH = "openslide.bounds-width"
PROPERTY_NAME_BOUNDS_HEIGHT = "openslide.bounds-height"

_MAX_SIDE = 2**31
_MAX_POSITION = 2**52


class Slide:
    """An open bundle, tree or slide.

    filename: a bundle, or the directory that `encode` wrote; the `.dzi` or directory of a tree; a slide, an image, or a directory of
    DICOM files; or `http(s)://server/slide`, a slide of `origami serve` under its name there or its address in the viewer.
    cache_bytes: memory for decoded pixels; of no meaning for a server.

    It may be used from many threads. It pickles by its path; a file that was changed meanwhile is refused. After a fork the child
    opens it again by itself.

    A server gives the pixels that the file has: `read_region` is equal. The levels of a scanned slide halve there, whatever its file has.

    Raises FileNotFoundError, OSError (both also OrigamiError), UnsupportedFormatError, DamagedError.
    """

    _native: _native.Slide | ServedSlide

    def __init__(self, filename: str | os.PathLike[str], *, cache_bytes: int = 256 << 20) -> None:
        if isinstance(filename, str) and is_server_address(filename):
            # Only here: it needs what is imported late otherwise.
            from ._served import ServedSlide

            self._native = ServedSlide(filename)
        else:
            self._native = _native.Slide(os.fspath(filename), cache_bytes)

    @classmethod
    def _of_remote(cls, bundle: RemoteFile, cache_bytes: int = 256 << 20) -> Slide:
        """A bundle at an address."""
        slide = cls.__new__(cls)
        slide._native = _native.Slide(bundle.url, cache_bytes, None, bundle)
        return slide

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._native.path!r})"

    def __enter__(self) -> Slide:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes its files. Other calls than this one raise ValueError afterwards."""
        self._native.close()

    @classmethod
    def _of_server(cls, served: ServedSlide) -> Slide:
        """A slide of a server."""
        slide = cls.__new__(cls)
        slide._native = served
        return slide

    @classmethod
    def detect_format(cls, filename: str | os.PathLike[str]) -> str | None:
        """As the function `detect_format`."""
        return detect_format(filename)

    @property
    def level_count(self) -> int:
        """Number of levels."""
        return len(self._native.levels)

    @property
    def level_dimensions(self) -> tuple[tuple[int, int], ...]:
        """Width and height of each level in pixels, the full resolution first."""
        return tuple(self._native.levels)

    @property
    def dimensions(self) -> tuple[int, int]:
        """Width and height of the full resolution in pixels."""
        return self._native.levels[0]

    @property
    def level_downsamples(self) -> tuple[float, ...]:
        """Pixels of the full resolution along a side of a pixel of each level."""
        return tuple(self._native.downsamples)

    @property
    def properties(self) -> Mapping[str, str]:
        """Properties under OpenSlide's names (`openslide.mpp-x`, ...), and `origami.*`: `kind` (bundle, tree or slide), `content`
        (identifies the pixels of a bundle), `warning[i]`."""
        return _properties(self)

    @property
    def associated_images(self) -> Mapping[str, Image.Image]:
        """Label, macro and the like as RGBA images, by name. A bundle has those that were asked for when it was encoded."""
        return _AssociatedImages(self)

    @property
    def icc_profile(self) -> bytes | None:
        """The colour profile as it is stored."""
        return self._native.icc_profile

    @property
    def color_profile(self) -> ImageCmsProfile | None:
        """The colour profile, for `PIL.ImageCms`."""
        profile = self.icc_profile
        if profile is None:
            return None
        from PIL.ImageCms import ImageCmsProfile

        return ImageCmsProfile(BytesIO(profile))

    def get_best_level_for_downsample(self, downsample: float) -> int:
        """The coarsest level whose downsample is at most `downsample`; 0 where there is none."""
        fine = [level for level, own in enumerate(self.level_downsamples) if own <= downsample]
        return max(fine, default=0)

    @overload
    def read_region(
        self, location: tuple[int, int], level: int, size: tuple[int, int], as_array: Literal[False] = False
    ) -> Image.Image: ...

    @overload
    def read_region(
        self, location: tuple[int, int], level: int, size: tuple[int, int], as_array: Literal[True]
    ) -> np.ndarray[Any, np.dtype[np.uint8]]: ...

    def read_region(
        self, location: tuple[int, int], level: int, size: tuple[int, int], as_array: bool = False
    ) -> Image.Image | np.ndarray[Any, np.dtype[np.uint8]]:
        """The region of `size` (width, height) pixels of a level whose left upper corner is `location` (x, y).

        `location` counts pixels of the full resolution. The result is an RGBA image that is transparent beyond the slide; with
        `as_array` a writable RGB array of shape (height, width, 3), white beyond the slide, which also gives DLPack.

        Raises IndexError for a level that is not there; ValueError; DamagedError.
        """
        (x, y), (width, height) = location, size
        if not (0 <= width < _MAX_SIDE and 0 <= height < _MAX_SIDE):
            raise ValueError(f"size {size}: width and height are 0 to {_MAX_SIDE - 1}")
        if level < 0:
            raise IndexError(f"there is no level {level}: levels count from 0")
        x, y = (max(-_MAX_POSITION, min(int(at), _MAX_POSITION)) for at in (x, y))
        if as_array:
            return self._native.read_rgb(x, y, level, width, height)
        return _image(self._native.read_rgba(x, y, level, width, height))

    def get_thumbnail(self, size: tuple[int, int]) -> Image.Image:
        """An RGB image of the whole slide within `size` (width, height), over white."""
        from PIL import Image

        downsample = max(own / most for own, most in zip(self.dimensions, size, strict=True))
        level = self.get_best_level_for_downsample(downsample)
        whole = self.read_region((0, 0), level, self.level_dimensions[level], as_array=True)
        thumbnail = Image.fromarray(whole)
        thumbnail.thumbnail(size, Image.Resampling.LANCZOS)
        if (profile := self.icc_profile) is not None:
            thumbnail.info["icc_profile"] = profile
        return thumbnail


def open_slide(
    filename: str | os.PathLike[str],
    *,
    storage_options: Mapping[str, Any] | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
) -> Slide:
    """Opens a bundle, a tree, a slide or an image: `Slide(filename)`.

    `http(s)://server/slide` is a slide of `origami serve`; `storage_options={"headers": {"Authorization": "Bearer TOKEN"}}` goes with each request, as
    a signature in the address does. Any other address is that of a file.

    At an address (`s3://bucket/slide.bundle`, or another that fsspec knows) a bundle is read by ranges: its header and index, and what regions need. Slides
    and trees are copied to `cache_dir` first, by default the user's cache directory, unless a copy of what is there now exists; of a tree or a directory of
    DICOM files all files. `storage_options` are those of fsspec.

    Raises what `Slide` raises; ImportError without fsspec; what fsspec raises.
    """
    # Only for addresses: it needs what is imported late otherwise.
    if isinstance(filename, str) and "://" in filename and not filename.startswith("file://"):
        from ._remote_file import bundle_at

        if is_server_address(filename):
            from ._served import ServedSlide

            try:
                return Slide._of_server(ServedSlide(filename, dict(storage_options or {}).get("headers")))
            except MissingFileError as error:
                missing = error
            # Without fsspec there is nothing else that it could be.
            if find_spec("fsspec") is None:
                raise missing
        if (bundle := bundle_at(filename, storage_options)) is not None:
            return Slide._of_remote(bundle)
        from .slipstream._remote import local_copy

        return Slide(local_copy(filename, storage_options=storage_options, cache_dir=cache_dir))
    if isinstance(filename, str) and filename.startswith("file://"):
        from urllib.parse import unquote, urlsplit

        filename = unquote(urlsplit(filename).path)
    return Slide(filename)


def is_server_address(path: str) -> bool:
    """Whether it is an address that a server may answer at: http or https, and no bundle that is read by ranges."""
    return path.startswith(("http://", "https://")) and not path.split("?")[0].endswith(".bundle")


def detect_format(filename: str | os.PathLike[str]) -> str | None:
    """What a file or directory is: "bundle", "tree", or of a slide the vendor as OpenSlide names it, or "dicom", "tiff", "png",
    "jpeg". None where nothing here reads it.

    Raises FileNotFoundError and OSError, both also OrigamiError; DamagedError.
    """
    return _native.detect_format(os.fspath(filename))


def _image(samples: np.ndarray[Any, np.dtype[np.uint8]]) -> Image.Image:
    from PIL import Image

    height, width, _ = samples.shape
    if samples.size == 0:
        return Image.new("RGBA", (width, height))
    return Image.frombuffer("RGBA", (width, height), samples, "raw", "RGBA", 0, 1)


def _properties(slide: Slide) -> dict[str, str]:
    own = slide._native
    found: dict[str, str] = {PROPERTY_NAME_VENDOR: own.vendor}
    if own.microns_per_pixel is not None:
        found[PROPERTY_NAME_MPP_X], found[PROPERTY_NAME_MPP_Y] = map(_number, own.microns_per_pixel)
    if own.objective_power is not None:
        found[PROPERTY_NAME_OBJECTIVE_POWER] = _number(own.objective_power)
    if own.icc_profile is not None:
        found["openslide.icc-size"] = str(len(own.icc_profile))
    found["openslide.level-count"] = str(slide.level_count)
    for level, (size, downsample) in enumerate(zip(slide.level_dimensions, slide.level_downsamples, strict=True)):
        named = f"openslide.level[{level}]."
        found[named + "width"], found[named + "height"] = map(str, size)
        found[named + "downsample"] = _number(downsample)
        if own.tile is not None and (level == 0 or own.kind != "slide"):
            found[named + "tile-width"], found[named + "tile-height"] = map(str, own.tile)
    found["origami.kind"] = own.kind
    if own.content is not None:
        found["origami.content"] = own.content
    found |= {f"origami.warning[{i}]": warning for i, warning in enumerate(own.warnings)}
    return found


def _number(value: float) -> str:
    """As OpenSlide writes numbers: whole ones without a point."""
    return str(int(value)) if value == int(value) else repr(value)


class _AssociatedImages(Mapping[str, "Image.Image"]):
    """Decodes an image when it is asked for."""

    def __init__(self, slide: Slide) -> None:
        self._slide = slide

    def __repr__(self) -> str:
        return f"<associated images {list(self)}>"

    def __iter__(self) -> Iterator[str]:
        return iter(self._slide._native.associated_names)

    def __len__(self) -> int:
        return len(self._slide._native.associated_names)

    def __contains__(self, name: object) -> bool:
        return name in self._slide._native.associated_names

    def __getitem__(self, name: str) -> Image.Image:
        if name not in self:
            raise KeyError(name)
        from PIL import Image

        return Image.fromarray(self._slide._native.associated(name)).convert("RGBA")
