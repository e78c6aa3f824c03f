"""DICOM that origami converts, read by pydicom and wsidicom, and checked by dciodvfy; called by scripts/dicom.sh.

    convert_dicom.py BINARY SLIDE FOLDER

Converts a lossless and an archive bundle of the slide, a gray picture, and lossless bundles of slides whose tiles are JPEG 2000. Frames that lie inside have the bytes of the tiles that `origami decode
--icc none` writes, or of the slide's own JPEG 2000, and wsidicom shows their pixels at every level. dciodvfy (Debian's dicom3tools) finds no error; without it that
part says SKIPPED. Ends with 1 if anything differed.
"""

import io
import json
import pathlib
import shutil
import subprocess
import sys
import warnings

import numpy
import pydicom
import tifffile
import wsidicom
from converted import difference, end, report, run
from PIL import Image
from pydicom.encaps import generate_frames

warnings.simplefilter("ignore")
Image.MAX_IMAGE_PIXELS = None
GIVEN = {"PatientName": "Müller^Jane", "PatientID": "4711", "ContainerIdentifier": "S24-1-A1", "SpecimenIdentifier": "S24-1-A"}


def check(name, origami, source, folder, flags):
    out, tiles = folder / f"{name}.dicom", folder / f"{name}-tiles"
    bundle = folder / name
    run(origami, "encode", "-q", source, "--out", bundle, "--overwrite", *flags)
    run(origami, "decode", "-q", bundle, "--out", tiles, "--icc", "none", "--overwrite")
    given = folder / "given.json"
    given.write_text(json.dumps(GIVEN | ({} if source.suffix == ".svs" else {"PixelSpacing": [0.0005, 0.0005]})))
    run(origami, "convert", "-q", bundle, "--to", "dicom", "--out", out, "--overwrite", "--attributes", given)
    files = sorted(out.glob("level-*.dcm"), key=lambda path: int(path.stem.split("-")[1]))
    top = max(int(path.name) for path in (tiles / "decoded_pyramid_files").iterdir())
    with wsidicom.WsiDicom.open(out) as slide:
        for down, path in enumerate(files):
            data = pydicom.dcmread(path)
            side, width, height = data.Rows, data.TotalPixelMatrixColumns, data.TotalPixelMatrixRows
            columns, folder_of = -(-width // side), tiles / "decoded_pyramid_files" / str(top - down)
            frames = list(generate_frames(data.PixelData, number_of_frames=int(data.NumberOfFrames)))
            want, problem = numpy.zeros((height, width, 3), numpy.uint8), ""
            for number, frame in enumerate(frames):
                x, y = number % columns, number // columns
                tile = (folder_of / f"{x}_{y}.jpg").read_bytes()
                pixels = numpy.asarray(Image.open(io.BytesIO(tile)).convert("RGB"))
                want[y * side : y * side + pixels.shape[0], x * side : x * side + pixels.shape[1]] = pixels
                if pixels.shape[:2] == (side, side) and frame[: len(tile)] != tile:
                    problem = f"tile {x}_{y} has other bytes"
            report(f"{name} level {down}", "pydicom", problem)
            # wsidicom counts levels by powers of two.
            got = numpy.asarray(slide.read_region((0, 0), down, (width, height)).convert("RGB"))
            report(f"{name} level {down}", "wsidicom", difference(want, got))
            check_attributes(f"{name} level {down}", path)
    first = pydicom.dcmread(files[0], stop_before_pixels=True)
    report(name, "given", "" if all(str(first.get(key, value)) == value for key, value in GIVEN.items()) else "an attribute is another")


def check_attributes(name, path):
    if shutil.which("dciodvfy"):
        said = subprocess.run(["dciodvfy", path], capture_output=True, text=True).stderr
        errors = [line for line in said.splitlines() if line.startswith("Error")]
        report(name, "dciodvfy", "; ".join(errors))


def jpeg2000_slide(path, pixels, side, **how):
    """An SVS in tiles of JPEG 2000 (compression 33005, Aperio's); the tiles, and what they decode to."""
    height, width = pixels.shape[:2]
    padded, tiles, shown = numpy.pad(pixels, ((0, -height % side), (0, -width % side), (0, 0)), "edge"), [], numpy.zeros_like(pixels)
    for y in range(0, height, side):
        for x in range(0, width, side):
            coded = io.BytesIO()
            Image.fromarray(padded[y : y + side, x : x + side]).save(coded, "JPEG2000", no_jp2=True, **how)
            tiles.append(coded.getvalue())
            part = shown[y : y + side, x : x + side]
            part[:] = numpy.asarray(Image.open(coded))[: part.shape[0], : part.shape[1]]
    said = f"Aperio Image Library\r\n{width}x{height} [0,0 {width}x{height}] ({side}x{side}) J2K/KDU Q=70|AppMag = 20|MPP = 0.5"
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(iter(tiles), shape=pixels.shape, dtype="uint8", tile=(side, side), compression=33005, photometric="rgb", metadata=None, description=said)
    return tiles, shown


def check_jpeg2000(name, origami, pixels, folder, colours, **how):
    """The instance of level 0 has the slide's own codestreams, and says which transform of colours they have."""
    slide, bundle, out = folder / f"{name}.svs", folder / name, folder / f"{name}.dicom"
    tiles, shown = jpeg2000_slide(slide, pixels, 128, **how)
    run(origami, "encode", "-q", "--slide", slide, "--out", bundle, "--preset", "lossless", "--overwrite")
    run(origami, "convert", "-q", bundle, "--to", "dicom", "--out", out, "--overwrite")
    data = pydicom.dcmread(out / "level-0.dcm")
    frames = list(generate_frames(data.PixelData, number_of_frames=int(data.NumberOfFrames)))
    # A frame of an odd number of bytes has a zero behind it.
    apart = [number for number, (frame, tile) in enumerate(zip(frames, tiles)) if frame[: len(tile)] != tile or len(frame) - len(tile) > 1]
    problem = f"frames {apart} have other bytes" if apart or len(frames) != len(tiles) else ""
    said = (data.file_meta.TransferSyntaxUID, data.PhotometricInterpretation)
    wanted = (pydicom.uid.JPEG2000, colours)
    report(f"{name} level 0", "pydicom", problem or ("" if said == wanted else f"it says {said}, not {wanted}"))
    with wsidicom.WsiDicom.open(out) as opened:
        got = numpy.asarray(opened.read_region((0, 0), 0, (pixels.shape[1], pixels.shape[0])).convert("RGB"))
        report(f"{name} level 0", "wsidicom", difference(shown, got))
    for path in sorted(out.glob("level-*.dcm")):
        check_attributes(f"{name} {path.stem.replace('-', ' ')}", path)


def main():
    origami, slide, folder = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    gray = folder / "gray.png"
    y, x = numpy.mgrid[:310, :470]
    Image.fromarray(((x * 3 + y * 5) % 256).astype(numpy.uint8)).save(gray)
    if not shutil.which("dciodvfy"):
        print("SKIPPED: dciodvfy is not asked: it is not here (apt install dicom3tools)")
    check("lossless", origami, slide, folder, ["--preset", "lossless"])
    check("archive", origami, slide, folder, ["--preset", "archive"])
    check("gray", origami, gray, folder, [])
    pixels = numpy.stack([(x * 3 + y) % 256, (x + y * 2) % 256, x * y // 40 % 256], 2).astype(numpy.uint8)
    check_jpeg2000("own colours", origami, pixels, folder, "RGB", mct=0, irreversible=True)
    check_jpeg2000("transformed", origami, pixels, folder, "YBR_ICT", mct=1, irreversible=True)
    check_jpeg2000("reversible", origami, pixels, folder, "YBR_RCT", mct=1)
    end()


main()
