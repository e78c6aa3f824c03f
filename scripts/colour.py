"""A slide in Display P3, and what Chromium paints of it in each way that ORIGAMI gives it.

    colour.py slide PNG                                             writes the slide
    colour.py compare PROGRAM ADDRESS SLIDE PNG MODE TREE...        compares; exit code 1 where a Delta E 2000 is above 1

The slide is 512 x 512 pixels, a grid of patches of 64 x 64, each of one mean colour. Of each picture the mean of the middle of each
patch counts.
"""

import base64
import math
import pathlib
import struct
import sys
import zlib

import png
from chromium import Browser

PATCH, SIDE = 64, 512
MOST = 1.0


def profile():
    """Display P3 as an ICC profile of version 4: primaries adapted to D50, the curve of sRGB."""

    def fixed(value):
        return struct.pack(">i", round(value * 65536))

    xyz = lambda *values: b"XYZ \0\0\0\0" + b"".join(map(fixed, values))
    curve = b"para\0\0\0\0\0\3\0\0" + b"".join(map(fixed, (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)))
    text = lambda words: b"mluc\0\0\0\0" + struct.pack(">II", 1, 12) + b"enUS" + struct.pack(">II", 2 * len(words), 28) + words.encode("utf-16-be")
    tags = [
        (b"desc", text("Display P3")), (b"cprt", text("none")), (b"wtpt", xyz(0.9642, 1.0, 0.8249)),
        (b"rXYZ", xyz(0.515121, 0.241196, -0.001053)), (b"gXYZ", xyz(0.291977, 0.692245, 0.041885)),
        (b"bXYZ", xyz(0.157104, 0.066574, 0.784073)), (b"rTRC", curve), (b"gTRC", curve), (b"bTRC", curve),
    ]
    body, table = b"", struct.pack(">I", len(tags))
    for name, data in tags:
        table += name + struct.pack(">II", 128 + 4 + 12 * len(tags) + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    head = bytes(8) + struct.pack(">I", 0x04300000) + b"mntrRGB XYZ " + struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp"
    head = head.ljust(68, b"\0") + b"".join(map(fixed, (0.9642, 1.0, 0.8249)))
    whole = head.ljust(128, b"\0") + table + body
    return struct.pack(">I", len(whole)) + whole[4:]


def colour(x, y):
    """The numbers of a patch, as they stand in the file."""
    return 110 + 13 * x, 180 - 12 * y, 95 + 6 * ((3 * x + 5 * y) % 16)


def draw(path):
    """The slide: every patch is a colour that sRGB has too, with grain, as tissue has it: without it, what JPEG rounds would be rounded
    the same way in a whole patch."""
    rows, state = b"", 1
    for y in range(SIDE):
        line = bytearray()
        for x in range(SIDE):
            for value in colour(x // PATCH, y // PATCH):
                state = state * 1103515245 + 12345 & 0x7FFFFFFF
                line.append(value + (state >> 16) % 13 - 6)
        rows += line

    png.write(path, SIDE, SIDE, rows, (b"iCCP", b"Display P3\0\0" + zlib.compress(profile())))


# The sRGB colour that the browser paints in the middle of each patch of an image, of which `corner` is the place in the slide.
PAINT = """(async (url, cornerX, cornerY, scale) => {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height });
    const context = canvas.getContext('2d', { colorSpace: 'srgb', willReadFrequently: true });
    context.drawImage(image, 0, 0);
    const step = %d * scale, found = [];
    for (let y = 0; y + step <= image.height + 0.5; y += step) for (let x = 0; x + step <= image.width + 0.5; x += step) {
        const { data } = context.getImageData(Math.floor(x + step / 4), Math.floor(y + step / 4), Math.ceil(step / 2), Math.ceil(step / 2));
        const sum = [0, 0, 0];
        for (let i = 0; i < data.length; i += 4) for (let c = 0; c < 3; c++) sum[c] += data[i + c];
        found.push([Math.round((cornerX + x / scale) / %d), Math.round((cornerY + y / scale) / %d), sum.map(s => 4 * s / data.length)]);
    }
    return found;
})""" % (PATCH, PATCH, PATCH)


def lab(rgb):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in rgb)]
    matrix = [(0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041)]
    xyz = [sum(m * c for m, c in zip(row, linear)) / white for row, white in zip(matrix, (0.95047, 1.0, 1.08883))]
    x, y, z = (t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116 for t in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def delta_e(one, two):
    """CIEDE2000 of two colours in sRGB: Sharma, Wu, Dalal, 2005."""
    (l1, a1, b1), (l2, a2, b2) = lab(one), lab(two)
    mean = (math.hypot(a1, b1) + math.hypot(a2, b2)) / 2
    g = 0.5 * (1 - math.sqrt(mean**7 / (mean**7 + 25**7)))
    a1, a2 = a1 * (1 + g), a2 * (1 + g)
    c1, c2 = math.hypot(a1, b1), math.hypot(a2, b2)
    h1, h2 = (math.degrees(math.atan2(b, a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = 0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    dh = 2 * math.sqrt(c1 * c2) * math.sin(math.radians(turn / 2))
    l, c = (l1 + l2) / 2, (c1 + c2) / 2
    h = h1 + h2 if c1 * c2 == 0 else (h1 + turn / 2) % 360
    cos = lambda degrees: math.cos(math.radians(degrees))
    t = 1 - 0.17 * cos(h - 30) + 0.24 * cos(2 * h) + 0.32 * cos(3 * h + 6) - 0.20 * cos(4 * h - 63)
    sl = 1 + 0.015 * (l - 50) ** 2 / math.sqrt(20 + (l - 50) ** 2)
    sc, sh = 1 + 0.045 * c, 1 + 0.015 * c * t
    rt = -2 * math.sqrt(c**7 / (c**7 + 25**7)) * math.sin(math.radians(60 * math.exp(-(((h - 275) / 25) ** 2))))
    dl, dc, dh = (l2 - l1) / sl, (c2 - c1) / sc, dh / sh
    return math.sqrt(dl * dl + dc * dc + dh * dh + rt * dc * dh)


def data_url(path):
    kind = {".jpg": "jpeg"}.get(path.suffix, path.suffix[1:])
    return f"data:image/{kind};base64," + base64.b64encode(path.read_bytes()).decode()


def compare(program, address, slide, original, mode, trees):
    browser = Browser(program)
    try:
        browser.open(address)
        paint = lambda url, x=0, y=0, scale=1.0: browser.eval(f"{PAINT}({url!r}, {x}, {y}, {scale})")
        right = {(x, y): colour for x, y, colour in paint(data_url(pathlib.Path(original)))}
        ways = []
        for tree in map(pathlib.Path, trees):
            tile = next(path for path in (tree / "9").iterdir() if path.stem == "1_1")
            ways.append((f"decoded tile, {tile.suffix[1:]}", data_url(tile), 256, 256, 1.0))
        ways += [
            ("served tile", f"/tiles/{slide}/9/1_1.jpg", 256, 256, 1.0),
            ("thumbnail", f"/thumbnails/{slide}?width=256", 0, 0, 0.5),
            ("IIIF, jpg", f"/iiif/3/{slide}/0,0,512,512/512,/0/default.jpg", 0, 0, 1.0),
            ("IIIF, png", f"/iiif/3/{slide}/128,128,256,256/128,/0/default.png", 128, 128, 0.5),
        ]
        good = True
        for name, url, x, y, scale in ways:
            worst = max(delta_e(right[x_, y_], colour) for x_, y_, colour in paint(url, x, y, scale))
            good &= worst <= MOST
            print(f"--icc {mode}: {name}: Delta E at most {worst:.2f}{'' if worst <= MOST else ': TOO MUCH'}")
        # If that were little, the comparison would show nothing.
        stripped = max(delta_e(right[x, y], colour(x, y)) for x, y in right)
        print(f"--icc {mode}: without its profile the slide would differ by {stripped:.2f}")
        for fault in browser.faults:
            print(fault)
        return good and stripped > 2 * MOST and not browser.faults
    finally:
        browser.close()


if __name__ == "__main__":
    if sys.argv[1] == "slide":
        draw(sys.argv[2])
    elif not compare(*sys.argv[2:7], sys.argv[7:]):
        sys.exit(1)
