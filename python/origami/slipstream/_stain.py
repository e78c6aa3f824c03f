"""Stains: jitter, and normalisation to those of a reference (Macenko, Vahadane, Reinhard).

By the law of Beer and Lambert the absorbance -ln(I / I0) of a pixel is a sum of stains, each a direction in RGB times its amount. White (1.0) is taken
as I0. Stains stand in the order haematoxylin, eosin.
"""

from __future__ import annotations

from typing import Any

from ._augment import BatchAugment, Params, check, span
from ._draws import Draws
from ._torch import Tensor, load

Range = tuple[float, float]

# Ruifrok and Johnston, "Quantification of histochemical staining by color deconvolution" (2001): haematoxylin, eosin, DAB.
_HED = ((0.650, 0.704, 0.286), (0.072, 0.990, 0.105), (0.268, 0.570, 0.776))
# Absorbance is limited: a black pixel counts as one of 255 parts.
_DARKEST = 1 / 255
# Pixels that absorb less are glass.
_GLASS = 0.15
# Lightness of CIELAB from which on pixels are glass.
_BRIGHT = 85.0
# Fewer pixels than this say nothing about stains.
_LEAST_PIXELS = 64


class RandomStainJitter(BatchAugment):
    """Amounts of haematoxylin, eosin and DAB, each by a factor of 1 - `sigma` to 1 + `sigma` and an offset of at most `bias` (Tellez et al. 2018)."""

    def __init__(self, sigma: float | Range = 0.05, bias: float | Range = 0.05, p: float = 1.0, *, seed: int | None = None) -> None:
        super().__init__(p, seed=seed)
        self.sigma, self.bias = span("sigma", sigma, about=1, least=0), span("bias", bias, about=0)

    def draw(self, draws: Draws, batch: Tensor) -> Params:
        return {
            "factor": draws.uniform(3, low=self.sigma[0], high=self.sigma[1]),
            "offset": draws.uniform(3, low=self.bias[0], high=self.bias[1]),
        }

    def apply(self, batch: Tensor, params: Params) -> Tensor:
        torch = load()
        stains = torch.nn.functional.normalize(batch.new_tensor(_HED), dim=1)
        amounts = torch.einsum("bchw,cs->bshw", absorbance(batch), torch.linalg.inv(stains))
        factor, offset = (params[name].to(batch.dtype)[:, :, None, None] for name in ("factor", "offset"))
        return (-torch.einsum("bshw,sc->bchw", amounts * factor + offset, stains)).exp().clamp(0, 1)


class _Unmixing:
    """Normalisation by two stains: those of an image are replaced by those of the reference, whose strongest amounts are taken too."""

    def __init__(self, *, percentile: float = 1.0) -> None:
        if not 0 <= percentile < 50:
            raise ValueError(f"percentile {percentile}: it is 0 to less than 50")
        self.percentile = percentile
        # A usual H&E reference (Macenko's): its stains, and the amounts that 1 in 100 of its pixels exceed.
        self.stains: Any = ((0.5626, 0.7201, 0.4062), (0.2159, 0.8012, 0.5581))
        self.strength: Any = (1.9705, 1.0308)

    def fit(self, reference: Tensor) -> _Unmixing:
        """Takes the stains of a reference, (3, height, width) or a batch whose images count together; without it they are those of a usual H&E slide.
        Raises ValueError where it has no tissue."""
        whole = reference if reference.ndim == 4 else reference[None]
        check(whole, type(self).__name__)
        pixels = absorbance(whole).permute(1, 0, 2, 3).flatten(1)
        found = self._measured(pixels)
        if found is None:
            raise ValueError(f"{type(self).__name__}: the reference has hardly any tissue; give an image that does")
        self.stains, self.strength = (value.tolist() for value in found)
        return self

    def __call__(self, batch: Tensor) -> Tensor:
        """The normalised images; one with hardly any tissue stays as it is."""
        torch = load()
        check(batch, type(self).__name__)
        stains, strength = batch.new_tensor(self.stains), batch.new_tensor(self.strength)
        made = []
        for image, pixels in zip(batch, absorbance(batch).flatten(2), strict=True):
            own = self._measured(pixels)
            if own is not None:
                amounts = self._amounts(own[0], pixels) * (strength / own[1])[:, None]
                image = (-(stains.T @ amounts)).exp().clamp(0, 1).reshape(image.shape)
            made.append(image)
        return torch.stack(made)

    def _measured(self, pixels: Tensor) -> tuple[Tensor, Tensor] | None:
        """Of absorbances (3, n): the stains (2, 3), and for each the amount that 1 in 100 of the pixels exceed; None where there is no tissue."""
        torch = load()
        tissue = pixels[:, (pixels > _GLASS).all(dim=0)]
        if tissue.shape[1] < _LEAST_PIXELS:
            return None
        stains = self._stains(tissue)
        strength = _percentile(self._amounts(stains, tissue), 99.0)
        return (stains, strength) if bool((strength > 0).all()) and bool(torch.isfinite(stains).all()) else None

    def _stains(self, tissue: Tensor) -> Tensor:
        raise NotImplementedError

    def _amounts(self, stains: Tensor, pixels: Tensor) -> Tensor:
        amounts: Tensor = load().linalg.pinv(stains.T) @ pixels
        return amounts


class MacenkoNormalize(_Unmixing):
    """Macenko et al., "A method for normalizing histology slides for quantitative analysis" (2009): stains are the extreme directions in the plane of the
    two largest principal components of absorbance, but for `percentile` of the pixels on either side."""

    def _stains(self, tissue: Tensor) -> Tensor:
        torch = load()
        # In double precision: two nearly equal eigenvalues must not decide.
        _, vectors = torch.linalg.eigh(torch.cov(tissue.double()))
        plane = vectors[:, 1:].flip(1)
        plane = plane * torch.where(plane.sum(0) < 0, -1.0, 1.0)
        along, across = plane.T @ tissue.double()
        angles = torch.atan2(across, along)
        ends = torch.stack([_percentile(angles[None], at)[0] for at in (self.percentile, 100 - self.percentile)])
        return _in_order((torch.stack([ends.cos(), ends.sin()], dim=1) @ plane.T).to(tissue.dtype))


class VahadaneNormalize(_Unmixing):
    """Vahadane et al., "Structure-preserving color normalization and sparse stain separation for histological images" (2016): stains and amounts
    factorise absorbance, none is negative, and amounts are few (weight `sparsity`).

    `steps` multiplicative updates from Macenko's stains, of at most `pixels` pixels, taken at equal distances.
    """

    def __init__(self, *, percentile: float = 1.0, sparsity: float = 0.02, steps: int = 100, pixels: int = 20_000) -> None:
        super().__init__(percentile=percentile)
        if sparsity < 0 or steps < 1 or pixels < _LEAST_PIXELS:
            raise ValueError(f"sparsity {sparsity}, steps {steps}, pixels {pixels}: at least 0, 1, {_LEAST_PIXELS}")
        self.sparsity, self.steps, self.pixels = sparsity, steps, pixels

    def _stains(self, tissue: Tensor) -> Tensor:
        torch = load()
        some = tissue[:, :: -(-tissue.shape[1] // self.pixels)].double()
        stains = MacenkoNormalize(percentile=self.percentile)._stains(some).clamp(min=1e-3).T
        stains = torch.nn.functional.normalize(stains, dim=0)
        amounts = (torch.linalg.pinv(stains) @ some).clamp(min=1e-3)
        for _ in range(self.steps):
            # Lee and Seung's updates, with the l1 norm of the amounts.
            amounts = amounts * (stains.T @ some) / (stains.T @ stains @ amounts + self.sparsity + 1e-12)
            stains = stains * (some @ amounts.T) / (stains @ amounts @ amounts.T + 1e-12)
            length = stains.norm(dim=0, keepdim=True)
            stains, amounts = stains / length, amounts * length.T
        return _in_order(stains.T.to(tissue.dtype))

    def _amounts(self, stains: Tensor, pixels: Tensor) -> Tensor:
        """None negative: where one stain would be, the other explains the pixel alone."""
        torch = load()
        both = torch.linalg.pinv(stains.T) @ pixels
        alone = (stains @ pixels).clamp(min=0)
        nothing = torch.zeros_like(alone[0])
        first = torch.stack([alone[0], nothing])
        second = torch.stack([nothing, alone[1]])
        return torch.where(both[1] < 0, first, torch.where(both[0] < 0, second, both))


class ReinhardNormalize:
    """Reinhard et al., "Color transfer between images" (2001), in CIELAB: mean and deviation of each channel become those of the reference, of the pixels
    that are tissue. Glass stays as it is."""

    def __init__(self) -> None:
        # Those of the tissue of CMU-1, an H&E slide that OpenSlide publishes.
        self.mean: Any = (46.6, 29.4, -12.9)
        self.std: Any = (19.0, 11.7, 9.8)

    def fit(self, reference: Tensor) -> ReinhardNormalize:
        """As of MacenkoNormalize."""
        whole = reference if reference.ndim == 4 else reference[None]
        check(whole, type(self).__name__)
        lab = to_lab(whole.permute(1, 0, 2, 3).flatten(1))
        tissue = lab[:, lab[0] < _BRIGHT]
        if tissue.shape[1] < _LEAST_PIXELS:
            raise ValueError("ReinhardNormalize: the reference has hardly any tissue; give an image that does")
        self.mean, self.std = tissue.mean(1).tolist(), tissue.std(1).tolist()
        return self

    def __call__(self, batch: Tensor) -> Tensor:
        """The normalised images; one with hardly any tissue stays as it is."""
        torch = load()
        check(batch, type(self).__name__)
        mean, std = batch.new_tensor(self.mean)[:, None], batch.new_tensor(self.std)[:, None]
        made = []
        for image in batch:
            pixels = image.flatten(1)
            lab = to_lab(pixels)
            tissue = lab[0] < _BRIGHT
            if int(tissue.sum()) >= _LEAST_PIXELS:
                own = lab[:, tissue]
                moved = (lab - own.mean(1, keepdim=True)) / own.std(1, keepdim=True).clamp(min=1e-3) * std + mean
                image = torch.where(tissue, from_lab(moved).clamp(0, 1), pixels).reshape(image.shape)
            made.append(image)
        return torch.stack(made)


def absorbance(batch: Tensor) -> Tensor:
    """-ln of the values, which are 0 to 1."""
    return -batch.clamp(_DARKEST, 1).log()


def to_lab(rgb: Tensor) -> Tensor:
    """CIELAB (D65) of sRGB, (3, n), with values from 0 to 1."""
    torch = load()
    linear = torch.where(rgb > 0.04045, ((rgb + 0.055) / 1.055).clamp(min=0) ** 2.4, rgb / 12.92)
    x, y, z = (_xyz(rgb) @ linear) / rgb.new_tensor(_WHITE)[:, None]
    fx, fy, fz = (torch.where(value > (6 / 29) ** 3, value.clamp(min=1e-9) ** (1 / 3), value / (3 * (6 / 29) ** 2) + 4 / 29) for value in (x, y, z))
    return torch.stack([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)])


def from_lab(lab: Tensor) -> Tensor:
    """sRGB of CIELAB; values outside of 0 to 1 are colours that sRGB has not."""
    torch = load()
    fy = (lab[0] + 16) / 116
    parts = torch.stack([fy + lab[1] / 500, fy, fy - lab[2] / 200])
    xyz = torch.where(parts > 6 / 29, parts**3, 3 * (6 / 29) ** 2 * (parts - 4 / 29)) * lab.new_tensor(_WHITE)[:, None]
    linear = torch.linalg.inv(_xyz(lab)) @ xyz
    return torch.where(linear > 0.0031308, 1.055 * linear.clamp(min=1e-9) ** (1 / 2.4) - 0.055, 12.92 * linear)


# IEC 61966-2-1, and the white of D65.
_XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
_WHITE = (0.95047, 1.0, 1.08883)


def _xyz(like: Tensor) -> Tensor:
    return like.new_tensor(_XYZ)


def _percentile(values: Tensor, percent: float) -> Tensor:
    """Of each row the nearest value. Sorting has no limit of size, which `torch.quantile` has."""
    count = values.shape[1]
    at = min(count, 1 + round(0.01 * percent * (count - 1)))
    return values.kthvalue(at, dim=1).values


def _in_order(stains: Tensor) -> Tensor:
    """Haematoxylin, which absorbs more red, first."""
    torch = load()
    stains = torch.nn.functional.normalize(stains * torch.where(stains.sum(1, keepdim=True) < 0, -1.0, 1.0), dim=1)
    return stains if bool(stains[0, 0] >= stains[1, 0]) else stains.flip(0)
