"""Opens the pages of examples/clients and compares what they show with the slide.

    clients.py CHROMIUM SITE SERVER FOLDER    # the pages' address, that of `origami serve`, where pictures go
"""

import io
import sys
import urllib.request
from pathlib import Path

import numpy as np
from chromium import Browser
from PIL import Image

WIDTH, HEIGHT = 900, 700
# Both are reduced to so many pixels of width: a viewer resamples in its own way.
LOOKED_AT_PX = 60
LEAST_DB = 24

program, site, server, folder = sys.argv[1:]


def slide():
    """The whole slide, small."""
    with urllib.request.urlopen(f"{server}/thumbnails/cmu-1?width=700") as answer:
        return Image.open(io.BytesIO(answer.read())).convert("RGB")


def shown(picture, like):
    """The part of a screenshot that has the slide: all but the white around it, as far as its shape goes."""
    scale = min(picture.width / like.width, picture.height / like.height)
    found = None
    # A viewer whose zooms are whole numbers shows it smaller than the window.
    for part in (scale, *(2.0**-n for n in range(6))):
        for side in (like.width, 2220):
            width = round(part * side if side != like.width else scale * side)
            height = round(width * like.height / like.width)
            if width > picture.width + 1 or height > picture.height + 1 or width < LOOKED_AT_PX:
                continue
            left, top = (picture.width - width) // 2, (picture.height - height) // 2
            cut = picture.crop((left, top, left + width, top + height))
            db = likeness(cut, like)
            found = max(found or (0, 0), (db, width))
    return found


def likeness(a, b):
    size = (LOOKED_AT_PX, round(LOOKED_AT_PX * b.height / b.width))
    a, b = (np.asarray(image.resize(size, Image.Resampling.BOX), np.float64) for image in (a, b))
    return 10 * np.log10(255**2 / np.mean((a - b) ** 2))


whole, browser = slide(), Browser(program)
try:
    browser.screen(WIDTH, HEIGHT)
    for page in ("openseadragon", "leaflet", "openlayers"):
        browser.faults.clear()
        browser.open(f"{site}/{page}.html?slide=cmu-1&server={server}")
        tiles = [url for url in browser.requests if url.startswith(server) and url.endswith(".jpg")]
        png = browser.picture()
        Path(folder, f"{page}.png").write_bytes(png)
        db, width = shown(Image.open(io.BytesIO(png)).convert("RGB"), whole)
        # A browser asks every site for its icon.
        faults = [fault for fault in browser.faults if "favicon" not in fault]
        if faults or not tiles or db < LEAST_DB:
            raise SystemExit(f"error: {page}: {db:.1f} dB from the slide at {width} pixels, {len(tiles)} tiles, {faults}")
        print(f"{page}: {len(tiles)} tiles, {db:.1f} dB from the slide at {width} pixels of width")
        browser.requests.clear()
finally:
    browser.close()
