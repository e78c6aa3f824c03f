"""The raw layer: encoded images as they are stored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ._cache import OptimizedCache
from ._passes import Batch, Passes, Shuffle

if TYPE_CHECKING:
    import numpy as np


class PrefetchingDataLoader(Passes):
    """Batches of encoded images of a cache, read ahead by threads without the interpreter's lock; nothing is decoded.

    A batch is a dict: `data`, uint8 (batch, longest image), of which the first `sizes` bytes of a row are an image and the rest is zero; `sizes`,
    `heights`, `widths`, as they are stored, so that no header is parsed; `indices` of the samples; and the other fields of numbers or str. Every batch
    has memory of its own.

    field: which images, where a sample has several. All else is as of SlipstreamLoader; shuffle is "none" by default.
    """

    def __init__(
        self,
        cache: OptimizedCache,
        batch_size: int,
        *,
        field: str | None = None,
        num_workers: int | None = None,
        seed: int = 0,
        shuffle: Shuffle = "none",
        buffer: int | None = None,
        indices: Any = None,
        distributed: tuple[int, int] | None = None,
        drop_last: bool = False,
        prefetch: int = 3,
    ) -> None:
        import numpy as np

        self.cache = cache
        self.field = cache.image_field(field)
        self._places = cache.places(self.field)
        self._columns = cache.read_all_fields()
        super().__init__(
            len(cache),
            np.arange(len(cache), dtype=np.uint64) // np.uint64(64),
            batch_size,
            num_workers=num_workers,
            seed=seed,
            shuffle=shuffle,
            buffer=64 * batch_size if buffer is None else buffer,
            indices=indices,
            distributed=distributed,
            drop_last=drop_last,
            prefetch=prefetch,
        )

    def _batches(self, order: np.ndarray[Any, np.dtype[np.int64]], epoch: int) -> Iterator[tuple[int, Batch]]:
        for samples, (data,) in self.cache.blobs(self.field).raw(order, self._reading):
            places = self._places[samples]
            batch: Batch = {"data": data, "sizes": places["size"], "heights": places["height"], "widths": places["width"]}
            for field, values in self._columns.items():
                batch[field] = [values[sample] for sample in samples] if isinstance(values, list) else values[samples]
            yield len(samples), batch | {"indices": samples}
