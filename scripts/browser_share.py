"""What goes out of the viewer: regions at other resolutions, a slide in a frame of another page, and a label only where it is allowed. With
servers of its own: what scripts/browser.sh runs.

    browser_share.py ORIGAMI SLIDE FOLDER SCREENSHOTS    SLIDE is a scanned file that has a label
"""

import base64
import http.server
import json
import pathlib
import re
import shutil
import sys
import threading
import time
import urllib.parse

from browser_loading import Server
from browser_measure import BOTTOM, LEFT, MICRONS, RIGHT, TOP, draw
from user import User, visit

SAID = "document.getElementById('picture-said').textContent"
# Width and height of a PNG in base64, and of its dark pixels the first and last in the row `y` from the top.
MEASURED = """(async (data, y) => {
    const image = new Image();
    image.src = 'data:image/png;base64,' + data;
    await image.decode();
    const context = new OffscreenCanvas(image.width, image.height).getContext('2d');
    context.drawImage(image, 0, 0);
    const row = [...context.getImageData(0, y < 0 ? image.height + y : y, image.width, 1).data].filter((_, i) => i % 4 === 0);
    return [image.width, image.height, row.findIndex(v => v < 128), row.findLastIndex(v => v < 128)];
})"""


class Pages(http.server.BaseHTTPRequestHandler):
    """The page of someone else, with a slide in a frame. `address` is that of the slide."""

    address = ""

    def do_GET(self):
        body = b"" if self.path != "/" else f"<!doctype html><title>Course</title><body style='margin: 0'><iframe src='{self.address}' width=600 height=400 style='border: 0'></iframe>".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Sharing(User):
    def __init__(self, browser, out, origami, slide, folder):
        super().__init__(browser, out)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        draw(folder / "drawn & #1.tif")
        draw(folder / "wide.tif", 9000, 2000)
        shutil.copy(slide, folder / "scanned.svs")
        self.elsewhere = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
        threading.Thread(target=self.elsewhere.serve_forever, daemon=True).start()
        self.origin = f"http://127.0.0.1:{self.elsewhere.server_address[1]}"
        self.server = Server(origami, folder, ("--embed-origin", self.origin, "--associated", "label", "--associated", "macro"))
        self.plain = Server(origami, folder, ())

    def leave(self):
        self.server.end()
        self.plain.end()
        self.elsewhere.shutdown()

    def view(self, server, name, hash=""):
        self.browser.open(f"{server.address}/viewer/{urllib.parse.quote(name, safe='')}{hash}")
        self.browser.eval("origami.settled()")

    def near(self, got, want, what, tolerance):
        self.checks += 1
        if abs(got - want) > tolerance:
            self.picture("failed")
            raise SystemExit(f"error: {what}: {got}, and right is {want}")

    def panel(self):
        self.browser.key("p")
        self.browser.wait("Boolean(origami.picturing?.open)", "the panel of the picture", 10)
        self.browser.eval("document.getElementById('snapshot').open = true")
        self.browser.wait("/megapixels/.test(document.getElementById('snapshot-limit').textContent)", "the limits", 10)

    def saved(self, press, said):
        b = self.browser
        with b.page.expect_download(timeout=60_000) as file:
            b.eval(f"document.getElementById('{press}').click()")
        b.wait(f"{SAID} === {json.dumps(said)}", said, 60)
        if not re.fullmatch(r"[\w &#-]+_[\w.]+\.png", file.value.suggested_filename):
            raise SystemExit(f"error: the file is named {file.value.suggested_filename}")
        return file.value.path().read_bytes()

    def regions(self):
        """A file of the full resolution, turned and mirrored as on the screen; its address; and what is too large."""
        b = self.browser
        b.screen(1200, 800)
        # The rectangle in the middle, at a quarter of the resolution.
        x, y = (LEFT + RIGHT) / 2, (TOP + BOTTOM) / 2
        for more, wide, high in (("", RIGHT - LEFT, BOTTOM - TOP), ("&r=90", BOTTOM - TOP, RIGHT - LEFT), ("&r=180&f=1", RIGHT - LEFT, BOTTOM - TOP)):
            self.view(self.server, "drawn & #1", f"#x={x}&y={y}&z=0.25{more}")
            self.panel()
            options = b.eval("[...document.getElementById('snapshot-at').options].map(o => [o.value, o.textContent, o.disabled])")
            self.near(len(options), 3, f"resolutions: {options}", 0)
            self.check(f"{json.dumps(options[0][1])}.startsWith('40×, ')", f"the full resolution: {options[0]}")
            for down, (value, *_) in ((1, options[0]), (2, options[1])):
                b.eval(f"document.getElementById('snapshot-at').value = {json.dumps(value)}")
                data = self.saved("snapshot-save", "The region is saved.")
                stage = b.eval("(b => [b.width, b.height])(document.getElementById('stage').getBoundingClientRect())")
                width, height, left, right = b.eval(f"{MEASURED}({json.dumps(base64.b64encode(data).decode())}, {round(stage[1] * 2 / down)})")
                told = b.eval("[...document.getElementById('snapshot-at').options].find(o => o.selected).text.match(/([\\d,]+) × ([\\d,]+)/).slice(1).map(v => Number(v.replaceAll(',', '')))")
                self.near(abs(told[0] - width) + abs(told[1] - height), 0, f"what was said of the file: {told}", 0)
                self.near(width, stage[0] * 4 / down, f"the width of the file{more}", 1)
                self.near(right - left + 1, wide / down, f"the rectangle in the file{more}", 2)
                self.near((left + right) / 2, width / 2, f"its middle{more}", 2)
                self.near(height, (stage[1] + 40) * 4 / down, f"the height, with the strip{more}", 80)
                # The bar, 10 pixels from below of the strip.
                *_, from_, to = b.eval(f"{MEASURED}({json.dumps(base64.b64encode(data).decode())}, {-round(10 * 4 / down)})")
                length = b.eval("document.getElementById('length').textContent").split()
                microns = float(length[0]) * {"µm": 1, "mm": 1000}[length[1]]
                self.near(to - from_ + 1, microns / MICRONS[0] / down, f"the scale bar{more}", 3)
            (self.out / f"region{more.replace('&', '-').replace('=', '')}.png").write_bytes(data)
        self.picture("region")
        self.view(self.server, "wide")
        self.panel()
        self.check("document.getElementById('snapshot-limit').textContent.includes('8,192 × 8,192 pixels and 16.8 megapixels')", "the limits are named")
        options = b.eval("[...document.getElementById('snapshot-at').options].map(o => [o.textContent, o.disabled])")
        self.check(f"{json.dumps(options[0][0])}.endsWith(': too large') && {json.dumps(options[0][1])} && !{json.dumps(options[1][1])}", f"what is too large: {options[:2]}")
        self.check("document.getElementById('snapshot-at').value === '2'", "the largest that is possible")
        for dark in (False, True):
            b.screen(360, 740, 2, phone=True, dark=dark)
            b.eval("document.getElementById('snapshot').scrollIntoView()")
            self.picture(f"region-phone-{'dark' if dark else 'light'}")
            self.check("[...document.querySelectorAll('#snapshot :is(button, select)')].every(e => (b => b.left >= 0 && b.right <= innerWidth)(e.getBoundingClientRect()))", "the panel fits")

    def rectangles(self):
        """A rectangle of a size and a resolution that are typed: exactly so many pixels, of exactly that place, and its address."""
        b = self.browser
        b.screen(1200, 800)
        x, y = (LEFT + RIGHT) / 2, (TOP + BOTTOM) / 2
        self.view(self.server, "drawn & #1", f"#x={x}&y={y}&z=0.25")
        b.key("p")
        b.wait("Boolean(origami.picturing?.open)", "the panel of the picture", 10)
        b.eval("document.getElementById('region').open = true")
        told = "document.getElementById('region-size').textContent"
        b.wait(f"/pixels/.test({told})", "the size of the file", 10)

        def give(**values):
            for key, value in values.items():
                b.eval(f"(e => {{ e.value = {json.dumps(str(value))}; e.dispatchEvent(new Event(e.id === 'region-per' ? 'change' : 'input')); }})(document.getElementById('region-{key}'))")

        # 1,600 by 1,200 pixels of the slide around the middle of the black rectangle.
        for at, per, width, height in ((0.25, "um", 1600, 1200), (1, "um", 400, 300), (20, "power", 800, 600)):
            give(what="size", width=1600 * MICRONS[0] / 1000, height=1200 * MICRONS[0] / 1000, per=per, at=at)
            self.check(f"{told} === 'The file will have {width:,} × {height:,} pixels.'", f"what is said of {at} {per}")
            data = self.saved("region-save", "The region is saved.")
            got = b.eval(f"{MEASURED}({json.dumps(base64.b64encode(data).decode())}, {height // 2})")
            part = width / 1600
            for value, want, what in zip(got, (width, height, 400 * part, 1200 * part - 1), ("width", "height", "left edge", "right edge")):
                self.near(value, want, f"the {what} of {at} {per}", 0 if what in ("width", "height") else 1)
        self.picture("region-size")
        self.check("Boolean(document.getElementById('region-frame').isConnected)", "the rectangle is outlined")
        b.eval("navigator.clipboard.writeText = text => { window.copied = text; return Promise.resolve(); }; 1")
        b.click("#region-link")
        b.wait(f"{SAID} === 'The address of the image is copied.'", "the address of the image", 10)
        self.check("fetch(window.copied).then(r => [r.headers.get('content-type'), r.headers.get('origami-width')].join() === 'image/png,800')", "the address has the same format and size")
        give(width=99)
        self.check(f"/larger than the slide/.test({told}) && document.getElementById('region-save').disabled", "a rectangle that does not fit")
        give(width=0.8, height=0.6, per="um", at=0.01)
        self.check(f"/are too many.*8,192 × 8,192/.test({told}) && document.getElementById('region-save').disabled", "what is too large")
        b.click("#picture-close")
        self.check("!document.getElementById('region-frame')?.isConnected", "the outline goes with the panel")

    def seen(self, x, y):
        data = base64.b64encode(self.browser.picture(x=x, y=y, width=1, height=1)).decode()
        return self.browser.eval(f"{MEASURED}({json.dumps(data)}, 0)")[2] == 0

    def frame(self, server, origin):
        """Whether the page of an origin shows the drawn rectangle in its frame."""
        b = self.browser
        place = f"#x={(LEFT + RIGHT) / 2}&y={(TOP + BOTTOM) / 2}&z=0.25"
        Pages.address = f"{server.address}/embed/{urllib.parse.quote('drawn & #1', safe='')}{place}".replace("&", "&amp;")
        b.go(origin)
        until = time.monotonic() + 8
        while time.monotonic() < until:
            time.sleep(0.4)
            if self.seen(300, 200):
                return True
        return False

    def frames(self):
        """A page of the origin that is named shows the slide; others do not, and nobody where none is named."""
        b = self.browser
        b.screen(1200, 800)
        self.checks += 3
        if not self.frame(self.server, self.origin):
            raise SystemExit(f"error: no slide in the frame; {b.faults}")
        self.picture("embedded")
        if b.faults:
            return
        for server, origin in ((self.server, self.origin.replace("127.0.0.1", "localhost")), (self.plain, self.origin)):
            if self.frame(server, origin):
                raise SystemExit(f"error: a page of {origin} shows the slide")
            refused = [fault for fault in b.faults if "frame-ancestors" in fault or "ERR_BLOCKED_BY_RESPONSE" in fault]
            if not refused or len(refused) < len(b.faults):
                raise SystemExit(f"error: {origin}: {b.faults}")
            b.faults = []
        # The page by itself, and the code for others.
        for width, dark in ((1280, False), (1280, True), (360, False), (360, True)):
            b.screen(width, 600, 2 if width == 360 else 1, phone=width == 360, dark=dark)
            b.open(f"{self.server.address}/embed/scanned#x=1110&y=1480&z=0.3")
            b.eval("origami.settled()")
            self.check("document.documentElement.scrollWidth <= innerWidth && !document.getElementById('scale').hidden", "it fits, with its scale bar")
            self.picture(f"embed-{width}-{'dark' if dark else 'light'}")
        b.screen(1200, 800)
        b.open(f"{self.server.address}/embed/scanned#x=1110&y=1480&z=0.3")
        b.key("+")
        b.eval("origami.settled()")
        self.check("(a => a.target === '_blank' && /viewer\\/scanned#x=1110&y=1480&z=0.48$/.test(a.href))(document.querySelector('#name a'))", "the link to the viewer")
        self.view(self.server, "scanned")
        b.eval("navigator.clipboard.writeText = text => { window.copied = text; return Promise.resolve(); }; 1")
        self.share()
        b.click("#share-embed")
        b.wait("document.getElementById('share-said').textContent === 'The code for a page is copied.'", "that it is copied", 10)
        code = b.eval("window.copied")
        self.check(f"{json.dumps(bool(re.fullmatch(r'<iframe .*></iframe>', code)))} && {json.dumps(code)}.includes('/embed/scanned#x=')", f"the code: {code}")
        self.view(self.plain, "scanned")
        self.share()
        self.check("document.getElementById('share-embed').hidden && !document.getElementById('share-unframed').hidden", "no code where nobody may frame it, and why")

    def share(self):
        self.browser.key("s")
        self.browser.wait("Boolean(origami.sharing?.open)", "the panel for sharing", 10)

    def labels(self):
        """Under the facts of a slide, and only where the server shows them."""
        b = self.browser
        for dark in (False, True):
            b.screen(1280, 800, dark=dark)
            self.view(self.server, "scanned")
            b.key("i")
            b.wait("document.querySelectorAll('#beside img').length === 2 && [...document.querySelectorAll('#beside img')].every(i => i.naturalWidth > 100)", "label and macro", 20)
            self.check("[...document.querySelectorAll('#beside figcaption')].map(e => e.textContent).join() === 'label,macro'", "their names")
            self.check("document.getElementById('about').textContent.includes('The scanned file itself, unchanged.')", "what the slide is")
            b.eval("document.getElementById('beside').scrollIntoView()")
            self.picture(f"about-label-{'dark' if dark else 'light'}")
        b.screen(360, 740, 2, phone=True)
        b.eval("document.getElementById('beside').scrollIntoView()")
        self.check("[...document.querySelectorAll('#beside img')].every(e => (b => b.left >= 0 && b.right <= innerWidth)(e.getBoundingClientRect()))", "they fit")
        self.picture("about-label-phone")
        b.screen(1280, 800)
        self.view(self.plain, "scanned")
        b.key("i")
        b.wait("Boolean(origami.informing?.open)", "what the slide is", 10)
        self.check("!document.querySelector('#beside img')", "no label")


def main(origami, slide, folder, out):
    visit("share", out, lambda browser, out: Sharing(browser, out, origami, slide, pathlib.Path(folder)),
          lambda user: (user.regions, user.rectangles, user.labels, user.frames))


if __name__ == "__main__":
    main(*sys.argv[1:])
