"""Variants of TIFF, read by origami and by tifffile.

    tiff_variants.py BINARY FOLDER

Writes 347 small TIFFs that differ in one or two of: byte order, offsets of 64 bits, strips or tiles, compression, predictor,
planes, depth, format of samples, inks, meaning of 0, opacity, palette, bit order, orientation, JPEG sampling and colour. Each is made a PNG by `origami
pyramid` and compared with what tifffile decodes, to which the meaning of the tags is applied here (opacity over white, orientation,
window). The largest difference that is allowed stands with each group; what origami is to refuse stands with the words that the
refusal must have. Prints one row a group, every failure, and the sum; ends with 1 if anything failed.
"""

import itertools
import math
import pathlib
import re
import struct
import subprocess
import sys

import imagecodecs
import numpy
import tifffile
from PIL import Image

WIDTH, HEIGHT = 61, 47
TILE = 32
CODES = {"none": 1, "lzw": 5, "jpeg": 7, "deflate": 8, "packbits": 32773, "jpeg2000": 34712, "zstd": 50000, "webp": 50001}
ENCODERS = {
    "none": lambda rows: rows.tobytes(),
    "lzw": lambda rows: imagecodecs.lzw_encode(rows.tobytes()),
    "deflate": lambda rows: imagecodecs.zlib_encode(rows.tobytes()),
    "packbits": lambda rows: imagecodecs.packbits_encode(rows.tobytes()),
    "zstd": lambda rows: imagecodecs.zstd_encode(rows.tobytes()),
    "jpeg2000": lambda rows: imagecodecs.jpeg2k_encode(rows, level=0, codecformat="j2k", reversible=True),
    "webp": lambda rows: imagecodecs.webp_encode(rows, lossless=True),
}


def picture(samples, dtype=numpy.uint8, largest=None):
    """A smooth picture with detail, the same at every run."""
    y, x, c = numpy.mgrid[0:HEIGHT, 0:WIDTH, 0:samples].astype(numpy.float64)
    values = 0.5 + 0.3 * numpy.sin(x / 9 + c) + 0.2 * numpy.cos(y / 5 - c * 2) * numpy.sin(x * y / 97)
    largest = numpy.iinfo(dtype).max if largest is None else largest
    values = numpy.clip(values, 0, 1) * largest
    values[0, 0], values[-1, -1] = 0, largest
    return values.round().astype(dtype)


def write(path, tags, chunks, order="<", big=False, tiled=False):
    """A file of one page: tags are (type, values), chunks are bytes."""
    sizes = {1: "B", 2: "B", 3: "H", 4: "I", 5: "I", 7: "B", 16: "Q"}
    out = bytearray(struct.pack(order + ("2sHHHQ" if big else "2sHI"), *([b"II" if order == "<" else b"MM"] + ([43, 8, 0, 0] if big else [42, 0]))))
    offsets = []
    for chunk in chunks:
        offsets.append(len(out))
        out += chunk + b"\0" * (len(chunk) % 2)
    word = 16 if big else 4
    tags = dict(tags)
    tags[324 if tiled else 273] = (word, offsets)
    tags[325 if tiled else 279] = (word, [len(chunk) for chunk in chunks])
    entries, room = bytearray(), 8 if big else 4
    for tag, (kind, values) in sorted(tags.items()):
        data = struct.pack(f"{order}{len(values)}{sizes[kind]}", *values)
        entries += struct.pack(order + ("HHQ" if big else "HHI"), tag, kind, len(values) // (2 if kind == 5 else 1))
        if len(data) <= room:
            entries += data.ljust(room, b"\0")
        else:
            out += b"\0" * (len(out) % 2)
            entries += struct.pack(order + ("Q" if big else "I"), len(out))
            out += data
    out += b"\0" * (len(out) % 2)
    first = len(out)
    out += struct.pack(order + ("Q" if big else "H"), len(tags)) + entries + b"\0" * room
    struct.pack_into(order + ("Q" if big else "I"), out, 8 if big else 4, first)
    path.write_bytes(out)


def parts(pixels, tiled, rows_per_strip):
    """The strips, or the tiles, padded with their last pixels."""
    height, width = pixels.shape[:2]
    if not tiled:
        return [pixels[y : y + rows_per_strip] for y in range(0, height, rows_per_strip)]
    rest = [(0, -height % TILE), (0, -width % TILE), (0, 0)]
    padded = numpy.pad(pixels, rest, mode="edge")
    return [
        padded[y : y + TILE, x : x + TILE]
        for y in range(0, padded.shape[0], TILE)
        for x in range(0, padded.shape[1], TILE)
    ]


def plain(path, pixels, photometric, compression="none", order="<", big=False, tiled=False, predictor=1, planar=1, extra=None, more=None):
    """A file of these samples, of 8 or 16 bits."""
    samples, bits = pixels.shape[2], pixels.dtype.itemsize * 8
    planes = [pixels] if planar == 1 else [pixels[:, :, c : c + 1] for c in range(samples)]
    chunks = []
    for plane in planes:
        for part in parts(plane, tiled, 10):
            part = numpy.ascontiguousarray(part)
            if predictor == 2:
                part = numpy.diff(part, axis=1, prepend=numpy.zeros_like(part[:, :1]))
            if compression not in ("jpeg2000", "webp"):
                part = part.astype(part.dtype.newbyteorder(order))
            elif part.shape[2] == 1:
                part = numpy.ascontiguousarray(part[:, :, 0])
            chunks.append(ENCODERS[compression](part))
    tags = {
        256: (4, [WIDTH]), 257: (4, [HEIGHT]), 258: (3, [bits] * samples), 259: (3, [CODES[compression]]),
        262: (3, [photometric]), 277: (3, [samples]), 284: (3, [planar]),
    }
    tags |= {322: (4, [TILE]), 323: (4, [TILE])} if tiled else {278: (4, [10])}
    if predictor != 1:
        tags[317] = (3, [predictor])
    if extra is not None:
        tags[338] = (3, extra)
    write(path, tags | (more or {}), chunks, order, big, tiled)


def jpeg(path, pixels, sampling, photometric, rgb=False, tables=False, planar=1, markers=True, order="<"):
    """A file of JPEG tiles."""
    planes = [pixels] if planar == 1 else [pixels[:, :, c : c + 1] for c in range(3)]
    chunks = []
    for part in itertools.chain.from_iterable(parts(plane, True, 0) for plane in planes):
        part = numpy.ascontiguousarray(part)
        part = part[:, :, 0].copy() if part.shape[2] == 1 else part
        options = {"colorspace": "rgb", "outcolorspace": "rgb" if rgb else "ycbcr"} if part.ndim == 3 else {}
        chunks.append(imagecodecs.jpeg8_encode(part, level=90, subsampling=sampling, **options))
    tags = {
        256: (4, [WIDTH]), 257: (4, [HEIGHT]), 258: (3, [8] * pixels.shape[2]), 259: (3, [7]), 262: (3, [photometric]),
        277: (3, [pixels.shape[2]]), 284: (3, [planar]), 322: (4, [TILE]), 323: (4, [TILE]),
    }
    if photometric == 6:
        tags[530] = (3, {"444": [1, 1], "422": [2, 1], "420": [2, 2]}[sampling])
    if tables or not markers:
        shared, chunks = split(chunks, tables, markers)
        if tables:
            tags[347] = (7, list(shared))
    write(path, tags, chunks, order, False, True)


def split(files, tables, markers):
    """JPEGs without their tables, or without the markers that tell their colours; and the tables."""
    shared, rest = b"", []
    for data in files:
        at, kept, own = 2, b"\xff\xd8", b"\xff\xd8"
        while data[at + 1] != 0xDA:
            length = 2 + struct.unpack_from(">H", data, at + 2)[0]
            segment = data[at : at + length]
            if tables and data[at + 1] in (0xDB, 0xC4):
                own += segment
            elif markers or data[at + 1] not in (0xE0, 0xEE):
                kept += segment
            at += length
        shared = own + b"\xff\xd9"
        rest.append(kept + data[at:])
    return shared, rest


def numbers(path, dtype, kind, order, tiled, photometric, predictor=1):
    """A file of gray numbers that are no unsigned ones of up to 16 bits."""
    values = picture(1, numpy.uint8).astype(numpy.float64) * {1: 16843009, 2: 1, 3: 0.37}[kind]
    if kind == 2:
        values = (values - 128) * {"i1": 1, "i2": 200, "i4": 16000000}[dtype]
    values = values.astype(dtype)
    chunks = []
    for part in parts(values, tiled, 10):
        part = numpy.ascontiguousarray(part)
        if predictor == 2:
            part = numpy.diff(part, axis=1, prepend=numpy.zeros_like(part[:, :1]))
        part = part.astype(part.dtype.newbyteorder(order))
        data = part.tobytes()
        if predictor == 3:
            rows = [imagecodecs.floatpred_encode(numpy.ascontiguousarray(row[:, 0]), axis=-1) for row in part]
            data = b"".join(numpy.asarray(row).tobytes() for row in rows)
        chunks.append(imagecodecs.zlib_encode(data))
    bits = values.dtype.itemsize * 8
    tags = {
        256: (4, [WIDTH]), 257: (4, [HEIGHT]), 258: (3, [bits]), 259: (3, [8]), 262: (3, [photometric]), 277: (3, [1]), 339: (3, [kind]),
        317: (3, [predictor]),
    }
    write(path, tags | ({322: (4, [TILE]), 323: (4, [TILE])} if tiled else {278: (4, [10])}), chunks, order, False, tiled)


def coded(values):
    """Numbers as their places of 16 bits between the lowest and the highest: differences of whole ones that are near each other."""
    values = values.astype(numpy.float64)
    low, high = values.min(), values.max()
    whole = (values == values.round()).all() and high - low <= 65535
    # Halves round away from 0, as in Rust.
    return ((values - low) if whole else numpy.floor((values - low) / (high - low) * 65535 + 0.5)).astype(numpy.int64)


def over_white(pixels, premultiplied):
    color, alpha = pixels[..., :-1].astype(numpy.int64), pixels[..., -1:].astype(numpy.int64)
    front = color * 255 if premultiplied else color * alpha
    return numpy.minimum((front + 255 * (255 - alpha) + 127) // 255, 255).astype(numpy.uint8)


def window(pixels, low, high):
    values = numpy.clip(pixels.astype(numpy.int64), low, high) - low
    return ((values * 255 + (high - low) // 2) // (high - low)).astype(numpy.uint8)


def measured(pixels):
    """The range without the lowest and the highest thousandth."""
    values = numpy.sort(pixels.ravel())
    spare = values.size // 1000
    return int(values[spare]), int(values[-1 - spare])


ORIENTED = {
    1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1), 6: lambda a: a[::-1].swapaxes(0, 1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1), 8: lambda a: a[:, ::-1].swapaxes(0, 1),
}


def variants(folder):
    """(group, name, file, what to do with tifffile's pixels or the words of the refusal, allowed difference)."""
    made = []

    def add(group, name, make, expected=lambda pixels: pixels, allowed=0):
        path = folder / f"{group} {name}.tif".replace(" ", "-").replace("/", "-")
        make(path)
        made.append((group, name, path, expected, allowed))

    general = ["none", "lzw", "deflate", "packbits", "zstd"]
    for compression, order, big, tiled in itertools.product(general, "<>", (False, True), (False, True)):
        for samples, photometric in ((1, 1), (3, 2)):
            name = f"{compression} {'II' if order == '<' else 'MM'}{'+' if big else ''} {'tiles' if tiled else 'strips'} {samples}"
            add("8 bits", name, lambda p, c=compression, o=order, b=big, t=tiled, s=samples, ph=photometric: plain(
                p, picture(s), ph, c, o, b, t))
    for compression, order, predictor, planar in itertools.product(["lzw", "deflate", "zstd"], "<>", (1, 2), (1, 2)):
        for dtype in (numpy.uint8, numpy.uint16):
            bits = numpy.dtype(dtype).itemsize * 8
            name = f"{compression} {'II' if order == '<' else 'MM'} predictor {predictor} planar {planar} {bits} bits"
            def full(pixels, planar=planar, bits=bits):
                pixels = numpy.moveaxis(pixels, 0, -1) if planar == 2 else pixels
                return pixels if bits == 8 else window(pixels, 0, 65535)
            add("predictor and planes", name, lambda p, c=compression, o=order, r=predictor, l=planar, d=dtype: plain(
                p, picture(3, d), 2, c, o, False, True, r, l), full)
    for order, tiled, photometric in itertools.product("<>", (False, True), (0, 1)):
        for largest in (65535, 4095, 900):
            def gray(pixels, inverted=photometric == 0):
                low, high = measured(pixels)
                return 255 - window(pixels, low, high) if inverted else window(pixels, low, high)
            # Of complements, the rounding of halves goes the other way.
            add("16-bit gray", f"{order} {tiled} {photometric} {largest}".replace("<", "II").replace(">", "MM"),
                lambda p, o=order, t=tiled, ph=photometric, m=largest: plain(p, picture(1, numpy.uint16, m), ph, "deflate", o, False, t),
                gray, 1 if photometric == 0 else 0)
    for largest, white in ((65535, 65535), (20000, 65535), (4095, 4095), (1000, 1023)):
        add("16-bit RGB", f"up to {largest}", lambda p, m=largest: plain(p, picture(3, numpy.uint16, m), 2), lambda a, w=white: window(a, 0, w))
    for low, high in ((0, 4095), (100, 3000)):
        more = {340: (3, [low]), 341: (3, [high])}
        add("16-bit RGB", f"declared {low} to {high}", lambda p, m=more: plain(p, picture(3, numpy.uint16, 4095), 2, more=m),
            lambda a, l=low, h=high: window(a, l, h))
    for samples, extra in itertools.product((2, 4), (1, 2)):
        for planar in (1, 2):
            def opaque(pixels, p=extra == 1, planar=planar):
                return over_white(numpy.moveaxis(pixels, 0, -1) if planar == 2 else pixels, p)
            add("opacity", f"{samples} samples, {extra}, planar {planar}", lambda p, s=samples, e=extra, l=planar: plain(
                p, picture(s), 1 if s == 2 else 2, "deflate", planar=l, extra=[e]), opaque)
    for orientation, tiled in itertools.product(range(1, 9), (False, True)):
        add("orientation", f"{orientation} {'tiles' if tiled else 'strips'}", lambda p, o=orientation, t=tiled: plain(
            p, picture(3), 2, "lzw", tiled=t, more={274: (3, [o])}), ORIENTED[orientation])
    for compression, samples in itertools.product(("none", "deflate", "lzw", "packbits"), (1, 3)):
        def reversed_bits(path, c=compression, s=samples):
            plain(path, picture(s), 1 if s == 1 else 2, c, more={266: (3, [2])})
            page = tifffile.TiffFile(path).pages[0]
            spans = list(zip(page.dataoffsets, page.databytecounts))
            data = bytearray(path.read_bytes())
            for at, count in spans:
                data[at : at + count] = imagecodecs.bitorder_encode(bytes(data[at : at + count]))
            path.write_bytes(data)
        add("fill order 2", f"{compression} {samples}", reversed_bits)
    for sampling, tables, order in itertools.product(("444", "422", "420"), (False, True), "<>"):
        add("JPEG YCbCr", f"{sampling} {tables} {order}".replace("<", "II").replace(">", "MM"),
            lambda p, s=sampling, t=tables, o=order: jpeg(p, picture(3), s, 6, tables=t, order=o))
    for tables, markers in itertools.product((False, True), (False, True)):
        add("JPEG RGB", f"{tables} {markers}", lambda p, t=tables, m=markers: jpeg(p, picture(3), "444", 2, True, t, 1, m))
        add("JPEG gray", f"{tables} {markers}", lambda p, t=tables, m=markers: jpeg(p, picture(1), "444", 1, False, t, 1, m))
    for tables, order in itertools.product((False, True), "<>"):
        add("JPEG planar", f"{tables} {order}".replace("<", "II").replace(">", "MM"),
            lambda p, t=tables, o=order: jpeg(p, picture(3), "444", 2, False, t, 2, True, o), lambda a: numpy.moveaxis(a, 0, -1))
    for samples, dtype, tiled in itertools.product((1, 3), (numpy.uint8, numpy.uint16), (False, True)):
        if dtype == numpy.uint8:
            full = lambda a: a
        else:
            full = (lambda a: window(a, *measured(a))) if samples == 1 else (lambda a: window(a, 0, 65535))
        add("JPEG 2000", f"{samples} {numpy.dtype(dtype).name} {tiled}", lambda p, s=samples, d=dtype, t=tiled: plain(
            p, picture(s, d), 1 if s == 1 else 2, "jpeg2000", tiled=t), full)
    for tiled, samples in itertools.product((False, True), (3, 4)):
        add("WebP", f"{tiled} {samples}", lambda p, t=tiled, s=samples: plain(
            p, picture(s), 2, "webp", tiled=t, extra=[2] if s == 4 else None), (lambda a: over_white(a, False)) if samples == 4 else (lambda a: a))
    for bits in (1, 2, 4):
        for photometric in (0, 1):
            def shallow(path, b=bits, ph=photometric):
                values = picture(1, numpy.uint8, (1 << b) - 1)[:, :, 0]
                rows = b"".join(imagecodecs.packints_encode(row, b) for row in values)
                tags = {256: (4, [WIDTH]), 257: (4, [HEIGHT]), 258: (3, [b]), 259: (3, [1]), 262: (3, [ph]), 277: (3, [1]), 278: (4, [HEIGHT])}
                write(path, tags, [rows])
            def level(pixels, b=bits, ph=photometric):
                levels = pixels.astype(numpy.int64) * 255 // ((1 << b) - 1)
                return (255 - levels if ph == 0 else levels).astype(numpy.uint8)
            add("1 to 4 bits", f"{bits} {photometric}", shallow, level)
    for bits, order in itertools.product((10, 12, 14), "<>"):
        def packed(path, b=bits, o=order):
            values = picture(1, numpy.uint16, (1 << b) - 1)[:, :, 0]
            rows = b"".join(imagecodecs.packints_encode(row, b) for row in values)
            tags = {256: (4, [WIDTH]), 257: (4, [HEIGHT]), 258: (3, [b]), 259: (3, [1]), 262: (3, [1]), 277: (3, [1]), 278: (4, [HEIGHT])}
            write(path, tags, [rows], o)
        add("10 to 14 bits", f"{bits} {order}".replace("<", "II").replace(">", "MM"), packed,
            lambda a, b=bits: window(picture(1, numpy.uint16, (1 << b) - 1), 0, (1 << b) - 1))
    for bits, largest in ((4, 15), (8, 255)):
        colors = numpy.stack([numpy.arange(1 << bits), numpy.arange(1 << bits)[::-1], numpy.arange(1 << bits) * 7 % (1 << bits)]) * (65535 // largest)
        def palette(path, b=bits, m=largest, colors=colors):
            values = picture(1, numpy.uint8, m)[:, :, 0]
            rows = b"".join(imagecodecs.packints_encode(row, b) if b < 8 else row.tobytes() for row in values)
            tags = {256: (4, [WIDTH]), 257: (4, [HEIGHT]), 258: (3, [b]), 259: (3, [1]), 262: (3, [3]), 277: (3, [1]),
                    278: (4, [HEIGHT]), 320: (3, colors.ravel().tolist())}
            write(path, tags, [rows])
        add("palette", f"{bits} bits", palette, lambda a, c=colors: (c.T[a] // 257).astype(numpy.uint8))

    def refused(name, words, make):
        add("refused", name, make, words)

    def typed(path, dtype, kind, photometric=1):
        values = picture(1, numpy.uint8).astype(dtype)
        tags = {339: (3, [kind]), 258: (3, [values.dtype.itemsize * 8])}
        write(path, {256: (4, [WIDTH]), 257: (4, [HEIGHT]), 259: (3, [1]), 262: (3, [photometric]), 277: (3, [1]), 278: (4, [HEIGHT])} | tags, [values.tobytes()])

    for name, dtype, kind in (("unsigned 32", "u4", 1), ("signed 8", "i1", 2), ("signed 16", "i2", 2), ("signed 32", "i4", 2),
                              ("float 32", "f4", 3), ("float 64", "f8", 3)):
        for order, tiled, photometric in itertools.product("<>", (False, True), (0, 1)):
            def codes(pixels, inverted=photometric == 0):
                level = window(coded(pixels), *measured(coded(pixels)))
                return 255 - level if inverted else level
            add("numbers", f"{name} {order} {tiled} {photometric}".replace("<", "II").replace(">", "MM"),
                lambda p, d=dtype, k=kind, o=order, t=tiled, ph=photometric: numbers(p, d, k, o, t, ph), codes, 1 if photometric == 0 else 0)
        for predictor, order in itertools.product((2, 3), "<>"):
            if (predictor == 3) == (kind == 3) and dtype != "i1":
                add("numbers", f"{name} predictor {predictor} {order}".replace("<", "II").replace(">", "MM"),
                    lambda p, d=dtype, k=kind, o=order, r=predictor: numbers(p, d, k, o, True, 1, r),
                    lambda a: window(coded(a), *measured(coded(a))))
    for dtype, tiled, planar in itertools.product((numpy.uint8, numpy.uint16), (False, True), (1, 2)):
        for compression in ("none", "lzw", "deflate"):
            def inks(pixels, planar=planar):
                pixels = numpy.moveaxis(pixels, 0, -1) if planar == 2 else pixels
                levels = 255 - (pixels if pixels.dtype == numpy.uint8 else window(pixels, 0, 65535)).astype(int)
                return ((levels[..., :3] * levels[..., 3:] + 127) // 255).astype(numpy.uint8)
            add("CMYK", f"{compression} {numpy.dtype(dtype).name} {tiled} planar {planar}", lambda p, c=compression, d=dtype, t=tiled, l=planar: plain(
                p, picture(4, d), 5, c, tiled=t, planar=l), inks)
    refused("float 16", "floating-point samples of 16 bits", lambda p: typed(p, numpy.float16, 3))
    refused("float RGB", "floating-point samples of 32 bits in pixels that are not gray", lambda p: plain(
        p, picture(3), 2, more={339: (3, [3] * 3), 258: (3, [32] * 3)}))
    refused("complex", "complex", lambda p: typed(p, numpy.uint32, 6))
    refused("five inks", "inks other than CMYK", lambda p: plain(p, picture(5), 5))
    refused("other inks", "inks other than CMYK", lambda p: plain(p, picture(4), 5, more={332: (3, [2])}))
    refused("range of inks", "DotRange", lambda p: plain(p, picture(4), 5, more={336: (3, [255, 0])}))
    refused("Lab", "L\\*a\\*b\\*", lambda p: plain(p, picture(3), 8))
    refused("YCbCr alone", "YCbCr colours outside JPEG", lambda p: plain(p, picture(3), 6))
    refused("mask", "mask", lambda p: plain(p, picture(1), 4))
    refused("predictor 3", "predictor 3", lambda p: plain(p, picture(1), 1, "deflate", more={317: (3, [3])}))
    refused("five channels", "5 channels: 0, 1, 2, 3, 4", lambda p: plain(p, picture(5), 1, "deflate", planar=2, extra=[0] * 4))
    refused("three pages", "3 channels", lambda p: tifffile.imwrite(p, numpy.stack([picture(1)[:, :, 0]] * 3), photometric="minisblack", metadata=None))
    refused("pages of RGB", "2 focal planes", lambda p: tifffile.imwrite(p, numpy.stack([picture(3)] * 2), photometric="rgb", metadata=None))
    refused("ImageJ stack", "4 focal planes", lambda p: tifffile.imwrite(p, numpy.stack([picture(1)[:, :, 0]] * 4), imagej=True, metadata={"axes": "ZYX"}))
    refused("OME times", "2 points in time", lambda p: tifffile.imwrite(p, numpy.stack([picture(1)[:, :, 0]] * 2), ome=True, metadata={"axes": "TYX"}))
    for code, words in ((3, "fax"), (4, "fax"), (6, "old-style JPEG"), (34887, "LERC"), (34925, "LZMA"), (50002, "JPEG XL"), (34933, "PNG"), (9, "compression 9")):
        refused(f"compression {code}", f"{words}.* is not supported", lambda p, c=code: plain(p, picture(1), 1, more={259: (3, [c])}))
    for tag, words in ((32997, "volume"), (346, "Indexed")):
        refused(f"tag {tag}", words, lambda p, t=tag: plain(p, picture(1), 1, more={t: (3, [2])}))
    return made


def run(binary, path, out):
    """The pixels of the finest level, or the refusal."""
    command = [binary, "pyramid", "--quiet", "--overwrite", "--openslide", "never", "--format", "png", "--tile", "4096", "--out", out, path]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        return done.stderr.strip()
    levels = sorted((out / "baseline_pyramid_files").iterdir(), key=lambda level: int(level.name))
    return numpy.array(Image.open(levels[-1] / "0_0.png"))


def judge(found, path, expected, allowed):
    """None where it is right, else what is wrong; and the difference."""
    if isinstance(expected, str):
        if not isinstance(found, str):
            return "read, where it is to be refused", 0
        right = re.search(expected, found) and "damaged" not in found and "panicked" not in found
        return (None if right else f"refused otherwise: {found}"), 0
    if isinstance(found, str):
        return found, 0
    try:
        pixels = tifffile.imread(path)
    except Exception as error:
        return f"tifffile does not read it: {error}", 0
    wanted = numpy.squeeze(expected(pixels if pixels.ndim > 2 else pixels[:, :, None] if pixels.dtype != bool else pixels.astype(numpy.uint8)))
    found = numpy.squeeze(found)
    if found.shape != wanted.shape:
        return f"{found.shape} where {wanted.shape} is right", 0
    difference = int(numpy.abs(found.astype(int) - wanted.astype(int)).max())
    return (None if difference <= allowed else f"differs by up to {difference}"), difference


def main(binary, folder):
    folder.mkdir(parents=True, exist_ok=True)
    groups, failures = {}, []
    made = variants(folder)
    for group, name, path, expected, allowed in made:
        wrong, difference = judge(run(binary, path, folder / "tree"), path, expected, allowed)
        files, right, most = groups.get(group, (0, 0, 0))
        groups[group] = (files + 1, right + (wrong is None), max(most, difference))
        if wrong:
            failures.append(f"{group}, {name}: {wrong}")
    print(f"{'group':24} files right  largest difference")
    for group, (files, right, most) in groups.items():
        print(f"{group:24} {files:5} {right:5}  {'-' if group == 'refused' else most}")
    for failure in failures:
        print(f"FAILED {failure}")
    print(f"{len(made) - len(failures)} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], pathlib.Path(sys.argv[2])))
