"""Writes PNGs of 8-bit RGB."""

import struct
import zlib
from pathlib import Path


def write(path, width, height, pixels, *more, level=6):
    """`pixels` are the samples of all rows. `more` are chunks before them, as pairs of a name and bytes. Folders are made."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"".join(b"\0" + pixels[3 * width * y : 3 * width * (y + 1)] for y in range(height))
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), *more, (b"IDAT", zlib.compress(rows, level)), (b"IEND", b"")]
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks))
