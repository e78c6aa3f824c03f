"""The viewer on a slow link, and OpenSeadragon over the tree of JPEGs that the same bundle decodes to: what scripts/slow-link.sh runs.

    slow_link.py CHROMIUM SERVER SLIDE TREE FOLDER     TREE is the address of a page over the tree

Of each run: when the first picture was on the screen, when a pan of one screen was sharp, and what was sent. Medians of RUNS. A picture is
the first one where its structural similarity to the final view is at least LIKE, both reduced to WIDTH pixels of width.
"""

import base64
import io
import statistics
import sys
from pathlib import Path
from urllib.parse import quote

import numpy
from PIL import Image
from skimage.metrics import structural_similarity

from chromium import Browser

RATE_BYTES, LATENCY_MS = 200_000, 150
SCREEN = (1280, 800)
RUNS, WIDTH, LIKE = 5, 128, 0.9
FIRST_MS, MORE, EXTRA_MS = 1500, 1.15, 300
# Both places are tissue, one screen apart, at full resolution.
FROM, PAN_PX = (1110, 1060), 750

# Pans by one screen and resolves when every tile of the new view is there and drawn: milliseconds, and the finest tiles that it needed.
PAN = """(async () => {
    const { viewer } = globalThis.origami ?? globalThis, item = viewer.world.getItemAt(0), view = viewer.viewport;
    const frame = () => new Promise(done => requestAnimationFrame(done));
    await frame();
    performance.clearResourceTimings();
    const start = performance.now(), centre = view.viewportToImageCoordinates(view.getCenter());
    view.panTo(view.imageToViewportCoordinates(centre.x, centre.y + %d), true);
    await frame();
    await frame();
    while (!item.getFullyLoaded()) await frame();
    // Drawn in this frame, and on the screen with the next.
    await frame();
    await frame();
    const took = performance.now() - start;
    const files = performance.getEntriesByType('resource').map(e => [e.name, e.encodedBodySize, e.transferSize]);
    return [took, files];
})()""" % PAN_PX
WHOLE = "(v => v?.world.getItemCount() > 0 && v.world.getItemAt(0).getFullyLoaded())((globalThis.origami ?? globalThis).viewer)"
TO_START = """(({ viewer: { viewport } }) => {
    viewport.zoomTo(viewport.imageToViewportZoom(1), null, true);
    viewport.panTo(viewport.imageToViewportCoordinates(%d, %d), true);
})(globalThis.origami ?? globalThis)""" % FROM


class Film:
    """What the screen showed, and when, from the start of a page on."""

    def __init__(self, browser):
        self.session, self.frames = browser.session, []
        self.session.on("Page.screencastFrame", self.frame)
        browser.call("Page.startScreencast", format="jpeg", quality=90, maxWidth=320, maxHeight=200)

    def frame(self, event):
        self.frames.append((event["metadata"]["timestamp"], event["data"]))
        self.session.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]})

    def first(self, began_s):
        """Milliseconds until the screen looked like its last picture."""
        small = [(at, reduced(data)) for at, data in self.frames if at >= began_s]
        final = small[-1][1]
        for at, picture in small:
            if structural_similarity(picture, final, channel_axis=2, data_range=255) >= LIKE:
                return 1000 * (at - began_s)
        raise SystemExit("error: no picture is like the last one")


def reduced(data):
    image = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")
    return numpy.asarray(image.resize((WIDTH, round(WIDTH * image.height / image.width)), Image.Resampling.BOX))


def run(program, address, out):
    """One visit with an empty cache: milliseconds, bytes and requests."""
    browser = Browser(program)
    try:
        browser.screen(*SCREEN)
        browser.go("about:blank")
        browser.network(latency_ms=LATENCY_MS, bytes_per_s=RATE_BYTES)
        film = Film(browser)
        browser.page.goto(address, wait_until="commit")
        browser.wait(WHOLE, "the first view")
        browser.page.wait_for_timeout(1500)
        sent = browser.eval("[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')].map(e => [e.name, e.encodedBodySize, e.transferSize])")
        first = film.first(browser.eval("performance.timeOrigin") / 1000)
        browser.call("Page.stopScreencast")
        # The place of the pan, loaded at full speed.
        browser.network()
        browser.eval(TO_START)
        browser.page.wait_for_timeout(300)
        browser.wait(WHOLE, "the place of the pan")
        browser.page.wait_for_timeout(1500)
        browser.network(latency_ms=LATENCY_MS, bytes_per_s=RATE_BYTES)
        took, files = browser.eval(PAN)
        out.write_bytes(browser.picture())
        if browser.faults:
            raise SystemExit(f"error: {address}: {browser.faults}")
        tiles = [(name, size) for name, size, _ in files if "_files/" in name]
        finest = max(level(name) for name, _ in tiles)
        needed = sum(size for name, size in tiles if level(name) == finest)
        return {"first": first, "page bytes": sum(size for *_, size in sent), "page requests": len(sent), "pan": took, "needed": needed,
                "pan bytes": sum(size for *_, size in files), "pan requests": len(files), "limit": 1000 * MORE * needed / RATE_BYTES + EXTRA_MS}
    finally:
        browser.close()


def level(name):
    return int(name.split("_files/")[1].split("/")[0])


def main():
    program, server, slide, tree, folder = sys.argv[1:]
    # In turn, so that what else the machine does falls on both.
    pages = {"viewer": f"{server}/viewer/{quote(slide, safe='')}", "OpenSeadragon": tree}
    runs = {who: [] for who in pages}
    for number in range(RUNS):
        for who, address in pages.items():
            runs[who].append(run(program, address, Path(folder, f"slow-link-{who.lower()}.png")))
    seen = {who: {key: statistics.median(each[key] for each in all) for key in all[0]} for who, all in runs.items()}
    for title, key, unit in (("first picture", "first", "ms"), ("until then and after, sent", "page bytes", "bytes"), ("requests", "page requests", ""),
                             ("a pan of one screen, sharp", "pan", "ms"), ("bytes of the pan", "pan bytes", "bytes"), ("requests of the pan", "pan requests", ""),
                             ("bytes of its finest tiles", "needed", "bytes"), ("the pan may take", "limit", "ms")):
        print(f"| {title} | " + " | ".join(f"{seen[who][key]:,.0f} {unit}".strip() for who in pages) + " |")
    print("each run:", *(f"{who} " + ", ".join(f"{each['first']:.0f}/{each['pan']:.0f}" for each in all) for who, all in runs.items()), sep="\n  ")
    ours, theirs = seen["viewer"], seen["OpenSeadragon"]
    missed = [what for what, good in (
        (f"the first picture within {FIRST_MS} ms", ours["first"] <= FIRST_MS), ("the pan within its limit", ours["pan"] <= ours["limit"]),
        ("the pan no later than OpenSeadragon's", ours["pan"] <= theirs["pan"])) if not good]
    if missed:
        raise SystemExit(f"error: missed: {'; '.join(missed)}")


if __name__ == "__main__":
    main()
