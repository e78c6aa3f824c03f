"""Batches of a data set, read ahead by threads of Rust."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from .. import _native
from ._dataset import SlipstreamDataset

if TYPE_CHECKING:
    import numpy as np

Batch = dict[str, Any]
Shuffle = Literal["family", "sample", "none"]

# L0 and L1 of a family of tiles of 256 pixels, in RGB.
_FAMILY_BYTES = 3 * (1024 * 1024 + 512 * 512)


class SlipstreamLoader:
    """Batches of patches, read ahead by threads without the interpreter's lock.

    dataset: what `SlipstreamDataset.from_slides` makes.
    num_workers: threads; one a core by default. A process of its own is not needed.
    seed: decides all orders, with the epoch.
    shuffle: "family" (default) puts families into any order and mixes the samples of many in a buffer, so that each is decoded once;
        "sample" puts samples into any order and decodes of each family what one sample needs; "none" keeps the order of the data set.
    buffer: samples that are mixed; by default as many as lie in the families that half of the data set's `cache_bytes` holds.
    indices: the samples to read, by default all.
    distributed: rank and number of ranks; by default those of torch.distributed where it is in use, else of the environment variables
        RANK and WORLD_SIZE, which torchrun sets. Every rank gets equally many samples: where that does not come out even, some get one
        sample twice.
    drop_last: leave a last batch out that is not full.
    prefetch: batches in memory.

    A batch is a dict: for each name of the patches a uint8 array (batch, height, width, 3), a copy of its own; for each field an array, or
    a list where values are no numbers; `index`, `slide`, `x`, `y` as in a sample. `torch.from_numpy` and DLPack share its memory.

    Each pass is one epoch, and the next pass the next one, unless `set_epoch` says another. The order depends on seed and epoch alone.
    `state_dict` holds the place in an epoch, after the batches that were taken; `load_state_dict` goes on from there.
    """

    def __init__(
        self,
        dataset: SlipstreamDataset,
        batch_size: int,
        *,
        num_workers: int | None = None,
        seed: int = 0,
        shuffle: Shuffle = "family",
        buffer: int | None = None,
        indices: Any = None,
        distributed: tuple[int, int] | None = None,
        drop_last: bool = False,
        prefetch: int = 3,
    ) -> None:
        import numpy as np

        if batch_size < 1 or prefetch < 1 or (num_workers is not None and num_workers < 1):
            raise ValueError("batch_size, prefetch and num_workers are at least 1")
        if not 0 <= seed < 2**64:
            raise ValueError(f"seed {seed}: it is 0 to 2**64 - 1")
        if shuffle not in ("family", "sample", "none"):
            raise ValueError(f"shuffle {shuffle!r}: choose one of family, sample, none")
        rank, ranks = _share() if distributed is None else distributed
        if not 0 <= rank < ranks:
            raise ValueError(f"distributed {(rank, ranks)}: the rank is 0 to {ranks - 1}")
        self.dataset = dataset
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.seed = seed
        self._shuffle = shuffle
        self._share = (rank, ranks)
        self._threads = num_workers or os.cpu_count() or 1
        self._prefetch = prefetch
        self._samples = np.arange(len(dataset), dtype=np.int64) if indices is None else np.asarray(indices, np.int64).reshape(-1)
        if self._samples.size and not (0 <= self._samples.min() and self._samples.max() < len(dataset)):
            raise IndexError(f"indices: they are 0 to {len(dataset) - 1}")
        self._families = np.ascontiguousarray(dataset.families[self._samples])
        self._buffer = buffer if buffer is not None else self._affordable()
        if self._buffer < 1:
            raise ValueError(f"buffer {self._buffer}: it is at least 1 sample")
        self._epoch = 0
        self._position = 0

    def _affordable(self) -> int:
        """Samples in the families that half of the memory for them holds."""
        import numpy as np

        families = max(self.dataset._cache_bytes * 3 // 8 // _FAMILY_BYTES, 1)
        return max(self.batch_size, round(families * len(self._samples) / max(len(np.unique(self._families)), 1)))

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
        batches = self.dataset._patches.stream(
            order[self._position : end],
            batch_size=self.batch_size,
            threads=self._threads,
            ahead=self._prefetch,
            alone=self._shuffle == "sample",
        )
        epoch = self._epoch
        corners = self.dataset.corners()
        for samples, images in batches:
            # Before the batch is given out: a state that is saved while it is used counts it as taken.
            self._position += len(samples)
            yield self._batch(samples, images, corners)
            if (self._epoch, self._position) == (epoch, 0):
                # set_epoch or load_state_dict began the epoch anew.
                return
        self._epoch, self._position = epoch + 1, 0

    def _batch(self, samples: Any, images: list[Any], corners: Any) -> Batch:
        slide_of = self.dataset.slide_of[samples]
        batch: Batch = dict(zip(self.dataset.names, images, strict=True))
        for name in self.dataset.slides[0].fields:
            batch[name] = _column([self.dataset.slides[slide].fields[name] for slide in slide_of])
        x, y = corners[samples].T
        return batch | {"index": samples, "slide": slide_of, "x": x, "y": y}


def _column(values: list[Any]) -> Any:
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
