"""The other codecs: a pyramid of the same levels, 256 x 256 tiles, every tile a file of its own.

Efforts are pinned here and printed beside every table. Every codec takes and gives 8-bit RGB; quality is judged on that,
for all alike. Knows nothing of metrics.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

import imagecodecs
import numpy as np
import pyjpegli

from .levels import TILE_PX, pyramid, tiles

Encode = Callable[[np.ndarray, int], bytes]
Decode = Callable[[bytes], np.ndarray]


@dataclass(frozen=True)
class Codec:
    """One codec with one set of efforts. `prefix` begins the names of its runs, `quality` is what its number means."""

    name: str
    prefix: str
    settings: str
    encode: Encode
    decode: Decode
    qualities: tuple[int, ...]
    quick_qualities: tuple[int, ...]
    tool: str


@dataclass(frozen=True)
class CodedPyramid:
    """Bytes of all tiles of each level, L0 as decoded again, and seconds for all tiles of all levels (decode: of L0)."""

    bytes_by_level: dict[int, int]
    tiles: int
    finest: np.ndarray
    encode_s: float
    decode_s: float


def code_pyramid(rgb: np.ndarray, codec: Codec, quality: int) -> CodedPyramid:
    """Codes every tile of every level of `rgb`, and decodes L0."""
    levels = pyramid(rgb)
    finest, sizes, count = np.empty_like(rgb), {}, 0
    encode_s = decode_s = 0.0
    for level, pixels in levels.items():
        sizes[level] = 0
        for left, top, tile in tiles(pixels):
            start = time.perf_counter()
            data = codec.encode(tile, quality)
            encode_s += time.perf_counter() - start
            sizes[level] += len(data)
            count += 1
            if pixels is levels[max(levels)]:
                start = time.perf_counter()
                finest[top : top + TILE_PX, left : left + TILE_PX] = codec.decode(data)
                decode_s += time.perf_counter() - start
    return CodedPyramid(sizes, count, finest, encode_s, decode_s)


def turbo(subsampling: str, optimize: bool = False) -> Encode:
    return lambda tile, quality: imagecodecs.jpeg8_encode(tile, quality, subsampling=subsampling, optimize=optimize)


def jpegli_encode(tile: np.ndarray, quality: int) -> bytes:
    return pyjpegli.encode(tile.tobytes(), tile.shape[1], tile.shape[0], quality)


def jpegli_decode(data: bytes) -> np.ndarray:
    pixels, width, height = pyjpegli.decode(data)
    return np.frombuffer(pixels, np.uint8).reshape(height, width, 3)


def jpegxl_distance(quality: int) -> float:
    """The Butteraugli distance that cjxl takes for a quality from 30 to 99."""
    return 0.1 + (100 - quality) * 0.09


def jpegxl(tile: np.ndarray, quality: int) -> bytes:
    return imagecodecs.jpegxl_encode(tile, distance=jpegxl_distance(quality), effort=7, usecontainer=False, numthreads=1)


def avif(tile: np.ndarray, quality: int) -> bytes:
    return imagecodecs.avif_encode(tile, quality, speed=6, pixelformat="444", codec="aom", numthreads=1)


def webp(tile: np.ndarray, quality: int) -> bytes:
    return imagecodecs.webp_encode(tile, quality, lossless=False, method=4, numthreads=1)


def jp2(tile: np.ndarray, psnr_db: int) -> bytes:
    return imagecodecs.jpeg2k_encode(
        tile, psnr_db, codecformat="j2k", reversible=False, mct=True, resolutions=6 if min(tile.shape[:2]) >= 64 else 1, numthreads=1
    )


def tool(function: Callable[[], str], package: str) -> str:
    return f"{function().replace('_', '-')} ({package} {version(package)})"


JPEG = (10, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 95)
QUICK_JPEG = (20, 40, 60, 75, 88)
TURBO = tool(imagecodecs.jpeg8_version, "imagecodecs")

CODECS = {
    codec.name: codec
    for codec in (
        Codec("jpeg420", "jpeg", "standard Huffman tables, 4:2:0", turbo("420"), imagecodecs.jpeg8_decode, JPEG, QUICK_JPEG, TURBO),
        Codec("jpeg444", "jpeg444", "standard Huffman tables, 4:4:4", turbo("444"), imagecodecs.jpeg8_decode, JPEG, QUICK_JPEG, TURBO),
        Codec("jpegopt420", "jpegopt", "Huffman tables of each tile, 4:2:0", turbo("420", True), imagecodecs.jpeg8_decode, JPEG, QUICK_JPEG, TURBO),
        Codec("jpegli444", "jpegli", "the encoder's defaults (4:4:4, adaptive quantisation)", jpegli_encode, jpegli_decode, JPEG, (25, 45, 65, 80, 90), f"pyjpegli {version('pyjpegli')}"),
        Codec("jp2", "jp2", "9/7 wavelet, colour transform, 6 resolutions, no container", jp2, imagecodecs.jpeg2k_decode, tuple(range(24, 47, 2)), (26, 30, 33, 36, 39, 42), tool(imagecodecs.jpeg2k_version, "imagecodecs")),
        Codec("jpegxl", "jpegxl_jpeg", "VarDCT, effort 7, no container", jpegxl, imagecodecs.jpegxl_decode, (30, 40, 50, 60, 70, 75, 80, 85, 90, 95), (30, 55, 72, 84, 92), tool(imagecodecs.jpegxl_version, "imagecodecs")),
        Codec("avif444", "avif", "aom, speed 6, 4:4:4, 8 bits", avif, imagecodecs.avif_decode, (20, 30, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85), (30, 45, 58, 70, 80), tool(imagecodecs.avif_version, "imagecodecs")),
        Codec("webp", "webp", "lossy, method 4, 4:2:0", webp, imagecodecs.webp_decode, JPEG, (15, 40, 65, 80, 90), tool(imagecodecs.webp_version, "imagecodecs")),
    )
}  # fmt: skip
