"""Random numbers for the images of a batch, which seed, epoch and sample decide: not the batch, the process or the device.

Numbers come from a hash of their names (the finaliser of SplitMix64, Steele et al. 2014) in integers, so that a GPU draws what a CPU draws.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ._torch import Tensor, load

_GOLDEN = 0x9E3779B97F4A7C15
_FIRST = 0xBF58476D1CE4E5B9
_SECOND = 0x94D049BB133111EB
_MASK = 2**64 - 1


class Scope:
    """Whose numbers are drawn: the samples of a batch, and what names all draws for it."""

    def __init__(self, numbers: tuple[int, ...], samples: Any) -> None:
        self.numbers = numbers
        self.samples = samples
        self._given = 0

    def __len__(self) -> int:
        return len(self.samples)

    def next(self, seed: int | None = None, index: Any = None) -> Scope:
        """The scope of the next stage, for some of the images. With a seed of its own a stage draws the same wherever it stands."""
        number = self._given
        self._given += 1
        samples = self.samples if index is None else load().as_tensor(self.samples)[index]
        if seed is not None:
            return Scope((seed, *self.numbers[1:2]), samples)
        return Scope((*self.numbers, number), samples)


_current: ContextVar[Scope | None] = ContextVar("origami_slipstream_scope", default=None)


@contextmanager
def sample_seeds(seed: int, epoch: int, samples: Any) -> Iterator[None]:
    """Within it, what random stages draw depends on seed, epoch and sample alone: `samples` has the number of each image of the batch.

    SlipstreamLoader does this for the functions of its pipelines. Under torch's own loader do it by hand:
    `with sample_seeds(0, epoch, batch["index"]): images = augment(images)`.
    """
    with within(Scope((seed, epoch), samples)):
        yield


@contextmanager
def within(scope: Scope) -> Iterator[None]:
    """Makes a scope that of the stages called in it."""
    before = _current.set(scope)
    try:
        yield
    finally:
        _current.reset(before)


class Source:
    """Where a stage has its numbers from: the scope it is called in; else its own seed and the count of its calls; else torch's generator."""

    def __init__(self, seed: int | None) -> None:
        if seed is not None and not 0 <= seed < 2**64:
            raise ValueError(f"seed {seed}: it is 0 to 2**64 - 1")
        self.seed = seed
        self._calls = 0

    def scope(self, count: int) -> Scope:
        """For so many images."""
        torch = load()
        outer = _current.get()
        if outer is not None:
            if len(outer) != count:
                raise ValueError(f"a batch of {count} images within seeds of {len(outer)} samples; a stage before this one changed their number")
            return outer.next(self.seed)
        self._calls += 1
        seed = int(torch.randint(2**62, ())) if self.seed is None else self.seed
        return Scope((seed, self._calls), torch.arange(count))


class Draws:
    """The numbers of one stage: each call of a method gives new ones, for each image its own."""

    def __init__(self, keys: Tensor, taken: int = 0) -> None:
        self.keys = keys
        self._taken = taken

    @classmethod
    def of(cls, scope: Scope) -> Draws:
        """Those that a scope names."""
        torch = load()
        state = 0x5851F42D4C957F2D
        for number in scope.numbers:
            state = _mix_number((state ^ (number & _MASK)) + _GOLDEN)
        samples = torch.as_tensor(scope.samples).to(device="cpu", dtype=torch.int64)
        return cls(_mix((samples ^ _signed(state)) + _signed(_GOLDEN)))

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """From low to high, (images, *shape) of float32 on the device of the keys."""
        return _unit(self._bits(shape)) * (high - low) + low

    def normal(self, *shape: int) -> Tensor:
        """Of mean 0 and deviation 1, by Box and Muller."""
        torch = load()
        # Never the logarithm of nothing.
        radius = (-2 * torch.log(1 - _unit(self._bits(shape)))).sqrt()
        return radius * torch.cos(2 * math.pi * _unit(self._bits(shape)))

    def order(self, count: int) -> Tensor:
        """A permutation of so many for each image."""
        return self._bits((count,)).argsort(dim=-1, stable=True)

    def _bits(self, shape: tuple[int, ...]) -> Tensor:
        torch = load()
        count = math.prod(shape)
        numbers = torch.arange(self._taken + 1, self._taken + count + 1, device=self.keys.device)
        self._taken += count
        return _mix(self.keys[:, None] + numbers * _signed(_GOLDEN)).reshape(len(self.keys), *shape)


def _unit(bits: Tensor) -> Tensor:
    """0 to 1, without 1, in steps that float32 holds."""
    torch = load()
    return ((bits >> 40) & 0xFFFFFF).to(torch.float32) * 2.0**-24


def _mix(state: Tensor) -> Tensor:
    """Of int64 whose products wrap."""
    state = (state ^ _shifted(state, 30)) * _signed(_FIRST)
    state = (state ^ _shifted(state, 27)) * _signed(_SECOND)
    return state ^ _shifted(state, 31)


def _shifted(state: Tensor, by: int) -> Tensor:
    """Shifted as unsigned numbers are."""
    return (state >> by) & ((1 << (64 - by)) - 1)


def _mix_number(state: int) -> int:
    state &= _MASK
    state = ((state ^ (state >> 30)) * _FIRST) & _MASK
    state = ((state ^ (state >> 27)) * _SECOND) & _MASK
    return state ^ (state >> 31)


def _signed(number: int) -> int:
    return number - 2**64 if number >= 2**63 else number
