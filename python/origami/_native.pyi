from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

__version__: str

_Pixels = np.ndarray[Any, np.dtype[np.uint8]]

class _Encoded(TypedDict):
    bundle: Path
    bundle_bytes: int
    source_bytes: int
    families: int

class Slide:
    def __init__(self, path: str, cache_bytes: int, expected: tuple[int, int] | None = None) -> None: ...
    def close(self) -> None: ...
    @property
    def path(self) -> Path: ...
    @property
    def closed(self) -> bool: ...
    @property
    def levels(self) -> list[tuple[int, int]]: ...
    @property
    def downsamples(self) -> list[float]: ...
    @property
    def kind(self) -> str: ...
    @property
    def vendor(self) -> str: ...
    @property
    def microns_per_pixel(self) -> tuple[float, float] | None: ...
    @property
    def objective_power(self) -> float | None: ...
    @property
    def tile(self) -> tuple[int, int] | None: ...
    @property
    def icc_profile(self) -> bytes | None: ...
    @property
    def associated_names(self) -> list[str]: ...
    @property
    def warnings(self) -> list[str]: ...
    @property
    def content(self) -> str | None: ...
    def associated(self, name: str) -> _Pixels: ...
    def read_rgb(
        self, x: int, y: int, level: int, width: int, height: int, *, fill: int = 255, alone: bool = False
    ) -> _Pixels: ...
    def read_rgba(self, x: int, y: int, level: int, width: int, height: int) -> _Pixels: ...

def detect_format(path: str) -> str | None: ...
def encode(
    path: str,
    out: str,
    *,
    preset_name: str,
    quality: int | None,
    tile: int,
    threads: int,
    overwrite: bool,
    keep_associated: list[str],
    tile_metadata: str,
    progress: Callable[[int, int], object] | None,
) -> _Encoded: ...
def decode(
    path: str,
    out: str,
    *,
    format: str,
    quality: int,
    threads: int,
    overwrite: bool,
    progress: Callable[[int, int], object] | None,
) -> Path: ...
