"""Indexes of a cache: the samples of each value of a field, in a file of their own."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._errors import DamagedError

if TYPE_CHECKING:
    import numpy as np

    from ._cache import OptimizedCache


def write_index(cache: OptimizedCache, *, fields: Sequence[str]) -> None:
    """Writes `{field}_index.npy` for each of the fields: the samples of each value, for `get_index`. Raises KeyError."""
    import numpy as np

    for field in fields:
        if field not in cache.field_types or cache.field_types[field] in ("ImageBytes", "bytes"):
            raise KeyError(f"{field!r}: {cache.cache_path.name} has no such field of numbers or str")
        index = index_of(cache.read_all_fields()[field])
        values = json.dumps(list(index)).encode()
        # One array: how long the values are in JSON and how many samples each has, the values, and the samples.
        counts = np.asarray([len(values), len(index), *(len(at) for at in index.values())], "<i8")
        samples = np.concatenate([*index.values(), np.empty(0, np.int64)]).astype("<i8")
        whole = np.concatenate([counts.view(np.uint8), samples.view(np.uint8), np.frombuffer(values, np.uint8)])
        part = cache.cache_path / f".{field}_index.npy.{os.getpid()}"
        with part.open("wb") as file:
            np.save(file, whole, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        part.replace(cache.cache_path / f"{field}_index.npy")


def read_index(path: Path, count: int) -> dict[Any, np.ndarray[Any, np.dtype[np.int64]]]:
    import numpy as np

    whole = np.load(path, allow_pickle=False)
    try:
        length, values = whole[:16].view("<i8").tolist()
        counts = whole[16 : 16 + 8 * values].view("<i8")
        samples = whole[16 + 8 * values : len(whole) - length].view("<i8")
        names = json.loads(whole[len(whole) - length :].tobytes())
        if len(names) != len(counts) or not len(samples) == count == counts.sum():
            raise ValueError("its parts do not agree")
        return dict(zip(names, np.split(samples, np.cumsum(counts)[:-1]), strict=True))
    except ValueError as error:
        raise DamagedError(f"{path}: it is damaged ({error}); write the index again") from error


def index_of(values: Any) -> dict[Any, np.ndarray[Any, np.dtype[np.int64]]]:
    import numpy as np

    different, which = np.unique(np.asarray(values), return_inverse=True)
    order = np.argsort(which, kind="stable").astype(np.int64)
    parts = np.split(order, np.cumsum(np.bincount(which, minlength=len(different)))[:-1])
    return dict(zip(different.tolist(), parts, strict=True))
