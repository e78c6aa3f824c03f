"""Slides of the formats that are read by ranges, made here, and those of a data folder if there is one. See storage.py."""

import io
import os
import pathlib
import struct

import numpy
import tifffile
from PIL import Image

import dicom_files


def picture(width, height):
    y, x = numpy.mgrid[0:height, 0:width]
    wave = (numpy.sin(x / 37) + numpy.cos(y / 23)) * 60 + 128
    noise = numpy.random.default_rng(1).integers(0, 24, (height, width, 3))
    rgb = numpy.stack([wave, 255 - wave, (x * 7 + y * 3) % 256], axis=-1) + noise
    return rgb.clip(0, 255).astype("uint8")


def pyramid(path, rgb, description, **first):
    """A tiled TIFF with two coarser levels."""
    options = {"tile": (256, 256), "photometric": "rgb", "compression": "zlib"}
    with tifffile.TiffWriter(path, ome=path.name.endswith(".ome.tif")) as out:
        if path.name.endswith(".ome.tif"):
            out.write(rgb, subifds=2, metadata={"axes": "YXS"}, **options)
            for step in (2, 4):
                out.write(rgb[::step, ::step], subfiletype=1, **options)
            return
        out.write(rgb, description=description, metadata=None, **options)
        # Aperio's order: the thumbnail, which is in strips, comes second.
        thumbnail = {**options, "tile": None, "rowsperstrip": 16}
        out.write(rgb[::8, ::8], description=description, metadata=None, **thumbnail)
        out.write(rgb[::4, ::4], description=description, metadata=None, **options)


def ndpi(path, rgb):
    """One JPEG with a restart marker after every row of MCUs, and the page that names them."""
    height, width = rgb.shape[:2]
    coded = io.BytesIO()
    Image.fromarray(rgb).save(coded, "JPEG", quality=90, subsampling="4:4:4", restart_marker_rows=1)
    jpeg = coded.getvalue()
    scan = jpeg.index(b"\xff\xda")
    first = scan + 2 + int.from_bytes(jpeg[scan + 2 : scan + 4], "big")
    starts = [first] + [at + 2 for at in range(first, len(jpeg) - 1) if jpeg[at] == 0xFF and 0xD0 <= jpeg[at + 1] <= 0xD7]
    data = bytearray(b"II*\0" + bytes(8)) + jpeg
    listed = len(data)
    data += struct.pack(f"<{len(starts)}I", *starts)
    density = len(data)
    data += struct.pack("<2I", 40_000, 1)
    tags = [(256, 4, 1, width), (257, 4, 1, height), (259, 3, 1, 7), (273, 4, 1, 12), (279, 4, 1, len(jpeg)),
            (282, 5, 1, density), (283, 5, 1, density), (296, 3, 1, 3), (65420, 3, 1, 1),
            (65421, 11, 1, struct.unpack("<I", struct.pack("<f", 20))[0]), (65424, 9, 1, 0),
            (65426, 4, len(starts), listed)]
    data[4:12] = struct.pack("<Q", len(data))
    data += struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(8 + 4 * len(tags))
    path.write_bytes(data)


def make(folder):
    """The slides that are made: name to the file to give; other files of a slide lie beside it."""
    rgb, made = picture(2304, 1792), {}
    made["ome.tif"] = folder / "made.ome.tif"
    pyramid(made["ome.tif"], rgb, None)
    made["svs"] = folder / "made.svs"
    pyramid(made["svs"], rgb, "Aperio Image Library v11.2.1\r\n2304x1792|AppMag = 20|MPP = 0.4990")
    made["ndpi"] = folder / "made.ndpi"
    ndpi(made["ndpi"], rgb)
    ids = dicom_files.write(folder / "dicom", "a.dcm", rgb, tile=256, syntax=dicom_files.JPEG, photometric="YBR_FULL_422")
    dicom_files.write(folder / "dicom", "b.dcm", rgb[::4, ::4], ids=ids, tile=256, syntax=dicom_files.JPEG, photometric="YBR_FULL_422")
    made["dicom"] = folder / "dicom/a.dcm"
    return made


def given():
    """The slides of the data folder."""
    data = os.environ.get("ORIGAMI_TEST_DATA")
    names = ["CMU-1-Small-Region.svs", "OS-1-detail.ome.tif"]
    found = {name: pathlib.Path(data or "-", "dev", name) for name in names}
    for name in [name for name, path in found.items() if not path.is_file()]:
        print(f"SKIPPED: {name}: ORIGAMI_TEST_DATA names no folder that has it in dev/")
        del found[name]
    return found
