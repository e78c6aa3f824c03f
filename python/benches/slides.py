"""Patches of one slide: this loader on bundles and on the slide, against OpenSlide and tiffslide under torch's DataLoader."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from origami.slipstream import SlipstreamDataset, SlipstreamLoader

SIDE = 256
BATCH = 64
WORKERS = 2
MIB = 1 << 20


@dataclass(frozen=True)
class Case:
    """One way to read the patches: it gives batches of uint8, (n, 3, 256, 256)."""

    name: str
    path: Path
    batches: Callable[[int], Iterator[Any]]
    """The batches of an epoch, from objects that nothing has used before."""


class Patches(Dataset):  # type: ignore[type-arg]
    """Patches as one reads them with OpenSlide: each worker opens the slide once."""

    def __init__(self, reader: str, path: Path, corners: np.ndarray[Any, Any]) -> None:
        self.reader, self.path, self.corners = reader, path, corners
        self.slide: Any = None

    def __len__(self) -> int:
        return len(self.corners)

    def __getitem__(self, at: int) -> torch.Tensor:
        if self.slide is None:
            self.slide = _open(self.reader, self.path)
        x, y = map(int, self.corners[at])
        if self.reader == "tiffslide":
            array = self.slide.read_region((x, y), 0, (SIDE, SIDE), as_array=True)[..., :3]
        elif self.reader == "cucim":
            array = np.asarray(self.slide.read_region((x, y), (SIDE, SIDE), level=0))
        else:
            array = np.array(self.slide.read_region((x, y), 0, (SIDE, SIDE)).convert("RGB"))
        return torch.from_numpy(np.ascontiguousarray(array)).permute(2, 0, 1).contiguous()


def _open(reader: str, path: Path) -> Any:
    if reader == "openslide":
        import openslide

        return openslide.OpenSlide(str(path))
    if reader == "tiffslide":
        import tiffslide

        return tiffslide.TiffSlide(str(path))
    from cucim import CuImage

    return CuImage(str(path))


def peer(reader: str, path: Path, corners: np.ndarray[Any, Any]) -> Case:
    """A Python reader under torch's DataLoader."""

    def batches(epoch: int) -> Iterator[Any]:
        torch.manual_seed(epoch)
        return iter(DataLoader(Patches(reader, path, corners), BATCH, shuffle=True, num_workers=WORKERS))

    return Case(f"{reader} + DataLoader", path, batches)


def ours(name: str, path: Path, corners: np.ndarray[Any, Any], shuffle: Any, cache_mib: int) -> Case:
    """This loader."""

    def batches(epoch: int) -> Iterator[Any]:
        dataset = SlipstreamDataset.from_slides(path, size=SIDE, coordinates={os.fspath(path): corners}, cache_bytes=cache_mib * MIB)
        loader = SlipstreamLoader(dataset, BATCH, num_workers=WORKERS, shuffle=shuffle)
        loader.set_epoch(epoch)
        return (batch["image"] for batch in loader)

    return Case(f"{name}, {shuffle}, cache of {cache_mib} MiB", path, batches)


def forget(path: Path) -> None:
    """Takes a file out of the page cache."""
    handle = os.open(path, os.O_RDONLY)
    os.fsync(handle)
    os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(handle)


def _used() -> float:
    """Seconds of processor time of this process and of its workers that have ended."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def rate(case: Case, epoch: int, cold: bool) -> tuple[float, float]:
    """Patches a second over an epoch, from the first object made to the last batch, and patches a second of processor time."""
    if cold:
        forget(case.path)
    else:
        case.path.read_bytes()
    used, start = _used(), perf_counter()
    count = sum(len(batch) for batch in case.batches(epoch))
    seconds = perf_counter() - start
    return count / seconds, count / (_used() - used)
