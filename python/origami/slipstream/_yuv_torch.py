"""YUV 4:2:0 on its way to a device: half of the bytes of RGB are copied, and the device converts and normalises them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ._yuv import YUV420

# BT.601, full range, as JFIF has it.
_RED_V, _GREEN_U, _GREEN_V, _BLUE_U = 1.402, -0.344136, -0.714136, 1.772


def yuv420_to_rgb(
    planes: YUV420 | Sequence[Any], *, mean: Sequence[float] | None = None, std: Sequence[float] | None = None, dtype: Any = None
) -> Any:
    """Planes as RGB, (batch, 3, height, width), on the device on which they lie. U and V are enlarged bilinearly.

    planes: tensors of uint8: y (batch, height, width), u and v of half the size, rounded up.
    mean, std: of values from 0 to 1, subtracted and divided by; the result is then a float of `dtype` (torch.float32 by default). Without both and
        without `dtype` it is uint8, 0 to 255; with `dtype` alone it is 0 to 1.
    """
    import torch  # type: ignore[import-not-found,unused-ignore]

    y, u, v = planes
    height, width = y.shape[-2:]
    # In float32 also where the result is half: 16 bits do not hold the sums of 8-bit samples exactly.
    chroma = torch.stack([u, v], 1).to(torch.float32) - 128
    full = torch.nn.functional.interpolate(chroma, scale_factor=2, mode="bilinear", align_corners=False)[..., :height, :width]
    blue, red = full[:, 0], full[:, 1]
    luma = y.to(torch.float32)
    rgb = torch.stack([luma + _RED_V * red, luma + _GREEN_U * blue + _GREEN_V * red, luma + _BLUE_U * blue], 1).clamp_(0, 255)
    if mean is None and std is None and dtype is None:
        return rgb.round_().to(torch.uint8)
    rgb /= 255
    if mean is not None:
        rgb -= torch.tensor(mean, device=rgb.device).reshape(1, 3, 1, 1)
    if std is not None:
        rgb /= torch.tensor(std, device=rgb.device).reshape(1, 3, 1, 1)
    return rgb.to(dtype or torch.float32)


class YUV420ToRGB:
    """`yuv420_to_rgb` as a stage behind one that gives `YUV420`: DecodeYUVPlanes, CenterCropYUV, RandomResizedCropYUV."""

    def __init__(self, mean: Sequence[float] | None = None, std: Sequence[float] | None = None, dtype: Any = None) -> None:
        self.mean, self.std, self.dtype = mean, std, dtype

    def __call__(self, batch: YUV420) -> Any:
        """Raises TypeError for a list of images of different sizes: crop them."""
        if not isinstance(batch, YUV420):
            raise TypeError(f"a {type(batch).__name__} where planes belong; begin the pipeline with RandomResizedCropYUV or CenterCropYUV")
        return yuv420_to_rgb(batch, mean=self.mean, std=self.std, dtype=self.dtype)
