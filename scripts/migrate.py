"""Compares the answers to old addresses, by the old server and by the new one.

    migrate.py OLD NEW ORIGAMI SLIDES    # the address of iipsrv, of the rules, of `origami serve`; the folder that it serves
"""

import http.client
import importlib.util
import io
import json
import re
import sys
import time
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

AT = "/fcgi-bin/iipsrv.fcgi?"
# Both have the pixels of the same JPEG tiles; iipsrv codes them again, and has the levels of the TIFF, which are reduced in another way.
LEAST_DB = 25
# iipsrv starts in a moment.
STARTS_S = 20

old, new, origami, slides = sys.argv[1:]
counts = {"compared": 0, "refused": 0}


def get(base, path):
    connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=60)
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.read()


def image(base, path):
    status, body = get(base, path)
    assert status == 200, f"{base}{path}: {status} {body[:200]!r}"
    return np.asarray(Image.open(io.BytesIO(body)).convert("RGB"), np.int32)


def psnr(a, b):
    return 10 * np.log10(255**2 / max(np.mean((a - b) ** 2), 1e-9))


def same(what, is_scaled=False):
    """The image at an old address is the same by both."""
    theirs, ours = image(old, AT + what), image(new, AT + what)
    # Levels of TIFFs that libvips writes are rounded down, those of Deep Zoom up.
    off = np.abs(np.subtract(theirs.shape, ours.shape)).max()
    assert off <= 1, f"{what}: {theirs.shape} by iipsrv, {ours.shape} here"
    height, width, _ = np.minimum(theirs.shape, ours.shape)
    theirs, ours = theirs[:height, :width], ours[:height, :width]
    if is_scaled:
        # iipsrv takes the nearest pixels: what both show is alike, not each pixel.
        theirs, ours = (np.asarray(Image.fromarray(of.astype(np.uint8)).resize((width // 4, height // 4), Image.Resampling.BOX), np.int32) for of in (theirs, ours))
    db = psnr(theirs, ours)
    assert db >= LEAST_DB, f"{what}: {db:.1f} dB from iipsrv's"
    counts["compared"] += 1


def numbers(text):
    return {name.lower(): int(value) for name, value in re.findall(r'(width|height|tilesize)="(\d+)"', text, re.IGNORECASE)}


def wait():
    end = time.monotonic() + STARTS_S
    for base in (old, new):
        while True:
            try:
                if get(base, AT + "DeepZoom=slide.tif.dzi")[0] == 200:
                    break
            except OSError:
                pass
            assert time.monotonic() < end, f"{base} does not answer"
            time.sleep(0.1)


def descriptors():
    for path in ("slide", "/slide", "case/slide"):
        for what in (f"DeepZoom={path}.tif.dzi", f"Zoomify={path}.tif/ImageProperties.xml"):
            theirs, ours = (get(base, AT + what) for base in (old, new))
            assert theirs[0] == ours[0] == 200, f"{what}: {theirs[0]}, {ours[0]}"
            assert numbers(theirs[1].decode()) == numbers(ours[1].decode()), f"{what}: {theirs[1]!r}, {ours[1]!r}"
            counts["compared"] += 1
    theirs, ours = (json.loads(get(base, AT + "IIIF=slide.tif/info.json")[1]) for base in (old, new))
    assert (theirs["width"], theirs["height"]) == (ours["width"], ours["height"]), (theirs, ours)


def images():
    for level in (12, 11, 10):
        for x, y in ((0, 0), (1, 2), (2, 1)):
            same(f"DeepZoom=slide.tif_files/{level}/{x}_{y}.jpg")
    same("DeepZoom=case/slide.tif_files/12/2_2.jpg")
    for part in ("TileGroup0/4-3-2.jpg", "TileGroup0/0-0-0.jpg", "TileGroup0/3-1-1.jpg"):
        same(f"Zoomify=slide.tif/{part}")
    for part in ("0,0,512,512/512,/0/default.jpg", "300,200,256,256/128,/0/default.jpg", "full/400,/0/default.jpg"):
        same(f"IIIF=slide.tif/{part}", is_scaled=True)
    same("FIF=slide.tif&WID=500&CVT=jpeg", is_scaled=True)
    same("FIF=case/slide.tif&HEI=300&CVT=jpeg", is_scaled=True)


def refused():
    for what in ("FIF=slide.tif&JTL=3,7", "FIF=slide.tif&OBJ=Max-size", "DeepZoom=slide.png.dzi", ""):
        status, body = get(new, AT + what)
        assert status == 410 and b"docs/migrate.md" in body, f"{what}: {status} {body!r}"
        counts["refused"] += 1
    status, _ = get(new, AT + "DeepZoom=nothing.tif.dzi")
    assert status == 404, status


def zoomify():
    """A folder as it is, and its bundle, by the addresses of a folder: the same bytes of the full resolution."""
    properties = [get(origami, f"/zoomify/{name}/ImageProperties.xml") for name in ("zoomify", "encoded")]
    assert properties[0][0] == 200 and numbers(properties[0][1].decode()) == numbers(properties[1][1].decode()), properties
    finest = max(int(re.match(r".*/(\d+)-", name).group(1)) for name in files(slides + "/zoomify"))
    count = 0
    for file in files(slides + "/zoomify"):
        if f"/{finest}-" in file:
            part = file.removeprefix(slides + "/zoomify/")
            stored = open(file, "rb").read()
            for name in ("zoomify", "encoded"):
                status, body = get(origami, f"/zoomify/{name}/{part}")
                assert status == 200 and body == stored, f"{name}/{part}: {status}, {len(body)} bytes, {len(stored)} in the folder"
            count += 1
    print(f"Zoomify: {count} tiles of the folder, as they are and from the bundle of it")


def files(folder):
    import glob

    return sorted(glob.glob(f"{folder}/TileGroup*/*.jpg"))


def by_large_image():
    if importlib.util.find_spec("origami") is None:
        print("SKIPPED: large_image: the Python package is not built (scripts/python.sh)")
        return
    import large_image

    bundle = large_image.open(f"{slides}/slide.bundle")
    served = large_image.open(f"{origami}/slide")
    for z, x, y in ((4, 3, 2), (3, 1, 1), (0, 0, 0)):
        theirs = np.asarray(bundle.getTile(x, y, z, numpyAllowed="always"))
        assert np.array_equal(theirs, np.asarray(served.getTile(x, y, z, numpyAllowed="always"))), (z, x, y)
        ours = image(origami, f"/xyz/slide/{z}/{x}/{y}.jpg")[: theirs.shape[0], : theirs.shape[1]]
        assert psnr(theirs[..., :3].astype(np.int32), ours) >= LEAST_DB, (z, x, y)
    print("large_image: tiles of a bundle, of a server and by XYZ addresses agree")


wait()
descriptors()
images()
refused()
print(f"iipsrv: {counts['compared']} answers agree, {counts['refused']} that have no counterpart are refused")
zoomify()
by_large_image()
