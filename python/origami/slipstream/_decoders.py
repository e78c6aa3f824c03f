"""Decoders for batches of stored images that are at hand: the names that other loaders of this kind have for theirs.

They take what `PrefetchingDataLoader` gives: `data`, a row of bytes for each image, `sizes`, `heights` and `widths`. Threads of Rust decode.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .. import _native
from ._stages import (
    _RATIO,
    _SCALE,
    DecodeCenterCrop,
    DecodeMultiRandomResizedCrop,
    DecodeRandomResizedCrop,
    DecodeResizeCrop,
    DecodeStage,
    ImageFormat,
    Range,
)
from ._yuv import DecodeOnly

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


class CPUDecoder:
    """Decodes batches of JPEG and PNG to RGB, (height, width, 3) each.

    num_threads: one a core by default. Random crops depend on the seed and on the number of the image in the batch.
    """

    image_format: ImageFormat = "jpeg"

    def __init__(self, num_threads: int | None = None) -> None:
        self.num_threads = num_threads or os.cpu_count() or 1

    def decode_batch(self, data: Any, sizes: Any, heights: Any, widths: Any) -> list[Array]:
        """Whole images, (height, width, 3) each."""
        import numpy as np

        heights, widths = np.asarray(heights), np.asarray(widths)
        stage = DecodeOnly()
        longest = max((stage.bytes_of(int(h), int(w)) for h, w in zip(heights, widths, strict=True)), default=0)
        blobs, order, reading = self._open(data, sizes, heights, widths)
        made: list[Array] = []
        for numbers, (rows,) in blobs.whole(order, reading, form="rgb", bytes=longest, planes=False):
            for number, row in zip(numbers, rows, strict=True):
                height, width = int(heights[number]), int(widths[number])
                made.append(stage.image(row[: 3 * height * width], height, width, False))
        return made

    def decode_batch_to_buffer(self, data: Any, sizes: Any, heights: Any, widths: Any, buffer: Array) -> Array:
        """As `decode_batch`, into the left upper corners of `buffer`, (batch, height, width, 3), which has room for each. Returns it."""
        images = self.decode_batch(data, sizes, heights, widths)
        if len(buffer) < len(images):
            raise ValueError(f"a buffer for {len(buffer)} images, and there are {len(images)}")
        for place, image in zip(buffer, images, strict=False):
            height, width = image.shape[:2]
            if place.shape[0] < height or place.shape[1] < width:
                raise ValueError(f"a buffer for images of {place.shape[1]}x{place.shape[0]}, and one has {width}x{height}")
            place[:height, :width] = image
        return buffer

    def decode_batch_center_crop(self, data: Any, sizes: Any, heights: Any, widths: Any, crop_size: int) -> Array:
        """DecodeCenterCrop of each, (batch, crop_size, crop_size, 3)."""
        return self._crops(data, sizes, heights, widths, DecodeCenterCrop(crop_size), 0)[0]

    def decode_batch_resize_crop(self, data: Any, sizes: Any, heights: Any, widths: Any, resize_size: int, crop_size: int) -> Array:
        """DecodeResizeCrop of each."""
        return self._crops(data, sizes, heights, widths, DecodeResizeCrop(resize_size, crop_size), 0)[0]

    def decode_batch_random_crop(
        self, data: Any, sizes: Any, heights: Any, widths: Any, size: int, scale: Range = _SCALE, ratio: Range = _RATIO, *, seed: int = 0
    ) -> Array:
        """DecodeRandomResizedCrop of each."""
        return self._crops(data, sizes, heights, widths, DecodeRandomResizedCrop(size, scale, ratio), seed)[0]

    def decode_batch_multi_crop(
        self, data: Any, sizes: Any, heights: Any, widths: Any, crops: Mapping[str, Mapping[str, Any]], *, seed: int = 0
    ) -> dict[str, Array]:
        """DecodeMultiRandomResizedCrop of each: an array for each name."""
        stage = DecodeMultiRandomResizedCrop(crops)
        return stage.output(self._crops(data, sizes, heights, widths, stage, seed))

    @staticmethod
    def hwc_to_chw(images: Array) -> Array:
        """(batch, height, width, 3) as (batch, 3, height, width), contiguous."""
        import numpy as np

        return np.ascontiguousarray(np.moveaxis(images, -1, -3))

    def _open(self, data: Any, sizes: Any, heights: Any, widths: Any) -> tuple[_native.Blobs, Array, _native.Reading]:
        import numpy as np

        rows = np.ascontiguousarray(data, np.uint8)
        if rows.ndim != 2:
            raise ValueError(f"data of the shape {rows.shape}: it is a row of bytes for each image")
        count, width = rows.shape
        lengths = np.ascontiguousarray(sizes, np.uint64)
        if len(lengths) != count or count != len(heights) or count != len(widths):
            raise ValueError(f"{count} rows of data, and {len(lengths)} sizes, {len(heights)} heights, {len(widths)} widths")
        if (lengths > width).any():
            raise ValueError(f"an image of {lengths.max()} bytes in a row of {width}")
        offsets = np.arange(count, dtype=np.uint64) * np.uint64(width)
        planes = [(int(w), int(h)) for h, w in zip(heights, widths, strict=True)] if self.image_format == "yuv420" else None
        blobs = _native.Blobs.of_memory(rows.reshape(-1), offsets, lengths, planes)
        return blobs, np.arange(count, dtype=np.int64), {"batch_size": max(count, 1), "threads": self.num_threads, "ahead": 1}

    def _crops(self, data: Any, sizes: Any, heights: Any, widths: Any, stage: DecodeStage, seed: int) -> list[Array]:
        import numpy as np

        blobs, order, reading = self._open(data, sizes, heights, widths)
        crops = stage.crops(seed)
        for _, images in blobs.crops(order, reading, crops=crops, epoch=0, planes=False):
            return list(images)
        return [np.empty((0, crop[0], crop[0], 3), np.uint8) for crop in crops]


class NumbaBatchDecoder(CPUDecoder):
    """CPUDecoder under the name of a loader that used Numba."""


class YUV420NumbaBatchDecoder(CPUDecoder):
    """CPUDecoder for images that are stored as planes: batches of a cache of the format "yuv420"."""

    image_format: ImageFormat = "yuv420"


class GPUDecoder(CPUDecoder):
    """CPUDecoder whose results are tensors on a device of torch, (batch, 3, height, width); `decode_batch` gives a list of (3, height, width).

    The entropy decoding is the CPU's work: of planes in 4:2:0, `yuv420_to_rgb` does the rest on the device.
    """

    def __init__(self, device: Any = "cuda", num_threads: int | None = None) -> None:
        super().__init__(num_threads)
        self.device = device

    def _placed(self, images: Array) -> Any:
        import torch  # type: ignore[import-not-found,unused-ignore]

        return torch.from_numpy(self.hwc_to_chw(images)).to(self.device, non_blocking=True)

    def decode_batch(self, data: Any, sizes: Any, heights: Any, widths: Any) -> list[Any]:
        return [self._placed(image) for image in super().decode_batch(data, sizes, heights, widths)]

    def decode_batch_to_buffer(self, data: Any, sizes: Any, heights: Any, widths: Any, buffer: Any) -> Any:
        """As `decode_batch`, into the left upper corners of `buffer`, a tensor (batch, 3, height, width)."""
        for place, image in zip(buffer, self.decode_batch(data, sizes, heights, widths), strict=True):
            place[:, : image.shape[1], : image.shape[2]] = image
        return buffer

    def _crops(self, data: Any, sizes: Any, heights: Any, widths: Any, stage: DecodeStage, seed: int) -> list[Any]:
        return [self._placed(images) for images in super()._crops(data, sizes, heights, widths, stage, seed)]
