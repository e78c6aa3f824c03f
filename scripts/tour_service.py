"""Drives headless Chromium through a tour that a real service renders: recorded in the viewer, watched, played, listed on the page of jobs.

    tour_service.py ADDRESS SCREENSHOTS

ADDRESS is that of `origami serve --jobs`; the tour is over the first slide that it serves. Any error on the console and any request that fails is a failure.
"""

import json
import os
import pathlib
import sys
import urllib.parse
import urllib.request

from chromium import Browser
from user import User

LIMIT_S = 300


def main():
    address, out = sys.argv[1:]
    out = pathlib.Path(out)
    with urllib.request.urlopen(f"{address}/api/slides") as answer:
        slide = json.load(answer)["slides"][0]["name"]
    browser = Browser(os.environ.get("CHROMIUM", "chromium"))
    user = User(browser, out)

    try:
        browser.screen(1280, 820)
        browser.open(f"{address}/viewer/{urllib.parse.quote(slide, safe='')}")
        browser.eval("origami.settled()")
        browser.key("t")
        browser.wait("!document.getElementById('render').disabled", "a service that takes jobs")
        for selector, value in (("#width", 640), ("#height", 360), ("#fps", 10)):
            user.fill(selector, value)
        for x, y, zoom in ((1110, 1400, 0.3), (700, 900, 1)):
            browser.eval(f"(v => {{ v.zoomTo(v.imageToViewportZoom({zoom}), null, true); v.panTo(v.imageToViewportCoordinates({x}, {y}), true); }})(origami.viewer.viewport)")
            browser.key("k")
        user.press("#add-cue")
        user.fill("#cues .text", "Here")
        user.press("#render")
        browser.wait("!document.getElementById('result').hidden || /failed/.test(document.getElementById('job-said').textContent)", "the end of the job", LIMIT_S)
        browser.wait("document.getElementById('video').readyState >= 1", "a video that can be played")
        user.check("document.getElementById('video').videoWidth === 640", "the video's width")
        user.check("Math.abs(document.getElementById('video').duration - 3) < 1.1", "the video's length")
        user.picture("service-done")
        browser.open(f"{address}/jobs")
        user.check("/completed/.test(document.querySelector('.job .state').textContent)", "the page of jobs")
        user.picture("service-jobs")
        if browser.faults:
            raise SystemExit("error: what the browser complained of:\n  " + "\n  ".join(browser.faults))
        print("a tour from the recorder: rendered by the service, played, listed")
    finally:
        browser.close()


if __name__ == "__main__":
    main()
