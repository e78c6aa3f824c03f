"""The training loader against its peers, in one run: `python loader.py --slide SLIDE.svs`.

Needs torch, tifffile, openslide-python and openslide-bin, and a wheel of the release profile; tiffslide, cucim and ffcv are measured where they are
installed. Prints one table for each question. Every figure of a table is the median over rounds in which all of its rows run in turn, and every
ratio is the median of the ratios of the rounds: what else the machine does meets all of them.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from encoded_images import ffcv_file, images
from memory import memory
from mosaic import mosaic
from slides import BATCH, SIDE, WORKERS, Case, ours, peer, rate

import origami
from origami import _native
from origami.slipstream import (
    DecodeCenterCrop,
    DecodeRandomResizedCrop,
    FFCVFileReader,
    OptimizedCache,
    PrefetchingDataLoader,
    SlipstreamDataset,
    SlipstreamLoader,
)

MIB = 1 << 20


def in_turn(rows: dict[str, Callable[[int], Any]], rounds: int) -> dict[str, list[Any]]:
    """What each row gives in each round."""
    found: dict[str, list[Any]] = {name: [] for name in rows}
    for number in range(rounds):
        for name, measure in rows.items():
            found[name].append(measure(number))
    return found


def show(title: str, unit: str, found: dict[str, list[float]]) -> None:
    """A table; ratios are against its first row."""
    print(f"\n{title}\n\n| | {unit} | ratio |\n|---|---|---|")
    (_, first), *_ = found.items()
    for name, values in found.items():
        ratio = median(own / base for own, base in zip(values, first, strict=True))
        print(f"| {name} | {median(values):.0f} | {ratio:.2f} |", flush=True)


def patches(slide: Path, work: Path, count: int, rounds: int) -> None:
    """Random patches of one slide."""
    of = SlipstreamDataset.from_slides(slide, size=SIDE, count=count, tissue=0.5, seed=5)
    corners = of.corners()
    print(f"\n{len(of)} patches of {SIDE} pixels at random places in tissue, {len(np.unique(of.families))} families, {WORKERS} workers, batches of {BATCH}")
    cases = [peer("openslide", slide, corners)]
    if find_spec("tiffslide"):
        cases.append(peer("tiffslide", slide, corners))
    if find_spec("cucim"):
        cases.append(peer("cucim", slide, corners))
    for preset in ("balanced", "archive", "small", "lossless"):
        bundle = origami.encode(slide, work / preset, preset=preset).bundle
        for shuffle, cache_mib in (("family", 512), ("sample", 512), ("sample", 64)):
            cases.append(ours(preset, bundle, corners, shuffle, cache_mib))
    cases.append(ours("the slide itself", slide, corners, "sample", 512))
    for cold in (False, True):

        def measure(case: Case) -> Callable[[int], tuple[float, float]]:
            return lambda number: rate(case, number, cold)

        found = in_turn({case.name: measure(case) for case in cases}, rounds)
        title = "file not in the page cache" if cold else "file in the page cache"
        show(f"Patches, {title}", "patches/s", {name: [clock for clock, _ in pairs] for name, pairs in found.items()})
        show(f"The same by processor time, {title}", "patches/s of a core", {name: [used for _, used in pairs] for name, pairs in found.items()})


def timed(work: Callable[[], int]) -> float:
    """Things a second."""
    start = perf_counter()
    return work() / (perf_counter() - start)


def encoded(work: Path, count: int, rounds: int) -> None:
    """Encoded images: the raw layer, whole decodes against the bare calls, crops; ffcv on the same file."""
    samples = images(count)
    cache = OptimizedCache.build(SlipstreamDataset(samples, identity="bench"), work)
    stored = sum(len(sample["image"]) for sample in samples)
    longest = int(cache.places("image")["size"].max())
    print(f"\n{count} JPEGs of {stored / count / 1024:.0f} KiB, 500 x 375 pixels")

    def copies(_: int) -> float:
        rows = [np.frombuffer(sample["image"], np.uint8) for sample in samples]
        out = np.empty((256, longest), np.uint8)

        def copy() -> int:
            for first in range(0, count, 256):
                for row, at in zip(rows[first : first + 256], out, strict=False):
                    np.copyto(at[: len(row)], row)
            return stored

        return timed(copy) / 1e6

    def raw(number: int) -> float:
        loader = PrefetchingDataLoader(cache, 256, num_workers=WORKERS)
        loader.set_epoch(number)
        return timed(lambda: sum(int(batch["sizes"].sum()) for batch in loader)) / 1e6

    show("Raw layer, file in the page cache", "MB/s", in_turn({"memcpy of each image": copies, "PrefetchingDataLoader": raw}, rounds))

    def bare(_: int) -> float:
        def decode(first: int) -> int:
            for sample in samples[first::WORKERS]:
                _native.decode_image(sample["image"])
            return len(samples[first::WORKERS])

        with ThreadPoolExecutor(WORKERS) as pool:
            return timed(lambda: sum(pool.map(decode, range(WORKERS))))

    def loader(source: OptimizedCache, stage: object, **more: object) -> Callable[[int], float]:
        def run(number: int) -> float:
            made = SlipstreamLoader(source, 256, num_workers=WORKERS, pipelines={"image": [stage]}, **more)
            made.set_epoch(number)
            return timed(lambda: sum(len(batch["image"]) for batch in made))

        return run

    rows = {
        "bare decodes by libjpeg-turbo": bare,
        "DecodeCenterCrop(224)": loader(cache, DecodeCenterCrop(224)),
        "DecodeRandomResizedCrop(224)": loader(cache, DecodeRandomResizedCrop(224)),
        "DecodeRandomResizedCrop(224), yuv420": loader(cache, DecodeRandomResizedCrop(224), image_format="yuv420"),
    }
    loader(cache, DecodeCenterCrop(224), image_format="yuv420")(0)
    show("Decode stages", "images/s", in_turn(rows, rounds))
    if not find_spec("ffcv"):
        print("\nffcv is not installed")
        return
    path, theirs = ffcv_file(work / "images.beton", samples, WORKERS)
    same = OptimizedCache.build(SlipstreamDataset(FFCVFileReader(path)), work)
    rows = {"ffcv": theirs, "this loader on the same file": loader(same, DecodeRandomResizedCrop(224))}
    show("RandomResizedCrop(224) of one .beton", "images/s", in_turn(rows, rounds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slide", type=Path, required=True, help="a small slide of Aperio, whose tiles are repeated")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work")
    parser.add_argument("--only", choices=["patches", "memory", "encoded"])
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each table")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    part, rounds = 10 if args.quick else 1, args.rounds
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, origami {origami.__version__}")
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        if args.only in (None, "patches"):
            across, down = (2, 2) if args.quick else (6, 4)
            slide = work / "mosaic.svs"
            width, height = mosaic(args.slide, slide, across, down)
            print(f"{args.slide.name}, {across} x {down} times: {width} x {height} pixels")
            patches(slide, work, 2000 // part, rounds)
        if args.only in (None, "memory"):
            memory(work, 100_000 // part, 5_000, "family", 64)
        if args.only in (None, "encoded"):
            encoded(work, 2000 // part, rounds)


if __name__ == "__main__":
    main()
