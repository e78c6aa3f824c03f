"""Decode stages: which part of an image a loader decodes, and to what size. Threads of Rust decode and crop in one step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from .. import _native

Range = tuple[float, float]

# Side, kind, shorter side, scale, ratio, seed: as `_native` takes a crop.
NamedCrop = tuple[int, str, int, Range, Range, int]

_SCALE: Range = (0.08, 1.0)
_RATIO: Range = (3 / 4, 4 / 3)


class BatchTransform(Protocol):
    """The protocol of a stage behind the decode stage: from a batch of images to another. Any function of a batch is one."""

    def __call__(self, batch: Any, /) -> Any: ...


ImageFormat = Literal["jpeg", "yuv420"]
"""How a cache holds images: as files (JPEG or PNG), or as planes of Y, U and V in 4:2:0, which take more room and less time."""


class DecodeStage:
    """What begins a pipeline. Random parts depend on the seed of the stage (the loader's where it has none), the epoch and the sample."""

    image_format: ImageFormat | None = None
    """What `set_image_format` said; the loader's where it is None."""

    def set_image_format(self, image_format: ImageFormat) -> None:
        """Says how the images are stored that this pipeline reads: a loader then makes the cache of that format."""
        if image_format not in ("jpeg", "yuv420"):
            raise ValueError(f"image_format {image_format!r}: choose jpeg or yuv420")
        object.__setattr__(self, "image_format", image_format)

    def crops(self, seed: int) -> list[NamedCrop]:
        """The crops of an image."""
        raise NotImplementedError

    def output(self, batches: Sequence[Any]) -> Any:
        """What a batch has of it: the crops, by default the only one."""
        return batches[0]

    def parts(self, size: tuple[int, int], *, epoch: int = 0, sample: int = 0, seed: int = 0) -> list[tuple[int, int, int, int]]:
        """Left, top, width and height of the part that each random crop takes of an image of `size` (width, height)."""
        return _native.crop_parts(self.crops(seed), size, epoch, sample)


@dataclass(frozen=True)
class DecodeCenterCrop(DecodeStage):
    """torchvision's CenterCrop: the middle, with black around a smaller image."""

    size: int

    def crops(self, seed: int) -> list[NamedCrop]:
        return [(self.size, "centre", self.size, _SCALE, _RATIO, seed)]


@dataclass(frozen=True)
class DecodeResizeCrop(DecodeStage):
    """torchvision's Resize of the shorter side to `resize_size`, then its CenterCrop."""

    resize_size: int
    crop_size: int

    def crops(self, seed: int) -> list[NamedCrop]:
        return [(self.crop_size, "resize", self.resize_size, _SCALE, _RATIO, seed)]


@dataclass(frozen=True)
class DecodeRandomResizedCrop(DecodeStage):
    """torchvision's RandomResizedCrop: ten tries of a random area and ratio, then the middle. Bilinear, with antialiasing."""

    size: int
    scale: Range = _SCALE
    ratio: Range = _RATIO
    seed: int | None = None

    def crops(self, seed: int) -> list[NamedCrop]:
        return [(self.size, "random", self.size, self.scale, self.ratio, seed if self.seed is None else self.seed)]


@dataclass(frozen=True)
class DecodeDirectRandomResizedCrop(DecodeStage):
    """As DecodeRandomResizedCrop without tries: the ratio from its range, then the long edge and the corner from the ranges in which
    that ratio lies inside the image."""

    size: int
    scale: Range = _SCALE
    ratio: Range = _RATIO
    seed: int | None = None

    def crops(self, seed: int) -> list[NamedCrop]:
        return [(self.size, "direct", self.size, self.scale, self.ratio, seed if self.seed is None else self.seed)]


@dataclass(frozen=True)
class DecodeMultiRandomResizedCrop(DecodeStage):
    """Several random crops of each image, which is decoded once: `batch["global_0"]` for the name "global_0".

    crops_by_name: for each name `size`, and if wanted `scale`, `ratio`, `seed`. Crops with equal seeds have equal centres (yoked crops).
    """

    crops_by_name: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.crops_by_name:
            raise ValueError("a multi-crop has at least one crop")

    def crops(self, seed: int) -> list[NamedCrop]:
        made = []
        for number, (name, crop) in enumerate(self.crops_by_name.items()):
            if unknown := set(crop) - {"size", "scale", "ratio", "seed"}:
                raise ValueError(f"the crop {name!r} has {sorted(unknown)[0]!r}; a crop has size, scale, ratio, seed")
            own = crop.get("seed")
            scale, ratio = (tuple(crop.get(key, default)) for key, default in (("scale", _SCALE), ("ratio", _RATIO)))
            made.append((crop["size"], "random", crop["size"], scale, ratio, _apart(seed, number) if own is None else own))
        return made

    def output(self, batches: Sequence[Any]) -> dict[str, Any]:
        return dict(zip(self.crops_by_name, batches, strict=True))


@dataclass(frozen=True)
class DecodeUniformMultiRandomResizedCrop(DecodeStage):
    """`num_crops` random crops of one size of each image, as a list."""

    num_crops: int
    size: int
    scale: Range = _SCALE
    ratio: Range = _RATIO
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.num_crops < 1:
            raise ValueError(f"num_crops {self.num_crops}: it is at least 1")

    def crops(self, seed: int) -> list[NamedCrop]:
        base = seed if self.seed is None else self.seed
        return [(self.size, "random", self.size, self.scale, self.ratio, _apart(base, number)) for number in range(self.num_crops)]

    def output(self, batches: Sequence[Any]) -> list[Any]:
        return list(batches)


class MultiCropPipeline:
    """Behind a stage of several crops: a chain of functions for each crop, by its name, or by its number where crops are a list.

    Crops without a chain stay as they are. Raises KeyError for a chain whose crop does not come.
    """

    def __init__(self, chains: Mapping[Any, Sequence[BatchTransform]]) -> None:
        self.chains = {name: list(chain) for name, chain in chains.items()}
        self.image_format: ImageFormat | None = None

    def set_image_format(self, image_format: ImageFormat) -> None:
        """Passes the format on to the functions that have the method."""
        self.image_format = image_format
        for chain in self.chains.values():
            for function in chain:
                if (own := getattr(function, "set_image_format", None)) is not None:
                    own(image_format)

    def __call__(self, crops: Any) -> Any:
        """The crops, each through its chain."""
        made = dict(crops) if isinstance(crops, Mapping) else dict(enumerate(crops))
        for name, chain in self.chains.items():
            if name not in made:
                raise KeyError(f"there is a chain for the crop {name!r}; the crops are {', '.join(map(repr, made))}")
            for function in chain:
                made[name] = function(made[name])
        return made if isinstance(crops, Mapping) else list(made.values())


def _apart(seed: int, number: int) -> int:
    """The seed of a crop among several, so that each draws its own numbers."""
    return (seed + (number + 1) * 0x9E3779B97F4A7C15) % 2**64


def estimate_rejection_fallback_rate(
    sizes: Sequence[tuple[int, int]], *, scale: Range = _SCALE, ratio: Range = _RATIO, draws: int = 100, seed: int = 0
) -> float:
    """How often RandomResizedCrop finds no part in ten tries and takes the middle, 0 to 1, over images of these sizes (width, height).

    The middle is counted where it is what was taken: nearly always it is then the fallback.
    """
    import numpy as np

    stage = DecodeRandomResizedCrop(1, scale, ratio, seed)
    fallbacks = 0
    for number, (width, height) in enumerate(sizes):
        middle = _middle(width, height, ratio)
        fallbacks += sum(stage.parts((width, height), epoch=draw, sample=number)[0] == middle for draw in range(draws))
    return float(np.divide(fallbacks, len(sizes) * draws))


def _middle(width: int, height: int, ratio: Range) -> tuple[int, int, int, int]:
    own = width / height
    w, h = width, height
    if own < ratio[0]:
        h = max(1, min(round(width / ratio[0]), height))
    elif own > ratio[1]:
        w = max(1, min(round(height * ratio[1]), width))
    return (width - w) // 2, (height - h) // 2, w, h
