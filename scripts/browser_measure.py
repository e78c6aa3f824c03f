"""Measures in the viewer against what is true of a drawn slide: what scripts/browser.sh runs.

    browser_measure.py ADDRESS SCREENSHOTS SLIDE PLAIN    SLIDE is one that this script has drawn, PLAIN one without a scale
    browser_measure.py --draw OUT.tif                     draws it

The slide is a black rectangle on white. Its edges are looked for in the picture on the screen and clicked at by mouse, so that the
measures go the whole way from the file to the label.
"""

import json
import pathlib
import struct
import sys
import time
import urllib.parse

from user import User, visit

WIDTH, HEIGHT, MICRONS = 3600, 2800, (0.25, 0.25)
LEFT, TOP, RIGHT, BOTTOM = 500, 400, 1300, 900
TOLERANCE = 0.01


def draw(path, width=WIDTH, height=HEIGHT):
    row = bytes(0 if LEFT <= x < RIGHT else 255 for x in range(width))
    pixels = b"".join(row if TOP <= y < BOTTOM else b"\xff" * width for y in range(height))
    text = f"Aperio drawn\r\n{width}x{height}|AppMag = 40|MPP = {MICRONS[0]}\0".encode()
    text += b"\0" * (len(text) % 2)
    entries = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (270, 2, len(text), 8),
               (273, 4, 1, 8 + len(text)), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, len(pixels))]
    file = struct.pack("<2sHI", b"II", 42, 8 + len(text) + len(pixels)) + text + pixels + struct.pack("<H", len(entries))
    file += b"".join(struct.pack("<HHII", *entry) for entry in entries) + b"\0\0\0\0"
    pathlib.Path(path).write_bytes(file)


# Left, top, right and bottom of the black rectangle on the screen, in CSS pixels of the page.
EDGES = """(canvas => {
    const { width, height } = canvas, data = canvas.getContext('2d').getImageData(0, 0, width, height).data;
    const box = canvas.getBoundingClientRect(), ratio = width / box.width;
    let [left, top, right, bottom] = [width, height, 0, 0];
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
        const i = 4 * (y * width + x);
        if (data[i + 3] < 255 || data[i] > 127) continue;
        left = Math.min(left, x); right = Math.max(right, x + 1); top = Math.min(top, y); bottom = Math.max(bottom, y + 1);
    }
    return [box.left + left / ratio, box.top + top / ratio, box.left + right / ratio, box.top + bottom / ratio];
})(origami.viewer.drawer.canvas)"""


class Measuring(User):
    """Measures by mouse and by keys."""

    def __init__(self, browser, out, address, slide, plain):
        super().__init__(browser, out)
        self.address, self.slide, self.plain = address, slide, plain

    def open(self, name, hash, keep=False):
        self.browser.open(f"{self.address}/viewer/{urllib.parse.quote(name, safe='')}{hash}")
        self.browser.eval("origami.settled()")
        self.browser.key("m")
        self.browser.wait("Boolean(origami.measuring?.open)", "the panel of measures", 10)
        if not keep:
            # The tab has those of before.
            self.browser.eval("document.getElementById('measure-clear').click()")

    def near(self, got, want, what):
        self.checks += 1
        if abs(got - want) > TOLERANCE * want:
            self.picture("failed")
            raise SystemExit(f"error: {what}: {got}, and true is {want}")

    def last(self, figure):
        """Of the last measure, from what it says: its numbers, in micrometres."""
        text = self.browser.eval("origami.measuring.all.at(-1).text")
        value, unit = text.split(", perimeter ")[figure].split(" ")
        scale = {"µm": 1, "mm": 1000, "nm": 1e-3, "µm²": 1, "mm²": 1e6}[unit]
        return float(value.replace(",", "")) * scale

    def true(self):
        """Lengths and areas, at three zooms and two densities of the screen."""
        b = self.browser
        width, height = (RIGHT - LEFT) * MICRONS[0], (BOTTOM - TOP) * MICRONS[1]
        for ratio in (1, 2):
            for zoom in (0.3, 0.55, 0.8):
                b.screen(1200, 800, ratio)
                # To the right of the panel.
                self.open(self.slide, f"#x={(LEFT + RIGHT) / 2 - 100 / zoom}&y={(TOP + BOTTOM) / 2}&z={zoom}")
                left, top, right, bottom = b.eval(EDGES)
                where = f"at zoom {zoom} and {ratio} pixels a CSS pixel"
                self.tool("ruler")
                b.drag((left, (top + bottom) / 2), (right, (top + bottom) / 2))
                self.near(self.last(0), width, f"a width {where}")
                self.at(((left + right) / 2, top), ((left + right) / 2, bottom))
                self.near(self.last(0), height, f"a height {where}")
                self.tool("area")
                self.at((left, top), (right, top), (right, bottom), (left, bottom), (left, top))
                self.near(self.last(0), width * height, f"an area {where}")
                self.near(self.last(1), 2 * (width + height), f"a circumference {where}")
                self.tool("angle")
                self.at((left, top), (left, bottom), (right, bottom))
                self.check("origami.measuring.all.at(-1).text === '90.0°'", f"an angle {where}")
                self.picture(f"measure-{zoom}-{ratio}")

    def powers(self):
        """40x is 0.25 micrometres a CSS pixel, on every screen."""
        b = self.browser
        for ratio in (1, 2):
            b.screen(1200, 800, ratio)
            self.open(self.slide, "#x=900&y=700&z=0.5")
            for power in ("10×", "20×", "40×"):
                self.choose(power)
                b.eval("origami.settled()")
                self.check(f"document.getElementById('power').textContent === {json.dumps(power)}", f"{power} is shown")
                microns = b.eval("parseFloat(document.getElementById('length').textContent) / parseFloat(document.getElementById('bar').style.width)"
                                 " * (document.getElementById('length').textContent.endsWith('mm') ? 1000 : 1)")
                self.near(microns, 10 / float(power[:-1]), f"micrometres a CSS pixel at {power}")
                self.check("document.activeElement.className === 'openseadragon-canvas'", "the slide has the focus after a choice")
        # By its key, about the mouse; and what is more than the scan is said to be so.
        self.open(self.slide, "#x=900&y=700&z=0.1")
        b.page.mouse.move(800, 500)
        below = "(p => [p.x, p.y].map(v => Math.round(v / 20)).join())(origami.viewer.viewport.viewerElementToImageCoordinates(new OpenSeadragon.Point(800, 500 - document.getElementById('stage').getBoundingClientRect().top)))"
        before = b.eval(below)
        b.key("7")
        b.eval("origami.settled()")
        self.check("document.getElementById('power').textContent === '40×'", "a key for 40×")
        self.check(f"{below} === {json.dumps(before)}", "what is under the mouse stays there")
        b.key("+")
        b.eval("origami.settled()")
        self.check("document.getElementById('power').textContent === '64× (enlarged)'", "more than was scanned")
        b.eval("document.getElementById('presets').focus()")
        b.key("Escape")
        self.check("document.activeElement.className === 'openseadragon-canvas'", "Escape leaves the menu")

    def choose(self, power):
        self.browser.eval(f"(e => {{ e.value = [...e.options].find(o => o.text === {json.dumps(power)}).value;"
                          " e.dispatchEvent(new Event('change')); })(document.getElementById('presets'))")

    def use(self):
        """Grid, pointer, keys, removal; light, dark and on a phone."""
        b = self.browser
        b.screen(1280, 800)
        self.open(self.slide, "#x=700&y=600&z=0.5")
        b.click("#grid")
        b.wait("/^Grid: \\d+ µm$/.test(document.getElementById('grid-step').textContent)", "what the grid is")
        left, top, *_ = b.eval(EDGES)
        b.page.mouse.move(left, top)
        b.wait("document.getElementById('pointer').textContent !== ''", "where the pointer is")
        x, y = b.eval("document.getElementById('pointer').textContent.match(/[\\d.,]+(?= µm)/g).map(v => Number(v.replace(',', '')))")
        self.near(x, LEFT * MICRONS[0], "the pointer's x")
        self.near(y, TOP * MICRONS[1], "the pointer's y")
        b.key("Escape")
        self.check("!document.querySelector('#measuring [aria-pressed=true]:not(#grid)')", "Escape ends measuring")
        # What was measured is there after a reload, and beside the marks.
        self.tool("ruler")
        b.drag((left + 20, top + 20), (left + 120, top + 20))
        b.key("Escape")
        kept = b.eval("origami.measuring.all[0].text")
        self.open(self.slide, "#x=700&y=600&z=0.5", keep=True)
        self.check(f"origami.measuring.all[0]?.text === {json.dumps(kept)} && !document.getElementById('measure-kept').hidden", "a reload keeps measures, and the panel says where")
        b.click("#measured button")
        self.check("origami.measuring.all.length === 0 && document.activeElement.id === 'ruler'", "a measure is removed")
        for dark in (False, True):
            b.screen(360, 740, 2, phone=True, dark=dark)
            self.open(self.slide, "#x=700&y=600&z=0.3")
            self.check("[...document.querySelectorAll('#measuring button')].every(e => (b => b.left >= 0 && b.right <= innerWidth)(e.getBoundingClientRect()))", "the panel fits")
            self.picture(f"measure-phone-{'dark' if dark else 'light'}")

    def keyed(self):
        """By keys alone: a tool is chosen and its cross shown at once; steps of a fifth of the view, of one pixel and of ten; an area is closed."""
        b = self.browser
        b.screen(1280, 800)
        self.open(self.slide, "#x=700&y=600&z=0.5")
        self.check("document.getElementById('ruler').getAttribute('aria-pressed') === 'true' && document.activeElement.id === 'measuring'", "a length, and the focus in its panel")
        cross = "(c => { const { width, height } = c, p = c.getContext('2d').getImageData(width / 2 - 12, height / 2 - 1, 24, 2).data; return p.some(v => v > 0); })(document.getElementById('pen'))"
        self.check(cross, "the cross is there before any other key")
        self.check("document.getElementById('measure-keys').checkVisibility()", "how it is used")
        for steps, pixels in ((("ArrowRight",), 1280 / 5), (("Alt+ArrowRight",) * 9, 9), (("Alt+Shift+ArrowRight",), 10)):
            b.key("Enter")
            for step in steps:
                b.key(step)
            b.eval("origami.settled()")
            b.key("Enter")
            self.near(self.last(0), pixels / 0.5 * MICRONS[0], f"a length by {steps[0]}")
        self.picture("measure")
        self.tool("area")
        for step in ("ArrowRight", "ArrowDown", "ArrowLeft"):
            b.key("Enter")
            for _ in range(6):
                b.key(f"Alt+Shift+{step}")
        b.key("Enter")
        b.key("Enter")
        self.near(self.last(0), (60 / 0.5 * MICRONS[0]) ** 2, "an area by keys, closed by a second Enter at its last point")
        count = "origami.measuring.all.length"
        b.key("Control+z")
        self.check(f"{count} === 3", "a measure is undone")
        b.key("Escape")
        b.click("#measure-clear")
        self.check(f"{count} === 0 && document.activeElement.id === 'measure-undo'", "all are removed")
        b.click("#measure-undo")
        b.click("#measured button")
        self.check(f"{count} === 2", "one is removed")
        b.key("Escape")
        self.check("!origami.measuring.open && document.activeElement.id === 'main'", "Escape closes the panel, and the slide has the focus")

    def drawn(self):
        """An area by holding, which moves nothing, and beside which its label is; its points move afterwards."""
        b = self.browser
        b.screen(1280, 800)
        self.open(self.slide, "#x=900&y=700&z=0.5")
        self.tool("area")
        place = "JSON.stringify(origami.viewer.viewport.getCenter())"
        before = b.eval(place)
        mouse = b.page.mouse
        mouse.move(500, 300)
        mouse.down()
        for x, y in ((700, 300), (700, 500), (500, 500), (500, 302)):
            mouse.move(x, y, steps=10)
        mouse.up()
        b.eval("origami.settled()")
        self.near(self.last(0), (200 / 0.5 * MICRONS[0]) ** 2, "an area by holding")
        self.check(f"{place} === {json.dumps(before)}", "the slide stays")
        b.drag((700, 500), (760, 560))
        b.eval("origami.settled()")
        # Two triangles more.
        self.near(self.last(0), (200 * 200 + 2 * 200 * 60 / 2 + 0) / 0.25 * MICRONS[0] ** 2, "a point of it is moved")
        self.check(f"{place} === {json.dumps(before)} && origami.measuring.all.length === 1", "nothing else is drawn")
        self.picture("measure-area")
        # A click that shakes is a click.
        self.tool("ruler")
        mouse.move(850, 300)
        mouse.down()
        mouse.move(852, 301)
        mouse.up()
        time.sleep(0.35)
        self.at((950, 300))
        self.near(self.last(0), 98 / 0.5 * MICRONS[0], "a length by clicks that shake")
        self.check("origami.measuring.all.length === 2", "and nothing besides")

    def unknown(self):
        """Without a scale lengths are in pixels, and the page says so."""
        b = self.browser
        b.screen(1200, 800, dark=True)
        self.open(self.plain, "")
        self.check("!document.getElementById('measure-scale').hidden && /pixels/.test(document.getElementById('measure-scale').textContent)", "that there is no scale")
        self.tool("ruler")
        b.drag((600, 400), (700, 400))
        want = b.eval("100 / origami.viewer.viewport.viewportToImageZoom(origami.viewer.viewport.getZoom())")
        text = b.eval("origami.measuring.all.at(-1).text")
        self.check(f"{json.dumps(text)}.endsWith(' px')", "a length in pixels")
        self.near(float(text.split(" ")[0].replace(",", "")), want, "a length in pixels")
        self.picture("measure-unknown")


def main(address, out, slide, plain):
    visit("measures", out, lambda browser, out: Measuring(browser, out, address, slide, plain),
          lambda user: (user.true, user.powers, user.use, user.keyed, user.drawn, user.unknown))


if __name__ == "__main__":
    if sys.argv[1] == "--draw":
        draw(sys.argv[2])
    else:
        main(*sys.argv[1:])
