"""Mean and deviation of the channels of a data set, from the counts of all its values: exact."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import _native
from ._cache import OptimizedCache
from ._dataset import SlipstreamDataset
from ._slide_dataset import SlideDataset

if TYPE_CHECKING:
    import numpy as np

    Counts = np.ndarray[Any, np.dtype[np.int64]]


class NormalizationStats(NamedTuple):
    """Of the channels red, green, blue, with values from 0 to 1: `Normalize(*stats)`."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


def compute_normalization_stats(
    source: OptimizedCache | SlipstreamDataset, *, field: str | None = None, indices: Iterable[int] | None = None, threads: int | None = None
) -> NormalizationStats:
    """Mean and standard deviation of each channel over all pixels of all images, as if they were one: exact, since values are counted.

    source: a cache, a data set of encoded images, or patches of slides. field: which images, where there are several. indices: the samples that count,
    by default all. threads: one a core by default.

    Raises ValueError where there are no pixels, or no such field; DamagedError.
    """
    import numpy as np

    chosen = range(len(source)) if indices is None else [int(index) for index in indices]
    field = _image_field(source, field)

    def counts(index: int) -> Counts:
        image = source[index][field]
        array = _native.decode_image(image) if isinstance(image, bytes) else np.asarray(image)
        return np.stack([np.bincount(array[..., channel].ravel(), minlength=256) for channel in range(array.shape[-1])])

    total = np.zeros((3, 256), np.int64)
    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        for found in pool.map(counts, chosen):
            total += found
    return _of_counts(total)


def _of_counts(counts: Counts) -> NormalizationStats:
    pixels = int(counts[0].sum())
    if pixels == 0:
        raise ValueError("there are no pixels to count; give a source with samples")
    mean, std = [], []
    for channel in counts.tolist():
        # Whole numbers of any size, until the end.
        first = sum(value * count for value, count in enumerate(channel))
        second = sum(value * value * count for value, count in enumerate(channel))
        mean.append(first / pixels / 255)
        std.append((pixels * second - first * first) ** 0.5 / pixels / 255)
    return NormalizationStats(tuple(mean), tuple(std))


def _image_field(source: OptimizedCache | SlipstreamDataset, field: str | None) -> str:
    if isinstance(source, OptimizedCache):
        return source.image_field(field)
    images = source.names if isinstance(source, SlideDataset) else tuple(name for name, kind in source.field_types.items() if kind == "ImageBytes")
    if field is None and len(images) == 1:
        return images[0]
    if field is None or field not in images:
        raise ValueError(f"field {field!r}: the images are {', '.join(images) or 'none'}; choose one of them")
    return field
