"""Random stages that look at a pixel's neighbours, add noise, or cover parts of an image."""

from __future__ import annotations

import math

from ._augment import BatchAugment, Params, span
from ._draws import Draws
from ._torch import Tensor, load

Range = tuple[float, float]


class RandomGaussianBlur(BatchAugment):
    """torchvision's GaussianBlur: `kernel_size` is odd, `sigma` in pixels, a number or a range. At the edge the image is mirrored."""

    def __init__(self, kernel_size: int = 23, sigma: float | Range = (0.1, 2.0), p: float = 0.5, *, seed: int | None = None) -> None:
        super().__init__(p, seed=seed)
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ValueError(f"kernel_size {kernel_size}: it is odd, from 1")
        self.kernel_size, self.sigma = kernel_size, span("sigma", sigma, least=1e-3)

    def draw(self, draws: Draws, batch: Tensor) -> Params:
        return {"sigma": draws.uniform(low=self.sigma[0], high=self.sigma[1])}

    def apply(self, batch: Tensor, params: Params) -> Tensor:
        if self.kernel_size // 2 >= min(batch.shape[-2:]):
            height, width = batch.shape[-2:]
            raise ValueError(f"RandomGaussianBlur: kernel_size {self.kernel_size} is too much for images of {width} x {height} pixels")
        return blurred(batch, params["sigma"], self.kernel_size)


class RandomSharpen(BatchAugment):
    """torchvision's adjust_sharpness by a factor from a range: 0 is smoothed, 1 the image, 2 twice as sharp."""

    def __init__(self, factor: float | Range = (0.5, 2.0), p: float = 0.5, *, seed: int | None = None) -> None:
        super().__init__(p, seed=seed)
        self.factor = span("factor", factor, least=0)

    def draw(self, draws: Draws, batch: Tensor) -> Params:
        return {"factor": draws.uniform(low=self.factor[0], high=self.factor[1])}

    def apply(self, batch: Tensor, params: Params) -> Tensor:
        torch = load()
        channels = batch.shape[1]
        kernel = batch.new_ones(3, 3)
        kernel[1, 1] = 5
        smooth = batch.clone()
        # Pixels at the edge stay as they are.
        inside = torch.nn.functional.conv2d(batch, (kernel / kernel.sum()).expand(channels, 1, 3, 3), groups=channels)
        smooth[..., 1:-1, 1:-1] = inside
        factor = params["factor"].to(batch.dtype)[:, None, None, None]
        return (factor * batch + (1 - factor) * smooth).clamp(0, 1)


class RandomPixelNoise(BatchAugment):
    """Gaussian noise, of a deviation from a range, for each value by itself, or with `gray` the same for the channels of a pixel."""

    def __init__(self, std: float | Range = (0.0, 0.05), p: float = 0.5, *, gray: bool = False, seed: int | None = None) -> None:
        super().__init__(p, seed=seed)
        self.std, self.gray = span("std", std, least=0), gray

    def draw(self, draws: Draws, batch: Tensor) -> Params:
        # The noise itself is drawn where the batch is.
        return {"std": draws.uniform(low=self.std[0], high=self.std[1]), "keys": draws.keys}

    def apply(self, batch: Tensor, params: Params) -> Tensor:
        shape = (1 if self.gray else batch.shape[1], *batch.shape[2:])
        noise = Draws(params["keys"], taken=1 << 20).normal(*shape).to(batch.dtype)
        return (batch + params["std"].to(batch.dtype)[:, None, None, None] * noise).clamp(0, 1)


class _Covering(BatchAugment):
    """Boxes of an image that are covered, as (left, top, right, bottom) in pixels."""

    fill: float | None

    def apply(self, batch: Tensor, params: Params) -> Tensor:
        torch = load()
        height, width = batch.shape[-2:]
        x, y = (torch.arange(side, device=batch.device) for side in (width, height))
        left, top, right, bottom = params["boxes"][..., None].unbind(2)
        across, down = (x >= left) & (x < right), (y >= top) & (y < bottom)
        covered = (down[:, :, :, None] & across[:, :, None, :]).any(dim=1)[:, None]
        if self.fill is not None:
            return torch.where(covered, batch.new_tensor(self.fill), batch)
        noise = Draws(params["keys"], taken=1 << 20).normal(*batch.shape[1:]).to(batch.dtype)
        return torch.where(covered, noise, batch)


class RandomCutout(_Covering):
    """Covers `holes` squares with a value. A side is a part of the shorter side of the image, a number or a range; the middle of a square lies anywhere
    (DeVries and Taylor 2017)."""

    def __init__(
        self, size: float | Range = (0.1, 0.3), holes: int = 1, fill: float = 0.0, p: float = 0.5, *, seed: int | None = None
    ) -> None:
        super().__init__(p, seed=seed)
        if holes < 1:
            raise ValueError(f"holes {holes}: there is at least 1")
        self.size, self.holes, self.fill = span("size", size, least=0), holes, fill

    def draw(self, draws: Draws, batch: Tensor) -> Params:
        torch = load()
        height, width = batch.shape[-2:]
        side = (draws.uniform(self.holes, low=self.size[0], high=self.size[1]) * min(height, width)).round()
        left, top = ((draws.uniform(self.holes) * most - side / 2).round() for most in (width, height))
        return {"boxes": torch.stack([left, top, left + side, top + side], dim=-1)}


class RandomErasing(_Covering):
    """torchvision's RandomErasing: covers a box whose area is a part of the image's from `scale`, with a ratio of its sides from `ratio`.

    fill: its value, or None for Gaussian noise, of which each pixel has its own. In ten tries no box may fit: then the image stays.
    """

    def __init__(
        self,
        scale: Range = (0.02, 0.33),
        ratio: Range = (0.3, 3.3),
        fill: float | None = 0.0,
        p: float = 0.5,
        *,
        seed: int | None = None,
    ) -> None:
        super().__init__(p, seed=seed)
        self.scale, self.ratio, self.fill = span("scale", scale, least=0), span("ratio", ratio, least=1e-6), fill

    def draw(self, draws: Draws, batch: Tensor) -> Params:
        torch = load()
        height, width = batch.shape[-2:]
        tries = 10
        area = draws.uniform(tries, low=self.scale[0], high=self.scale[1]) * (height * width)
        ratio = draws.uniform(tries, low=math.log(self.ratio[0]), high=math.log(self.ratio[1])).exp()
        h, w = (area * ratio).sqrt().round(), (area / ratio).sqrt().round()
        fits = (h < height) & (w < width)
        first = fits.to(torch.uint8).argmax(dim=1, keepdim=True)
        # Nothing fits: a box without pixels.
        h, w = (side.gather(1, first) * fits.any(dim=1, keepdim=True) for side in (h, w))
        left, top = ((draws.uniform(1) * (most - side + 1)).floor() for most, side in ((width, w), (height, h)))
        return {"boxes": torch.stack([left, top, left + w, top + h], dim=-1), "keys": draws.keys}


def blurred(batch: Tensor, sigma: Tensor, kernel_size: int) -> Tensor:
    """Each image convolved with a Gaussian of its own deviation; mirrored at the edge."""
    torch = load()
    functional = torch.nn.functional
    count, channels, height, width = batch.shape
    half = kernel_size // 2
    at = torch.arange(-half, half + 1, device=batch.device, dtype=batch.dtype)
    weights = (-0.5 * (at / sigma.to(device=batch.device, dtype=batch.dtype)[:, None]) ** 2).exp()
    weights = (weights / weights.sum(1, keepdim=True)).repeat_interleave(channels, dim=0)[:, None]
    planes = functional.pad(batch, (half, half, half, half), mode="reflect").reshape(1, count * channels, height + 2 * half, width + 2 * half)
    planes = functional.conv2d(planes, weights[:, :, None, :], groups=count * channels)
    return functional.conv2d(planes, weights[:, :, :, None], groups=count * channels).reshape(batch.shape)
