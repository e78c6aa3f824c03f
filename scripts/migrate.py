"""Compares the answers to old addresses, by the old server and by the new one.

    migrate.py OLD NEW RULES ORIGAMI SLIDES

The addresses of iipsrv, of docs/iipsrv.conf, of the rules of docs/migrate.md, of `origami serve`, and the folder that it serves.
"""

import http.client
import importlib.util
import io
import json
import re
import sys
import time
from urllib.parse import unquote, urlsplit

import numpy as np
from PIL import Image

AT = "/fcgi-bin/iipsrv.fcgi?"
# Both have the pixels of the same JPEG tiles; iipsrv codes them again, and has the levels of the TIFF, which are reduced in another way.
LEAST_DB = 25
# iipsrv starts in a moment.
STARTS_S = 20

# A folder and a name with spaces, as an address has them.
ODD = "case%20b/my%20slide"

old, new, rules, origami, slides = sys.argv[1:]
counts = {"compared": 0, "refused": 0, "ruled": 0}


def answer_of(base, path):
    connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=60)
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer, answer.read()


def get(base, path):
    answer, body = answer_of(base, path)
    return answer.status, body


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
    for base, path in ((old, AT + "DeepZoom=slide.tif.dzi"), (new, AT + "DeepZoom=slide.tif.dzi"), (rules, "/iiif/3/slide/info.json")):
        while True:
            try:
                if get(base, path)[0] == 200:
                    break
            except OSError:
                pass
            assert time.monotonic() < end, f"{base} does not answer"
            time.sleep(0.1)


def descriptors():
    for path in ("slide", "/slide", "case/slide", ODD):
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
    for path in ("case/slide", ODD):
        same(f"DeepZoom={path}.tif_files/12/2_2.jpg")
        same(f"Zoomify={path}.tif/TileGroup0/3-1-1.jpg")
    for part in ("TileGroup0/4-3-2.jpg", "TileGroup0/0-0-0.jpg", "TileGroup0/3-1-1.jpg"):
        same(f"Zoomify=slide.tif/{part}")
    for part in ("0,0,512,512/512,/0/default.jpg", "300,200,256,256/128,/0/default.jpg", "full/400,/0/default.jpg"):
        same(f"IIIF=slide.tif/{part}", is_scaled=True)
    same("FIF=slide.tif&WID=500&CVT=jpeg", is_scaled=True)
    for path in ("case/slide", ODD):
        same(f"FIF={path}.tif&HEI=300&CVT=jpeg", is_scaled=True)


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


def is_as_by(path, ours):
    """What a rule answers is what `origami serve` answers at the new address."""
    (status, body), (wanted, same_body) = get(rules, path), get(origami, ours)
    assert status == wanted == 200 and body == same_body, f"{path}: {status}, {len(body)} bytes; {ours}: {wanted}, {len(same_body)} bytes"
    counts["ruled"] += 1


def zoomify_folders():
    """The addresses of files in a folder, by the rule: names as the folder has them."""
    for path, name in (("zoomify", "zoomify"), ("case%20b/of%20tiles", "case%20b%2Fof%20tiles")):
        for part in ("ImageProperties.xml", "TileGroup0/0-0-0.jpg", "TileGroup0/4-3-2.jpg"):
            is_as_by(f"/zoomify-folders/{path}/{part}", f"/zoomify/{name}/{part}")
            stored = open(f"{slides}/{unquote(path)}/{part}", "rb").read()
            assert part.endswith(".xml") or get(rules, f"/zoomify-folders/{path}/{part}")[1] == stored, path
    for path in ("zoomify", "zoomify/other.jpg", "a/b/c/d/TileGroup0/0-0-0.jpg"):
        status, _ = get(rules, f"/zoomify-folders/{path}")
        assert status == 404, f"{path}: {status}"


def girder():
    for item, name in (("5f3c0e8b9d2a4c0012345678", "slide"), ("5f3c0e8b9d2a4c0012345679", ODD.replace("/", "%2F"))):
        for z, x, y in ((4, 3, 2), (0, 0, 0)):
            is_as_by(f"/api/v1/item/{item}/tiles/zxy/{z}/{x}/{y}", f"/xyz/{name}/{z}/{x}/{y}.jpg")
    status, _ = get(rules, "/api/v1/item/0123456789abcdef01234567/tiles/zxy/0/0/0")
    assert status == 404, f"an item that is not in the list: {status}"


def cantaloupe():
    """The old identifier leads to the new one, with what follows it; an identifier without extension is passed on."""
    for name in ("slide", ODD.replace("/", "%2F")):
        for version, rest in ((2, "/info.json"), (3, "/info.json?a=b"), (2, ""), (3, "/0,0,256,256/max/0/default.jpg")):
            for extension in ("tif", "tiff", "jp2", "TIF"):
                answer, _ = answer_of(rules, f"/iiif/{version}/{name}.{extension}{rest}")
                to = urlsplit(answer.headers["Location"] or "")
                got = f"{to.path}?{to.query}" if to.query else to.path
                assert (answer.status, got) == (301, f"/iiif/{version}/{name}{rest}"), f"{name}.{extension}{rest}: {answer.status}, {got}"
                assert answer.headers["Access-Control-Allow-Origin"] == "*", f"{name}.{extension}{rest}"
                counts["ruled"] += 1
        is_as_by(f"/iiif/3/{name}/0,0,256,256/max/0/default.jpg", f"/iiif/3/{name}/0,0,256,256/max/0/default.jpg")
        described = json.loads(get(rules, f"/iiif/3/{name}/info.json")[1])
        assert described["id"] == f"{rules}/iiif/3/{name}", described["id"]


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
zoomify_folders()
girder()
cantaloupe()
print(f"rules of the page: {counts['ruled']} answers of Zoomify's folders, of Girder's and Cantaloupe's addresses are as they should be")
by_large_image()
