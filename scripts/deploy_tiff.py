"""An uncompressed TIFF of an RGB PNG:  deploy_tiff.py FROM.png TO.tif"""

import struct
import sys
import zlib
from pathlib import Path


def pixels(png):
    """Width, height and RGB rows of an 8-bit RGB PNG without interlace."""
    data, at, packed = Path(png).read_bytes(), 8, b""
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", body)
            assert (depth, colour, interlace) == (8, 2, 0)
        elif kind == b"IDAT":
            packed += body
        at += 12 + length
    raw, stride, before, rows = zlib.decompress(packed), 3 * width, bytearray(3 * width), []
    for y in range(height):
        rule, row = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1 : (y + 1) * (stride + 1)])
        for x in range(stride):
            left = row[x - 3] if x >= 3 else 0
            above, corner = before[x], before[x - 3] if x >= 3 else 0
            if rule == 4:
                guess = min((left, above, corner), key=lambda v: abs(left + above - corner - v))
            else:
                guess = (0, left, above, (left + above) // 2)[rule]
            row[x] = (row[x] + guess) & 255
        rows.append(bytes(row))
        before = row
    return width, height, b"".join(rows)


def main():
    width, height, data = pixels(sys.argv[1])
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 3, 0), (259, 3, 1, 1), (262, 3, 1, 2), (273, 4, 1, 0), (277, 3, 1, 3), (278, 4, 1, height), (279, 4, 1, len(data))]
    end = 8 + 2 + 12 * len(tags) + 4
    values = {258: end, 273: end + 6}
    entries = b"".join(struct.pack("<HHII", tag, kind, count, values.get(tag, value)) for tag, kind, count, value in tags)
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", 0) + struct.pack("<HHH", 8, 8, 8)
    Path(sys.argv[2]).write_bytes(head + data)


main()
