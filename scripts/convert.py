"""TIFFs, OME-TIFFs, DICOM and an SZI that origami converts, read by other programs.

    convert.py BINARY SLIDE FOLDER

Encodes the slide (`--preset lossless` and `archive`) and once more in tiles of 63, converts each bundle, and compares every level with the
tiles that `origami decode --icc none` writes: tiles inside have the same bytes, and tifffile, OpenSlide and libvips the same
pixels. In the last column and row of the slide a reader may raise chroma from a hidden sample: there a difference of 16 in a channel is
allowed. OpenSlide also reads level 0 of the DICOM, and of an SVS the slide itself, whose pixels the TIFF of its lossless bundle has. The SZI has the
names and the descriptor of the one that `vips dzsave` writes. Prints a row for each file and reader; ends with 1 if anything differed.
"""

import io
import json
import pathlib
import shutil
import sys
import xml.etree.ElementTree
import zipfile

import numpy
import openslide
import tifffile
from converted import difference, end, report, run
from PIL import Image

Image.MAX_IMAGE_PIXELS = None


def level_of(tiles, width, height, side):
    """The pixels of a level, from JPEG files by (column, row)."""
    out = numpy.zeros((height, width, 3), numpy.uint8)
    for (x, y), data in tiles.items():
        part = numpy.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        out[y * side : y * side + part.shape[0], x * side : x * side + part.shape[1]] = part
    return out


def decoded(origami, bundle, folder):
    """Tiles by level from the finest, and the side of a tile."""
    run(origami, "decode", "-q", bundle, "--out", folder, "--icc", "none", "--overwrite")
    files = folder / "decoded_pyramid_files"
    top = max(int(path.name) for path in files.iterdir())
    levels = []
    for level in range(top, -1, -1):
        found = (files / str(level)).glob("*.jpg")
        levels.append({tuple(map(int, path.stem.split("_"))): path.read_bytes() for path in found})
    return levels, int(json.loads(run(origami, "inspect", bundle, "--json"))["tile"])


def pages_of(path):
    with tifffile.TiffFile(path) as tiff:
        series = tiff.series[0]
        return [level.asarray() for level in series.levels], [level.keyframe for level in series.levels]


def raw_tiles(path, page):
    with open(path, "rb") as file:
        for offset, count in zip(page.dataoffsets, page.databytecounts):
            file.seek(offset)
            yield file.read(count)


def rgb(pixels):
    return numpy.repeat(pixels[..., None], 3, 2) if pixels.ndim == 2 else pixels[..., :3]


def check_tiff(name, path, levels, side, is_recut, limit):
    got, pages = pages_of(path)
    if not is_recut:
        same = 0
        for down, (page, tiles) in enumerate(zip(pages, levels)):
            columns = -(-page.imagewidth // side)
            for number, data in enumerate(raw_tiles(path, page)):
                x, y = number % columns, number // columns
                whole = (x + 1) * side <= page.imagewidth and (y + 1) * side <= page.imagelength
                if whole and tiles[x, y] != data:
                    report(name, "bytes", f"tile {x}_{y}, {down} down, has other bytes")
                same += whole
        report(name, "bytes", "" if same or len(pages) == 1 else "no tile lies inside")
    slide = openslide.OpenSlide(path)
    mpp = slide.properties.get("openslide.mpp-x")
    for down, (page, pixels) in enumerate(zip(pages, got)):
        width, height = page.imagewidth, page.imagelength
        want = level_of(levels[down], width, height, side)
        near = difference if not is_recut else lambda a, b: close(a, b, limit)
        report(f"{name} level {down}", "tifffile", near(want, rgb(pixels)))
        if down < slide.level_count:
            scale = round(slide.level_downsamples[down])
            read = numpy.asarray(slide.read_region((0, 0), down, (width, height)).convert("RGB"))
            report(f"{name} level {down}", "openslide", near(want, read) if scale == 1 << down else f"downsample {scale}")
        if shutil.which("vips"):
            png = path.with_suffix(".png")
            page_of = f"[subifd={down - 1}]" if ".ome" in path.name else f"[page={down}]"
            run("vips", "copy", f"{path}{page_of}", png)
            report(f"{name} level {down}", "libvips", near(want, numpy.asarray(Image.open(png).convert("RGB"))))
    return mpp


def finest(path):
    """Level 0 by OpenSlide."""
    slide = openslide.OpenSlide(path)
    return numpy.asarray(slide.read_region((0, 0), 0, slide.dimensions).convert("RGB"))


def check_dicom(name, origami, bundle, folder, tiles, side):
    """Level 0 of the instances, where this OpenSlide reads DICOM."""
    out = folder / f"{name}.dicom"
    run(origami, "convert", "-q", bundle, "--to", "dicom", "--out", out, "--overwrite")
    level = out / "level-0.dcm"
    if not openslide.OpenSlide.detect_format(level):
        print(f"SKIPPED: OpenSlide {openslide.__library_version__} reads no DICOM")
        return
    got = finest(level)
    want = level_of(tiles, got.shape[1], got.shape[0], side)
    report(f"{name} dicom level 0", "openslide", difference(want, got) if side % 16 == 0 else close(want, got, 30))


def check_szi(name, path, levels, side):
    """The tiles, and the names and the descriptor that libvips gives such a file."""
    with zipfile.ZipFile(path) as zipped:
        problem = zipped.testzip() or ""
        for down, tiles in enumerate(levels):
            for (x, y), data in tiles.items():
                entry = f"{name}/{name}_files/{len(levels) - 1 - down}/{x}_{y}.jpeg"
                problem = problem or ("" if zipped.read(entry) == data else f"{entry} has other bytes")
        report(f"{name} szi", "zipfile", problem)
        if not shutil.which("vips"):
            return
        theirs = path.parent / "dzsave" / path.name
        theirs.parent.mkdir(exist_ok=True)
        theirs.unlink(missing_ok=True)
        run("vips", "dzsave", path.with_suffix(".tiff"), theirs, "--tile-size", side, "--overlap", 0)
        with zipfile.ZipFile(theirs) as other:
            # What the program says of itself and of the slide beside the tiles.
            own = {f"{name}/{name}.json", f"{name}/{name}.icc"}
            apart = (set(zipped.namelist()) - own) ^ (set(other.namelist()) - {f"{name}/{name}_files/vips-properties.xml"})
            report(f"{name} szi", "names", f"{len(apart)} names differ: {sorted(apart)[:3]}" if apart else "")
            ours, theirs = (described(file.read(f"{name}/{name}.dzi")) for file in (zipped, other))
            report(f"{name} szi", "descriptor", "" if ours == theirs else f"{ours}, not {theirs}")


def described(dzi):
    """A descriptor's elements and what they say."""
    return [(element.tag, sorted(element.attrib.items())) for element in xml.etree.ElementTree.fromstring(dzi).iter()]


def close(want, got, limit):
    if want.shape != got.shape:
        return f"it is {got.shape}, not {want.shape}"
    error = ((want.astype(float) - got.astype(float)) ** 2).mean()
    psnr = 10 * numpy.log10(255**2 / error) if error else 99
    return "" if psnr >= limit else f"{psnr:.1f} dB"


def main():
    origami, slide, folder = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    for name, flags in [("lossless", ["--preset", "lossless"]), ("archive", ["--preset", "archive"]), ("odd", ["--tile", "63"])]:
        if slide.is_dir() and name == "odd":
            continue
        out = folder / name
        run(origami, "encode", "-q", slide, "--out", out, "--overwrite", *flags)
        bundle = out / "residual_packs/residuals.bundle"
        levels, side = decoded(origami, bundle, folder / f"{name}-tiles")
        known = json.loads(run(origami, "inspect", bundle, "--json"))["meta"].get("microns_per_pixel")
        for to in ["tiff", "ome-tiff"]:
            path = folder / f"{name}.{to.replace('-', '.')}"
            run(origami, "convert", "-q", bundle, "--to", to, "--out", path, "--overwrite")
            mpp = check_tiff(f"{name} {to}", path, levels, side, side % 16 != 0, 30)
            if known:
                wrong = mpp is None or abs(float(mpp) - known[0]) > 1e-5
                report(f"{name} {to}", "mpp", f"{mpp}, not {known[0]}" if wrong else "")
        path = folder / f"{name}.szi"
        run(origami, "convert", "-q", bundle, "--to", "szi", "--out", path, "--overwrite")
        check_szi(name, path, levels, side)
        if known:
            check_dicom(name, origami, bundle, folder, levels[0], side)
    if slide.suffix == ".svs":
        report("lossless tiff level 0", "the SVS", difference(finest(slide), finest(folder / "lossless.tiff")))
    end()


main()
