"""Decode stages that give whole images, and planes of Y, U and V instead of RGB."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ._stages import _RATIO, _SCALE, DecodeStage, NamedCrop, Range

if TYPE_CHECKING:
    import numpy as np


class YUV420(NamedTuple):
    """Planes with chroma of half the size (BT.601, full range): arrays or tensors of uint8."""

    y: Any
    """(batch, height, width), or (height, width)."""
    u: Any
    """(batch, height / 2, width / 2), rounded up."""
    v: Any
    """As `u`."""


def split(planes: Any, height: int, width: int) -> YUV420:
    """Views of the planes that lie one after the other in the last axis."""
    half_height, half_width = -(-height // 2), -(-width // 2)
    luma, chroma = height * width, half_height * half_width
    shape = tuple(planes.shape[:-1])
    y = planes[..., :luma].reshape((*shape, height, width))
    u = planes[..., luma : luma + chroma].reshape((*shape, half_height, half_width))
    v = planes[..., luma + chroma : luma + 2 * chroma].reshape((*shape, half_height, half_width))
    return YUV420(y, u, v)


class WholeStage(DecodeStage):
    """A stage that gives images as a whole. It is the only decode stage of its field."""

    form: Literal["rgb", "yuv420", "yuv444"] = "rgb"

    def bytes_of(self, height: int, width: int) -> int:
        """Bytes of an image."""
        return height * width + 2 * (-(-height // 2) * -(-width // 2)) if self.form == "yuv420" else 3 * height * width

    def image(self, stored: np.ndarray[Any, Any], height: int, width: int, planes: bool) -> Any:
        """One image, or several of one size, of the bytes in the last axis."""
        raise NotImplementedError

    def batch(self, rows: np.ndarray[Any, Any], heights: np.ndarray[Any, Any], widths: np.ndarray[Any, Any], planes: bool) -> Any:
        """A batch: arrays where all images have one size, else a list of an array (or planes) for each image."""
        if len({*zip(heights.tolist(), widths.tolist(), strict=True)}) == 1:
            height, width = int(heights[0]), int(widths[0])
            return self.image(rows[:, : self.bytes_of(height, width)], height, width, planes)
        sizes = zip(heights.tolist(), widths.tolist(), strict=True)
        return [self.image(row[: self.bytes_of(height, width)], height, width, planes) for row, (height, width) in zip(rows, sizes, strict=True)]


@dataclass(frozen=True)
class DecodeOnly(WholeStage):
    """Whole images in RGB: (batch, 3, height, width) where all of a batch have one size, else a list of (3, height, width)."""

    def image(self, stored: np.ndarray[Any, Any], height: int, width: int, planes: bool) -> Any:
        shape = (3, height, width) if planes else (height, width, 3)
        return stored.reshape((*stored.shape[:-1], *shape))


@dataclass(frozen=True)
class DecodeYUVFullRes(WholeStage):
    """As DecodeOnly in Y, U and V, with U and V enlarged to the size of Y; always (3, height, width)."""

    form = "yuv444"

    def image(self, stored: np.ndarray[Any, Any], height: int, width: int, planes: bool) -> Any:
        return stored.reshape((*stored.shape[:-1], 3, height, width))


@dataclass(frozen=True)
class DecodeYUVPlanes(WholeStage):
    """Whole images as `YUV420`: planes with chroma of half the size. A list of them where sizes differ in a batch."""

    form = "yuv420"

    def image(self, stored: np.ndarray[Any, Any], height: int, width: int, planes: bool) -> Any:
        return split(stored, height, width)


@dataclass(frozen=True)
class CenterCropYUV(DecodeStage):
    """The middle of each image as `YUV420`, with black around a smaller image. `size` is even; corners lie on the grid of chroma."""

    size: int

    def crops(self, seed: int) -> list[NamedCrop]:
        return [(self.size, "yuv centre", self.size, _SCALE, _RATIO, seed)]

    def output(self, batches: Sequence[Any]) -> YUV420:
        return split(batches[0], self.size, self.size)


@dataclass(frozen=True)
class RandomResizedCropYUV(DecodeStage):
    """The parts of DecodeRandomResizedCrop as `YUV420`, rounded to the grid of chroma. `size` is even."""

    size: int
    scale: Range = _SCALE
    ratio: Range = _RATIO
    seed: int | None = None

    def crops(self, seed: int) -> list[NamedCrop]:
        return [(self.size, "yuv random", self.size, self.scale, self.ratio, seed if self.seed is None else self.seed)]

    def output(self, batches: Sequence[Any]) -> YUV420:
        return split(batches[0], self.size, self.size)
