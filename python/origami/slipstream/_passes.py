"""What loaders share: the order of an epoch, its shares, and the place in it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, Union

from .. import _native
from ._draws import sample_seeds
from ._slide_pool import SlidePool, share

if TYPE_CHECKING:
    import numpy as np

Batch = dict[str, Any]
Shuffle = Union[Literal["family", "sample", "none"], SlidePool]


class Passes:
    """Passes over samples in an order that seed and epoch decide. `_batches` gives the batches of an order."""

    def __init__(
        self,
        count: int,
        families: np.ndarray[Any, np.dtype[np.uint64]],
        batch_size: int,
        *,
        num_workers: int | None,
        seed: int,
        shuffle: Shuffle,
        buffer: int,
        indices: Any,
        distributed: tuple[int, int] | None,
        drop_last: bool,
        prefetch: int,
    ) -> None:
        import numpy as np

        if batch_size < 1 or prefetch < 1 or (num_workers is not None and num_workers < 1):
            raise ValueError("batch_size, prefetch and num_workers are at least 1")
        if not 0 <= seed < 2**64:
            raise ValueError(f"seed {seed}: it is 0 to 2**64 - 1")
        if not isinstance(shuffle, SlidePool) and shuffle not in ("family", "sample", "none"):
            raise ValueError(f"shuffle {shuffle!r}: choose one of family, sample, none, or a SlidePool")
        if buffer < 1:
            raise ValueError(f"buffer {buffer}: it is at least 1 sample")
        rank, ranks = _share() if distributed is None else distributed
        if not 0 <= rank < ranks:
            raise ValueError(f"distributed {(rank, ranks)}: the rank is 0 to {ranks - 1}")
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.seed = seed
        self._shuffle = shuffle
        self._buffer = buffer
        self._share = (rank, ranks)
        self._reading: _native.Reading = {
            "batch_size": batch_size,
            "threads": num_workers or os.cpu_count() or 1,
            "ahead": prefetch,
        }
        self._samples = np.arange(count, dtype=np.int64) if indices is None else np.asarray(indices, np.int64).reshape(-1)
        if self._samples.size and not (0 <= self._samples.min() and self._samples.max() < count):
            raise IndexError(f"indices: they are 0 to {count - 1}")
        self._families = np.ascontiguousarray(families[self._samples])
        # What a SlidePool visits; all one where there are no slides.
        self._groups = self._families >> np.uint64(40)
        self._epoch = 0
        self._position = 0

    def _batches(self, order: np.ndarray[Any, np.dtype[np.int64]], epoch: int) -> Iterator[tuple[int, Batch]]:
        """The batches of an order, each with its number of samples."""
        raise NotImplementedError

    @property
    def epoch(self) -> int:
        """The epoch of the next pass, or of the one that goes on."""
        return self._epoch

    def set_epoch(self, epoch: int) -> None:
        """Makes the next pass that of this epoch, from its beginning."""
        if epoch < 0:
            raise ValueError(f"epoch {epoch}: epochs count from 0")
        self._epoch, self._position = epoch, 0

    def order(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """The samples of this rank in the order of the epoch."""
        rank, ranks = self._share
        if isinstance(self._shuffle, SlidePool):
            return share(self._shuffle.order(self._samples, self._groups, seed=self.seed, epoch=self._epoch), rank, ranks)
        return _native.epoch_order(
            self._samples,
            self._families,
            seed=self.seed,
            epoch=self._epoch,
            shuffle=self._shuffle,
            buffer=self._buffer,
            rank=rank,
            ranks=ranks,
        )

    def state_dict(self) -> dict[str, int]:
        """Seed, epoch, and how many samples of it were taken."""
        return {"seed": self.seed, "epoch": self._epoch, "position": self._position}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Goes on where `state_dict` was called: the next pass begins there.

        The loader must have the samples, batch size, shuffle, buffer and ranks of then. Raises ValueError for another seed.
        """
        if state["seed"] != self.seed:
            raise ValueError(f"the state is of seed {state['seed']}, the loader has {self.seed}; make it with that seed")
        self._epoch, self._position = state["epoch"], state["position"]

    def __len__(self) -> int:
        """Batches of a whole epoch."""
        samples = -(-len(self._samples) // self._share[1])
        return samples // self.batch_size if self.drop_last else -(-samples // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        order = self.order()
        end = len(order) // self.batch_size * self.batch_size if self.drop_last else len(order)
        epoch, position = self._epoch, self._position
        batches = self._batches(order[position:end], epoch)
        while True:
            # The functions of pipelines run in here: what they draw depends on the samples of the batch.
            with sample_seeds(self.seed, epoch, order[position : min(position + self.batch_size, end)]):
                found = next(batches, None)
            if found is None:
                break
            count, batch = found
            position += count
            # Before the batch is given out: a state that is saved while it is used counts it as taken. Many that know the length do not ask for more
            # after the last one, so the next pass is the next epoch from here on.
            here = (epoch, position) if position < end else (epoch + 1, 0)
            self._epoch, self._position = here
            yield batch
            # At the end, or set_epoch, load_state_dict or another pass has moved on.
            if position >= end or (self._epoch, self._position) != here:
                return
        self._epoch, self._position = epoch + 1, 0


def column(values: list[Any]) -> Any:
    """Numbers as an array, other values as a list."""
    import numpy as np

    if all(isinstance(value, (bool, int, float, np.number, np.bool_)) for value in values):
        return np.asarray(values)
    return values


def _share() -> tuple[int, int]:
    """Rank and number of ranks of this process."""
    # Not imported here: where it is in use, it is there.
    torch = sys.modules.get("torch")
    if torch is not None and torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
