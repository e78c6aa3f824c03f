from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from ._remote_file import RemoteFile

__version__: str

_Pixels = np.ndarray[Any, np.dtype[np.uint8]]

class Reading(TypedDict):
    batch_size: int
    threads: int
    ahead: int

class _Encoded(TypedDict):
    bundle: Path
    bundle_bytes: int
    source_bytes: int
    families: int

class Slide:
    def __init__(
        self, path: str, cache_bytes: int, expected: tuple[int, int] | None = None, remote: RemoteFile | None = None
    ) -> None: ...
    @staticmethod
    def is_bundle(start: bytes) -> bool: ...
    def close(self) -> None: ...
    @property
    def path(self) -> str: ...
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

class Patches:
    def __init__(
        self,
        locations: list[tuple[str, tuple[int, int], RemoteFile | None]],
        slides: np.ndarray[Any, np.dtype[np.int32]],
        centres: np.ndarray[Any, np.dtype[np.float64]],
        views: list[list[tuple[int, int]]],
        sides: list[int],
        *,
        cache_bytes: int,
        open_slides: int,
    ) -> None: ...
    def read(self, sample: int, *, alone: bool) -> list[_Pixels]: ...
    def fetch(self, samples: list[int]) -> object: ...
    def stream(
        self, order: np.ndarray[Any, np.dtype[np.int64]], reading: Reading, *, alone: bool, planes: bool
    ) -> BatchStream: ...

_Crop = tuple[int, str, int, tuple[float, float], tuple[float, float], int]

class Blobs:
    def __init__(
        self,
        path: str,
        offsets: np.ndarray[Any, np.dtype[np.uint64]],
        sizes: np.ndarray[Any, np.dtype[np.uint64]],
        planes: list[tuple[int, int]] | None = None,
    ) -> None: ...
    @staticmethod
    def of_memory(
        data: _Pixels,
        offsets: np.ndarray[Any, np.dtype[np.uint64]],
        sizes: np.ndarray[Any, np.dtype[np.uint64]],
        planes: list[tuple[int, int]] | None = None,
    ) -> Blobs: ...
    def whole(
        self, order: np.ndarray[Any, np.dtype[np.int64]], reading: Reading, *, form: str, bytes: int, planes: bool
    ) -> BatchStream: ...
    @property
    def longest(self) -> int: ...
    def raw(self, order: np.ndarray[Any, np.dtype[np.int64]], reading: Reading) -> BatchStream: ...
    def crops(
        self,
        order: np.ndarray[Any, np.dtype[np.int64]],
        reading: Reading,
        *,
        crops: list[_Crop],
        epoch: int,
        planes: bool,
    ) -> BatchStream: ...

def crop_parts(crops: list[_Crop], size: tuple[int, int], epoch: int, sample: int) -> list[tuple[int, int, int, int]]: ...
def decode_image(bytes: bytes) -> _Pixels: ...
def image_to_yuv420(bytes: bytes) -> _Pixels: ...
def image_size(bytes: bytes) -> tuple[int, int]: ...

class BatchStream:
    def __iter__(self) -> BatchStream: ...
    def __next__(self) -> tuple[np.ndarray[Any, np.dtype[np.int64]], list[_Pixels]]: ...

def epoch_order(
    samples: np.ndarray[Any, np.dtype[np.int64]],
    families: np.ndarray[Any, np.dtype[np.uint64]],
    *,
    seed: int,
    epoch: int,
    shuffle: str,
    buffer: int,
    rank: int,
    ranks: int,
) -> np.ndarray[Any, np.dtype[np.int64]]: ...
def draw(numbers: list[int], count: int) -> np.ndarray[Any, np.dtype[np.float64]]: ...
def tissue_mask(slide: Slide, feature: str, downsample: float) -> tuple[np.ndarray[Any, np.dtype[np.bool_]], float]: ...
def detect_format(path: str) -> str | None: ...
def encode(
    path: str,
    out: str,
    *,
    preset_name: str,
    quality: int | None,
    tile: int | None,
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
