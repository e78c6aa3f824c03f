"""Where a slide has tissue."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .. import _native
from .._remote_file import is_remote
from .._served import ServedSlide
from .._slide import Slide
from ._slides import Path_

if TYPE_CHECKING:
    import numpy as np

Feature = Literal["saturation", "darkness", "absorbance"]
"""What tells tissue from glass: by Otsu's threshold the saturation of HSV, or the darkness, which also finds tissue without colour; or an absorbance above
that of the slide's own glass, whose threshold is fixed: it also holds for slides that are nearly all tissue or all glass, of which Otsu splits one."""

# Macenko's threshold of absorbance (natural logarithm).
_LEAST_ABSORBANCE = 0.15
# Glass is nearly white in every scanner: a slide whose brightest parts are darker has none.
_LEAST_GLASS = 180
# Pixels of a level that are read at once.
_BAND_PX = 4 << 20
_FORMAT = "origami-tissue-1"


@dataclass(frozen=True)
class TissueMask:
    """A mask of a slide at a coarse resolution."""

    mask: np.ndarray[Any, np.dtype[np.bool_]]
    """Whether a pixel is tissue; (height, width)."""
    downsample: float
    """Pixels of the full resolution along a side of one of the mask."""

    def fraction(
        self, centres: np.ndarray[Any, np.dtype[np.float64]], side: float
    ) -> np.ndarray[Any, np.dtype[np.float64]]:
        """The part of each square that is tissue, 0 to 1. `centres` (n, 2) and `side` count pixels of the full resolution. Of squares
        that reach beyond the slide the part beyond is none."""
        import numpy as np

        height, width = self.mask.shape
        sums = np.zeros((height + 1, width + 1), np.float64)
        np.cumsum(np.cumsum(self.mask, axis=0), axis=1, out=sums[1:, 1:])
        low = (centres - side / 2) / self.downsample
        high = (centres + side / 2) / self.downsample
        # Whole pixels of the mask, at least one.
        first = np.floor(low + 0.5).astype(np.int64)
        last = np.maximum(np.floor(high + 0.5).astype(np.int64), first + 1)
        area = np.prod(last - first, axis=1)
        x0, x1 = (np.clip(at[:, 0], 0, width) for at in (first, last))
        y0, y1 = (np.clip(at[:, 1], 0, height) for at in (first, last))
        inside = sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0]
        fraction: np.ndarray[Any, np.dtype[np.float64]] = inside / area
        return fraction

    def save(self, path: Path_, *, identity: str) -> None:
        """Writes it as a file of numpy (.npz), with what it is the mask of. A write that was killed leaves nothing under the name."""
        import numpy as np

        path = Path(path)
        handle, part = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(
                    file,
                    format=np.asarray(_FORMAT),
                    identity=np.asarray(identity),
                    shape=np.asarray(self.mask.shape, "<i8"),
                    downsample=np.asarray(self.downsample, "<f8"),
                    bits=np.packbits(self.mask),
                )
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        except BaseException:
            os.unlink(part)
            raise

    @classmethod
    def load(cls, path: Path_, *, identity: str) -> TissueMask | None:
        """The mask that `save` wrote; None where it is of something else, or the file is no whole mask. Raises FileNotFoundError."""
        import zipfile

        import numpy as np

        try:
            # A file that numpy opened itself would stay open where it is no archive.
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as stored:
                if str(stored["format"]) != _FORMAT or str(stored["identity"]) != identity:
                    return None
                height, width = (int(side) for side in stored["shape"])
                bits = stored["bits"]
                if not (height > 0 and width > 0 and bits.dtype == np.uint8 and len(bits) == -(-height * width // 8)):
                    return None
                mask = np.unpackbits(bits, count=height * width).astype(np.bool_).reshape(height, width)
                downsample = float(stored["downsample"])
                return cls(mask, downsample) if downsample > 0 else None
        except FileNotFoundError:
            raise
        except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
            return None


def tissue_mask(slide: Slide, *, feature: Feature = "saturation", downsample: float = 32.0) -> TissueMask:
    """The mask of a slide, made of its coarsest level that has at most `downsample` (1 to 65536), by what `feature` says.

    A slide whose values are all those of glass has no tissue. Raises ValueError, DamagedError.
    """
    if feature == "absorbance":
        return _by_absorbance(slide, downsample)
    if isinstance(slide._native, ServedSlide):
        raise ValueError(f"{slide._native.path}: the mask of a server's slide is made by feature='absorbance'; others need its file")
    mask, own = _native.tissue_mask(slide._native, feature, downsample)
    return TissueMask(mask, own)


def saved_tissue_mask(
    slide: Slide, *, feature: Feature = "saturation", downsample: float = 32.0, directory: Path_ | None = None
) -> TissueMask:
    """As `tissue_mask`, kept in a file `{slide}.tissue.npz` beside the slide, or in `directory`, and taken from there if it is of this slide as it is now, and
    was made in this way; otherwise made and written anew. Raises OSError where it cannot be written; ValueError for a bundle at an address without
    `directory`."""
    where = slide._native.path
    path = Path(where)
    name = f"{path.name}.tissue.npz"
    if directory is None and is_remote(where):
        raise ValueError(f"{where}: a mask is not kept beside a bundle at an address; give a directory, as save_masks of from_slides")
    file = path.parent / name if directory is None else Path(directory) / f"{_digest(where if is_remote(where) else str(path.resolve()))}-{name}"
    identity = f"{_identity(slide)}:{feature}:{downsample}"
    if file.exists() and (found := TissueMask.load(file, identity=identity)) is not None:
        return found
    file.parent.mkdir(parents=True, exist_ok=True)
    mask = tissue_mask(slide, feature=feature, downsample=downsample)
    mask.save(file, identity=identity)
    return mask


def _identity(slide: Slide) -> str:
    """Of the pixels: what a bundle says, else the length and time of modification of the file."""
    if slide._native.content is not None:
        return f"content:{slide._native.content}"
    status = os.stat(slide._native.path)
    return f"file:{status.st_size}:{status.st_mtime_ns}"


def _digest(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:8]


def _by_absorbance(slide: Slide, downsample: float) -> TissueMask:
    import numpy as np

    if not 1 <= downsample <= 65536:
        raise ValueError(f"downsample {downsample}: it is 1 to 65536")
    level = slide.get_best_level_for_downsample(downsample)
    scale = slide.level_downsamples[level]
    block = max(1, round(downsample / scale))
    rgb = np.concatenate(list(_blocks(slide, level, block)))
    # The level of glass is what the brightest pixels have.
    glass = np.maximum(np.percentile(rgb.reshape(-1, 3), 99, axis=0), _LEAST_GLASS)
    absorbance = -np.log(np.clip(rgb, 1, None) / glass)
    return TissueMask(absorbance.max(axis=2) > _LEAST_ABSORBANCE, scale * block)


def _blocks(slide: Slide, level: int, block: int) -> Iterator[np.ndarray[Any, np.dtype[np.float64]]]:
    """Rows of mean colours of the blocks of a level; those at the edges are smaller."""
    import numpy as np

    width, height = slide.level_dimensions[level]
    rows = max(1, _BAND_PX // max(width, 1) // block) * block
    across, scale = np.arange(0, width, block), slide.level_downsamples[level]
    for top in range(0, height, rows):
        tall = min(rows, height - top)
        band = slide.read_region((0, round(top * scale)), level, (width, tall), as_array=True).astype(np.float64)
        down = np.arange(0, tall, block)
        sums = np.add.reduceat(np.add.reduceat(band, down, axis=0), across, axis=1)
        counts = np.diff(np.append(down, tall))[:, None] * np.diff(np.append(across, width))
        yield sums / counts[..., None]
