"""Pipelines in common use, for `SlipstreamLoader(pipelines=...)`.

Each has, for a field of images, the stages of torchvision's references or of the paper that is named; all random parts depend on seed, epoch and sample.
For patches of slides, which are decoded already, give `decode=False`: then the stages begin behind the crop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as with_default
from typing import Any

from ._augment import IMAGENET_MEAN, IMAGENET_STD, Compose, Normalize, ToTorchImage
from ._augment_colour import RandomColorJitter, RandomGrayscale, RandomSolarization
from ._augment_filter import RandomGaussianBlur
from ._augment_geometry import RandomCropResize, RandomHorizontalFlip
from ._stages import DecodeMultiRandomResizedCrop, DecodeRandomResizedCrop, DecodeResizeCrop, NamedCrop, _apart

Range = tuple[float, float]
Stages = list[Any]

# Of 256 pixels the middle 224, as models for ImageNet are evaluated.
_RESIZE = 256 / 224


def make_train_pipeline(
    size: int = 224,
    *,
    scale: Range = (0.08, 1.0),
    mean: Sequence[float] = IMAGENET_MEAN,
    std: Sequence[float] = IMAGENET_STD,
    seed: int | None = None,
    device: Any = None,
    normalize: bool = True,
    decode: bool = True,
) -> Stages:
    """The stages of supervised training: a random resized crop, a flip, normalised floats on the device."""
    crop = [DecodeRandomResizedCrop(size, scale, seed=seed), ToTorchImage(device)] if decode else [ToTorchImage(device)]
    return [*crop, RandomHorizontalFlip(), *_normalized(normalize, mean, std)]


def make_val_pipeline(
    size: int = 224,
    *,
    resize_size: int | None = None,
    mean: Sequence[float] = IMAGENET_MEAN,
    std: Sequence[float] = IMAGENET_STD,
    device: Any = None,
    normalize: bool = True,
    decode: bool = True,
) -> Stages:
    """The stages of its evaluation: the shorter side resized to `resize_size` (8/7 of `size` by default), the middle of it, normalised floats."""
    crop = [DecodeResizeCrop(resize_size or round(size * _RESIZE), size)] if decode else []
    return [*crop, ToTorchImage(device), *_normalized(normalize, mean, std)]


def supervised_train(size: int = 224, *, field: str = "image", **options: Any) -> dict[str, Stages]:
    """`make_train_pipeline` for a field of images, with its options."""
    return {field: make_train_pipeline(size, **options)}


def supervised_val(size: int = 224, *, field: str = "image", **options: Any) -> dict[str, Stages]:
    """`make_val_pipeline` for a field of images, with its options."""
    return {field: make_val_pipeline(size, **options)}


def simclr(
    size: int = 224,
    *,
    strength: float = 1.0,
    scale: Range = (0.08, 1.0),
    mean: Sequence[float] = IMAGENET_MEAN,
    std: Sequence[float] = IMAGENET_STD,
    device: Any = None,
    normalize: bool = True,
    decode: bool = True,
    field: str = "image",
) -> dict[str, Any]:
    """Two views of each image as in Chen et al., "A simple framework for contrastive learning of visual representations" (2020):
    `batch[field]` is a list of both. `strength` is that of the colour distortion. The views differ in all that is drawn."""
    views: list[Any] = [
        [
            *_view(number, size, scale, device, decode),
            RandomHorizontalFlip(),
            RandomColorJitter(0.8 * strength, 0.8 * strength, 0.8 * strength, 0.2 * strength, p=0.8),
            RandomGrayscale(0.2),
            RandomGaussianBlur(_kernel(size), (0.1, 2.0), p=0.5),
            *_normalized(normalize, mean, std),
        ]
        for number in range(2)
    ]
    return {field: views if decode else [_Views(views)]}


def byol(
    size: int = 224,
    *,
    scale: Range = (0.08, 1.0),
    mean: Sequence[float] = IMAGENET_MEAN,
    std: Sequence[float] = IMAGENET_STD,
    device: Any = None,
    normalize: bool = True,
    decode: bool = True,
    field: str = "image",
) -> dict[str, Any]:
    """Two views of each image as in Grill et al., "Bootstrap your own latent" (2020), table 6: the first is always blurred, the second seldom, and
    solarised at times. `batch[field]` is a list of both."""
    views: list[Any] = [
        [
            *_view(number, size, scale, device, decode),
            RandomHorizontalFlip(),
            *_byol_colours(_kernel(size), blur, solarise),
            *_normalized(normalize, mean, std),
        ]
        for number, (blur, solarise) in enumerate([(1.0, 0.0), (0.1, 0.2)])
    ]
    return {field: views if decode else [_Views(views)]}


def multicrop(
    global_crops: int = 2,
    local_crops: int = 4,
    global_size: int = 224,
    local_size: int = 96,
    global_scale: Range = (0.4, 1.0),
    local_scale: Range = (0.05, 0.4),
    seed: int | None = None,
    device: Any = None,
    normalize: bool = True,
    *,
    mean: Sequence[float] = IMAGENET_MEAN,
    std: Sequence[float] = IMAGENET_STD,
    field: str = "image",
) -> dict[str, Stages]:
    """Large and small crops of each image as in Caron et al., "Emerging properties in self-supervised vision transformers" (DINO, 2021), and in
    iBOT: `batch["global_0"]`, ..., `batch["local_0"]`, ... One decode an image. The first large crop is always blurred, the second seldom and
    solarised at times, the small ones are blurred every second time."""
    if global_crops < 1 or local_crops < 0:
        raise ValueError(f"global_crops {global_crops}, local_crops {local_crops}: at least 1, and at least 0")
    crops: dict[str, dict[str, Any]] = {}
    stages: dict[str, Stages] = {}
    sizes = [("global", global_crops, global_size, global_scale), ("local", local_crops, local_size, local_scale)]
    for kind, count, size, scale in sizes:
        for number in range(count):
            own = {} if seed is None else {"seed": seed + len(crops)}
            crops[f"{kind}_{number}"] = {"size": size, "scale": scale, **own}
            blur, solarise = (0.5, 0.0) if kind == "local" else (1.0, 0.0) if number == 0 else (0.1, 0.2)
            colours = _byol_colours(_kernel(size), blur, solarise)
            stages[f"{kind}_{number}"] = [ToTorchImage(device), RandomHorizontalFlip(), *colours, *_normalized(normalize, mean, std)]
    return {field: [_Crops(crops, stages=stages)]}


@dataclass(frozen=True)
class _View(DecodeRandomResizedCrop):
    """The crop of one of several views of an image, which differ with any seed of the loader."""

    number: int = 0

    def crops(self, seed: int) -> list[NamedCrop]:
        return super().crops(_apart(seed, self.number))


@dataclass(frozen=True)
class _Views:
    """Several views of a batch that is decoded already."""

    views: Sequence[Stages]

    def __call__(self, batch: Any) -> list[Any]:
        return [Compose(stages)(batch) for stages in self.views]


@dataclass(frozen=True)
class _Crops(DecodeMultiRandomResizedCrop):
    """Named crops, each with stages of its own."""

    stages: Mapping[str, Stages] = with_default(default_factory=dict)

    def output(self, batches: Sequence[Any]) -> dict[str, Any]:
        return {name: Compose(self.stages[name])(batch) for name, batch in super().output(batches).items()}


def _view(number: int, size: int, scale: Range, device: Any, decode: bool) -> Stages:
    if not decode:
        return [ToTorchImage(device), RandomCropResize(size, scale)]
    return [_View(size, scale, number=number), ToTorchImage(device)]


def _byol_colours(kernel: int, blur: float, solarise: float) -> Stages:
    stages: Stages = [RandomColorJitter(0.4, 0.4, 0.2, 0.1, p=0.8), RandomGrayscale(0.2), RandomGaussianBlur(kernel, (0.1, 2.0), p=blur)]
    return [*stages, RandomSolarization(0.5, p=solarise)] if solarise else stages


def _kernel(size: int) -> int:
    """A tenth of the image, odd, as both papers have it."""
    return max(size // 10 // 2 * 2 + 1, 3)


def _normalized(normalize: bool, mean: Sequence[float], std: Sequence[float]) -> Stages:
    return [Normalize(mean, std)] if normalize else []
