"""What `origami` makes of files whose meaning differs from what a reader assumes, against independent readers.

    cases.py BINARY FOLDER WORK

Each case gives the pixels of an independent reader, or what the refusal must say, or both where either is right. The pixels of
`origami` are those of the finest level that `origami pyramid --format png` writes, or `origami encode` and `decode` of a tree. Exit
code 1 if anything is wrong.
"""

import json
import pathlib
import shutil
import subprocess
import sys

import imagecodecs
import numpy as np
import pydicom
import tifffile
from PIL import Image, ImageOps

# Largest difference of a sample where both decode the same JPEG: the integer DCTs differ by rounding.
DCT = 3
# And where chroma is subsampled, raised to full size by interpolation here and by repetition there.
CHROMA = 80

binary, folder, work = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])


class Refused(Exception):
    """`origami` gave an error: its text."""


def origami(*words):
    """Runs the program; returns what it says on standard error."""
    ran = subprocess.run([binary, *map(str, words)], capture_output=True, text=True)
    if ran.returncode != 0:
        raise Refused(ran.stderr.strip())
    return ran.stderr.strip()


def fresh(name):
    """An empty folder."""
    path = work / "out" / name.replace("/", "_")
    shutil.rmtree(path, ignore_errors=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def tree_pixels(dzi):
    """The finest level of a tree of which a level is one tile, or several."""
    levels = dzi.with_name(dzi.stem + "_files")
    finest = max((path for path in levels.iterdir()), key=lambda path: int(path.name))
    tiles = {tuple(map(int, tile.stem.split("_"))): np.asarray(Image.open(tile)) for tile in finest.iterdir()}
    across, down = (1 + max(at[axis] for at in tiles) for axis in (0, 1))
    return np.concatenate([np.concatenate([tiles[x, y] for x in range(across)], 1) for y in range(down)], 0)


def slide_pixels(name, *flags):
    """The full resolution of a slide as `origami` reads it, and what it says of it."""
    out = fresh(name)
    said = origami("pyramid", folder / name, "--out", out, "--format", "png", "--tile", 4096, *flags)
    return tree_pixels(out / "baseline_pyramid.dzi"), said


def pillow(name):
    """Pillow's pixels, turned as the file says."""
    return np.asarray(ImageOps.exif_transpose(Image.open(folder / name)).convert("RGB"))


def tiff(name, page=0):
    pixels = tifffile.TiffFile(folder / name).pages[page].asarray()
    return pixels.astype(np.uint8) * 255 if pixels.dtype == bool else pixels


def window(samples):
    """Samples of more than 8 bits between their least and largest value."""
    low, high = int(samples.min()), int(samples.max())
    return np.rint((samples.astype(float) - low) * 255 / (high - low)).astype(np.uint8)


def dicom(name):
    """The frames of a tiled DICOM image, put together."""
    image = pydicom.dcmread(folder / name)
    frames = image.pixel_array.reshape(-1, image.Rows, image.Columns, image.SamplesPerPixel)
    width, height = image.TotalPixelMatrixColumns, image.TotalPixelMatrixRows
    whole = np.zeros((height + image.Rows, width + image.Columns, image.SamplesPerPixel), np.uint8)
    across = -(-width // image.Columns)
    for number, frame in enumerate(frames):
        top, left = number // across * image.Rows, number % across * image.Columns
        whole[top : top + image.Rows, left : left + image.Columns] = frame
    return whole[:height, :width]


# Name, flags, the right pixels or None, the largest difference allowed, words of a refusal that is right too or None.
SLIDES = [
    ("fillorder2.tif", [], lambda: tiff("fillorder1-same-pixels.tif"), 0, None),
    ("jpeg-photometric-rgb-ids123.tif", [], lambda: tiff("jpeg-photometric-rgb-ids123.tif"), DCT, None),
    ("jpeg-planar-separate.tif", [], lambda: tiff("jpeg-planar-separate.tif").transpose(1, 2, 0), DCT, "planar"),
    ("rgb-one-page-per-channel.ome.tif", [], lambda: np.stack([tiff("rgb-one-page-per-channel.ome.tif", i) for i in range(3)], -1), 0, "channel"),
    ("five-channels.tif", [], None, 0, "channels"),
    ("five-channels.tif", ["--channel", "2"], lambda: tiff("five-channels.tif")[2], 0, None),
    ("wsireg-mc.tiff", [], None, 0, "channels"),
    ("wsireg-mc.tiff", ["--channel", "1"], "visible", 0, None),
    ("label-is-first-page.tif", [], lambda: tiff("label-is-first-page.tif", 1), DCT, None),
    ("twelve-bits-in-sixteen.tif", [], lambda: window(tiff("twelve-bits-in-sixteen.tif")), 1, None),
    ("rgb-3c-16b.tiff", [], lambda: np.rint(tiff("rgb-3c-16b.tiff") / 257).astype(np.uint8), 0, None),
    ("orientation6.jpg", [], lambda: pillow("orientation6.jpg"), DCT, None),
    ("orientation6.tif", [], lambda: pillow("orientation6.tif"), DCT, None),
    ("cmyk-no-adobe.jpg", [], lambda: pillow("cmyk-no-adobe.jpg"), DCT, "CMYK"),
    ("cmyk-with-profile.jpg", [], lambda: pillow("cmyk-with-profile.jpg"), DCT, "CMYK"),
    ("deflate-tile-damaged.tif", [], None, 0, "tile at column"),
    ("tiff-jpeg2000.tif", [], lambda: tiff("tiff-jpeg2000.tif"), 1, "JPEG 2000"),
    ("quad-tile.jpg.tiff", [], lambda: tiff("quad-tile.jpg.tiff"), CHROMA, None),
    ("sm_image.dcm", [], lambda: dicom("sm_image.dcm"), 0, None),
    ("gcp-jpeg.dcm", [], lambda: dicom("gcp-jpeg.dcm"), CHROMA, None),
]


def difference(ours, right):
    """The largest difference of a sample, as text and as a number; a shape that differs is 256."""
    ours, right = (np.repeat(a[..., None] if a.ndim == 2 else a, 3 if a.ndim == 2 or a.shape[-1] == 1 else 1, -1) for a in (ours, right))
    if ours.shape != right.shape:
        return f"{ours.shape[1]}x{ours.shape[0]} instead of {right.shape[1]}x{right.shape[0]}", 256
    worst = int(np.abs(ours.astype(int) - right).max())
    psnr = np.mean((ours.astype(float) - right) ** 2)
    return f"largest difference {worst}, mean square {psnr:.2f}", worst


def slide(name, flags, right, most, refusal):
    """One case: whether it is right, and what was found."""
    try:
        ours, said = slide_pixels(name, *flags)
    except Refused as refused:
        text = str(refused)
        # "Damaged" is right only of a tile that is.
        named = refusal is not None and refusal.lower() in text.lower()
        return named and ("damaged" not in text or refusal == "tile at column"), f"refused: {text.split(': ', 2)[-1]}"
    said = f"; says: {said.split(': ', 1)[-1]}" if said else ""
    if right is None:
        return False, f"taken as {ours.shape}{said}"
    if right == "visible":
        return int(ours.max()) - int(ours.min()) > 100, f"samples from {ours.min()} to {ours.max()}{said}"
    found, worst = difference(ours, right())
    return worst <= most, found + said


def lossless_is_identical():
    """Two identical trees compare as identical, and a PNG tree of a lossless bundle has libjpeg's pixels."""
    name, out = "quad-tile.jpg.tiff", fresh("lossless")
    origami("encode", folder / name, "--out", out, "--preset", "lossless", "-q")
    bundle = out / "residual_packs/residuals.bundle"
    origami("decode", bundle, "--out", out / "jpg", "-q")
    origami("decode", bundle, "--out", out / "png", "--output-format", "png", "-q")
    ran = subprocess.run([binary, "compare", out / "jpg", bundle, "--json"], capture_output=True, text=True, check=True)
    compared = json.loads(ran.stdout)
    stored = sorted((out / "jpg/decoded_pyramid_files").iterdir(), key=lambda path: int(path.name))[-1]
    worst = 0
    for jpeg in stored.iterdir():
        png = out / "png/decoded_pyramid_files" / stored.name / (jpeg.stem + ".png")
        libjpeg = np.asarray(Image.open(jpeg).convert("RGB")).astype(int)
        worst = max(worst, int(np.abs(libjpeg - np.asarray(Image.open(png).convert("RGB"))).max()))
    said = f"compare: Y-PSNR {compared['y_psnr']}, RGB-PSNR {compared['rgb_psnr']}; PNG against libjpeg: largest difference {worst}"
    return compared["y_psnr"] is None and compared["rgb_psnr"] is None and worst == 0, said


def no_profile_of_inks():
    """RGB pixels never carry a profile for inks."""
    try:
        slide_pixels("cmyk-with-profile.jpg")
    except Refused as refused:
        return "CMYK" in str(refused), f"refused: {str(refused).split(': ', 2)[-1]}"
    profiles = list((work / "out" / "cmyk-with-profile.jpg").glob("*.icc"))
    return not profiles, f"profiles beside the tree: {len(profiles)}"


def fluorescence():
    """Each of R, G and B within the quality that is reported."""
    name, out = "fluorescence-TRITC.ndpi", fresh("fluorescence")
    try:
        said = origami("encode", folder / name, "--out", out, "--target-psnr", 40)
    except Refused as refused:
        return False, f"refused: {refused}"
    source = fresh("fluorescence-source")
    origami("pyramid", folder / name, "--out", source, "--format", "png", "--tile", 4096, "-q")
    origami("decode", out / "residual_packs/residuals.bundle", "--out", out, "--output-format", "png", "-q")
    right, ours = tree_pixels(source / "baseline_pyramid.dzi"), tree_pixels(out / "decoded_pyramid.dzi")
    error = np.mean((right.astype(float) - ours) ** 2, (0, 1))
    decibels = [float("inf") if e == 0 else 10 * np.log10(255**2 / e) for e in error]
    text = ", ".join(f"{c} {db:.1f} dB" for c, db in zip("RGB", decibels))
    return min(decibels) >= 39.5, text + (f"; says: {said.splitlines()[-1]}" if said else "")


def metadata(name, right):
    """Microns per pixel of a slide."""
    ran = subprocess.run([binary, "inspect", folder / name, "--json"], capture_output=True, text=True)
    found = json.loads(ran.stdout).get("microns_per_pixel")
    return found is not None and np.allclose(found, right, rtol=1e-9), f"{found}, in the file {right}"


def dicom_microns(name):
    image = pydicom.dcmread(folder / name)
    down, across = image.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing
    return [1000 * float(across), 1000 * float(down)]


def tree(name, right):
    """A tree, encoded and decoded to PNG: close to the finest level, and nothing of it white that was not."""
    source, out = folder / "dzi" / name, fresh(name)
    try:
        origami("encode", source, "--out", out, "--preset", "archive", "-q")
    except Refused as refused:
        return False, f"refused: {refused}"
    origami("decode", out / "residual_packs/residuals.bundle", "--out", out, "--output-format", "png", "-q")
    ours, right = tree_pixels(out / "decoded_pyramid.dzi"), right(source)
    if ours.shape != right.shape:
        return False, difference(ours, right)[0]
    psnr = 10 * np.log10(255**2 / np.mean((ours.astype(float) - right) ** 2))
    exif = sum(b"Exif\0\0" in path.read_bytes() for path in out.rglob("*") if path.is_file())
    return psnr > 35 and exif == 0, f"{psnr:.1f} dB; files with EXIF: {exif}"


def finest(source):
    return tree_pixels(next(path for path in source.glob("*.dzi") if not path.name.startswith(".")))


def small_levels_are_upright():
    """One orientation at all levels of a tree that was coded from one whose small tiles carry EXIF."""
    out = work / "out" / "tiles-with-exif-orientation" / "decoded_pyramid_files"
    levels = {int(path.name): path for path in out.iterdir()}
    large = np.asarray(Image.open(levels[8] / "0_0.png").convert("L"))
    if 9 not in levels:
        return False, "no level 9"
    whole = tree_pixels(out.with_name("decoded_pyramid.dzi"))
    scale = np.asarray(Image.fromarray(whole).convert("L").resize(large.shape[::-1], Image.Resampling.BOX))
    psnr = 10 * np.log10(255**2 / max(1e-9, np.mean((scale.astype(float) - large) ** 2)))
    return psnr > 25, f"level 8 is the finest level reduced, at {psnr:.1f} dB"


def label_is_nowhere():
    """The label's pixels lie in no tile: the finest level is the slide, and the first page has another size."""
    label, ours = tiff("label-is-first-page.tif", 0), slide_pixels("label-is-first-page.tif")[0]
    return ours.shape[:2] == (3000, 4000) and label.shape[:2] != (3000, 4000), f"{ours.shape[1]}x{ours.shape[0]}"


CASES = [(" ".join([name, *flags]), lambda case=case: slide(*case)) for case in SLIDES for name, flags in [case[:2]]] + [
    ("label-is-first-page.tif: size", label_is_nowhere),
    ("cmyk-with-profile.jpg: profile", no_profile_of_inks),
    ("quad-tile.jpg.tiff: lossless", lossless_is_identical),
    ("fluorescence-TRITC.ndpi --target-psnr 40", fluorescence),
    ("sm_image.dcm: microns", lambda: metadata("sm_image.dcm", dicom_microns("sm_image.dcm"))),
    ("gcp-jpeg.dcm: microns", lambda: metadata("gcp-jpeg.dcm", dicom_microns("gcp-jpeg.dcm"))),
    ("dzi/jpeg-vs-jpg", lambda: tree("jpeg-vs-jpg", finest)),
    ("dzi/nolowlevels", lambda: tree("nolowlevels", finest)),
    ("dzi/tiles-with-exif-orientation", lambda: tree("tiles-with-exif-orientation", finest)),
    ("dzi/tiles-with-exif-orientation: levels", small_levels_are_upright),
    ("dzi/appledouble", lambda: tree("appledouble", finest)),
]


def main():
    wrong = 0
    print("| case | | found |\n|---|---|---|")
    for name, check in CASES:
        try:
            right, found = check()
        except Exception as error:  # The others are still worth their row.
            right, found = False, f"{type(error).__name__}: {error}"
        wrong += not right
        print(f"| {name} | {'right' if right else '**WRONG**'} | {found} |".replace("\n", " "), flush=True)
    print(f"\n{len(CASES) - wrong} of {len(CASES)} right")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
