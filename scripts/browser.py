"""Drives headless Chromium through the viewer: what scripts/browser.sh runs against a server.

Any error on the console, any request that fails and anything missing on a page is a failure.

    browser.py ADDRESS SCREENSHOTS SLIDES SLIDE BUNDLE

SLIDES is the directory that is served, SLIDE the name of a slide with its original beside it, BUNDLE that of one without.
"""

import json
import pathlib
import shutil
import sys
import time
import urllib.parse

import deepzoom
from user import User, visit


# Names on the list, in its order.
LISTED = "JSON.stringify([...document.querySelectorAll('.name')].map(e => e.textContent))"


class Tour(User):
    """What a user does, in order, and what must be there."""

    def __init__(self, browser, address, out, slides, slide, bundle):
        super().__init__(browser, out)
        self.address, self.slides = address, slides
        self.slide, self.bundle = slide, bundle
        # As the list has them: by folder.
        self.names = sorted((name for path in slides.iterdir() for name in named(path)), key=by_folder)

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

    def thumbnails(self, density):
        """Those in view: the others are loaded when they come near."""
        seen = "[...document.images].filter(i => i.checkVisibility() && i.getBoundingClientRect().top < innerHeight)"
        self.browser.wait(f"{seen}.length > 1 && {seen}.every(i => i.complete && i.naturalHeight > 0)", "thumbnails")
        # No larger than their place on this screen, and of a slide that is large enough no smaller.
        self.check(f"{seen}.every(i => i.naturalWidth <= 480 && i.naturalHeight <= 180)", "thumbnails are not too large")
        mine = f"[...document.images].find(i => i.closest('.card').querySelector('.name').textContent === {json.dumps(self.slide)})"
        self.check(f"{mine}.currentSrc.includes('height={180 * density}') && {mine}.naturalHeight === 180", "a thumbnail is as sharp as the screen")

    def list(self):
        b = self.browser
        for dark in (False, True):
            b.screen(1200, 800, dark=dark)
            b.open(f"{self.address}/")
            self.thumbnails(1)
            self.picture(f"list-{'dark' if dark else 'light'}")
        self.check(f"{LISTED} === JSON.stringify({json.dumps(self.names)})", "all slides are listed")
        b.eval("document.getElementById('filter').focus()")
        for key in "needle":
            b.key(key)
        b.wait("document.querySelectorAll('.card').length === 1 && document.querySelector('.card .name').textContent.includes('needle')", "what is typed is found", 10)
        self.check("location.hash === '#search=needle' && document.getElementById('count').textContent === '1 slide found'", "what is searched for is in the address")
        b.screen(360, 740, 2, phone=True)
        b.open(f"{self.address}/")
        self.thumbnails(2)
        self.fits("the list")
        self.picture("list-phone")

    def refresh(self):
        """The list follows the directory while it is open; who looks at it keeps place and focus."""
        b, new = self.browser, self.slides / "AAA before all others.bundle"
        b.screen(700, 500)
        b.open(f"{self.address}/")
        # The last card, focused by keyboard and scrolled to.
        b.eval("""(() => {
            const card = [...document.querySelectorAll('a.card')].pop();
            card.focus();
            card.scrollIntoView({ block: 'center' });
            window.before = { card, all: [...document.querySelectorAll('.card')], pictures: [...document.images].map(i => i.src).filter(Boolean) };
        })()""")
        time.sleep(0.3)
        place = "Math.round(before.card.getBoundingClientRect().top)"
        top = b.eval(place)
        steady = ("document.activeElement === before.card && before.all.every(e => e.isConnected)"
                  " && before.pictures.every(src => [...document.images].some(i => i.src === src))")
        # Written beside and renamed, as whoever adds slides should.
        shutil.copy(self.slides / f"{self.bundle}.bundle", self.slides / ".new")
        (self.slides / ".new").rename(new)
        try:
            b.wait(f"{LISTED} === JSON.stringify({json.dumps(sorted([*self.names, new.stem], key=by_folder))})", "a slide that is added")
            self.check(steady, "what was there before stays")
            self.check(f"Math.abs({place} - {top}) < 2", "the page does not jump")
            self.check(f"document.getElementById('count').textContent === '{len(self.names) + 1} slides'", "the number of slides")
            # Who is on a card that goes continues from its neighbour.
            b.eval("document.querySelector('a.card').focus()")
            self.check(f"document.activeElement.querySelector('.name').textContent === {json.dumps(new.stem)}", "the new card comes first")
        finally:
            new.unlink()
        # A page that nobody sees asks for nothing; whoever comes back to it does not wait for the next round.
        b.eval("""(() => {
            const ask = window.fetch;
            window.asked = 0;
            window.fetch = (...what) => { window.asked += 1; return ask(...what); };
        })()""")
        seen = "Object.defineProperty(document, 'hidden', { value: %s, configurable: true }), document.dispatchEvent(new Event('visibilitychange'))"
        b.eval(seen % "true")
        time.sleep(12)
        self.check("asked === 0", "nothing is asked for a page that nobody sees")
        b.eval(seen % "false")
        self.check("asked === 1", "whoever comes back sees what is new")
        b.wait(f"{LISTED} === JSON.stringify({json.dumps(self.names)})", "a slide that is removed")
        self.check("before.all.every(e => e.isConnected) && document.activeElement === before.all[0]", "the neighbour has the focus")

    def geometry(self):
        """What OpenSeadragon's own tile source computes and asks for, slide by slide."""
        self.browser.screen(1200, 800)
        tiles = 0
        for name in self.names:
            self.viewer(name)
            if name.startswith("awkward"):
                self.picture(name)
            checks, fetched = deepzoom.check(self.browser, self.address, name)
            self.checks += checks
            tiles += fetched
        print(f"deep zoom: {tiles} tiles of {len(self.names)} slides are where OpenSeadragon expects them, and none beyond")

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
        self.check("/reconstructed, lossy · \\d+ times smaller/.test(document.querySelector('#note summary').textContent)", "the note")
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
        b.wheel(600, 400, 240)
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

    def planes(self):
        """A slide of several channels says which it shows, and shows another on request, at the same place."""
        b = self.browser
        b.screen(1200, 800)
        self.viewer("below & deep/channels? & #3", "#x=200&y=150&z=1")
        said = "document.querySelector('#planes summary').textContent"
        self.check(f"{said} === 'channel DAPI, 1 of 3'", "the first channel is named")
        b.click("#planes summary")
        self.check("document.querySelectorAll('#channels [type=checkbox]').length === 3", "three channels to choose from")
        self.picture("channels")
        b.eval("document.querySelectorAll('#channels [type=checkbox]').forEach((box, number) => { box.checked = number === 1; })")
        b.eval("delete document.documentElement.dataset.ready")
        b.click("#planes form button")
        b.wait("location.search === '?channel=1' && document.documentElement?.dataset.ready === 'yes'", "the second channel")
        self.check(f"{said} === 'channel FITC, 2 of 3' && location.hash.startsWith('#x=200&y=150&z=1')", "the second channel, same place")
        self.check("origami.viewer.world.getItemAt(0).source.getTileUrl(9, 0, 0).includes('&channel=1')", "tiles of the second channel")
        self.coloured()
        b.screen(390, 780, scale=2, phone=True)
        self.settle()
        self.fits("a slide of several channels on a phone")
        b.click("#planes summary")
        self.check("(e => e.right <= innerWidth)(document.querySelector('#planes form').getBoundingClientRect())", "the choice fits a phone")
        self.picture("phone-channels")
        # What was encoded, as its bundle has it.
        b.screen(1200, 800)
        self.viewer("two channels")
        b.key("i")
        b.wait("Boolean(origami.informing?.open)", "what the slide is", 10)
        self.check("document.getElementById('facts').textContent.includes('channels 1 and 3')", "a bundle says which channels went into it")

    def coloured(self):
        """Colours and values for black and white that a user gives; the server blends them."""
        b = self.browser
        b.click("#planes summary")
        b.eval("""(rows => {
            const set = (input, value) => { input.value = value; input.dispatchEvent(new Event('input')); };
            for (const [row, colour] of [[rows[0], '#ff0000'], [rows[1], '#0000ff']]) {
                const [box, own, low, high] = row.querySelectorAll('input');
                box.checked = true;
                [[own, colour], [low, 10], [high, 220]].forEach(pair => set(...pair));
            }
        })([...document.querySelectorAll('#channels .line')])""")
        b.eval("delete document.documentElement.dataset.ready")
        b.click("#planes form button")
        wanted = "?channel=0,1&color=0:ff0000,1:0000ff&window=0:10-220,1:10-220"
        b.wait(f"location.search === {json.dumps(wanted)} && document.documentElement?.dataset.ready === 'yes'", "two channels in colours")
        # In the middle of a disk, where both are white; beside it, where one is; and outside, where both are black: tests of JPEG's pixels.
        seen = b.eval("""(async ({ source }) => {
            const picture = await createImageBitmap(await (await fetch(source.getTileUrl(source.maxLevel, 0, 0))).blob());
            const context = new OffscreenCanvas(256, 256).getContext('2d', { willReadFrequently: true });
            context.drawImage(picture, 0, 0);
            return [[32, 32], [44, 32], [2, 2]].map(([x, y]) => [...context.getImageData(x, y, 1, 1).data].slice(0, 3));
        })(origami.viewer.world.getItemAt(0))""")
        self.checks += 1
        if any(abs(got - want) > 40 for pixel, right in zip(seen, ((255, 0, 255), (0, 0, 255), (0, 0, 0))) for got, want in zip(pixel, right)):
            raise SystemExit(f"error: the colours of channels are {seen}")
        self.picture("channels-coloured")
        b.click("#planes summary")
        b.click("#channels-reset")
        self.check("[...document.querySelectorAll('#channels [type=number]')].every(e => !e.value)", "as in the file")
        b.key("Escape")
        b.eval("document.getElementById('planes').open = false")

    def missing(self):
        """Addresses that must fail, by a message and with the way to the list."""
        b = self.browser
        if b.faults:
            return
        b.go(f"{self.address}/viewer/none")
        b.wait("/no such slide/.test(document.getElementById('message')?.textContent)", "a message for a slide that is not there")
        self.picture("viewer-missing")
        b.go(f"{self.address}/nonsense")
        b.wait("document.querySelector('main p')?.textContent === 'There is no page at this address.'", "a page of an address that is none")
        self.picture("nowhere")
        b.forgive("/viewer/none", "/api/slides/none", "/nonsense")
        b.click("#to-list")
        b.wait("document.querySelectorAll('.card').length > 1", "the list")

    def signed(self, list, slide):
        """Addresses of the list and of a slide on a server that asks for signatures: every request has to carry them on."""
        b = self.browser
        query = urllib.parse.urlsplit(list).query
        b.screen(1200, 800)
        b.open(list)
        self.thumbnails(1)
        self.check(f"[...document.querySelectorAll('a.card')].every(a => a.search === '?{query}')", "the links are signed")
        b.open(b.eval(f"[...document.querySelectorAll('a.card')].find(a => a.querySelector('.name').textContent === {json.dumps(self.slide)}).href"))
        self.settle()
        self.check(f"document.querySelector('a.back').search === '?{query}'", "the way back is signed")
        b.go(f"{list.split('/?')[0]}/nonsense?{query}")
        b.wait(f"document.getElementById('to-list')?.search === '?{query}'", "the way to the list from an address that is none is signed")
        b.forgive("/nonsense")
        b.open(slide + "#m=difference")
        self.settle()
        b.key("+")
        self.settle()
        self.check("origami.comparing.mode === 'difference' && !document.getElementById('heat').hidden", "both sides are shown")
        self.check(f"location.search === '?{urllib.parse.urlsplit(slide).query}' && location.hash.length > 10", "the address remembers view and signature")


def by_folder(name):
    return name.rpartition("/")[0], name


def named(path):
    """The names of the slides at a path: a directory of scanned slides has one for each."""
    below = [f"{path.name}/{scan.stem}" for kind in ("*.svs", "*.tif") for scan in path.glob(kind)]
    return below or [path.stem if path.suffix == ".bundle" else path.name]


def main():
    address, out, slides, slide, bundle, *signed = sys.argv[1:]
    visit("browser", out, lambda browser, out: Tour(browser, address, out, pathlib.Path(slides), slide, bundle),
          lambda user: (user.list, user.refresh, user.geometry, user.look, user.compare, user.phone, user.alone, user.planes,
                        lambda: user.signed(*signed), user.missing))


if __name__ == "__main__":
    main()
