"""How patches of a wanted size and resolution are read of a slide: from which level, and how large."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Union

from .._slide import Slide

PerView = Union[float, Mapping[str, float], None]


@dataclass(frozen=True)
class Wanted:
    """The patches of each sample: one, called "image", or one for each name that is given."""

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    """Sides in pixels."""
    by: str
    """What `values` are: "level", "target_mpp" or "magnification"."""
    values: tuple[float, ...]
    tolerance: float
    """Part by which a level may differ from what is wanted without being resampled."""


@dataclass(frozen=True)
class View:
    """What is read of a slide for one of them."""

    level: int
    side: int
    """Side to read, in pixels of the level."""
    span: float
    """Side in pixels of the full resolution."""


def wanted(size: int | Mapping[str, int], level: PerView, target_mpp: PerView, magnification: PerView, tolerance: float) -> Wanted:
    """The arguments of `from_slides` as they are meant."""
    given = {"level": level, "target_mpp": target_mpp, "magnification": magnification}
    chosen = [(name, value) for name, value in given.items() if value is not None]
    if len(chosen) > 1:
        raise ValueError(f"{' and '.join(name for name, _ in chosen)}: give one of them")
    by, value = chosen[0] if chosen else ("level", 0)
    values = dict(value) if isinstance(value, Mapping) else {"image": value}
    if taken := {"index", "slide", "x", "y"} & set(values):
        raise ValueError(f"{by}: the name {sorted(taken)[0]!r} is one of the loader's own; call it something else")
    if isinstance(size, Mapping) and set(size) != set(values):
        raise ValueError(f"size has {sorted(size)}, {by} has {sorted(values)}: give the same names")
    sizes = tuple(int(size[name] if isinstance(size, Mapping) else size) for name in values)
    if not values or not all(1 <= side <= 16384 for side in sizes):
        raise ValueError(f"size {size}: sides are 1 to 16384 pixels")
    if by == "level" and not all(number == int(number) and number >= 0 for number in values.values()):
        raise ValueError(f"level {value}: levels are whole numbers from 0")
    if by != "level" and not all(number > 0 for number in values.values()):
        raise ValueError(f"{by} {value}: it is more than 0")
    if not 0 <= tolerance < 0.5:
        raise ValueError(f"tolerance {tolerance}: it is 0 to 0.5")
    return Wanted(tuple(values), sizes, by, tuple(map(float, values.values())), tolerance)


def views(slide: Slide, want: Wanted) -> list[View]:
    """What to read of this slide. Raises ValueError where it does not say its resolution, or has none as fine."""
    return [_view(slide, want, value, size) for value, size in zip(want.values, want.sizes, strict=True)]


def _view(slide: Slide, want: Wanted, value: float, size: int) -> View:
    downsamples = slide.level_downsamples
    if want.by == "level":
        level = int(value)
        if level >= len(downsamples):
            raise ValueError(f"{slide._native.path}: it has no level {level}; its levels are 0 to {len(downsamples) - 1}")
        return View(level, size, size * downsamples[level])
    downsample = _downsample(slide, want.by, value)
    if downsample < 1 - want.tolerance:
        finest = value / downsample if want.by == "target_mpp" else value * downsample
        raise ValueError(f"{slide._native.path}: {want.by} {value} is finer than its full resolution, which is {finest:.4g}")
    # The coarsest level that is fine enough.
    level = max((at for at, own in enumerate(downsamples) if own <= downsample * (1 + want.tolerance)), default=0)
    ratio = downsample / downsamples[level]
    side = size if abs(ratio - 1) <= want.tolerance else round(size * ratio)
    return View(level, side, side * downsamples[level])


def _downsample(slide: Slide, by: str, value: float) -> float:
    """Pixels of the full resolution along a side of one that is wanted."""
    own = slide._native
    if by == "target_mpp":
        if own.microns_per_pixel is None:
            raise ValueError(f"{own.path}: it does not say its microns per pixel; give level, or leave it out")
        return value / (sum(own.microns_per_pixel) / 2)
    if own.objective_power is None:
        raise ValueError(f"{own.path}: it does not say its magnification; give level or target_mpp, or leave it out")
    return own.objective_power / value
