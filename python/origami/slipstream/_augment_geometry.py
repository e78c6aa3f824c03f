"""Random stages that move pixels. Coordinates are in pixels from the middle of the image, x to the right, y down."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ._augment import BatchAugment, Params, span
from ._augment_filter import blurred
from ._draws import Draws
from ._torch import Tensor, load

Range = tuple[float, float]


class _Moving(BatchAugment):
    """`moved` says where each pixel comes from."""

    geometric = True

    def moved(self, batch: Tensor, params: Params, nearest: bool) -> Tensor:
        raise NotImplementedError

    def apply(self, batch: Tensor, params: Params) -> Tensor:
        return self.moved(batch, params, False)

    def apply_to_mask(self, mask: Tensor, params: Params) -> Tensor:
        torch = load()
        values = mask if mask.is_floating_point() else mask.to(torch.float64)
        return self.moved(values, params, True).to(mask.dtype)


class RandomHorizontalFlip(_Moving):
    """Left to right."""

    def __init__(self, p: float = 0.5, *, seed: int | None = None) -> None:
        super().__init__(p, seed=seed)

    def moved(self, batch: Tensor, params: Params, nearest: bool) -> Tensor:
        return batch.flip(-1)


class RandomVerticalFlip(_Moving):
    """Top to bottom."""

    def __init__(self, p: float = 0.5, *, seed: int | None = None) -> None:
        super().__init__(p, seed=seed)

    def moved(self, batch: Tensor, params: Params, nearest: bool) -> Tensor:
        return batch.flip(-2)


class RandomAffine(_Moving):
    """torchvision's RandomAffine, bilinear: shear, scale, rotation and translation in one grid.

    degrees: of the rotation, a range or the most in both directions. translate: the most, as parts of width and height. scale: a range of factors.
    shear: degrees, the most in both directions for x, or for (x, y). fill: the value of what lay outside.
    """

    def __init__(
        self,
        degrees: float | Range = 0.0,
        translate: Range = (0.0, 0.0),
        scale: Range = (1.0, 1.0),
        shear: float | Range = 0.0,
        *,
        fill: float = 0.0,
        p: float = 1.0,
        seed: int | None = None,
    ) -> None:
        super().__init__(p, seed=seed)
        self.degrees = span("degrees", degrees, about=0)
        self.translate = (float(translate[0]), float(translate[1]))
        self.scale = span("scale", scale, least=1e-6)
        self.shear = (float(shear), 0.0) if isinstance(shear, (int, float)) else (float(shear[0]), float(shear[1]))
        self.fill = fill
        if not all(0 <= part <= 1 for part in self.translate) or not all(0 <= angle < 90 for angle in self.shear):
            raise ValueError(f"translate {translate}, shear {shear}: parts of 0 to 1, angles of 0 to less than 90 degrees")

    def draw(self, draws: Draws, batch: Tensor) -> Params:
        torch = load()
        height, width = batch.shape[-2:]
        most = torch.tensor([self.translate[0] * width, self.translate[1] * height])
        return {
            "angle": draws.uniform(low=self.degrees[0], high=self.degrees[1]),
            "translate": (draws.uniform(2, low=-1) * most).round(),
            "scale": draws.uniform(low=self.scale[0], high=self.scale[1]),
            "shear": draws.uniform(2, low=-1) * torch.tensor(self.shear),
        }

    def moved(self, batch: Tensor, params: Params, nearest: bool) -> Tensor:
        return warp(batch, affine_inverse(**params), fill=self.fill, nearest=nearest)


class RandomRotate(RandomAffine):
    """Rotation about the middle by degrees of a range, or of at most so many in both directions. torchvision's RandomRotation turns the other way."""

    def __init__(self, degrees: float | Range = 180.0, *, fill: float = 0.0, p: float = 1.0, seed: int | None = None) -> None:
        super().__init__(degrees, fill=fill, p=p, seed=seed)


class RandomScale(RandomAffine):
    """Scaling about the middle by a factor of a range; the image keeps its size."""

    def __init__(self, scale: Range = (0.8, 1.25), *, fill: float = 0.0, p: float = 1.0, seed: int | None = None) -> None:
        super().__init__(scale=scale, fill=fill, p=p, seed=seed)


class RandomTranslate(RandomAffine):
    """Translation by whole pixels, of at most these parts of width and height."""

    def __init__(self, translate: Range = (0.1, 0.1), *, fill: float = 0.0, p: float = 1.0, seed: int | None = None) -> None:
        super().__init__(translate=translate, fill=fill, p=p, seed=seed)


class RandomShear(RandomAffine):
    """Shear about the middle by degrees: the most for x, or for (x, y)."""

    def __init__(self, shear: float | Range = 15.0, *, fill: float = 0.0, p: float = 1.0, seed: int | None = None) -> None:
        super().__init__(shear=shear, fill=fill, p=p, seed=seed)


class RandomZoom(_Moving):
    """Enlarges a part of the image to its size: a side is 1/zoom of the image's, and the part lies anywhere inside."""

    def __init__(self, zoom: float | Range = (1.0, 1.5), *, p: float = 1.0, seed: int | None = None) -> None:
        super().__init__(p, seed=seed)
        self.zoom = span("zoom", zoom, least=1)

    def draw(self, draws: Draws, batch: Tensor) -> Params:
        torch = load()
        height, width = batch.shape[-2:]
        part = 1 / draws.uniform(low=self.zoom[0], high=self.zoom[1])
        room = (1 - part)[:, None] * torch.tensor([width, height])
        side = part[:, None] * torch.tensor([width, height])
        return {"box": torch.cat([draws.uniform(2) * room, side], dim=1)}

    def moved(self, batch: Tensor, params: Params, nearest: bool) -> Tensor:
        return crop_resize(batch, params["box"], tuple(batch.shape[-2:]), nearest=nearest)


class RandomCropResize(_Moving):
    """torchvision's RandomResizedCrop of a batch that is decoded already, bilinear without antialiasing: ten tries, then the middle.

    size: of the result, a side or (height, width). Where it can, let a decode stage crop: it decodes less and resamples with antialiasing.
    """

    def __init__(
        self, size: int | tuple[int, int], scale: Range = (0.08, 1.0), ratio: Range = (3 / 4, 4 / 3), *, seed: int | None = None
    ) -> None:
        super().__init__(1.0, seed=seed)
        self.size = (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))
        self.scale, self.ratio = span("scale", scale, least=1e-6), span("ratio", ratio, least=1e-6)

    def draw(self, draws: Draws, batch: Tensor) -> Params:
        torch = load()
        height, width = batch.shape[-2:]
        tries = 10
        area = draws.uniform(tries, low=self.scale[0], high=self.scale[1]) * (height * width)
        ratio = draws.uniform(tries, low=math.log(self.ratio[0]), high=math.log(self.ratio[1])).exp()
        w, h = (area * ratio).sqrt().round(), (area / ratio).sqrt().round()
        fits = (0 < w) & (w <= width) & (0 < h) & (h <= height)
        first = fits.to(torch.uint8).argmax(dim=1, keepdim=True)
        w, h = w.gather(1, first), h.gather(1, first)
        x, y = ((draws.uniform(1) * (most - side + 1)).floor() for most, side in ((width, w), (height, h)))
        middle = torch.tensor(_middle(width, height, self.ratio), dtype=torch.float32)
        return {"box": torch.where(fits.any(dim=1, keepdim=True), torch.cat([x, y, w, h], dim=1), middle)}

    def moved(self, batch: Tensor, params: Params, nearest: bool) -> Tensor:
        return crop_resize(batch, params["box"], self.size, nearest=nearest)


class RandomPatchShuffle(_Moving):
    """Cuts an image into `grid` x `grid` patches and puts them into any order. Sides are multiples of `grid`."""

    def __init__(self, grid: int = 4, p: float = 1.0, *, seed: int | None = None) -> None:
        super().__init__(p, seed=seed)
        if grid < 1:
            raise ValueError(f"grid {grid}: it is at least 1")
        self.grid = grid

    def draw(self, draws: Draws, batch: Tensor) -> Params:
        return {"order": draws.order(self.grid**2)}

    def moved(self, batch: Tensor, params: Params, nearest: bool) -> Tensor:
        count, channels, height, width = batch.shape
        n = self.grid
        if height % n or width % n:
            raise ValueError(f"RandomPatchShuffle: images of {width} x {height} pixels cannot be cut into {n} x {n} patches; choose another grid")
        h, w = height // n, width // n
        patches = batch.reshape(count, channels, n, h, n, w).permute(0, 2, 4, 1, 3, 5).reshape(count, n * n, channels, h, w)
        order = params["order"][:, :, None, None, None].expand_as(patches)
        shuffled = patches.gather(1, order).reshape(count, n, n, channels, h, w)
        return shuffled.permute(0, 3, 1, 4, 2, 5).reshape(count, channels, height, width)


class RandomElastic(_Moving):
    """torchvision's ElasticTransform: each pixel comes from a place beside it, by a smooth random field.

    alpha: strength in pixels before smoothing. sigma: deviation of the Gaussian that smooths the field, in pixels.
    """

    def __init__(self, alpha: float = 50.0, sigma: float = 5.0, *, fill: float = 0.0, p: float = 1.0, seed: int | None = None) -> None:
        super().__init__(p, seed=seed)
        if alpha < 0 or sigma <= 0:
            raise ValueError(f"alpha {alpha}, sigma {sigma}: they are above 0")
        self.alpha, self.sigma, self.fill = alpha, sigma, fill

    def draw(self, draws: Draws, batch: Tensor) -> Params:
        torch = load()
        height, width = batch.shape[-2:]
        kernel = int(8 * self.sigma) // 2 * 2 + 1
        if kernel // 2 >= min(height, width):
            raise ValueError(f"RandomElastic: sigma {self.sigma} is too much for images of {width} x {height} pixels")
        noise = draws.uniform(2, height, width, low=-1)
        field = blurred(noise, torch.full((len(noise),), self.sigma), kernel)
        # From pixels to the coordinates of a grid, in which the image is 2 wide.
        return {"displacement": (field * self.alpha / torch.tensor([width, height])[:, None, None]).permute(0, 2, 3, 1)}

    def moved(self, batch: Tensor, params: Params, nearest: bool) -> Tensor:
        x, y = _centres(batch, tuple(batch.shape[-2:]))
        grid = load().stack(load().broadcast_tensors(2 * x / batch.shape[-1], 2 * y[:, None] / batch.shape[-2]), dim=-1)
        return _sampled(batch, grid + params["displacement"].to(batch.dtype), self.fill, nearest)


def affine_inverse(angle: Tensor, translate: Tensor, scale: Tensor, shear: Tensor) -> Tensor:
    """Of torchvision's affine map, (images, 2, 3): where a pixel of the result comes from."""
    torch = load()
    turn, (shear_x, shear_y) = angle.deg2rad(), shear.deg2rad().tan().unbind(-1)
    cos, sin = turn.cos(), turn.sin()
    # Rotation times shear, [[a, b], [c, d]], of determinant 1.
    a, b = cos + sin * shear_y, -(cos * shear_x) - sin * (1 + shear_x * shear_y)
    c, d = sin - cos * shear_y, -(sin * shear_x) + cos * (1 + shear_x * shear_y)
    x, y = translate.unbind(-1)
    inverse = torch.stack([d, -b, b * y - d * x, -c, a, c * x - a * y], dim=-1) / scale[:, None]
    return inverse.reshape(-1, 2, 3)


def warp(batch: Tensor, inverse: Tensor, *, fill: float = 0.0, nearest: bool = False) -> Tensor:
    """The images under the affine maps whose inverses are given, (images, 2, 3); bilinear."""
    torch = load()
    height, width = batch.shape[-2:]
    x, y = _centres(batch, (height, width))
    # One by one, so that a place does not depend on how many images there are.
    own = inverse.to(batch.dtype)[..., None, None]
    from_x, from_y = (own[:, row, 0] * x + own[:, row, 1] * y[:, None] + own[:, row, 2] for row in (0, 1))
    return _sampled(batch, torch.stack([2 * from_x / width, 2 * from_y / height], dim=-1), fill, nearest)


def crop_resize(batch: Tensor, box: Tensor, size: tuple[int, ...], *, nearest: bool = False) -> Tensor:
    """A part of each image, (x, y, width, height) in pixels from the left upper corner, resized to `size` (height, width); bilinear, from pixels of the
    part alone."""
    torch = load()
    x, y, w, h = box.to(batch.dtype)[:, :, None].unbind(1)
    height, width = batch.shape[-2:]
    across = (torch.arange(size[1], device=batch.device, dtype=batch.dtype) + 0.5) / size[1]
    down = (torch.arange(size[0], device=batch.device, dtype=batch.dtype) + 0.5) / size[0]
    at_x = (x + across * w).clamp(x + 0.5, x + (w - 0.5).clamp(min=0.5))
    at_y = (y + down * h).clamp(y + 0.5, y + (h - 0.5).clamp(min=0.5))
    at_x, at_y = torch.broadcast_tensors((2 * at_x / width - 1)[:, None, :], (2 * at_y / height - 1)[:, :, None])
    return _sampled(batch, torch.stack([at_x, at_y], dim=-1), 0.0, nearest)


def _sampled(batch: Tensor, grid: Tensor, fill: float, nearest: bool) -> Tensor:
    torch: Any = load()
    mode = "nearest" if nearest else "bilinear"
    # Nothing comes from outside, and `fill` is added to it as to all else.
    above = batch - fill if fill else batch
    taken = torch.nn.functional.grid_sample(above, grid.to(batch.dtype), mode=mode, padding_mode="zeros", align_corners=False)
    return taken + fill if fill else taken


def _centres(batch: Tensor, size: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Of the pixels of a row and a column, from the middle."""
    torch = load()
    height, width = size
    x, y = (torch.arange(side, device=batch.device, dtype=batch.dtype) + 0.5 - side / 2 for side in (width, height))
    return x, y


def _middle(width: int, height: int, ratio: Range) -> tuple[int, int, int, int]:
    """What torchvision takes after ten tries: x, y, width, height."""
    own = width / height
    w, h = width, height
    if own < ratio[0]:
        h = round(width / ratio[0])
    elif own > ratio[1]:
        w = round(height * ratio[1])
    return (width - w) // 2, (height - h) // 2, w, h
