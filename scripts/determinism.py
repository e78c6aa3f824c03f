"""Encodes and decodes the same in many ways, and compares hashes:  determinism.py BINARY FOLDER"""

import hashlib
import os
import shutil
import sys
import time
from pathlib import Path

from faults_site import Site, contents

THREADS = (1, 2, 7)
# Memory of a GPU's batches, in MiB: with the smallest, one family at a time is computed.
BATCHES_MIB = (128, 300, 2048)
# Sizes of tiles; those of 100 do not lie on the grid of JPEG's blocks.
TILES = (64, 100)
PRESETS = {
    "none": [],
    "archive": ["--preset", "archive"],
    "balanced": ["--preset", "balanced"],
    "small": ["--preset", "small"],
    "lossless": ["--preset", "lossless"],
    "none, --optl2": ["--optl2"],
    "balanced, 420opt": ["--preset", "balanced", "--subsamp", "420opt"],
}


def ways(site, adapter):
    """Flags of every way to run, and their names."""
    for threads in THREADS:
        yield f"cpu, {threads} threads", ["--backend", "cpu", "--threads", threads]
    if not adapter:
        return
    on_gpu = [("gpu", batch, THREADS[1]) for batch in BATCHES_MIB] + [("gpu", BATCHES_MIB[0], threads) for threads in (THREADS[0], THREADS[2])]
    for backend, batch, threads in [*on_gpu, ("hybrid", BATCHES_MIB[0], THREADS[2])]:
        flags = ["--backend", backend, "--gpu-adapter", adapter, "--gpu-memory", f"{batch}MiB", "--threads", threads]
        yield f"{backend}, {batch} MiB, {threads} threads", flags


def digest(folder):
    """A hash of all files below a folder, with their names."""
    found = hashlib.sha256()
    for name, data in contents(folder).items():
        found.update(f"{name}\0{len(data)}\0".encode() + data)
    return found.hexdigest()


def compared(site, what, command, out, adapter):
    """Runs a command in every way, twice; its first hash."""
    began, hashes = time.time(), {}
    for name, flags in ways(site, adapter):
        for _ in range(2):
            shutil.rmtree(out, ignore_errors=True)
            site.made(*command, "--out", out, "-q", *flags)
            hashes.setdefault(digest(out), []).append(name)
    if len(hashes) > 1:
        site.wrong(f"{what}: {len(hashes)} results: {[(key[:16], names[:3]) for key, names in hashes.items()]}")
    runs = sum(map(len, hashes.values()))
    first = next(iter(hashes))
    site.row(what, began, runs, wrong=len(hashes) - 1, note=f"sha256 {first[:16]}")


def main():
    site = Site(Path(sys.argv[1]), sys.argv[2], 0, 1)
    adapter = os.environ.get("ORIGAMI_GPU_ADAPTER", "llvmpipe")
    png, probe = site.work / "slide.png", site.work / "probe"
    site.made("bench", "slide", "--size", "1100x900", "--out", png)
    code, _, said = site.run("encode", "--image", png, "--out", probe, "-q", "--backend", "gpu", "--gpu-adapter", adapter)
    if code != 0:
        site.skipped("the GPU", said.strip())
        adapter = None
    for tile in TILES:
        tree = site.work / f"tree{tile}"
        site.made("pyramid", png, "--tile", tile, "--out", tree, "-q")
        for preset, flags in PRESETS.items():
            # The slowest ones once, and where tiles of an odd grid mean nothing new.
            if tile != TILES[0] and preset not in ("none", "archive", "lossless"):
                continue
            source = ["--pyramid", tree] if preset == "lossless" else ["--slide", png, "--tile", tile]
            out, what = site.work / "encoded", f"{preset}, tiles of {tile}"
            compared(site, f"encode, {what}", ["encode", *source, *flags], out, adapter)
            bundle = site.work / "one.bundle"
            shutil.copy(out / "residual_packs/residuals.bundle", bundle)
            compared(site, f"decode, {what}", ["decode", "--bundle", bundle, "--output-format", "png"], site.work / "decoded", adapter)
    print()
    site.table()
    if site.faults:
        raise SystemExit(f"error: {len(site.faults)} differences")
    print("determinism: the same bytes in every way")


main()
