"""A large slide for benches: the tiles of a small Aperio slide, repeated, as they are stored."""

from __future__ import annotations

import struct
from pathlib import Path

import tifffile

_SHORT, _LONG, _ASCII, _BYTES = 3, 4, 2, 7


def mosaic(source: Path, out: Path, across: int, down: int) -> tuple[int, int]:
    """Writes `out`, the whole tiles of the full resolution of `source`, `across` x `down` times; width and height in pixels.

    No tile is decoded, so the pixels are the scanner's own, and OpenSlide takes the file for a slide of Aperio.
    """
    with tifffile.TiffFile(source) as tiff:
        page = tiff.pages[0]
        side, stride = page.tilewidth, -(-page.imagewidth // page.tilewidth)
        columns, rows = page.imagewidth // side, page.imagelength // page.tilelength
        whole = source.read_bytes()
        places = [[page.dataoffsets[y * stride + x] for x in range(columns)] for y in range(rows)]
        sizes = [[page.databytecounts[y * stride + x] for x in range(columns)] for y in range(rows)]
        tables, description = bytes(page.jpegtables), page.description.encode() + b"\0"
        photometric = int(page.photometric)
    width, height = columns * side * across, rows * side * down
    with out.open("wb") as file:
        file.write(struct.pack("<2sHI", b"II", 42, 0))
        offsets, counts = [], []
        for y in range(rows * down):
            for x in range(columns * across):
                place, size = places[y % rows][x % columns], sizes[y % rows][x % columns]
                offsets.append(file.tell())
                counts.append(size)
                file.write(whole[place : place + size])
        entries = [
            (256, _LONG, 1, struct.pack("<I", width)),
            (257, _LONG, 1, struct.pack("<I", height)),
            (258, _SHORT, 3, struct.pack("<3H", 8, 8, 8)),
            (259, _SHORT, 1, struct.pack("<H", 7)),
            (262, _SHORT, 1, struct.pack("<H", photometric)),
            (270, _ASCII, len(description), description),
            (277, _SHORT, 1, struct.pack("<H", 3)),
            (284, _SHORT, 1, struct.pack("<H", 1)),
            (322, _LONG, 1, struct.pack("<I", side)),
            (323, _LONG, 1, struct.pack("<I", side)),
            (324, _LONG, len(offsets), struct.pack(f"<{len(offsets)}I", *offsets)),
            (325, _LONG, len(counts), struct.pack(f"<{len(counts)}I", *counts)),
            (347, _BYTES, len(tables), tables),
            (530, _SHORT, 2, struct.pack("<2H", 2, 2)),
        ]
        directory = struct.pack("<H", len(entries))
        for tag, kind, count, value in entries:
            if len(value) > 4:
                at = file.tell()
                file.write(value + b"\0" * (len(value) % 2))
                value = struct.pack("<I", at)
            directory += struct.pack("<HHI", tag, kind, count) + value.ljust(4, b"\0")
        at = file.tell()
        file.write(directory + struct.pack("<I", 0))
        file.seek(4)
        file.write(struct.pack("<I", at))
    return width, height
