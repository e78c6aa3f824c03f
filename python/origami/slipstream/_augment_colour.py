"""Random stages that change colours, pixel by pixel."""

from __future__ import annotations

import math
from typing import Literal

from ._augment import BatchAugment, Params, check, span
from ._draws import Draws
from ._torch import Tensor, load

Range = tuple[float, float]

# Weights of ITU-R BT.601, as torchvision rounds them.
_GRAY = (0.2989, 0.587, 0.114)
# NTSC: of luma and the two axes of chroma.
_YIQ = ((0.299, 0.587, 0.114), (0.596, -0.274, -0.322), (0.211, -0.523, 0.312))


class _Factor(BatchAugment):
    """A stage with one number for each image, drawn from a range."""

    least, about, most = 0.0, 1.0, math.inf

    def __init__(self, factor: float | Range = 0.4, p: float = 1.0, *, seed: int | None = None) -> None:
        super().__init__(p, seed=seed)
        self.factor = span("factor", factor, about=self.about, least=self.least, most=self.most)

    def draw(self, draws: Draws, batch: Tensor) -> Params:
        return {"factor": draws.uniform(low=self.factor[0], high=self.factor[1])}


class RandomBrightness(_Factor):
    """torchvision's adjust_brightness by a factor from a range, or from 1 - factor to 1 + factor."""

    def apply(self, batch: Tensor, params: Params) -> Tensor:
        return brightness(batch, params["factor"])


class RandomContrast(_Factor):
    """torchvision's adjust_contrast by a factor from a range, or from 1 - factor to 1 + factor: against the mean gray of the image."""

    def apply(self, batch: Tensor, params: Params) -> Tensor:
        return contrast(batch, params["factor"])


class RandomSaturation(_Factor):
    """torchvision's adjust_saturation by a factor from a range, or from 1 - factor to 1 + factor: against the gray image."""

    def apply(self, batch: Tensor, params: Params) -> Tensor:
        return saturation(batch, params["factor"])


class RandomHue(_Factor):
    """torchvision's adjust_hue by a part of a turn from a range, or of at most so much in both directions; 0.5 is half a turn."""

    least, about, most = -0.5, 0.0, 0.5

    def __init__(self, factor: float | Range = 0.1, p: float = 1.0, *, seed: int | None = None) -> None:
        super().__init__(factor, p, seed=seed)

    def apply(self, batch: Tensor, params: Params) -> Tensor:
        return hue(batch, params["factor"])


class RandomColorJitter(BatchAugment):
    """torchvision's ColorJitter: brightness, contrast, saturation and hue, in an order that is drawn for each image, or with `order="fixed"` in this one.

    The first three are ranges of factors, or distances from 1; hue is a range of parts of a turn, or the most in both directions.
    """

    def __init__(
        self,
        brightness: float | Range = 0.0,
        contrast: float | Range = 0.0,
        saturation: float | Range = 0.0,
        hue: float | Range = 0.0,
        p: float = 1.0,
        *,
        order: Literal["random", "fixed"] = "random",
        seed: int | None = None,
    ) -> None:
        super().__init__(p, seed=seed)
        if order not in ("random", "fixed"):
            raise ValueError(f"order {order!r}: choose random or fixed")
        self.brightness = span("brightness", brightness, about=1, least=0)
        self.contrast = span("contrast", contrast, about=1, least=0)
        self.saturation = span("saturation", saturation, about=1, least=0)
        self.hue = span("hue", hue, about=0, least=-0.5, most=0.5)
        self.order = order

    def draw(self, draws: Draws, batch: Tensor) -> Params:
        params = {name: draws.uniform(low=low, high=high) for name, (low, high) in self._ranges().items()}
        if self.order == "random":
            params["order"] = draws.order(4)
        return params

    def _ranges(self) -> dict[str, Range]:
        return {"brightness": self.brightness, "contrast": self.contrast, "saturation": self.saturation, "hue": self.hue}

    def apply(self, batch: Tensor, params: Params) -> Tensor:
        steps = [(made, params[name]) for name, made in (("brightness", brightness), ("contrast", contrast), ("saturation", saturation), ("hue", hue))]
        if "order" not in params:
            for made, factor in steps:
                batch = made(batch, factor)
            return batch
        for turn in params["order"].unbind(1):
            changed = batch.clone()
            for number, (made, factor) in enumerate(steps):
                own = (turn == number).nonzero()[:, 0]
                if len(own):
                    changed[own] = made(batch[own], factor[own])
            batch = changed
        return batch


class RandomColorJitterHSV(BatchAugment):
    """Hue, saturation and value in one conversion to HSV: hue by a part of a turn, the others by factors; ranges as of RandomColorJitter."""

    def __init__(
        self,
        hue: float | Range = 0.05,
        saturation: float | Range = 0.3,
        value: float | Range = 0.3,
        p: float = 1.0,
        *,
        seed: int | None = None,
    ) -> None:
        super().__init__(p, seed=seed)
        self.hue = span("hue", hue, about=0, least=-0.5, most=0.5)
        self.saturation = span("saturation", saturation, about=1, least=0)
        self.value = span("value", value, about=1, least=0)

    def draw(self, draws: Draws, batch: Tensor) -> Params:
        ranges = (("hue", self.hue), ("saturation", self.saturation), ("value", self.value))
        return {name: draws.uniform(low=low, high=high) for name, (low, high) in ranges}

    def apply(self, batch: Tensor, params: Params) -> Tensor:
        h, s, v = to_hsv(batch)
        return from_hsv(h + _wide(params["hue"]), (s * _wide(params["saturation"])).clamp(0, 1), (v * _wide(params["value"])).clamp(0, 1))


class RandomColorJitterYIQ(RandomColorJitter):
    """Brightness, contrast, saturation and hue in one matrix for each image, which turns and scales the plane of I and Q: the cheapest jitter, of which
    gray stays gray. Ranges as of RandomColorJitter."""

    def __init__(
        self,
        brightness: float | Range = 0.0,
        contrast: float | Range = 0.0,
        saturation: float | Range = 0.0,
        hue: float | Range = 0.0,
        p: float = 1.0,
        *,
        seed: int | None = None,
    ) -> None:
        super().__init__(brightness, contrast, saturation, hue, p, order="fixed", seed=seed)

    def apply(self, batch: Tensor, params: Params) -> Tensor:
        torch = load()
        values = {name: value.to(batch.dtype) for name, value in params.items()}
        turn, long = 2 * math.pi * values["hue"], values["saturation"]
        to_yiq = batch.new_tensor(_YIQ)
        cos, sin, none, one = long * turn.cos(), long * turn.sin(), torch.zeros_like(turn), torch.ones_like(turn)
        chroma = torch.stack([one, none, none, none, cos, -sin, none, sin, cos], dim=-1).reshape(-1, 3, 3)
        matrix = torch.linalg.inv(to_yiq) @ chroma @ to_yiq * values["brightness"][:, None, None]
        turned = torch.einsum("bij,bjhw->bihw", matrix, batch)
        luma = torch.einsum("j,bjhw->bhw", to_yiq[0], turned).mean((-2, -1))[:, None, None, None]
        factor = _wide(values["contrast"])
        return (factor * turned + (1 - factor) * luma).clamp(0, 1)


class ToGrayscale:
    """torchvision's rgb_to_grayscale, in three equal channels."""

    def __call__(self, batch: Tensor) -> Tensor:
        check(batch, type(self).__name__)
        return gray(batch).expand_as(batch)


class RandomGrayscale(BatchAugment):
    """As ToGrayscale."""

    def __init__(self, p: float = 0.1, *, seed: int | None = None) -> None:
        super().__init__(p, seed=seed)

    def apply(self, batch: Tensor, params: Params) -> Tensor:
        return gray(batch).expand_as(batch)


class RandomInvert(BatchAugment):
    """torchvision's invert: 1 minus the image."""

    def __init__(self, p: float = 0.5, *, seed: int | None = None) -> None:
        super().__init__(p, seed=seed)

    def apply(self, batch: Tensor, params: Params) -> Tensor:
        return 1 - batch


class RandomSolarization(BatchAugment):
    """torchvision's solarize: values from a threshold on inverted. `threshold` is a number or a range."""

    def __init__(self, threshold: float | Range = 0.5, p: float = 0.5, *, seed: int | None = None) -> None:
        super().__init__(p, seed=seed)
        self.threshold = span("threshold", threshold)

    def draw(self, draws: Draws, batch: Tensor) -> Params:
        return {"threshold": draws.uniform(low=self.threshold[0], high=self.threshold[1])}

    def apply(self, batch: Tensor, params: Params) -> Tensor:
        return (1 - batch).where(batch >= _wide(params["threshold"].to(batch.dtype)), batch)


class RandomPosterize(BatchAugment):
    """torchvision's posterize: so many of the upper bits of a value of 8 bits are kept, drawn from a range of 1 to 8."""

    def __init__(self, bits: int | tuple[int, int] = 4, p: float = 0.5, *, seed: int | None = None) -> None:
        super().__init__(p, seed=seed)
        self.bits = (bits, bits) if isinstance(bits, int) else (int(bits[0]), int(bits[1]))
        if not 1 <= self.bits[0] <= self.bits[1] <= 8:
            raise ValueError(f"bits {bits}: they are 1 to 8")

    def draw(self, draws: Draws, batch: Tensor) -> Params:
        low, high = self.bits
        return {"bits": (draws.uniform() * (high - low + 1)).floor() + low}

    def apply(self, batch: Tensor, params: Params) -> Tensor:
        step = _wide((8 - params["bits"]).exp2().to(batch.dtype))
        return ((batch * 255).round() / step).floor() * step / 255


class RandomGamma(BatchAugment):
    """torchvision's adjust_gamma: gain times the image to the power of a number from a range."""

    def __init__(self, gamma: float | Range = (0.7, 1.4), gain: float = 1.0, p: float = 1.0, *, seed: int | None = None) -> None:
        super().__init__(p, seed=seed)
        self.gamma, self.gain = span("gamma", gamma, least=0), gain

    def draw(self, draws: Draws, batch: Tensor) -> Params:
        return {"gamma": draws.uniform(low=self.gamma[0], high=self.gamma[1])}

    def apply(self, batch: Tensor, params: Params) -> Tensor:
        return (self.gain * batch.clamp(min=0) ** _wide(params["gamma"].to(batch.dtype))).clamp(0, 1)


class RandomEqualize(BatchAugment):
    """torchvision's equalize: each channel's histogram of 256 values is made even."""

    def __init__(self, p: float = 0.5, *, seed: int | None = None) -> None:
        super().__init__(p, seed=seed)

    def apply(self, batch: Tensor, params: Params) -> Tensor:
        torch = load()
        planes = (batch * 255).round().clamp(0, 255).long().flatten(0, 1).flatten(1)
        rows = torch.arange(len(planes), device=batch.device)[:, None]
        counts = torch.bincount((planes + 256 * rows).flatten(), minlength=256 * len(planes)).reshape(-1, 256)
        # All but those of the greatest value that occurs.
        last = 255 - (counts.flip(1) > 0).to(torch.uint8).argmax(dim=1, keepdim=True)
        step = (planes.shape[1] - counts.gather(1, last)) // 255
        below = counts.cumsum(1) - counts
        table = ((below + step // 2) // step.clamp(min=1)).clamp(0, 255)
        even = torch.where(step > 0, table.gather(1, planes), planes)
        return even.reshape(batch.shape).to(batch.dtype) / 255


def _wide(value: Tensor) -> Tensor:
    """A number for each image, for all of its pixels."""
    return value[:, None, None, None]


def _blend(batch: Tensor, other: Tensor, factor: Tensor) -> Tensor:
    factor = _wide(factor.to(batch.dtype))
    return (factor * batch + (1 - factor) * other).clamp(0, 1)


def brightness(batch: Tensor, factor: Tensor) -> Tensor:
    return _blend(batch, batch.new_zeros(()), factor)


def contrast(batch: Tensor, factor: Tensor) -> Tensor:
    return _blend(batch, gray(batch).mean((-3, -2, -1), keepdim=True), factor)


def saturation(batch: Tensor, factor: Tensor) -> Tensor:
    return _blend(batch, gray(batch), factor)


def hue(batch: Tensor, factor: Tensor) -> Tensor:
    h, s, v = to_hsv(batch)
    return from_hsv(h + _wide(factor.to(batch.dtype)), s, v)


def gray(batch: Tensor) -> Tensor:
    return (batch * batch.new_tensor(_GRAY)[:, None, None]).sum(-3, keepdim=True)


def to_hsv(batch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hue as a part of a turn, saturation, value; each (images, 1, height, width)."""
    torch = load()
    red, green, blue = batch.split(1, dim=-3)
    most, least = batch.amax(-3, keepdim=True), batch.amin(-3, keepdim=True)
    between = most - least
    some = torch.where(between > 0, between, torch.ones_like(between))
    turn = torch.where(
        most == red, (green - blue) / some, torch.where(most == green, 2 + (blue - red) / some, 4 + (red - green) / some)
    )
    return (turn / 6) % 1, torch.where(most > 0, between / most, torch.zeros_like(most)), most


def from_hsv(h: Tensor, s: Tensor, v: Tensor) -> Tensor:
    """Smith, "Color gamut transform pairs" (1978), written without cases."""
    torch = load()

    def channel(number: int) -> Tensor:
        at = (number + 6 * h) % 6
        return v - v * s * torch.minimum(at, 4 - at).clamp(0, 1)

    return torch.cat([channel(5), channel(3), channel(1)], dim=-3)
