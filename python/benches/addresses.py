"""Bundles far away, read by ranges or copied first: `python addresses.py --slide SLIDE.svs`, requests, bytes and time, 20 ms for a request and 100 MB/s.

The store is a file system of fsspec in memory (`tests/far.py`), whose requests wait that long. Needs fsspec, and tifffile for the slide.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from mosaic import mosaic

import origami
from origami.slipstream import SlipstreamDataset, SlipstreamLoader, sync_s3_dataset

sys.path.append(str(Path(__file__).parent.parent / "tests"))
from far import Far

OPTIONS = {"key": "secret"}
PREFIX = "far://bucket/cohort"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slide", type=Path, required=True)
    parser.add_argument("--slides", type=int, default=20, help="bundles")
    parser.add_argument("--count", type=int, default=50, help="patches of each")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        size = mosaic(args.slide, work / "mosaic.svs", 6, 4)
        bundle = origami.encode(work / "mosaic.svs", work / "bundle").bundle.read_bytes()
        for number in range(args.slides):
            Far.put(f"bucket/cohort/{number:03}.bundle", bundle)
        print(f"{args.slides} bundles of {len(bundle) >> 20} MiB, {size[0]} x {size[1]} pixels; {args.count} patches of 256 pixels of each\n")
        print("| | requests | MiB | s to the data set | s to the first batch | s for the epoch |\n|---|---|---|---|---|---|")
        Far.seconds, Far.seconds_per_byte = 0.02, 1e-8

        def copied() -> str | Path:
            return sync_s3_dataset(PREFIX, work / "copy", storage_options=OPTIONS)

        rows: dict[str, Callable[[], str | Path]] = {"copied first": copied, "by ranges": lambda: PREFIX}
        for order in ("family", "sample"):
            for row, where in rows.items():
                measure(f"{row}, {order}", where, order, args.count)
            for file in (work / "copy").rglob("*"):
                file.unlink()


def measure(name: str, where: Callable[[], str | Path], order: str, count: int) -> None:
    Far.start()
    start = perf_counter()
    dataset = SlipstreamDataset.from_slides(where(), size=256, count=count, seed=1, storage_options=OPTIONS)
    looked = perf_counter() - start
    batches = iter(SlipstreamLoader(dataset, 64, num_workers=2, shuffle=order))
    next(batches)
    first = perf_counter() - start
    for _ in batches:
        pass
    moved = sum(size for _, _, size in Far.requests) / (1 << 20)
    print(f"| {name} | {len(Far.requests)} | {moved:.0f} | {looked:.2f} | {first:.2f} | {perf_counter() - start:.2f} |", flush=True)


if __name__ == "__main__":
    main()
