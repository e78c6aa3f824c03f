"""Memory and open files of the loader over many patches of many slides: `python memory.py`. Makes its slides; needs no torch."""

from __future__ import annotations

import argparse
import ctypes
import os
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import origami
from origami.slipstream import SlipstreamDataset, SlipstreamLoader

SIDE = 128
BATCH = 64
WORKERS = 2
SLIDES = 50
OPEN = 8
MIB = 1 << 20


def make_slides(folder: Path) -> None:
    """Bundles of 1300 x 1300 pixels, each of another picture and a size of its own."""
    noise = np.random.default_rng(1)
    for number in range(SLIDES):
        coarse = noise.integers(90, 255, (40, 40, 3), np.uint8)
        side = 1300 + 8 * number
        Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC).save(folder / "one.png")
        bundle = origami.encode(folder / "one.png", folder / "one", overwrite=True).bundle
        bundle.rename(folder / f"{number}.bundle")
    (folder / "one.png").unlink()


def resident() -> float:
    """MiB of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


class _Counts(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()]


def allocated() -> float:
    """MiB that this process has asked of glibc and not given back: without what lies free in its heaps."""
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = _Counts
    counts = mallinfo()
    return (counts.uordblks + counts.hblkhd) / MIB


def handles() -> int:
    """Open files of this process."""
    return len(os.listdir("/proc/self/fd"))


def memory(work: Path, count: int, every: int, shuffle: str, cache_mib: int) -> None:
    """Prints a table with a row for each `every` of `count` patches."""
    folder = work / "many"
    if not folder.exists():
        folder.mkdir()
        make_slides(folder)
    dataset = SlipstreamDataset.from_slides(folder, size=SIDE, count=2000, cache_bytes=cache_mib * MIB, open_slides=OPEN)
    loader = SlipstreamLoader(dataset, BATCH, num_workers=WORKERS, shuffle=shuffle)
    slides = len(dataset.slides)
    print(
        f"\nMemory over {count} patches of {SIDE} pixels from {slides} slides, order {shuffle}, cache of {cache_mib} MiB, "
        f"{OPEN} open slides\n\n| patches | MiB resident | MiB allocated | open files |\n|---|---|---|---|"
    )
    done, said = 0, 0
    while done < count:
        for batch in loader:
            done += len(batch["image"])
            if done - said >= every:
                said += every
                print(f"| {said} | {resident():.0f} | {allocated():.0f} | {handles()} |", flush=True)
            if done >= count:
                break


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patches", type=int, default=100_000)
    parser.add_argument("--every", type=int, default=5_000)
    parser.add_argument("--order", choices=["family", "sample"], default="family")
    parser.add_argument("--cache", type=int, default=64, help="MiB for decoded pixels")
    parser.add_argument("--work", type=Path, help="a folder to keep the slides in")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        memory(args.work or Path(name), args.patches, args.every, args.order, args.cache)


if __name__ == "__main__":
    main()
