"""Compares frames of a tour as the viewer previews them with those of the video, at ten times: what scripts/tours-long.sh runs.

    tour_preview.py ADDRESS FOLDER BINARY

FOLDER has the slides in "slides", and gets both frames of each time. Fails where the structural similarity is below 0.98.
"""

import base64
import io
import json
import os
import pathlib
import subprocess
import sys
import urllib.parse
import urllib.request

import numpy
from PIL import Image
from skimage.metrics import structural_similarity

from chromium import Browser

WIDTH, HEIGHT = 960, 540
LEAST = 0.98
# Zooms over three levels, pans, a turn, and the edge of the slide.
CAMERA = [{"time": 0}, {"time": 2, "center": [1110, 1300], "downsample": 1.4}, {"time": 4, "center": [1250, 1900], "downsample": 1, "ease": "linear"},
          {"time": 6, "center": [700, 1700], "downsample": 2.5, "rotation": 35}, {"time": 8, "center": [300, 400], "downsample": 0.8, "ease": "ease-in"}]
TIMES = [0, 0.7, 1.3, 2, 3.1, 4, 4.9, 5.6, 6.8, 8]


def preview(browser, document, time):
    """The canvas of the slide at a time, over white."""
    browser.eval(f"""(async () => {{
        const p = origami.recording.preview;
        p.at({time});
        await origami.settled();
    }})()""")
    data = browser.eval("origami.viewer.drawer.canvas.toDataURL('image/png')")
    canvas = Image.open(io.BytesIO(base64.b64decode(data.split(",")[1]))).convert("RGBA")
    white = Image.new("RGBA", canvas.size, "white")
    return Image.alpha_composite(white, canvas).convert("RGB")


def main():
    address, folder, origami = sys.argv[1:]
    folder = pathlib.Path(folder)
    slide = json.load(urllib.request.urlopen(f"{address}/api/slides"))["slides"][0]
    document = {"version": "1.3", "slide": f"slides/{slide['file']}", "camera": CAMERA,
                "options": {"width": WIDTH, "height": HEIGHT, "fps": 10}}
    (folder / "tour.json").write_text(json.dumps(document))
    browser = Browser(os.environ.get("CHROMIUM", "chromium"))
    try:
        browser.screen(WIDTH + 330, HEIGHT + 60)
        browser.open(f"{address}/viewer/{urllib.parse.quote(slide['name'], safe='')}")
        browser.key("t")
        # The stage is as large as the video.
        for _ in range(2):
            wide, high = browser.eval("(s => [innerWidth - s.clientWidth, innerHeight - s.clientHeight])(document.getElementById('stage'))")
            browser.screen(WIDTH + wide, HEIGHT + high)
            browser.eval("origami.settled()")
        browser.eval(f"origami.recording.load(new File([{json.dumps(json.dumps(document))}], 'tour.json'))")
        low = []
        for time in TIMES:
            shown = preview(browser, document, time)
            out = folder / f"video-{time}.png"
            subprocess.run([origami, "tour", "still", folder / "tour.json", "--at", str(time), "--bare", "--out", out], check=True)
            drawn = Image.open(out).convert("RGB")
            if shown.size != drawn.size:
                raise SystemExit(f"error: the preview has {shown.size} pixels, the video {drawn.size}")
            shown.save(folder / f"preview-{time}.png")
            a, b = numpy.asarray(shown), numpy.asarray(drawn)
            score = structural_similarity(a, b, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255)
            mean = numpy.abs(a.astype(int) - b).mean()
            print(f"{time:4} s: similarity {score:.4f}, mean difference {mean:.2f} of 255")
            low += [time] if score < LEAST else []
        if low:
            raise SystemExit(f"error: similarity below {LEAST} at {low} s; the frames are in {folder}")
    finally:
        browser.close()


if __name__ == "__main__":
    main()
