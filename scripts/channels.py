"""Writes an OME-TIFF of three channels, each with disks of its own: channels.py OUT WIDTH HEIGHT."""

import struct
import sys

NAMES = ["DAPI", "FITC", "Cy5"]


def description():
    channels = "".join(f'<Channel Name="{name}"/>' for name in NAMES)
    return ('<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
            f'<Pixels DimensionOrder="XYCZT" Type="uint8" SizeC="{len(NAMES)}" SizeZ="1" SizeT="1">{channels}<TiffData/>'
            "</Pixels></Image></OME>\0").encode()


def page(number, width, height):
    """Disks at every 64 pixels, of another radius in each channel."""
    radius = 8 + 8 * number
    return bytes(220 if (x % 64 - 32) ** 2 + (y % 64 - 32) ** 2 < radius ** 2 else 10 for y in range(height) for x in range(width))


def main(out, width, height):
    width, height = int(width), int(height)
    text = description()
    file = bytearray(struct.pack("<2sHI", b"II", 42, 0) + text)
    link = 4
    for number in range(len(NAMES)):
        pixels = len(file)
        file += page(number, width, height)
        file += b"\0" * (len(file) % 2)
        # Tag, type (2 text, 3 short, 4 long), count, value.
        entries = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, pixels),
                   (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, width * height)]
        if number == 0:
            entries.insert(5, (270, 2, len(text), 8))
        struct.pack_into("<I", file, link, len(file))
        file += struct.pack("<H", len(entries))
        for entry in entries:
            file += struct.pack("<HHII", *entry)
        link = len(file)
        file += b"\0\0\0\0"
    with open(out, "wb") as to:
        to.write(file)


if __name__ == "__main__":
    main(*sys.argv[1:])
