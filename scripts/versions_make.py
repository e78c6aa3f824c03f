"""Writes `kept/`: small files of every format that the program keeps. scripts/versions.sh runs it where no path and no name is this machine's.

    versions_make.py BINARY
"""

import json
import os
import signal
import struct
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import png

BINARY = sys.argv[1]
KEPT = Path("kept")
WIDTH, HEIGHT = 117, 90
# Name of a bundle, and the flags that it is made with.
BUNDLES = {
    "turbojpeg": ["--encoder", "turbojpeg"],
    "trellis": ["--encoder", "trellis", "--subsamp", "420", "--chroma-resq", "60"],
    "mozjpeg": ["--encoder", "mozjpeg"],
    "jpegli": ["--encoder", "jpegli"],
    "jpegxl": ["--encoder", "jpegxl"],
    "webp": ["--encoder", "webp", "--subsamp", "420"],
    "adaptive": ["--entropy", "huffman", "--residual-entropy", "adaptive"],
    "lepton": ["--entropy", "lepton"],
    "context": ["--preset", "small"],
    "archive": ["--preset", "archive"],
    "sharpened": ["--optl2", "--sharpen", "0.7", "--l0-scale", "50", "--upsample-filter", "bicubic", "--downsample-filter", "bilinear"],
}
# Settings that name files or places, which a later machine does not have.
PLACES = {"slides-root": "/srv/slides", "cache-dir": "/var/cache/origami", "annotations": "/var/lib/origami"}


def origami(*arguments):
    return subprocess.run([BINARY, *map(str, arguments)], check=True, stdout=subprocess.PIPE, text=True).stdout


def picture():
    """Cells on stroma, about: every encoder has something to do."""

    def sample(x, y, channel):
        cell = ((x * 7 + y * 3) % 41 - 20) ** 2 + ((y * 5 - x * 2) % 37 - 18) ** 2
        base = (228, 178, 208)[channel] if cell > 90 else (96, 58, 142)[channel]
        return max(0, min(255, base + (x * 13 + y * 29 + x * y) % 23 - 11))

    pixels = bytes(sample(x, y, channel) for y in range(HEIGHT) for x in range(WIDTH) for channel in range(3))
    png.write("picture.png", WIDTH, HEIGHT, pixels)


def jpeg2000():
    """A TIFF of two tiles in JPEG 2000 (a codestream of empty packets: gray of 128)."""
    side = 64
    stream = b"\xff\x4f\xff\x51" + struct.pack(">HH8IH", 47, 0, side, side, 0, 0, side, side, 0, 0, 3) + b"\x07\x01\x01" * 3
    stream += b"\xff\x52\0\x0c\0\0\0\x01\0\0\x04\x04\0\x01\xff\x5c\0\x04\x20\x40"
    stream += b"\xff\x90\0\x0a\0\0\0\0\0\x11\0\x01\xff\x93\0\0\0\xff\xd9"
    data = bytearray(b"II*\0\0\0\0\0")
    offsets = []
    for _ in range(2):
        offsets.append(len(data))
        data += stream + b"\0" * (len(stream) % 2)
    arrays = {}
    for name, values, code in (("offsets", offsets, "<2I"), ("counts", [len(stream)] * 2, "<2I"), ("bits", [8, 8, 8], "<3H")):
        arrays[name] = len(data)
        data += struct.pack(code, *values) + b"\0\0" * (code == "<3H")
    tags = [
        (256, 4, 1, 2 * side), (257, 4, 1, side), (258, 3, 3, arrays["bits"]), (259, 4, 1, 33005), (262, 4, 1, 2), (277, 4, 1, 3),
        (322, 4, 1, side), (323, 4, 1, side), (324, 4, 2, arrays["offsets"]), (325, 4, 2, arrays["counts"]),
    ]
    struct.pack_into("<I", data, 4, len(data))
    data += struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + b"\0\0\0\0"
    Path("jpeg2000.tif").write_bytes(data)


def bundles():
    out = KEPT / "bundles"
    out.mkdir(parents=True)

    def keep(name, *arguments):
        origami("encode", "--quiet", *arguments, "--out", f"made/{name}")
        (Path("made") / name / "residual_packs" / "residuals.bundle").rename(out / f"{name}.bundle")

    for name, flags in BUNDLES.items():
        keep(name, "--image", "picture.png", "--tile", "16", *flags)
    origami("pyramid", "--quiet", "picture.png", "--out", "tree", "--tile", "16")
    keep("lossless", "tree", "--preset", "lossless")
    keep("jpeg2000", "jpeg2000.tif", "--preset", "lossless")
    origami("encode", "--quiet", "--image", "picture.png", "--tile", "16", "--pack", "--out", "packs")
    (Path("packs") / "residual_packs" / "1_0.pack").rename(KEPT / "slide.pack")


def queue():
    """One unit that is done, and one that waits for a slide that is not there."""
    results = KEPT / "results"
    Path("list").write_text("/srv/origami/picture.png\n")
    origami("jobs", "submit", "--list", "list", "--tile", "16", "--out", results)
    origami("worker", "--out", results, "--until-empty", "--quiet", "--name", "archive-1")
    origami("jobs", "submit", KEPT / "bundles" / "context.bundle", "--kind", "verify", "--out", results)


class Server:
    def __init__(self, *flags):
        self.process = subprocess.Popen([BINARY, "serve", "served", "--port", "0", *map(str, flags)], stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().strip().rpartition(" on ")[2]

    def ask(self, path, method="GET", body=None):
        headers = {"Content-Type": "application/json"} if body else {}
        request = urllib.request.Request(self.address + path, method=method, data=body and json.dumps(body).encode(), headers=headers)
        with urllib.request.urlopen(request) as answer:
            return answer.read().decode("utf-8", "replace")

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait():
            sys.exit("the server failed")


def served():
    """Marks of a slide, and a cache on disk with the tiles of a family."""
    Path("served").mkdir()
    (Path("served") / "slide.bundle").write_bytes((KEPT / "bundles" / "turbojpeg.bundle").read_bytes())
    server = Server("--annotations", KEPT / "annotations", "--annotations-open", "--cache-dir", KEPT / "cache")
    feature = {
        "type": "Feature", "geometry": {"type": "Polygon", "coordinates": [[[10, 10], [60, 10], [60, 50], [10, 10]]]},
        "properties": {"objectType": "annotation", "name": "gland", "classification": {"name": "Tumor", "color": [200, 0, 0]}},
    }
    point = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [30, 20]}, "properties": {"objectType": "annotation"}}
    changes = [{"id": "a", "revision": 0, "feature": feature}, {"id": "b", "revision": 0, "feature": point}]
    server.ask("/api/slides/slide/annotations", "PATCH", {"changes": changes})
    server.ask("/tiles/slide/7/5_1.jpg")
    while 'origami_warm_writes_total{result="written"} 20' not in server.ask("/metrics"):
        time.sleep(0.05)
    server.end()
    (KEPT / "annotations" / ".origami-writer").unlink(missing_ok=True)
    (KEPT / "cache" / "lock").unlink(missing_ok=True)
    for file in (KEPT / "cache" / "tiles").iterdir():
        # What a database writes for people, and about this machine.
        if file.name.startswith(("LOG", "LOCK", "OPTIONS")) or file.suffix == ".log":
            file.unlink()


def texts():
    """What people write, as this version takes it: a tour, settings, tokens, a key, and addresses signed with it."""
    cue = {"text": "Here it begins", "start": 0.5, "end": 1.5, "speaker": "A"}
    camera = [{"time": 0}, {"time": 2, "center": [60, 40], "downsample": 0.5, "rotation": 15, "ease": "linear"}]
    options = {"width": 320, "height": 180, "fps": 10}
    tour = {"version": "1.3", "slide": "bundles/turbojpeg.bundle", "camera": camera, "cues": [cue], "options": options}
    (KEPT / "tour.json").write_text(json.dumps(tour, indent=1) + "\n")
    origami("tour", "check", KEPT / "tour.json")
    (KEPT / "tokens").write_text("# Of a test, and no secret.\nthe-token-of-a-test-0123456789\n")
    (KEPT / "key").write_text("the key of a test, which is no secret at all\n")
    signed = {}
    for name, more in (("read", []), ("annotate", ["--annotate"])):
        signed[name] = json.loads(origami("sign", "slide", "--key-file", KEPT / "key", "--valid", "36500d", "--json", *more))["query"]
    (KEPT / "signed.json").write_text(json.dumps(signed, indent=1) + "\n")
    lines = []
    for row in json.loads(origami("serve", "--print-config", "--json"))["settings"]:
        value = PLACES.get(row["name"], row["value"])
        if value is not None and row["name"] != "config":
            plain = value in ("true", "false") or value.isdigit()
            lines.append(f"{row['name']} = {value if plain else json.dumps(value)}\n")
    (KEPT / "serve.toml").write_text("# Every setting that has a value, as `serve --print-config` shows it.\n" + "".join(lines))


picture()
jpeg2000()
bundles()
queue()
served()
texts()
