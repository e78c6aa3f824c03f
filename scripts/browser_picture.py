"""What the viewer says of a slide, brightness, contrast and gamma, rotation and mirror, and the view as a file and on paper: what scripts/browser.sh runs.

    browser_picture.py ADDRESS SCREENSHOTS SLIDE COLOURED    SLIDE is drawn by browser_measure.py, COLOURED one with colours

What is looked at are pixels of the screen and of the file that is saved.
"""

import base64
import json
import re
import struct
import sys
import urllib.parse

from browser_measure import BOTTOM, EDGES, LEFT, RIGHT, TOP
from user import User, visit

# The pixel of a picture in base64 at (0, 0).
PIXEL = """(async data => {
    const image = new Image();
    image.src = 'data:image/png;base64,' + data;
    await image.decode();
    const context = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d');
    context.drawImage(image, 0, 0);
    return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
})"""
# CSS pixels of the strip below a picture.
STRIP = 40


class Picturing(User):
    def __init__(self, browser, out, address, slide, coloured):
        super().__init__(browser, out)
        self.address, self.slide, self.coloured = address, slide, coloured

    def open(self, name, place):
        self.browser.open(f"{self.address}/viewer/{urllib.parse.quote(name, safe='')}{place}")
        self.browser.eval("origami.settled()")

    def panel(self):
        self.browser.key("p")
        self.browser.wait("Boolean(origami.picturing?.open)", "the panel of the picture", 10)

    def slide_to(self, slider, value):
        self.browser.eval(f"(e => {{ e.value = {value}; e.dispatchEvent(new Event('input', {{ bubbles: true }})); }})(document.getElementById('{slider}'))")

    def seen(self, x, y):
        """A pixel of the screen."""
        data = base64.b64encode(self.browser.picture(x=x, y=y, width=1, height=1)).decode()
        return self.browser.eval(f"{PIXEL}({json.dumps(data)})")

    def near(self, got, want, what, tolerance=2):
        self.checks += 1
        if any(abs(a - b) > tolerance for a, b in zip(got, want)):
            self.picture("failed")
            raise SystemExit(f"error: {what}: {got}, and right is {want}")

    def drawn(self, x, y):
        """A pixel of the picture that would be saved, at a place of the stage in CSS pixels."""
        return self.browser.eval(f"(c => [...c.getContext('2d').getImageData({x} * devicePixelRatio, {y} * devicePixelRatio, 1, 1).data].slice(0, 3))"
                                 "(origami.picturing.draw())")

    def stage(self):
        return self.browser.eval("(b => [b.left, b.top, b.width, b.height])(document.getElementById('stage').getBoundingClientRect())")

    def adjusts(self):
        """Pixels are what the sliders say, the address holds it, and one button undoes it."""
        b = self.browser
        b.screen(1200, 800)
        self.open(self.slide, f"#x={(LEFT + RIGHT) / 2 - 200}&y={(TOP + BOTTOM) / 2}&z=0.5")
        self.panel()
        left, top, right, bottom = b.eval(EDGES)
        black, white = ((left + right) / 2, (top + bottom) / 2), (right + 40, (top + bottom) / 2)
        for brightness, contrast, dark, light in ((0, 0, 0, 255), (40, 0, 51, 255), (-50, 0, 0, 191), (0, -50, 64, 191), (0, 50, 0, 255)):
            self.slide_to("brightness", brightness)
            self.slide_to("contrast", contrast)
            what = f"brightness {brightness} and contrast {contrast}"
            for place, want in ((black, dark), (white, light)):
                self.near(self.seen(*place), [want] * 3, what)
                x, y, *_ = self.stage()
                self.near(self.drawn(place[0] - x, place[1] - y), [want] * 3, f"{what}, in the picture")
        self.check("!document.getElementById('adjusted').hidden", "the page says that pixels are changed")
        b.wait("new URLSearchParams(location.hash.slice(1)).get('k') === '50'", "the contrast in the address")
        self.slide_to("contrast", -50)
        b.wait("new URLSearchParams(location.hash.slice(1)).get('k') === '-50'", "the contrast in the address")
        address = b.eval("location.hash")
        self.open(self.slide, address)
        b.wait("document.getElementById('stage').classList.contains('adjusted')", "the contrast of the address")
        self.check("!origami.picturing.open", "an address opens no panel")
        self.near(self.seen(*black), [64] * 3, "a view from an address")
        self.check(f"location.hash === {json.dumps(address)}", "the address stays")
        self.panel()
        self.picture("picture")
        b.click("#picture-reset")
        self.near(self.seen(*black), [0] * 3, "as it is")
        self.check("document.getElementById('adjusted').hidden", "nothing is said to be changed")
        b.wait("!new URLSearchParams(location.hash.slice(1)).has('k')", "the address without contrast")

    def turns(self):
        """Rotation and mirror stand in the panel whatever the view is; one button puts back all that the panel changes, and nothing else."""
        b = self.browser
        b.screen(1200, 800)
        self.open(self.slide, "#x=1800&y=1400&z=1&r=33.5")
        self.check("(c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.every((value, index) => index % 4 < 3 || value > 250))(origami.viewer.drawer.canvas)",
                   "no ground between the tiles of a turned view")
        self.open(self.coloured, "")
        self.panel()
        self.check("document.getElementById('rotation').value === '0' && !document.getElementById('mirror').checked && document.getElementById('picture-reset').disabled",
                   "a view as the slide has it")
        self.fill("#rotation", "-45")
        b.eval("origami.settled()")
        self.check("origami.viewer.viewport.getRotation() === 315 && document.getElementById('rotation').value === '315'", "an angle that is typed")
        self.check("!document.getElementById('turned').checkVisibility()", "the angle is on the screen once")
        b.click("#mirror")
        self.check("origami.viewer.viewport.getFlip() && document.getElementById('flip').ariaPressed === 'true'", "mirrored by the panel")
        b.eval("document.activeElement.blur()")
        b.key("h")
        self.check("!document.getElementById('mirror').checked && !origami.viewer.viewport.getFlip()", "mirrored back by key")
        b.key("h")
        b.key("r")
        self.check("document.getElementById('rotation').value === '225' && document.getElementById('mirror').checked", "turned and mirrored by keys")
        b.key("c")
        b.eval("origami.settled()")
        self.slide_to("contrast", 20)
        b.wait("JSON.stringify(['r', 'f', 'k', 'm'].map(key => new URLSearchParams(location.hash.slice(1)).get(key))) === '[\"225\",\"1\",\"20\",\"compare\"]'",
               "all of it in the address")
        self.open(self.coloured, b.eval("location.hash"))
        self.panel()
        self.check("document.getElementById('rotation').value === '225' && document.getElementById('mirror').checked", "a view from an address")
        self.picture("picture-turned")
        b.click("#picture-reset")
        b.eval("origami.settled()")
        self.check("document.getElementById('rotation').value === '0' && !document.getElementById('mirror').checked && document.getElementById('contrast').value === '0'"
                   " && document.getElementById('picture-reset').disabled", "the panel after all is put back")
        self.check("[origami.viewer, origami.comparing.second].every(v => v.viewport.getRotation() === 0 && !v.viewport.getFlip())", "both halves as the slide has them")
        self.check("origami.comparing.mode === 'compare'", "the comparison stays")
        b.wait("!['r', 'f', 'k'].some(key => new URLSearchParams(location.hash.slice(1)).has(key))", "an address without it")
        b.click("#picture-close")
        b.key("t")
        b.wait("Boolean(origami.recording?.open)", "the recorder", 10)
        self.check("document.getElementById('mirror').disabled", "a tour is of the slide as it is")
        b.forgive("/queue/status")

    def bends(self):
        """Gamma, on colours."""
        b = self.browser
        b.screen(1200, 800)
        self.open(self.coloured, "")
        self.panel()
        place = (700, 400)
        before = self.seen(*place)
        for gamma in (50, 200):
            self.slide_to("gamma", gamma)
            want = [255 * (value / 255) ** (100 / gamma) for value in before]
            self.near(self.seen(*place), want, f"gamma {gamma / 100}")
            x, y, *_ = self.stage()
            self.near(self.drawn(place[0] - x, place[1] - y), want, f"gamma {gamma / 100}, in the picture")

    def keeps(self):
        """A measure is on the picture while its panel is open, unless it is not wanted, and goes with the panel."""
        b = self.browser
        b.screen(1200, 800)
        self.open(self.slide, f"#x={(LEFT + RIGHT) / 2 - 200}&y={(TOP + BOTTOM) / 2}&z=0.5")
        b.key("m")
        b.wait("Boolean(origami.measuring?.open)", "the panel of measures", 10)
        self.tool("ruler")
        left, top, right, bottom = b.eval(EDGES)
        # Beside the rectangle, on white.
        b.drag((left, bottom + 60), (right, bottom + 60))
        self.panel()
        x, y, *_ = self.stage()
        blue, place = (11, 99, 206), (left + 40 - x, bottom + 60 - y)
        self.near(self.drawn(*place), blue, "a measure in the picture", 40)
        b.click("#picture-drawn")
        self.near(self.drawn(*place), [255] * 3, "a picture without measures")
        b.click("#picture-close")
        self.near(self.seen(left + 40, bottom + 60), [255] * 3, "the measures are put away")

    def saves(self):
        """A file of the size of the view, with a scale bar that is right; a page of paper."""
        b = self.browser
        for ratio in (1, 2):
            b.screen(1200, 800, ratio)
            self.open(self.slide, "#x=900&y=700&z=0.5")
            self.panel()
            *_, width, height = self.stage()
            bar = b.eval("""(c => {
                const y = Math.round((document.getElementById('stage').clientHeight + 30) * devicePixelRatio);
                const row = c.getContext('2d').getImageData(0, y, c.width, 1).data;
                return row.filter((value, index) => index % 4 === 0 && value < 128).length / devicePixelRatio;
            })(origami.picturing.draw())""")
            self.near([bar], [b.eval("parseFloat(document.getElementById('bar').style.width)")], "the scale bar", 1)
            with b.page.expect_download() as saved:
                b.click("#picture-save")
            b.wait("document.getElementById('picture-said').textContent === 'The picture is saved.'", "that it is saved", 10)
            self.checks += 1
            if saved.value.suggested_filename != f"{self.slide.split('/')[-1]}.png":
                raise SystemExit(f"error: the file is named {saved.value.suggested_filename}")
            data = saved.value.path().read_bytes()
            self.near(struct.unpack(">II", data[16:24]), [round(width * ratio), round((height + STRIP) * ratio)], "the size of the file", 0)
            (self.out / f"picture-saved-{ratio}.png").write_bytes(data)
        # Listeners are called in their order, so this one is after the page's own.
        b.eval("addEventListener('beforeprint', () => { window.onPaper = document.getElementById('printed')?.width; }); 1")
        pdf = b.page.pdf(print_background=True)
        self.near([len(re.findall(rb"/Type\s*/Page\b", pdf))], [1], "pages of paper", 0)
        (self.out / "picture.pdf").write_bytes(pdf)
        self.check("window.onPaper === origami.picturing.draw().width", "the picture is what is printed")
        self.check("!document.getElementById('printed')", "what was printed is gone")

    def tells(self):
        """What a slide is, in words."""
        b = self.browser
        b.screen(1200, 800)
        for name, words in ((self.slide, ("3,600 × 2,800 pixels, 0.9 × 0.7 mm", "0.25 µm a pixel", "40×", "drawn.tif")), (self.coloured, ("µm a pixel", "What you see", "Version")),
                            # scripts/browser.sh makes it, of a slide's file.
                            ("two channels", ("Encoded from", "times as large"))):
            self.open(name, "")
            b.key("i")
            b.wait("Boolean(origami.informing?.open)", "what the slide is", 10)
            if name == self.coloured:
                coded = b.eval("[...document.querySelectorAll('#about dt')].find(e => e.textContent === 'Coded')?.nextSibling.textContent ?? ''")
                how = b.eval(f"fetch('/api/slides/' + encodeURIComponent({json.dumps(name)})).then(r => r.json()).then(s => s.lossy?.encode ?? null)")
                words += (f"Encoder {how['encoder']}: quality {how['base_quality']} of the third level, {how['residual_quality']} of the residual",
                          f"of quality {how['chroma_residual_quality']}." if how.get("chroma_residual_quality") else "enlarged.") if how else ()
                self.check(f"{json.dumps(bool(coded))} === {json.dumps(bool(how))}", "how it is coded")
            size = "fetch('/api/slides/' + encodeURIComponent(%s)).then(r => r.json()).then(s => Boolean(s.stored_bytes) && phrase.bytes(s.stored_bytes, 3))" % json.dumps(name)
            told = b.eval("[...document.querySelectorAll('#about dt')].find(e => e.textContent === 'File size')?.nextSibling.textContent ?? false")
            # The archive of COLOURED is a folder of packs or a bundle, as the server finds it.
            self.check(f"(async () => {json.dumps(told)} === await {size})()", f"the size of the file of {name}: {told}")
            self.check(f"{json.dumps(bool(told))} || {json.dumps(name != self.slide)}", "a scanned slide has one")
            before = b.eval("[...document.querySelectorAll('#about dt')].find(e => e.textContent === 'Encoded from')?.nextSibling.textContent ?? ''")
            source = b.eval(f"fetch('/api/slides/' + encodeURIComponent({json.dumps(name)})).then(r => r.json()).then(s => s.stored_bytes && s.source_bytes)")
            self.check(f"{json.dumps(bool(before))} === {json.dumps(bool(source))} && {json.dumps(before)}.includes({source or 0} ? phrase.bytes({source or 0}, 3) : '')", f"the file that {name} was made of: {before}")
            for word in words:
                self.check(f"document.getElementById('about').textContent.includes({json.dumps(word)})", f"{word!r} of {name}")
        self.picture("about")
        b.key("p")
        b.wait("Boolean(origami.picturing?.open)", "the panel of the picture", 10)
        self.check("document.getElementById('about').hidden", "one panel at a time")

    def fits(self):
        """On a phone."""
        b = self.browser
        for dark in (False, True):
            b.screen(360, 740, 2, phone=True, dark=dark)
            self.open(self.coloured, "#k=30")
            self.panel()
            self.check("[...document.querySelectorAll('#picturing :is(button, input)')].every(e => (b => b.left >= 0 && b.right <= innerWidth)(e.getBoundingClientRect()))",
                       "the panel fits")
            self.check("(([a, b]) => a.bottom <= b.top || a.right <= b.left)(['corner', 'adjusted'].map(id => document.getElementById(id).getBoundingClientRect()))",
                       "what is changed is said beside the scale, not below it")
            self.picture(f"picture-phone-{'dark' if dark else 'light'}")


def main(address, out, slide, coloured):
    visit("pictures", out, lambda browser, out: Picturing(browser, out, address, slide, coloured),
          lambda user: (user.tells, user.adjusts, user.turns, user.bends, user.keeps, user.saves, user.fits))


if __name__ == "__main__":
    main(*sys.argv[1:])
