"""Compares frames of a tour as the viewer previews them with those of the video, at ten times: the slide alone, and all that lies over it.
What scripts/tours-long.sh runs.

    tour_preview.py ADDRESS FOLDER BINARY

FOLDER has the slides in "slides", and gets both frames of each time. Fails where the structural similarity is below 0.98.
"""

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
# Times of frames: the last one is that of 7.9 s.
TIMES = [0, 0.7, 1.3, 2, 3.1, 4, 4.9, 5.6, 6.8, 7.9]
# Over the slide: a card that fades, a pointer that moves, circles, and captions of every kind of style.
OVER = {
    "title": {"text": "A tour of one slide", "subtitle": "from the whole to the cell", "duration": 1},
    "pointer": [{"time": 1.2, "at": [900, 1200]}, {"time": 4, "at": [1300, 1950]}, {"time": 5}, {"time": 6, "at": [700, 1700]}],
    "highlights": [{"start": 1, "end": 4.5, "center": [1200, 1500], "radius": 180},
                   {"start": 5, "end": 8, "center": [650, 1650], "radius": 250, "color": "#00b7ffc0"}],
    "styles": {"default": {"fontSize": 26}, "speakers": {"Guide": {"color": "#b5ff9c", "fontWeight": "bold"}},
               "emotions": {"stern": {"backgroundColor": "rgba(80, 0, 0, 0.7)"}}},
    "cues": [{"text": "A guide speaks, of the upper left", "start": 0.5, "end": 2.5, "speaker": "Guide", "style": {"position": "top", "textAlign": "left"}},
             {"text": "Another one answers", "start": 1.9, "end": 3.5, "speaker": "Ann", "emotion": "happy"},
             {"text": "and a third one, at the same time", "start": 1.9, "end": 3.5, "speaker": "Ben"},
             {"text": "Stern words\nin two lines", "start": 3.8, "end": 5.2, "emotion": "stern"},
             {"text": "\uc5ec\uae30\uc5d0\uc11c \uc2dc\uc791\ud569\ub2c8\ub2e4", "start": 5.2, "end": 6, "emotion": "sad"},
             {"text": "With a shadow and a box", "start": 6.5, "end": 8.1,
              "style": {"backgroundColor": "#204060c0", "borderRadius": "12px", "boxShadow": "0 0 0 3px #fff", "padding": "6px 18px"}}],
}


def page(browser):
    """The frame as it is seen on the page."""
    box = browser.eval("(b => ({x: b.x, y: b.y, width: b.width, height: b.height}))(document.getElementById('frame').getBoundingClientRect())")
    return Image.open(io.BytesIO(browser.picture(**box))).convert("RGB")


def compare(browser, folder, origami, name, document, more):
    """Both frames at each time; returns the times at which they differ too much."""
    path = folder / f"{name}.json"
    path.write_text(json.dumps(document))
    browser.eval(f"origami.recording.load(new File([{json.dumps(json.dumps(document))}], 'tour.json'))")
    said = browser.eval("document.getElementById('tour-said').textContent")
    if said != "tour.json is open.":
        raise SystemExit(f"error: the recorder says of {path}: {said}")
    low = []
    for time in TIMES:
        browser.eval(f"(async () => {{ origami.recording.preview.at({time}); await origami.settled(); }})()")
        shown = page(browser)
        out = folder / f"{name}-video-{time}.png"
        subprocess.run([origami, "tour", "still", path, "--at", str(time), *more, "--out", out], check=True)
        drawn = Image.open(out).convert("RGB")
        if shown.size != drawn.size:
            raise SystemExit(f"error: the preview has {shown.size} pixels, the video {drawn.size}")
        shown.save(folder / f"{name}-preview-{time}.png")
        a, b = numpy.asarray(shown), numpy.asarray(drawn)
        score = structural_similarity(a, b, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255)
        mean = numpy.abs(a.astype(int) - b).mean()
        print(f"{name}, {time:4} s: similarity {score:.4f}, mean difference {mean:.2f} of 255")
        low += [time] if score < LEAST else []
    return [f"{name} at {time} s" for time in low]


def main():
    address, folder, origami = sys.argv[1:]
    folder = pathlib.Path(folder)
    slide = json.load(urllib.request.urlopen(f"{address}/api/slides"))["slides"][0]
    document = {"version": "1.3", "slide": f"slides/{slide['file']}", "camera": CAMERA,
                "options": {"width": WIDTH, "height": HEIGHT, "fps": 10}}
    browser = Browser(os.environ.get("CHROMIUM", "chromium"))
    try:
        browser.screen(WIDTH + 330, HEIGHT + 60)
        browser.open(f"{address}/viewer/{urllib.parse.quote(slide['name'], safe='')}")
        browser.key("t")
        browser.wait("Boolean(origami.recording?.open)", "the recorder")
        # The stage is as large as the video.
        for _ in range(2):
            wide, high = browser.eval("(s => [innerWidth - s.clientWidth, innerHeight - s.clientHeight])(document.getElementById('stage'))")
            browser.screen(WIDTH + wide, HEIGHT + high)
            browser.eval("origami.settled()")
        # The page has its own tools over the frame.
        browser.eval("""document.querySelectorAll('#tools, #corner, #navigator').forEach(one => one.style.setProperty('display', 'none', 'important'));
            document.getElementById('frame').style.outline = 'none'""")
        overlay = "document.getElementById('overlay').hidden ="
        browser.eval(f"{overlay} true")
        low = compare(browser, folder, origami, "slide", document, ["--bare"])
        browser.eval(f"{overlay} false")
        low += compare(browser, folder, origami, "all", {**document, **OVER}, [])
        if low:
            raise SystemExit(f"error: similarity below {LEAST}: {', '.join(low)}; the frames are in {folder}")
    finally:
        browser.close()


if __name__ == "__main__":
    main()
