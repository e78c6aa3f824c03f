"""Whole slides to bundles and back."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from . import _native

Preset = Literal["archive", "balanced", "small", "lossless"]
"""For long storage; for serving; the smallest that tissue tolerates; the source's own tiles, byte for byte."""


@dataclass(frozen=True)
class EncodeReport:
    """What an encode wrote."""

    bundle: Path
    bundle_bytes: int
    """Size of the bundle."""
    source_bytes: int
    """Size of the slide's files, or of all tiles of the tree."""
    families: int
    """Families of tiles in the bundle."""


def encode(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    preset: Preset = "balanced",
    quality: int | None = None,
    tile: int | None = None,
    threads: int = 0,
    overwrite: bool = False,
    keep_associated: Sequence[str] = (),
    tile_metadata: Literal["refuse", "keep", "strip"] = "refuse",
    progress: Callable[[int, int], object] | None = None,
) -> EncodeReport:
    """Encodes a slide, an image or a Deep Zoom tree to `out`/residual_packs/residuals.bundle.

    quality: of the residual, 1 to 100; the preset's where it is None.
    tile: side of the tiles in pixels, which must be that of a tree's own. By default 256; of a tree, and of the tiles that a lossless encode keeps, their own.
    threads: 0 for one a core.
    keep_associated: names of images of the slide to store, such as "label". They may identify a patient.
    tile_metadata: what becomes of EXIF, XMP and comments in the tiles of a lossless encode.
    progress: called with the families done and all families, about 20 times a second.

    Runs without the interpreter's lock. Ctrl-C ends it and leaves nothing half-written.
    Raises FileExistsError where the bundle is there and `overwrite` is not given; OrigamiError.
    """
    made = _native.encode(
        os.fspath(source),
        os.fspath(out),
        preset_name=preset,
        quality=quality,
        tile=tile,
        threads=threads,
        overwrite=overwrite,
        keep_associated=list(keep_associated),
        tile_metadata=tile_metadata,
        progress=progress,
    )
    return EncodeReport(**made)


def decode(
    bundle: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    format: Literal["jpeg", "png", "webp"] = "jpeg",
    quality: int = 95,
    threads: int = 0,
    overwrite: bool = False,
    progress: Callable[[int, int], object] | None = None,
) -> Path:
    """Decodes a bundle to a Deep Zoom tree in `out`; returns the path of its `.dzi`.

    The arguments are as of `encode`; `quality` is that of the tiles, 1 to 100, and "png" does not use it.
    Raises OrigamiError.
    """
    return _native.decode(
        os.fspath(bundle),
        os.fspath(out),
        format=format,
        quality=quality,
        threads=threads,
        overwrite=overwrite,
        progress=progress,
    )
