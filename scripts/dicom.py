"""Compares `origami pyramid` with pydicom, highdicom and wsidicom on DICOM series of every form; called by scripts/dicom.sh.

    dicom.py BINARY WORK DATA     DATA: the folder of test images, or empty
"""

import io
import json
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import tifffile
import wsidicom
from dicom_files import (
    DEFLATED, DEFLATED_FRAMES, HTJ2K, IMPLICIT, J2K, J2K_LOSSY, JPEG, JPEGLS, JPEGLS_NEAR, LOSSLESS_JPEG, RLE, write,
)  # fmt: skip
from PIL import Image
from pydicom.encaps import generate_frames
from pydicom.pixels import convert_color_space, pixel_array
from wsidicomizer import WsiDicomizer

warnings.simplefilter("ignore")
WIDTH, HEIGHT = 300, 210


def picture(width=WIDTH, height=HEIGHT):
    """Smooth colours with noise: neither flat nor all noise."""
    noise = np.random.default_rng(1).integers(-20, 21, (height, width, 3))
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / 17 + c) * 60 + np.cos(y / 23 - c) * 50 for c in range(3)]
    return np.clip(np.stack(waves, 2) + 128 + noise, 0, 255).astype(np.uint8)


RGB = picture()
GRAY = RGB[:, :, 0].copy()
DEEP = GRAY.astype(np.uint16) * 16 + RGB[:, :, 1] % 16
WIDE = RGB.astype(np.uint16) * 256 + RGB[:, :, ::-1]


def matrix(path):
    """All pixels of one file by pydicom: frames put together by hand. Missing tiles are white."""
    data = pydicom.dcmread(path)
    if data.file_meta.TransferSyntaxUID == JPEG:
        # By libjpeg-turbo, as origami. pydicom converts YCbCr in floating point, off by 1; its other decoder, libjpeg, by up to 5.
        coded = generate_frames(data.PixelData, number_of_frames=data.NumberOfFrames)
        frames = np.stack([np.asarray(Image.open(io.BytesIO(frame))) for frame in coded])
    else:
        # Of a deflated file it does not take the path.
        frames = pixel_array(data if data.file_meta.TransferSyntaxUID == DEFLATED else path)
    side_y, side_x = data.Rows, data.Columns
    width, height = data.TotalPixelMatrixColumns, data.TotalPixelMatrixRows
    across = -(-width // side_x)
    if data.BitsStored > 8:
        white = 2**data.BitsStored - 1
        frames = ((frames.astype(int) * 255 + white // 2) // white).astype(np.uint8)
    frames = frames.reshape(int(data.NumberOfFrames), side_y, side_x, *([3] if data.SamplesPerPixel == 3 else []))
    out = np.full((-(-height // side_y) * side_y, across * side_x, *frames.shape[3:]), 255, np.uint8)
    for number, frame in enumerate(frames):
        row, column = divmod(number, across)
        if "PerFrameFunctionalGroupsSequence" in data:
            place = data.PerFrameFunctionalGroupsSequence[number].PlanePositionSlideSequence[0]
            row = (place.RowPositionInTotalImagePixelMatrix - 1) // side_y
            column = (place.ColumnPositionInTotalImagePixelMatrix - 1) // side_x
        out[row * side_y : (row + 1) * side_y, column * side_x : (column + 1) * side_x] = frame
    out = out[:height, :width]
    return 255 - out if data.PhotometricInterpretation == "MONOCHROME1" else out


def shown(picture, form):
    """The picture as it is to be seen: its bits as 8."""
    white = 2 ** form.get("bits", 8) - 1
    return ((picture.astype(int) * 255 + white // 2) // white).astype(np.uint8)


def total(path):
    """All pixels of one file by highdicom."""
    image = highdicom.imread(path)
    return image.get_total_pixel_matrix(apply_presentation_lut=False, apply_icc_profile=False, dtype=np.uint8)


def region(folder):
    """The finest level by wsidicom."""
    with wsidicom.WsiDicom.open(folder) as slide:
        return np.asarray(slide.read_region((0, 0), 0, (slide.size.width, slide.size.height)))[:, :, :3]


def origami(binary, path, out, *flags):
    """The finest level of the tree that origami makes, or its error; and what it says of the slide."""
    shutil.rmtree(out, ignore_errors=True)
    command = [binary, "pyramid", path, "--out", out, "--format", "png", "--quiet", *flags]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        return None, run.stderr.strip()
    files = out / "baseline_pyramid_files"
    finest = files / str(max(int(level.name) for level in files.iterdir()))
    rows = {}
    for tile in finest.iterdir():
        column, row = map(int, tile.stem.split("_"))
        rows.setdefault(row, {})[column] = np.asarray(Image.open(tile))
    pixels = np.concatenate([np.concatenate([rows[y][x] for x in sorted(rows[y])], 1) for y in sorted(rows)])
    return pixels, json.loads((out / "baseline_pyramid.json").read_text())


class Table:
    def __init__(self, binary, work):
        self.binary, self.work, self.failed, self.rows = binary, work, 0, 0

    def row(self, name, verdict, good):
        self.rows, self.failed = self.rows + 1, self.failed + (not good)
        print(f"{'ok  ' if good else 'FAIL'}  {name:<44} {verdict}", flush=True)

    def same(self, name, path, wanted, by, most=0, microns=0.5, flags=()):
        """`wanted`: pixels of an independent reader. `most`: the largest difference allowed."""
        found, said = origami(self.binary, path, self.work / "out", *flags)
        if found is None:
            return self.row(name, said, False)
        if found.ndim == 2 and wanted.ndim == 3:
            wanted = wanted[:, :, 0]
        if found.shape != wanted.shape:
            return self.row(name, f"{found.shape}, {by} {wanted.shape}", False)
        off = int(np.abs(found.astype(int) - wanted.astype(int)).max())
        share = np.mean(found != wanted)
        text = f"equal to {by}" if off == 0 else f"within {off} of {by} ({share:.2%} of samples)"
        scale = said["microns_per_pixel"]
        right = scale and abs(scale[0] - microns) < 1e-3 * microns
        self.row(name, text + ("" if right else f"; microns {scale}, not {microns}"), off <= most and bool(right))

    def refused(self, name, path, words):
        found, said = origami(self.binary, path, self.work / "out")
        self.row(name, said if found is None else "read, not refused", found is None and words in said)


def made_with_pydicom(table, work):
    cases = [
        ("explicit VR, tiled full", RGB, {}, "highdicom", 0),
        ("implicit VR", RGB, dict(syntax=IMPLICIT), "highdicom", 0),
        ("planes of samples", RGB, dict(planar=1), "pydicom", 0),
        ("MONOCHROME2", GRAY, dict(photometric="MONOCHROME2"), "highdicom", 0),
        ("MONOCHROME1", GRAY, dict(photometric="MONOCHROME1"), "pydicom", 0),
        ("tiled sparse, last tile first", RGB, dict(sparse=True), "highdicom", 0),
        ("tiled sparse, two tiles missing", RGB, dict(sparse=True, leave_out=((0, 1), (2, 2))), "pydicom", 0),
        ("12 bits in 16", DEEP, dict(photometric="MONOCHROME2", bits=12), "pydicom", 0),
        ("12 bits in 16, RLE", DEEP, dict(syntax=RLE, photometric="MONOCHROME2", bits=12), "pydicom", 0),
        ("12 bits in 16, JPEG 2000", DEEP, dict(syntax=J2K, photometric="MONOCHROME2", bits=12), "pydicom", 0),
        ("12 bits in 16, JPEG-LS", DEEP, dict(syntax=JPEGLS, photometric="MONOCHROME2", bits=12), "pydicom", 0),
        ("16 bits in colour", WIDE, dict(bits=16), "pydicom", 0),
        ("16 bits in colour, planes of samples", WIDE, dict(bits=16, planar=1), "pydicom", 0),
        ("16 bits in colour, RLE", WIDE, dict(syntax=RLE, bits=16), "pydicom", 0),
        ("16 bits in colour, JPEG 2000", WIDE, dict(syntax=J2K, bits=16, photometric="YBR_RCT"), "pydicom", 0),
        ("16 bits in colour, JPEG-LS", WIDE, dict(syntax=JPEGLS, bits=16), "pydicom", 0),
        ("12 bits in 16, MONOCHROME1", DEEP, dict(photometric="MONOCHROME1", bits=12), "pydicom", 0),
        ("deflated", RGB, dict(syntax=DEFLATED), "pydicom", 0),
        ("deflated, gray, sparse", GRAY, dict(syntax=DEFLATED, photometric="MONOCHROME2", sparse=True), "pydicom", 0),
        ("deflated frames", RGB, dict(syntax=DEFLATED_FRAMES), "the picture made", 0),
        ("deflated frames, 12 bits", DEEP, dict(syntax=DEFLATED_FRAMES, photometric="MONOCHROME2", bits=12), "the picture made", 0),
        ("RLE", RGB, dict(syntax=RLE), "highdicom", 0),
        ("RLE, no offset table", RGB, dict(syntax=RLE, table="empty"), "pydicom", 0),
        ("RLE, three fragments a frame", RGB, dict(syntax=RLE, fragments=3), "pydicom", 0),
        ("RLE, gray, sparse", GRAY, dict(syntax=RLE, photometric="MONOCHROME2", sparse=True), "pydicom", 0),
        ("JPEG 2000 lossless", RGB, dict(syntax=J2K, photometric="YBR_RCT"), "highdicom", 0),
        ("JPEG 2000 lossless, no transform", RGB, dict(syntax=J2K), "pydicom", 0),
        ("JPEG 2000 lossy", RGB, dict(syntax=J2K_LOSSY, photometric="YBR_ICT"), "pydicom", 1),
        ("JPEG-LS lossless", RGB, dict(syntax=JPEGLS), "highdicom", 0),
        ("JPEG-LS lossless, extended offset table", RGB, dict(syntax=JPEGLS, table="extended"), "pydicom", 0),
        ("JPEG-LS near-lossless", RGB, dict(syntax=JPEGLS_NEAR), "pydicom", 0),
        ("JPEG baseline 4:2:2", RGB, dict(syntax=JPEG, photometric="YBR_FULL_422"), "Pillow", 0),
        ("JPEG baseline 4:2:0, sparse", RGB,
         dict(syntax=JPEG, photometric="YBR_FULL_422", sparse=True, jpeg={"quality": 80, "subsampling": "4:2:0"}),
         "Pillow", 0),
        ("JPEG baseline gray", GRAY, dict(syntax=JPEG, photometric="MONOCHROME2", jpeg={"quality": 90}), "Pillow", 0),
        ("JPEG baseline RGB", RGB,
         dict(syntax=JPEG, jpeg={"quality": 90, "subsampling": "4:4:4", "keep_rgb": True}), "Pillow", 0),
    ]  # fmt: skip
    for number, (name, pixels, form, by, most) in enumerate(cases):
        folder = work / f"made-{number}"
        write(folder, "a.dcm", pixels, **form)
        read = {"highdicom": total, "pydicom": matrix, "Pillow": matrix}.get(by, lambda _, pixels=pixels: shown(pixels, form))
        table.same(name, folder / "a.dcm", read(folder / "a.dcm"), by, most)
    ycbcr = np.asarray(Image.fromarray(RGB).convert("YCbCr"))
    folder = work / "ycbcr"
    write(folder, "a.dcm", ycbcr, photometric="YBR_FULL")
    table.same("YBR_FULL without coding", folder, convert_color_space(ycbcr, "YBR_FULL", "RGB"), "pydicom", 1)


def series(table, work):
    folder = work / "concatenation"
    ids = write(folder, "c.dcm", RGB, part=(0, 7, 1, 3))
    for name, part in (("a.dcm", (7, 14, 2, 3)), ("b.dcm", (14, 20, 3, 3))):
        write(folder, name, RGB, ids=ids, part=part)
    table.same("concatenation of three files", folder, RGB, "the picture made")
    table.same("concatenation, by its last file", folder / "b.dcm", RGB, "the picture made")
    (folder / "a.dcm").unlink()
    table.refused("concatenation without its second file", folder, "2 of 3 parts are there")

    folder = work / "pyramid"
    half, quarter = (np.asarray(Image.fromarray(RGB).resize((WIDTH // n, HEIGHT // n))) for n in (2, 4))
    label, overview = np.full((400, 500, 3), (200, 0, 0), np.uint8), np.full((300, 900, 3), (0, 200, 0), np.uint8)
    ids = write(folder, "label.dcm", label, shows="LABEL", tile=512)
    write(folder, "overview", overview, ids=ids, shows="OVERVIEW", tile=1024)
    write(folder, "thumbnail.dcm", quarter, ids=ids, shows="THUMBNAIL", tile=128)
    write(folder, "1", quarter, ids=ids, spacing=0.002)
    write(folder, "2", half, ids=ids, spacing=0.001)
    write(folder, "3", RGB, ids=ids)
    for name in ("", "label.dcm", "1"):
        text = f"levels, label, overview: by {name or 'directory'}"
        table.same(text, folder / name, region(folder), "wsidicom")
    shutil.copytree(folder, work / "no slide", dirs_exist_ok=True)
    for name in ("1", "2", "3"):
        (work / "no slide" / name).unlink()
    table.refused("label and overview alone", work / "no slide", "only of its label")


def lossless(table, work):
    """JPEG frames come back from a bundle with the coefficients that they have: the same pixels."""
    path = work / "lossless" / "a.dcm"
    write(path.parent, path.name, RGB, syntax=JPEG, photometric="YBR_FULL_422")
    out = work / "lossless" / "out"
    subprocess.run([table.binary, "encode", "--preset", "lossless", "--tile", "64", "--slide", path, "--out", out, "--quiet"], check=True)
    bundle = out / "residual_packs" / "residuals.bundle"
    subprocess.run([table.binary, "decode", "--bundle", bundle, "--out", out / "tree", "--quiet"], check=True)
    coded = generate_frames(pydicom.dcmread(path).PixelData, number_of_frames=20)
    level = max((out / "tree").glob("*_files/*"), key=lambda level: int(level.name))
    inside = [(number, frame) for number, frame in enumerate(coded) if number % 5 < 4 and number < 15]
    same = [frame.rstrip(b"\0") == (level / f"{number % 5}_{number // 5}.jpg").read_bytes() for number, frame in inside]
    table.row("lossless bundle of JPEG frames", f"{sum(same)} of {len(same)} whole frames are byte for byte as stored", all(same))


def shaded(gray, colour):
    """Gray values in the colours of a palette from black to a colour."""
    return np.stack([gray.astype(int) * part // 255 for part in colour], 2).astype(np.uint8)


def lossless_jpeg_2000(table, work):
    """Codestreams are in the bundle byte for byte, and come out as the pixels that they have."""
    for name, form, most in (("RGB", dict(photometric="YBR_RCT"), 0), ("no transform", {}, 0),
                             ("gray", dict(photometric="MONOCHROME2"), 0)):
        pixels = GRAY if name == "gray" else RGB
        path, out = work / f"lossless J2K {name}" / "a.dcm", work / f"lossless J2K {name}" / "out"
        write(path.parent, path.name, pixels, syntax=J2K, **form)
        subprocess.run([table.binary, "encode", "--preset", "lossless", "--slide", path, "--out", out, "--quiet"], check=True)
        bundle = out / "residual_packs" / "residuals.bundle"
        subprocess.run([table.binary, "verify", "--deep", bundle, "--quiet"], check=True)
        coded, stored = generate_frames(pydicom.dcmread(path).PixelData, number_of_frames=20), bundle.read_bytes()
        kept = sum(frame.rstrip(b"\0") in stored for frame in coded)
        said = subprocess.run([table.binary, "compare", path, bundle, "--json"], capture_output=True, text=True)
        same = said.returncode == 0 and json.loads(said.stdout)["identical"]
        table.row(f"lossless bundle of JPEG 2000, {name}", f"{kept} of 20 codestreams are in it, identical: {same}", kept == 20 and same)


def refused(table, work):
    cases = [
        ("two focal planes", RGB, dict(planes=2), "2 focal planes"),
        ("two focal planes, sparse", RGB, dict(planes=2, sparse=True), "2 focal planes"),
        ("two optical paths", GRAY, dict(photometric="MONOCHROME2", paths=("DAPI", "FITC")), "2 channels: 0 DAPI, 1 FITC"),
        ("YCbCr of 16 bits", RGB.astype(np.uint16) * 257, dict(bits=16, photometric="YBR_FULL"), "3 samples of 16 bits"),
        ("HTJ2K", RGB, dict(syntax=HTJ2K), "High-Throughput JPEG 2000"),
        ("JPEG lossless", RGB, dict(syntax=LOSSLESS_JPEG), "JPEG Lossless"),
    ]
    for number, (name, pixels, form, words) in enumerate(cases):
        folder = work / f"refused-{number}"
        write(folder, "a.dcm", pixels, **form)
        table.refused(name, folder / "a.dcm", words)
    planes, paths = work / "refused-0" / "a.dcm", work / "refused-2" / "a.dcm"
    table.same("two focal planes, the second chosen", planes, RGB, "the picture made", flags=("--z", "1"))
    table.same("two optical paths, the second chosen", paths, GRAY, "the picture made", flags=("--channel", "1"))
    yellow = np.stack([GRAY, GRAY, GRAY * 0], 2)
    table.same("two optical paths, red and green", paths, yellow, "the picture made", flags=("--channel", "0,1"))
    colours = ((0, 0, 255), (255, 128, 0))
    folder = work / "palettes"
    write(folder, "a.dcm", GRAY, photometric="MONOCHROME2", paths=("DAPI", "FITC"), palettes=colours)
    parts = [shaded(GRAY, colour) for colour in colours]
    table.same("two optical paths in their palettes", folder, np.minimum(sum(part.astype(int) for part in parts), 255),
               "the picture made", flags=("--channel", "0,1"))
    table.same("an optical path in its palette", folder, parts[1], "the picture made", flags=("--channel", "1"))


def made_with_wsidicomizer(table, work, data):
    """A TIFF with JPEG tiles, its frames kept, and an SVS with label and macro."""
    source = work / "source.ome.tif"
    big = picture(1000, 700)
    options = dict(tile=(256, 256), photometric="rgb", metadata={"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5, "axes": "YXS"})
    tifffile.imwrite(source, big, ome=True, **options)
    slides = [("TIFF", source, 0.5)]
    if data and (svs := data / "dev" / "CMU-1-Small-Region.svs").exists():
        slides.append(("SVS", svs, 0.499))
    for name, path, microns in slides:
        folder = work / f"wsidicomizer-{name}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            WsiDicomizer.convert(path, folder, tile_size=256, add_missing_levels=True)
        except FileNotFoundError as missing:
            print(f"SKIPPED: wsidicomizer: {missing} (apt install libturbojpeg0)")
            return
        table.same(f"wsidicomizer of a {name}", folder, region(folder), "wsidicom", microns=microns)


def main(binary, work, data):
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    table = Table(binary, work)
    made_with_pydicom(table, work)
    series(table, work)
    lossless(table, work)
    lossless_jpeg_2000(table, work)
    refused(table, work)
    made_with_wsidicomizer(table, work, data)
    for name, microns in (("sm_image.dcm", 0.499), ("gcp-jpeg.dcm", 16.7832)):
        if data and (path := data / "cases" / name).exists():
            found = total(path) if name == "sm_image.dcm" else matrix(path)
            table.same(f"case {name}", path, found, "highdicom" if name == "sm_image.dcm" else "Pillow", microns=microns)
        else:
            print(f"SKIPPED: {name}: set ORIGAMI_TEST_DATA to the folder of test images")
    print(f"{table.rows} series: {table.rows - table.failed} as expected, {table.failed} not")
    sys.exit(bool(table.failed))


main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]) if sys.argv[3] else None)
