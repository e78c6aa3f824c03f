"""An order in which few slides are open at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .. import _native

if TYPE_CHECKING:
    import numpy as np

    Samples = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class SlidePool:
    """`SlipstreamLoader(shuffle=SlidePool(8, 64))`: `open_slides` slides are visited at a time, each for at most `patches_per_visit` of its patches, which
    are mixed; then the next ones are. A slide with more patches is visited again after all others. Each epoch has every sample once.

    For slides on storage where opening costs much. `open_slides` of the data set is at least as many.
    """

    open_slides: int = 8
    patches_per_visit: int = 64

    def __post_init__(self) -> None:
        if self.open_slides < 1 or self.patches_per_visit < 1:
            raise ValueError(f"open_slides {self.open_slides}, patches_per_visit {self.patches_per_visit}: they are at least 1")

    def order(self, samples: Samples, slide_of: np.ndarray[Any, Any], *, seed: int, epoch: int) -> Samples:
        """The samples in the order of an epoch. `slide_of` has the number of the slide of each."""
        import numpy as np

        if len(samples) == 0:
            return samples
        _, slide = np.unique(slide_of, return_inverse=True)
        counts = np.bincount(slide)
        draws = _native.draw([seed, epoch, 1], 2 * len(samples))
        # The patches of each slide in any order; the visit of each.
        order = np.lexsort((draws[: len(samples)], slide))
        place = np.empty(len(samples), np.int64)
        place[order] = np.arange(len(samples)) - np.repeat(np.cumsum(counts) - counts, counts)
        turn = place // self.patches_per_visit
        # Visits turn by turn, in each the slides in any order.
        turns = int(turn.max()) + 1
        first = _native.draw([seed, epoch, 2], turns * len(counts)).reshape(turns, len(counts))
        visits, visit = np.unique(turn * len(counts) + slide, return_inverse=True)
        ranks = np.empty(len(visits), np.int64)
        ranks[np.lexsort((first[visits // len(counts), visits % len(counts)], visits // len(counts)))] = np.arange(len(visits))
        group = ranks[visit] // self.open_slides
        found: Samples = samples[np.lexsort((draws[len(samples) :], group))]
        return found


def share(order: Samples, rank: int, ranks: int) -> Samples:
    """Every `ranks`th sample; all ranks have as many, for which some samples come twice."""
    import numpy as np

    if len(order) == 0:
        return order
    at = rank + ranks * np.arange(-(-len(order) // ranks))
    found: Samples = order[at % len(order)]
    return found
