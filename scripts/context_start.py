"""Trains the table that contexts of context-coded residuals begin with, src/codec/context/start.bin, from images.

    python3 scripts/context_start.py ORIGAMI IMAGE...

Each image is encoded by the presets `small` and `archive` at several qualities; their residuals are what is trained on. The table is part
of the format: payloads that were written with another one do not decode with it. A new table needs a new version of the payload.
"""

import json
import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

QUALITIES = [("small", 32), ("small", 50), ("archive", 50), ("archive", 68), ("archive", 80), ("archive", 90)]


def residuals(origami, image, preset, quality, folder):
    """The context-coded residuals of one encode."""
    flag = "--slide" if image.suffix in (".svs", ".ndpi", ".tif", ".tiff") else "--image"
    subprocess.run([origami, "encode", flag, image, "--preset", preset, "--quality", str(quality), "--out", folder, "--quiet"], check=True)
    bundle = folder / "residual_packs/residuals.bundle"
    listed = json.loads(subprocess.run([origami, "inspect", bundle, "--json", "--list"], check=True, capture_output=True).stdout)
    data = bundle.read_bytes()
    for family in listed["family_list"]:
        # Its payloads are the last bytes of a family, one after the other.
        at = family["offset"] + family["bytes"] - sum(payload["bytes"] for payload in family["payloads"])
        for payload in family["payloads"]:
            if payload["kind"] == "residual" and payload["codec"] == "context":
                yield data[at : at + payload["bytes"]]
            at += payload["bytes"]


def main():
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    origami, images = os.path.abspath(sys.argv[1]), [Path(name).resolve() for name in sys.argv[2:]]
    with tempfile.TemporaryDirectory() as folder:
        payloads = Path(folder) / "payloads"
        with payloads.open("wb") as out:
            for image in images:
                for preset, quality in QUALITIES:
                    for payload in residuals(origami, image, preset, quality, Path(folder) / f"{image.stem}-{preset}-{quality}"):
                        out.write(struct.pack("<I", len(payload)) + payload)
        test = ["cargo", "test", "--locked", "--lib", "context::training", "--", "--ignored"]
        subprocess.run(test, check=True, env={**os.environ, "ORIGAMI_PAYLOADS": str(payloads)}, cwd=Path(__file__).parent.parent)


main()
