"""TIFFs, OME-TIFFs and DICOM that origami converts, read by Bio-Formats; called by scripts/convert.sh.

    convert_bioformats.py JAR BINARY FOLDER

FOLDER is that of convert.py: its bundles `lossless` and `archive`, their files, and the tiles that `origami decode --icc none` writes. Bio-Formats (a test tool: it is
GPL, runs in a process of its own, and nothing of it is built in) knows each file's format, the size of every level, and gives a region of each with the pixels of
these tiles. Prints a row for each; ends with 1 if anything differed.
"""

import pathlib
import re
import subprocess
import sys

import numpy
from converted import difference, end, report, run
from PIL import Image

Image.MAX_IMAGE_PIXELS = None
REGION_PX = 300


def java(jar, tool, *words):
    command = ["java", "-Xmx1g", "-cp", jar, f"loci.formats.tools.{tool}", "-no-upgrade", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout + (f"\n{tool} ends with {done.returncode}: {done.stderr[-300:]}" if done.returncode else "")


def level_of(folder):
    """The pixels of a level, from its tiles."""
    tiles = {tuple(map(int, path.stem.split("_"))): Image.open(path).convert("RGB") for path in folder.glob("*.jpg")}
    side, (columns, rows) = tiles[0, 0].size[0], map(max, zip(*tiles))
    width, height = columns * side + tiles[columns, rows].size[0], rows * side + tiles[columns, rows].size[1]
    whole = Image.new("RGB", (width, height))
    for (x, y), tile in tiles.items():
        whole.paste(tile, (x * side, y * side))
    return numpy.asarray(whole)


def check(jar, name, path, tiles, count):
    said = java(jar, "ImageInfo", "-nopix", path)
    sizes = list(zip(map(int, re.findall(r"\tWidth = (\d+)", said)), map(int, re.findall(r"\tHeight = (\d+)", said))))
    top = max(int(level.name) for level in tiles.iterdir())
    levels = [level_of(tiles / str(top - down)) for down in range(len(sizes))]
    want = [(level.shape[1], level.shape[0]) for level in levels]
    # Of a plain TIFF it shows the first level.
    problem = "" if sizes == want and len(sizes) in (1, count) else f"its levels are {sizes}, not {want}; {said[-200:]}"
    report(name, "ImageInfo", problem)
    for down, level in enumerate(levels):
        height, width = level.shape[:2]
        w, h = min(width, REGION_PX), min(height, REGION_PX)
        x, y = (width - w) // 2, (height - h) // 2
        # Not in a directory of DICOM: nothing but levels may lie there when it is converted again.
        out = path.parent.with_name(path.parent.name + ".region.png")
        out.unlink(missing_ok=True)
        said = java(jar, "ImageConverter", "-overwrite", "-series", down, "-crop", f"{x},{y},{w},{h}", path, out)
        if not out.exists():
            report(f"{name} level {down}", "pixels", said[-300:])
            continue
        got = numpy.asarray(Image.open(out).convert("RGB"))
        report(f"{name} level {down}", "pixels", difference(level[y : y + h, x : x + w], got))


def main():
    jar, origami, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    for name in ("lossless", "archive"):
        tiles = folder / f"{name}-tiles" / "decoded_pyramid_files"
        dicom = folder / f"{name}.dicom"
        run(origami, "convert", "-q", folder / name, "--to", "dicom", "--out", dicom, "--overwrite")
        count = len(list(dicom.iterdir()))
        for path in (folder / f"{name}.tiff", folder / f"{name}.ome.tiff", dicom / "level-0.dcm"):
            check(jar, f"{name} {path.suffix[1:] if 'ome' not in path.name else 'ome'}", path, tiles, count)
    end()


main()
