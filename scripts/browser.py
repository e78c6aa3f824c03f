"""Drives headless Chromium through the viewer: what scripts/browser.sh runs against a server.

Speaks the DevTools protocol over a pair of pipes, so it needs nothing but Python and Chromium. Any error on the console,
any request that fails and anything missing on a page is a failure.

    browser.py ADDRESS SCREENSHOTS SLIDE BUNDLE

SLIDE is the name of a slide with its original beside it, BUNDLE that of one without.
"""

import base64
import json
import os
import pathlib
import select
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse

PATIENCE_S = 120


class Browser:
    """One Chromium with one page."""

    def __init__(self, program):
        self.home = tempfile.mkdtemp(prefix="origami-browser-")
        (self.give_in, self.give), (self.take, self.take_out) = os.pipe(), os.pipe()
        # Chromium reads commands from 3 and writes answers to 4. First out of the way of those two numbers.
        ends = [os.dup(end) for end in (self.give_in, self.take_out)]
        while min(ends) < 5:
            ends = [os.dup(end) for end in ends]

        def connect():
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)

        flags = ["--headless=new", "--remote-debugging-pipe", f"--user-data-dir={self.home}", "--no-first-run",
                 "--disable-background-networking", "--disable-component-update", "--disable-gpu", "--disable-dev-shm-usage",
                 "--hide-scrollbars", "--force-color-profile=srgb"]
        # Chromium's own sandbox refuses to start for root, as in most containers.
        flags += ["--no-sandbox"] if os.geteuid() == 0 else []
        self.log = open(os.path.join(self.home, "log"), "wb")
        self.process = subprocess.Popen([program, *flags, "about:blank"], preexec_fn=connect, close_fds=False,
                                        stdout=self.log, stderr=self.log)
        for end in (self.give_in, self.take_out, *ends):
            os.close(end)
        self.buffer, self.number, self.session, self.faults, self.requests = b"", 0, None, [], {}
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def close(self):
        os.close(self.give)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.home, ignore_errors=True)

    def message(self, until):
        while b"\0" not in self.buffer:
            if not select.select([self.take], [], [], max(0, until - time.monotonic()))[0]:
                raise SystemExit("error: Chromium does not answer")
            read = os.read(self.take, 1 << 20)
            if not read:
                raise SystemExit("error: Chromium has ended: " + pathlib.Path(self.home, "log").read_text()[-2000:])
            self.buffer += read
        one, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(one)

    def call(self, method, **params):
        self.number += 1
        request = {"id": self.number, "method": method, "params": params}
        if self.session:
            request["sessionId"] = self.session
        os.write(self.give, json.dumps(request).encode() + b"\0")
        until = time.monotonic() + PATIENCE_S
        while True:
            got = self.message(until)
            if got.get("id") == self.number:
                if "error" in got:
                    raise SystemExit(f"error: {method}: {got['error']['message']}")
                return got["result"]
            if "method" in got:
                self.event(got["method"], got.get("params", {}))

    def event(self, method, params):
        """Keeps what must not happen."""
        if method == "Network.requestWillBeSent":
            self.requests[params["requestId"]] = params["request"]["url"]
        elif method == "Network.responseReceived" and params["response"]["status"] >= 400:
            self.faults.append(f"{params['response']['status']} for {params['response']['url']}")
        elif method == "Network.loadingFailed" and not params.get("canceled"):
            self.faults.append(f"{params['errorText']} for {self.requests.get(params['requestId'])}")
        elif method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.faults.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            said = " ".join(str(arg.get("value", arg.get("description"))) for arg in params["args"])
            self.faults.append(f"console {params['type']}: {said}")
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.faults.append(f"log: {params['entry']['text']} {params['entry'].get('url', '')}")

    def eval(self, code):
        got = self.call("Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in got:
            details = got["exceptionDetails"]
            raise SystemExit(f"error: {code}: {details.get('exception', {}).get('description') or details['text']}")
        return got["result"].get("value")

    def open(self, address):
        # A change of the part after # alone would load nothing.
        self.call("Page.navigate", url="about:blank")
        failed = self.call("Page.navigate", url=address).get("errorText")
        if failed:
            raise SystemExit(f"error: {address}: {failed}")
        self.wait("document.documentElement?.dataset.ready === 'yes'", address)

    def wait(self, condition, what):
        until = time.monotonic() + PATIENCE_S
        while not self.eval(condition):
            if time.monotonic() > until:
                raise SystemExit(f"error: waited in vain for {what}; {self.faults}")
            time.sleep(0.05)

    def screen(self, width, height, scale=1, phone=False, dark=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=phone)
        self.call("Emulation.setTouchEmulationEnabled", enabled=phone)
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def key(self, key):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, **({"text": key} if len(key) == 1 and kind == "keyDown" else {}))

    def mouse(self, kind, x, y, **more):
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def drag(self, start, end):
        self.mouse("mouseMoved", *start)
        self.mouse("mousePressed", *start, button="left", clickCount=1)
        for step in range(1, 9):
            self.mouse("mouseMoved", *(a + (b - a) * step / 8 for a, b in zip(start, end)), button="left", buttons=1)
            time.sleep(0.02)
        # Still for a moment: no flick.
        time.sleep(0.2)
        self.mouse("mouseReleased", *end, button="left", clickCount=1)

    def touch(self, kind, *points):
        self.call("Input.dispatchTouchEvent", type=kind, touchPoints=[{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)])

    def click(self, element):
        x, y = self.eval(f"(b => [b.left + b.width / 2, b.top + b.height / 2])(document.querySelector('{element}').getBoundingClientRect())")
        self.mouse("mouseMoved", x, y)
        for kind in ("mousePressed", "mouseReleased"):
            self.mouse(kind, x, y, button="left", clickCount=1)


class Tour:
    """What a user does, in order, and what must be there."""

    def __init__(self, browser, address, out, slide, bundle):
        self.browser, self.address, self.out = browser, address, out
        self.slide, self.bundle = slide, bundle
        self.pictures = self.checks = 0

    def check(self, condition, what):
        self.checks += 1
        if not self.browser.eval(condition):
            raise SystemExit(f"error: {what}: not so: {condition}")

    def picture(self, name):
        data = self.browser.call("Page.captureScreenshot", format="png")["data"]
        self.pictures += 1
        (self.out / f"{name}.png").write_bytes(base64.b64decode(data))

    def settle(self):
        self.browser.eval("origami.settled()")

    def viewer(self, name, hash=""):
        self.browser.open(f"{self.address}/viewer/{urllib.parse.quote(name, safe='')}{hash}")
        self.settle()

    def fits(self, where):
        self.check("document.documentElement.scrollWidth <= innerWidth", f"{where} fits its screen")
        self.check("[...document.querySelectorAll('button, a, #scale')].filter(e => e.checkVisibility() && !e.closest('dialog'))"
                   ".every(e => (b => b.left >= 0 && b.right <= innerWidth && b.bottom <= Math.max(innerHeight, document.documentElement.scrollHeight))"
                   "(e.getBoundingClientRect()))", f"all controls of {where} are on the screen")

    def thumbnails(self):
        self.browser.wait("document.images.length > 1 && [...document.images].every(i => i.complete && i.naturalWidth > 0)", "thumbnails")

    def list(self):
        b = self.browser
        for dark in (False, True):
            b.screen(1200, 800, dark=dark)
            b.open(f"{self.address}/")
            self.thumbnails()
            self.picture(f"list-{'dark' if dark else 'light'}")
        names = json.dumps(sorted([self.slide, self.bundle]))
        self.check(f"JSON.stringify([...document.querySelectorAll('.name')].map(e => e.textContent).sort()) === JSON.stringify({names})", "both slides are listed")
        b.screen(360, 740, 2, phone=True)
        b.open(f"{self.address}/")
        self.thumbnails()
        self.fits("the list")
        self.picture("list-phone")

    def look(self):
        b = self.browser
        b.screen(1200, 800)
        b.open(f"{self.address}/")
        at = json.dumps(self.slide)
        b.eval(f"void [...document.querySelectorAll('a.card')].find(a => a.querySelector('.name').textContent === {at}).click()")
        b.wait("document.documentElement?.dataset.ready === 'yes' && Boolean(window.origami?.viewer)", "the viewer from the list")
        self.settle()
        self.check(f"document.getElementById('name').textContent === {at}", "the name of the slide")
        self.check("!document.getElementById('scale').hidden && /^\\d+ (µm|mm)$/.test(document.getElementById('length').textContent)", "a scale bar")
        self.check("/×$/.test(document.getElementById('power').textContent)", "a magnification")
        self.check("/reconstructed, lossy · 0\\.\\d+ of raw/.test(document.querySelector('#note summary').textContent)", "the note")
        self.check("document.querySelector('#navigator canvas').width > 50", "the navigator")
        self.fits("the viewer")
        self.picture("viewer-light")
        # Full resolution, by its key; one pixel of L0 a pixel of the screen.
        b.key("1")
        self.settle()
        self.check("document.getElementById('power').textContent === '20×'", "full resolution")
        self.check("Math.abs(parseFloat(document.getElementById('bar').style.width) * 0.499 - parseFloat(document.getElementById('length').textContent)) < 0.01", "the scale bar's length")
        self.check("[...performance.getEntriesByType('resource')].some(e => /_files\\/12\\//.test(e.name))", "tiles of the finest level were loaded")
        self.picture("viewer-full-resolution")
        # Pan by mouse, zoom by wheel, move by key, turn.
        x = b.eval("origami.viewer.viewport.getCenter().x")
        b.drag((700, 500), (500, 400))
        self.settle()
        self.check(f"Math.abs((origami.viewer.viewport.getCenter().x - {x}) * 2220 - 200) < 20", "dragging moves the slide with the pointer")
        zoom = b.eval("origami.viewer.viewport.getZoom()")
        b.mouse("mouseWheel", 600, 400, deltaX=0, deltaY=240)
        self.settle()
        self.check(f"origami.viewer.viewport.getZoom() < {zoom}", "the wheel zooms")
        x = b.eval("origami.viewer.viewport.getCenter().x")
        b.key("ArrowRight")
        self.settle()
        self.check(f"origami.viewer.viewport.getCenter().x > {x}", "an arrow moves")
        b.key("r")
        self.settle()
        self.check("origami.viewer.viewport.getRotation() === 90", "r turns")
        time.sleep(0.4)
        self.picture("viewer-turned")
        # The address remembers all of it.
        address, seen = b.eval("location.href"), "JSON.stringify([origami.viewer.viewport.getRotation(), ...['x', 'y'].map(k => Math.round(origami.viewer.viewport.getCenter()[k] * 1000)), Math.round(origami.viewer.viewport.getZoom() * 1000)])"
        before = b.eval(seen)
        b.open(address)
        self.settle()
        if b.eval(seen) != before:
            raise SystemExit(f"error: {address} does not bring back the view: {before}, then {b.eval(seen)}")
        b.key("0")
        self.settle()
        self.check("origami.viewer.viewport.getRotation() === 0", "0 shows the whole slide upright")
        b.key("?")
        self.check("document.getElementById('keys').open", "? shows the keys")
        self.picture("viewer-keys")
        b.key("Escape")
        b.eval("document.getElementById('keys').close()")
        b.click("#note summary")
        self.check("document.getElementById('note').open", "the note opens")
        self.picture("viewer-note")
        b.click("#full")
        b.wait("Boolean(document.fullscreenElement)", "full screen")
        b.eval("document.exitFullscreen()")
        b.wait("!document.fullscreenElement", "the end of full screen")
        b.screen(1200, 800)

    def compare(self):
        b = self.browser
        b.screen(1200, 800)
        self.viewer(self.slide, "#x=1110&y=2100&z=1")
        b.key("c")
        self.settle()
        self.check("origami.comparing.mode === 'compare' && !document.getElementById('divider').hidden", "c compares")
        self.check("[...performance.getEntriesByType('resource')].some(e => /\\/original\\/.*_files\\/12\\//.test(e.name))", "tiles of the original were loaded")
        same = ("(([p, q]) => Math.hypot(p.getCenter(true).x - q.getCenter(true).x, p.getCenter(true).y - q.getCenter(true).y) < 1e-9"
                " && Math.abs(p.getZoom(true) - q.getZoom(true)) < 1e-9 && p.getRotation(true) === q.getRotation(true))"
                "([origami.viewer.viewport, origami.comparing.second.viewport])")
        self.check(same, "both sides show the same place")
        self.picture("compare")
        b.drag((600, 420), (300, 420))
        self.check("Math.abs(origami.comparing.split - 0.25) < 0.01", "the slider follows the pointer")
        b.drag((800, 600), (700, 500))
        b.key("r")
        self.settle()
        self.check(same, "both sides still show the same place")
        self.picture("compare-moved-turned")
        b.key("R")
        b.key("d")
        self.settle()
        self.check("origami.comparing.mode === 'difference' && !document.getElementById('heat').hidden", "d shows the difference")
        self.picture("difference")
        self.difference_is_right()
        for dark in (True, False):
            b.screen(1200, 800, dark=dark)
            b.key("0")
            self.settle()
            self.picture(f"difference-whole-{'dark' if dark else 'light'}")

    def difference_is_right(self):
        """Against tiles that are fetched and decoded apart from the viewer, at one pixel of the slide a pixel of the screen."""
        b = self.browser
        self.check("(v => origami.figures(origami.difference(v, v, 32)).max === 0)(origami.viewer.drawer.canvas)", "a picture does not differ from itself")
        # The corner of a tile on a corner of a pixel of the screen, so that nothing is interpolated.
        b.eval("""(() => {
            const view = origami.viewer.viewport, size = view.getContainerSize();
            view.setRotation(0, true);
            view.zoomTo(view.imageToViewportZoom(1), null, true);
            view.panTo(view.imageToViewportCoordinates(1024 + size.x / 2 - 20, 2048 + size.y / 2 - 20), true);
        })()""")
        self.settle()
        wrong = b.eval("""(async () => {
            const read = async from => {
                const answer = await fetch(`/${from}/${encodeURIComponent(%s)}_files/12/4_8.jpg`);
                const picture = await createImageBitmap(await answer.blob());
                const canvas = new OffscreenCanvas(256, 256), context = canvas.getContext('2d');
                context.drawImage(picture, 0, 0);
                return context.getImageData(0, 0, 256, 256).data;
            };
            const [p, q] = [await read('dzi'), await read('original')];
            const heat = document.getElementById('heat');
            const shown = heat.getContext('2d').getImageData(20, 20, 256, 256).data;
            const ramp = document.getElementById('ramp').getContext('2d').getImageData(0, 0, 256, 1).data;
            const span = Number(document.getElementById('span').value);
            let wrong = 0, different = 0;
            for (let i = 0; i < p.length; i += 4) {
                const level = Math.max(...[0, 1, 2].map(c => Math.abs(p[i + c] - q[i + c])));
                const at = 4 * Math.min(255, Math.round(level * 255 / span));
                different += level > 0;
                wrong += [0, 1, 2].some(c => ramp[at + c] !== shown[i + c]);
            }
            return [wrong, different];
        })()""" % json.dumps(self.slide))
        if wrong[0] or not wrong[1]:
            raise SystemExit(f"error: the map is wrong at {wrong[0]} of 65536 pixels ({wrong[1]} differ)")
        self.checks += 1

    def phone(self):
        b = self.browser
        for dark in (False, True):
            b.screen(360, 740, 2, phone=True, dark=dark)
            self.viewer(self.slide)
            self.fits("the viewer")
            self.picture(f"phone-{'dark' if dark else 'light'}")
        # Two fingers apart, then one finger along.
        zoom = b.eval("origami.viewer.viewport.getZoom()")
        b.touch("touchStart", (160, 350), (200, 350))
        for step in range(1, 9):
            b.touch("touchMove", (160 - 10 * step, 350), (200 + 10 * step, 350))
            time.sleep(0.02)
        b.touch("touchEnd")
        self.settle()
        self.check(f"origami.viewer.viewport.getZoom() > {zoom} * 1.5", "two fingers zoom")
        y = b.eval("origami.viewer.viewport.getCenter().y")
        b.touch("touchStart", (180, 450))
        for step in range(1, 9):
            b.touch("touchMove", (180, 450 - 15 * step))
            time.sleep(0.02)
        b.touch("touchEnd")
        self.settle()
        self.check(f"origami.viewer.viewport.getCenter().y > {y}", "a finger moves the slide")
        b.click("#compare")
        self.settle()
        self.fits("comparing")
        self.picture("phone-compare")
        b.click("#difference")
        self.settle()
        self.fits("the difference")
        self.picture("phone-difference")
        b.click("#note summary")
        self.check("(e => e.left >= 0 && e.right <= innerWidth)(document.querySelector('#note p').getBoundingClientRect())", "the note fits")
        self.picture("phone-note")

    def alone(self):
        """A slide without its original has nothing to compare."""
        b = self.browser
        b.screen(1200, 800, dark=True)
        self.viewer(self.bundle, "#m=difference")
        self.check("document.getElementById('compare').hidden && origami.comparing.mode === 'one'", "nothing to compare with")
        b.key("c")
        self.check("origami.comparing.mode === 'one'", "c does nothing")
        self.picture("viewer-dark")

    def missing(self):
        """The one address that must fail, by a message."""
        b = self.browser
        if b.faults:
            return
        b.call("Page.navigate", url=f"{self.address}/viewer/none")
        b.wait("/no such slide/.test(document.getElementById('message')?.textContent)", "a message for a slide that is not there")
        self.picture("viewer-missing")
        b.faults = [fault for fault in b.faults if not fault.endswith("/viewer/none") and "/api/slides/none" not in fault]

    def signed(self, list, slide):
        """Addresses of the list and of a slide on a server that asks for signatures: every request has to carry them on."""
        b = self.browser
        query = urllib.parse.urlsplit(list).query
        b.screen(1200, 800)
        b.open(list)
        self.thumbnails()
        self.check(f"[...document.querySelectorAll('a.card')].every(a => a.search === '?{query}')", "the links are signed")
        b.open(b.eval(f"[...document.querySelectorAll('a.card')].find(a => a.querySelector('.name').textContent === {json.dumps(self.slide)}).href"))
        self.settle()
        self.check(f"document.querySelector('a.back').search === '?{query}'", "the way back is signed")
        b.open(slide + "#m=difference")
        self.settle()
        b.key("+")
        self.settle()
        self.check("origami.comparing.mode === 'difference' && !document.getElementById('heat').hidden", "both sides are shown")
        self.check(f"location.search === '?{urllib.parse.urlsplit(slide).query}' && location.hash.length > 10", "the address remembers view and signature")


def main():
    address, out, slide, bundle, *signed = sys.argv[1:]
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    browser = Browser(os.environ.get("CHROMIUM", "chromium"))
    try:
        tour = Tour(browser, address, out, slide, bundle)
        for part in (tour.list, tour.look, tour.compare, tour.phone, tour.alone, lambda: tour.signed(*signed), tour.missing):
            part()
        if browser.faults:
            raise SystemExit("error: what the browser complained of:\n  " + "\n  ".join(browser.faults))
        print(f"browser: {tour.checks} checks, {tour.pictures} pictures, no error on the console, no failed request")
    finally:
        if browser.faults:
            print("faults:", *browser.faults, sep="\n  ", file=sys.stderr)
        browser.close()


if __name__ == "__main__":
    main()
