"""Where a slide has tissue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from .. import _native
from .._slide import Slide

if TYPE_CHECKING:
    import numpy as np

Feature = Literal["saturation", "darkness"]
"""What tells tissue from glass: the saturation of HSV, or the darkness, which also finds tissue without colour."""


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


def tissue_mask(slide: Slide, *, feature: Feature = "saturation", downsample: float = 32.0) -> TissueMask:
    """The mask of a slide by Otsu's threshold, made of its coarsest level that has at most `downsample` (1 to 65536).

    A slide whose values are all those of glass has no tissue. Raises ValueError, DamagedError.
    """
    mask, own = _native.tissue_mask(slide._native, feature, downsample)
    return TissueMask(mask, own)
