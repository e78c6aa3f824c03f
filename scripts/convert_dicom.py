"""DICOM that origami converts, read by pydicom and wsidicom, and checked by dciodvfy; called by scripts/dicom.sh.

    convert_dicom.py BINARY SLIDE FOLDER

Converts a lossless and an archive bundle of the slide, and a gray picture. Frames that lie inside have the bytes of the tiles that `origami decode
--icc none` writes, and wsidicom shows their pixels at every level. dciodvfy (Debian's dicom3tools) finds no error; without it that
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
            if shutil.which("dciodvfy"):
                said = subprocess.run(["dciodvfy", path], capture_output=True, text=True).stderr
                errors = [line for line in said.splitlines() if line.startswith("Error")]
                report(f"{name} level {down}", "dciodvfy", "; ".join(errors))
    first = pydicom.dcmread(files[0], stop_before_pixels=True)
    report(name, "given", "" if all(str(first.get(key, value)) == value for key, value in GIVEN.items()) else "an attribute is another")


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
    end()


main()
