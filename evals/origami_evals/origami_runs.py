"""Calls the program `origami`: encodes an image, reads what the bundle's parts take, decodes L0 again. Measures nothing else."""

import hashlib
import json
import subprocess
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from .deepzoom import read_finest
from .levels import level_sizes


@dataclass(frozen=True)
class Origami:
    """The program. One thread a process, so that times can be compared."""

    path: Path

    def call(self, *arguments: str | Path) -> tuple[str, float]:
        """Standard output and the seconds that the process took; what it said on an error is in the exception."""
        start = time.perf_counter()
        done = subprocess.run([self.path, *map(str, arguments)], capture_output=True, text=True)
        seconds = time.perf_counter() - start
        if done.returncode != 0:
            raise RuntimeError(f"origami {' '.join(map(str, arguments))}: {done.stderr.strip()}")
        return done.stdout, seconds

    @cached_property
    def version(self) -> str:
        return self.call("--version")[0].strip()

    @cached_property
    def digest(self) -> str:
        return hashlib.blake2b(self.path.read_bytes(), digest_size=16).hexdigest()

    def encode(self, image: Path, flags: list[str], out: Path) -> tuple[Path, float]:
        """The bundle of an image, and seconds."""
        backend = [] if "--backend" in flags else ["--backend", "cpu"]
        _, seconds = self.call("encode", "--image", image, "--out", out, "--threads", 1, "--quiet", *backend, *flags)
        return out / "residual_packs" / "residuals.bundle", seconds

    def inspect(self, bundle: Path) -> dict:
        return json.loads(self.call("inspect", "--json", bundle)[0])

    def decode(self, bundle: Path, out: Path, flags: list[str]) -> tuple[np.ndarray, float]:
        """L0 as decoded, (height, width, 3) u8, and seconds."""
        _, seconds = self.call("decode", "--bundle", bundle, "--out", out, "--threads", 1, "--backend", "cpu", "--quiet", *flags)
        return read_finest(out / "decoded_pyramid.dzi"), seconds


PLANES = ["--output-format", "png"]
TILES = ["--output-format", "jpeg", "--quality", "95", "--tile-subsamp", "420"]


def bytes_by_level(inspected: dict) -> dict[int, int]:
    """What the bundle's parts take: residuals at L0, baselines at L2, the small levels below, together at L3."""
    top = max(level_sizes(inspected["width"], inspected["height"]))
    parts = inspected["bytes"]
    # A residual of luma and one of chroma are both L0's; names that are not there yet count nothing.
    residual = sum(size for name, size in parts.items() if "residual" in name)
    return {top: residual, top - 1: 0, top - 2: parts.get("baseline", 0), top - 3: parts.get("small_levels", 0)}
