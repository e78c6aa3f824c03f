"""Pictures for tests, and how far two of them differ."""

import io
import struct
from itertools import accumulate
from pathlib import Path

import numpy as np
from PIL import Image

MPP = 0.25
"""Microns per pixel of the slide made here."""


def draw(width: int, height: int) -> np.ndarray:
    """Purple blobs on a bright ground, with fine structure. The same in every run."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    blobs = np.sin(x / 61) + np.sin(y / 47) + np.sin((x + y) / 83)
    fine = 18 * np.sin(x / 3.1) * np.sin(y / 2.7)
    depth = np.clip((blobs - 0.4) * 90, 0, 150)
    inside = depth > 0
    image = np.stack([236 - depth * 0.6 + fine * inside, 230 - depth + fine * inside, 238 - depth * 0.35], axis=-1)
    return np.clip(image, 0, 255).astype(np.uint8)


def halved(image: np.ndarray) -> np.ndarray:
    """The mean of each 2x2 pixels; sizes are rounded up."""
    padded = np.pad(image, ((0, image.shape[0] % 2), (0, image.shape[1] % 2), (0, 0)), mode="edge").astype(np.uint16)
    return ((padded[::2, ::2] + padded[1::2, ::2] + padded[::2, 1::2] + padded[1::2, 1::2] + 2) // 4).astype(np.uint8)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    error = np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2)
    return float("inf") if error == 0 else 10 * np.log10(255**2 / error)


def write_svs(path: Path, image: np.ndarray, side: int) -> None:
    """A slide of Aperio with one level in JPEG tiles of `side` pixels, a multiple of 16."""
    height, width = image.shape[:2]
    padded = np.pad(image, ((0, -height % side), (0, -width % side), (0, 0)), mode="edge")
    of = f"Aperio Image Library v12.0.0\r\n{width}x{height} [0,0 {width}x{height}] ({side}x{side}) JPEG/RGB Q=85|AppMag = 40|MPP = {MPP}"
    short, long = "H", "I"
    tiles = [_jpeg(padded[y : y + side, x : x + side]) for y in range(0, height, side) for x in range(0, width, side)]
    offsets = list(accumulate([8, *map(len, tiles)]))
    tags: list[tuple[int, str, list[int]]] = [
        (256, long, [width]),
        (257, long, [height]),
        (258, short, [8, 8, 8]),
        (259, short, [7]),
        (262, short, [6]),
        (270, "B", [*of.encode(), 0]),
        (277, short, [3]),
        (322, long, [side]),
        (323, long, [side]),
        (324, long, offsets[:-1]),
        (325, long, [len(tile) for tile in tiles]),
        (530, short, [2, 2]),
    ]
    directory = offsets[-1] + offsets[-1] % 2
    end, entries, values = directory + 2 + 12 * len(tags) + 4, b"", b""
    for tag, kind, numbers in tags:
        value = struct.pack(f"<{len(numbers)}{kind}", *numbers)
        if len(value) > 4:
            place = struct.pack("<I", end + len(values))
            values += value + b"\0" * (len(value) % 2)
            value = place
        entries += struct.pack("<HHI", tag, {"B": 2, short: 3, long: 4}[kind], len(numbers)) + value.ljust(4, b"\0")
    file = struct.pack("<2sHI", b"II", 42, directory) + b"".join(tiles)
    path.write_bytes(file.ljust(directory, b"\0") + struct.pack("<H", len(tags)) + entries + bytes(4) + values)


def _jpeg(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=85, subsampling="4:2:0")
    return file.getvalue()
