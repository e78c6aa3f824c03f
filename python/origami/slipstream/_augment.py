"""Stages of torch for whole batches: what they share, how they are put together, and conversions.

Images are (batch, 3, height, width), and for random stages floats from 0 to 1. Each image has parameters of its own. Where torchvision or kornia has
the transform, an image becomes what they make of it with these parameters. torch is imported when a stage is called.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ._draws import Draws, Source, within
from ._torch import Tensor, as_tensor, load

Stage = Callable[[Any], Any]
Params = dict[str, Tensor]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
"""Of ImageNet's training images, for each channel, with values from 0 to 1."""
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Their standard deviation."""


class BatchAugment:
    """What random stages share: each image is changed with the probability `p`, by parameters of its own.

    Within a pipeline of SlipstreamLoader, seed, epoch and sample decide what is drawn, in the order of the stages; a stage with a `seed` draws the same
    wherever it stands, so two of the same kind and seed agree. Elsewhere a stage draws by its seed and the count of its calls, or by torch's generator.

    `last_params` has what was drawn last: "changed" and the parameters, each with a row for an image. `replay` applies them to another batch of as many
    images. Raises TypeError for a batch that is no batch of float images, ValueError where parameters cannot be.
    """

    geometric = False
    """Whether pixels are moved, and with them the pixels of a mask."""

    def __init__(self, p: float = 1.0, *, seed: int | None = None) -> None:
        self.p = probability(p)
        self._source = Source(seed)
        self.last_params: Params | None = None

    def __repr__(self) -> str:
        own = ", ".join(f"{name}={value!r}" for name, value in vars(self).items() if not name.startswith("_") and name != "last_params")
        return f"{type(self).__name__}({own})"

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"last_params": None}

    def draw(self, draws: Draws, batch: Tensor) -> Params:
        """The parameters of the images of a batch, of whose pixels nothing is known but their number."""
        return {}

    def apply(self, batch: Tensor, params: Params) -> Tensor:
        """All images of a batch, changed by these parameters."""
        raise NotImplementedError

    def apply_to_mask(self, mask: Tensor, params: Params) -> Tensor:
        """All masks of a batch, whose values are classes: moved as the images were, not mixed."""
        return mask

    def __call__(self, batch: Tensor) -> Tensor:
        check(batch, type(self).__name__)
        draws = Draws.of(self._source.scope(len(batch)))
        changed = draws.uniform() < self.p
        self.last_params = {"changed": changed} | self.draw(draws, batch)
        return self._changed(self.apply, batch, self.last_params)

    def replay(self, batch: Tensor, *, mask: bool = False) -> Tensor:
        """Another batch, changed by what was drawn last: such as the other image of each pair.

        mask: the batch has masks, of any number of channels: what moves pixels takes the nearest, what changes colours does nothing.
        Raises ValueError where nothing was drawn, or for another number of images.
        """
        if self.last_params is None or len(self.last_params["changed"]) != len(batch):
            raise ValueError(f"{type(self).__name__}: nothing was drawn for {len(batch)} images; call it with such a batch first")
        return self._changed(self.apply_to_mask if mask else self.apply, batch, self.last_params)

    def _changed(self, apply: Callable[[Tensor, Params], Tensor], batch: Tensor, params: Params) -> Tensor:
        changed = params["changed"]
        others = {name: value for name, value in params.items() if name != "changed"}
        if not changed.any():
            return batch
        if changed.all():
            return apply(batch, {name: value.to(batch.device) for name, value in others.items()})
        at = changed.nonzero()[:, 0]
        some = {name: value[at].to(batch.device) for name, value in others.items()}
        at = at.to(batch.device)
        return batch.index_copy(0, at, apply(batch[at], some))


class Compose:
    """Stages one after the other. `replay` applies to another batch what the random ones among them drew last, and the others as they are;
    with `mask` only those that move pixels."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.stages = list(stages)

    def __repr__(self) -> str:
        return f"Compose({self.stages})"

    def __call__(self, batch: Tensor) -> Tensor:
        for stage in self.stages:
            batch = stage(batch)
        return batch

    def replay(self, batch: Tensor, *, mask: bool = False) -> Tensor:
        for stage in self.stages:
            if hasattr(stage, "replay"):
                batch = stage.replay(batch, mask=mask)
            elif not mask:
                batch = stage(batch)
        return batch


class RandomApply:
    """With the probability `p`, for each image by itself, all of the stages."""

    def __init__(self, stages: Sequence[Stage], p: float = 0.5, *, seed: int | None = None) -> None:
        self.stages = Compose(stages)
        self.p = probability(p)
        self._source = Source(seed)
        self.last_params: Params | None = None

    def __repr__(self) -> str:
        return f"RandomApply({self.stages.stages}, p={self.p})"

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"last_params": None}

    def __call__(self, batch: Tensor) -> Tensor:
        scope = self._source.scope(len(batch))
        changed = Draws.of(scope).uniform() < self.p
        self.last_params = {"changed": changed}
        at = changed.nonzero()[:, 0]
        with within(scope.next(index=at)):
            return self._some(self.stages, batch, at)

    def replay(self, batch: Tensor, *, mask: bool = False) -> Tensor:
        """As of `BatchAugment`."""
        if self.last_params is None or len(self.last_params["changed"]) != len(batch):
            raise ValueError(f"RandomApply: nothing was drawn for {len(batch)} images; call it with such a batch first")
        at = self.last_params["changed"].nonzero()[:, 0]
        return self._some(lambda some: self.stages.replay(some, mask=mask), batch, at)

    def _some(self, stage: Stage, batch: Tensor, at: Tensor) -> Tensor:
        if len(at) == 0:
            return batch
        at = at.to(batch.device)
        return batch.index_copy(0, at, stage(batch[at]))


class MultiSample:
    """Several samples of the same batch, each by the stages with numbers of its own: a list of batches."""

    def __init__(self, stages: Sequence[Stage], num_samples: int = 2) -> None:
        if num_samples < 1:
            raise ValueError(f"num_samples {num_samples}: it is at least 1")
        self.stages = Compose(stages)
        self.num_samples = num_samples

    def __call__(self, batch: Tensor) -> list[Tensor]:
        return [self.stages(batch) for _ in range(self.num_samples)]


class ToDevice:
    """Moves a batch to a device."""

    def __init__(self, device: Any) -> None:
        self.device = device

    def __call__(self, batch: Any) -> Tensor:
        return as_tensor(batch).to(self.device, non_blocking=True)


class ToFloat:
    """To float32, or `dtype`, with the same values."""

    def __init__(self, dtype: Any = None) -> None:
        self.dtype = dtype

    def __call__(self, batch: Any) -> Tensor:
        return as_tensor(batch).to(self.dtype or load().float32)


class ToFloatDiv(ToFloat):
    """To float32, or `dtype`, divided by `divisor`."""

    def __init__(self, dtype: Any = None, divisor: float = 255.0) -> None:
        super().__init__(dtype)
        self.divisor = divisor

    def __call__(self, batch: Any) -> Tensor:
        return super().__call__(batch) / self.divisor


class ToTorchImage:
    """From uint8 of numpy or torch to floats from 0 to 1 on a device, with channels first: (batch, height, width, 3) becomes
    (batch, 3, height, width). Floats keep their values."""

    def __init__(self, device: Any = None, dtype: Any = None) -> None:
        self.device = device
        self.dtype = dtype

    def __call__(self, batch: Any) -> Tensor:
        torch = load()
        images = as_tensor(batch)
        if images.ndim == 4 and images.shape[1] != 3 and images.shape[3] == 3:
            images = images.permute(0, 3, 1, 2).contiguous()
        # Moved as bytes, a quarter of what floats are.
        images = images.to(self.device, non_blocking=True) if self.device is not None else images
        whole = images.dtype == torch.uint8
        images = images.to(self.dtype or torch.float32)
        return images / 255 if whole else images


class Normalize:
    """(batch - mean) / std for each channel."""

    def __init__(self, mean: Sequence[float] = IMAGENET_MEAN, std: Sequence[float] = IMAGENET_STD) -> None:
        if len(mean) != len(std) or not all(value > 0 for value in std):
            raise ValueError(f"mean {mean}, std {std}: as many of both, std above 0")
        self.mean, self.std = tuple(mean), tuple(std)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.mean}, {self.std})"

    def __call__(self, batch: Tensor) -> Tensor:
        if batch.shape[-3] != len(self.mean):
            raise ValueError(f"a batch of {batch.shape[-3]} channels: mean and std are of {len(self.mean)}")
        mean, std = (batch.new_tensor(values)[:, None, None] for values in (self.mean, self.std))
        return (batch - mean) / std


class NormalizeLGN(Normalize):
    """Normalize for the five channels of a model of the lateral geniculate nucleus: mean and deviation 0.2 by default."""

    def __init__(self, mean: Sequence[float] = (0.2,) * 5, std: Sequence[float] = (0.2,) * 5) -> None:
        super().__init__(mean, std)


def probability(p: float) -> float:
    """Checked."""
    if not 0 <= p <= 1:
        raise ValueError(f"p {p}: it is a probability, 0 to 1")
    return p


def span(
    name: str, value: float | Sequence[float], *, about: float | None = None, least: float = -math.inf, most: float = math.inf
) -> tuple[float, float]:
    """A range that is given as (low, high), or as a number: the distance from `about` in both directions. As torchvision does, a distance that goes below
    0 from 1 ends at `least`."""
    if isinstance(value, (int, float)):
        if about is None:
            low = high = float(value)
        else:
            if value < 0:
                raise ValueError(f"{name} {value}: it is at least 0")
            low, high = about - value, about + value
            low = max(low, least) if about > 0 else low
    else:
        low, high = map(float, value)
    if not least <= low <= high <= most:
        limits = "" if least == -math.inf else f", from {least:g}" if most == math.inf else f", {least:g} to {most:g}"
        raise ValueError(f"{name} {value}: a range from low to high{limits}")
    return low, high


def check(batch: Any, name: str) -> None:
    """That it is a batch of float images."""
    if getattr(batch, "ndim", 0) != 4 or batch.shape[1] != 3 or not getattr(batch, "is_floating_point", bool)():
        what = f"{batch.dtype}, {tuple(batch.shape)}" if hasattr(batch, "dtype") else type(batch).__name__
        raise TypeError(f"{name}: a batch of {what}; give floats from 0 to 1, (batch, 3, height, width): ToTorchImage makes them")
