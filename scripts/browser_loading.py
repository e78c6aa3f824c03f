"""How the viewer loads tiles, with a server of its own that is damaged, ended and started again: what scripts/browser.sh runs.

    browser_loading.py ORIGAMI BUNDLE FOLDER SCREENSHOTS

BUNDLE is copied into FOLDER, which is served.
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request

from user import User, visit

NAME = "loading"
# The finest tiles in the order in which they were asked for, with whether they arrived.
FINEST = ("performance.getEntriesByType('resource').map(e => [e.name.match(/_files\\/(\\d+)\\/(\\d+)_(\\d+)/), e.responseStatus])"
          ".filter(([m]) => m && Number(m[1]) === %d).map(([m, status]) => [Number(m[2]), Number(m[3]), status])")


class Server:
    """One `origami serve` that comes back at its port."""

    # Nothing is kept in memory, so that damage shows.
    FLAGS = ("--cache-entries", "1", "--buffer-pool-size", "0", "--no-prefetch")

    def __init__(self, origami, folder, flags=FLAGS):
        self.origami, self.folder, self.flags, self.port = origami, folder, flags, 0
        self.start()

    def start(self):
        self.process = subprocess.Popen([self.origami, "serve", "--slides-root", self.folder, "--port", str(self.port), *self.flags],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.process.stdout:
            said = re.match(r"origami serves .* on (http://.*:(\d+))$", line.rstrip())
            if said:
                self.address, self.port = said[1], int(said[2])
                return
        raise SystemExit("error: the server has ended")

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def status(self, path):
        try:
            with urllib.request.urlopen(self.address + path) as answer:
                answer.read()
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code


class Loading(User):
    """What a user sees while tiles come, and while they do not."""

    def __init__(self, browser, out, origami, bundle, folder):
        super().__init__(browser, out)
        self.file = folder / f"{NAME}.bundle"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(bundle, self.file)
        self.whole = self.file.read_bytes()
        self.server = Server(origami, folder)
        with urllib.request.urlopen(f"{self.server.address}/api/slides/{NAME}") as answer:
            self.levels = json.load(answer)["levels"]
        self.finest = self.levels[-1]

    def leave(self):
        self.server.end()

    def open(self, x, y):
        self.browser.open(f"{self.server.address}/viewer/{NAME}#x={x}&y={y}&z=1")

    def order(self):
        """First the whole slide, then the nearest to the centre; what has left the view is cancelled."""
        b = self.browser
        b.screen(1200, 800)
        self.open(1110, 1500)
        print(f"loading: {self.weighs('the viewer'):,} bytes of page, scripts and styles before the first tile")
        preview = max(level["level"] for level in self.levels if level["columns"] == level["rows"] == 1)
        self.check(f"performance.getEntriesByType('resource').find(e => /_files/.test(e.name)).name.includes('_files/{preview}/')", "the whole slide comes first")
        asked = b.eval(FINEST % self.finest["level"])
        far = [max(abs(256 * x + 128 - 1110), abs(256 * y + 128 - 1500)) for x, y, _ in asked]
        if len(asked) < 12 or min(far[:4]) != min(far) or max(far[:6]) >= max(far[-6:]):
            raise SystemExit(f"error: the nearest tiles do not come first: {asked}")
        b.network(latency_ms=300, cache=False)
        pan = "void origami.viewer.viewport.panTo(origami.viewer.viewport.imageToViewportCoordinates(%d, %d), true)"
        known = len(b.eval(FINEST % self.finest["level"]))
        for place in ((700, 600), (700, 2500), (1900, 700)):
            b.eval(pan % place)
            time.sleep(0.1)
        b.eval("origami.settled()")
        later = b.eval(FINEST % self.finest["level"])[known:]
        left = [tile for tile in later if tile[1] > 7 and tile[0] < 6]
        if any(status == 200 for *_, status in left) or len(left) > 8:
            raise SystemExit(f"error: tiles that left the view were loaded: {left}")
        self.checks += 2
        b.network()

    def damage(self):
        """A damaged tile is shown as one, with the reason, and comes when its file is whole again."""
        b = self.browser
        tiles = [(x, y) for y in range(self.finest["rows"]) for x in range(self.finest["columns"])]
        path = f"/dzi/{NAME}_files/{self.finest['level']}/%d_%d.jpg"
        # Only payloads of families are read when a tile is asked for; somewhere in the file there is one.
        for part in range(3, 9):
            at = len(self.whole) * part // 10
            self.put(self.whole[:at] + bytes([self.whole[at] ^ 255]) + self.whole[at + 1:])
            broken = [tile for tile in tiles if self.server.status(path % tile) == 500]
            if broken:
                break
        else:
            raise SystemExit("error: no tile is damaged")
        x, y = broken[len(broken) // 2]
        b.network(cache=False)
        self.open(256 * x + 128, 256 * y + 128)
        said = "document.getElementById('trouble-said').textContent"
        self.check(f"/damaged: this slide cannot be read/.test({said})", "the reason is there")
        # Stripes of grey, and no blurred tissue.
        self.check("""(canvas => {
            const middle = canvas.getContext('2d').getImageData(canvas.width / 2 - 20, canvas.height / 2 - 20, 40, 40).data;
            const colours = new Set();
            for (let i = 0; i < middle.length; i += 4) colours.add([middle[i], middle[i + 1], middle[i + 2]].map(v => v >> 4).join());
            return colours.has('13,13,13') && colours.has('10,10,10');
        })(origami.viewer.drawer.canvas)""", "a damaged tile looks damaged")
        self.picture("loading-damaged")
        b.screen(360, 740, 2, phone=True, dark=True)
        b.eval("origami.settled()")
        self.check("(e => e.left >= 0 && e.right <= innerWidth)(document.getElementById('trouble').getBoundingClientRect())", "the message fits a phone")
        self.picture("loading-damaged-phone")
        b.screen(1200, 800)
        b.eval("origami.settled()")
        self.put(self.whole)
        until = time.monotonic() + 30
        while self.server.status(path % (x, y)) != 200:
            if time.monotonic() > until:
                raise SystemExit("error: the server does not see that the file is whole")
            time.sleep(0.5)
        b.click("#retry")
        b.eval("origami.settled()")
        self.check("document.getElementById('trouble').hidden && origami.tiles.damaged.size === 0", "tiles that are whole again are shown")
        self.forgive()

    def put(self, data):
        beside = self.file.with_suffix(".new")
        beside.write_bytes(data)
        beside.rename(self.file)
        until = time.monotonic() + 30
        # Opened again when the server looks at the folder.
        while time.monotonic() < until and self.server.status(f"/api/slides/{NAME}") != 200:
            time.sleep(0.2)
        time.sleep(2.5)

    def away(self):
        """A server that goes and comes back is taken up without a reload."""
        b = self.browser
        self.open(600, 600)
        b.eval("window.sameAsBefore = true")
        self.server.end()
        b.eval("void origami.viewer.viewport.panTo(origami.viewer.viewport.imageToViewportCoordinates(1600, 2300), true)")
        b.wait("/does not answer/.test(document.getElementById('trouble-said').textContent)", "a word that the server is gone", 20)
        self.picture("loading-away")
        self.server.start()
        b.eval("origami.settled()")
        self.check("window.sameAsBefore && document.getElementById('trouble').hidden && origami.tiles.damaged.size === 0", "the page goes on by itself")
        self.picture("loading-back")
        self.forgive()

    def forgive(self):
        """Answers that were meant to fail."""
        self.browser.forgive("500 for", "net::ERR_", "Failed to load resource")


def main(origami, bundle, folder, out):
    visit("loading", out, lambda browser, out: Loading(browser, out, origami, bundle, pathlib.Path(folder)), lambda user: (user.order, user.damage, user.away))


if __name__ == "__main__":
    main(*sys.argv[1:])
