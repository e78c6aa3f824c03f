"""Slides side by side, with their brightness and their channels, mirrored views, and the figures of a difference: what scripts/browser.sh runs.

    browser_compare.py ADDRESS SCREENSHOTS SLIDE DRAWN PLAIN ODD ORIGAMI KEY SIGNED

DRAWN is drawn by browser_measure.py, SLIDE has a scale and its original, PLAIN has no scale, ODD has a name with what an address must escape.
SIGNED is the address of a server of the same slides that asks for signatures by KEY, which `ORIGAMI sign` makes.
"""

import base64
import json
import re
import subprocess
import sys
import time
import urllib.parse

import axe
from browser_measure import BOTTOM, EDGES, LEFT, MICRONS, RIGHT, TOP
from user import User, visit

# From a copy, which may be read as often as one likes.
COPIED = EDGES.replace("canvas.getContext('2d')", "(copy => (copy.drawImage(canvas, 0, 0), copy))(new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true }))")
# What each viewer shows: the centre in pixels of its slide, CSS pixels a pixel of it, rotation, and whether it is mirrored.
SHOWN = """origami.viewers.map(({ viewport }) => {
    const { x, y } = viewport.viewportToImageCoordinates(viewport.getCenter(true));
    return [x, y, viewport.viewportToImageZoom(viewport.getZoom(true)), ((viewport.getRotation(true) % 360) + 360) % 360, viewport.getFlip()];
})"""
# Mean of red, green and blue of a picture in base64.
MEAN = """(async data => {
    const image = new Image();
    image.src = 'data:image/png;base64,' + data;
    await image.decode();
    const { width, height } = image, context = new OffscreenCanvas(width, height).getContext('2d');
    context.drawImage(image, 0, 0);
    const values = context.getImageData(0, 0, width, height).data;
    return values.reduce((sum, value, at) => (at % 4 < 3 ? sum + value : sum), 0) / (3 * width * height);
})"""
# CSS pixels of a square in the middle of each pane, which nothing covers.
SQUARE = 60
MIDDLES = f"""[...document.querySelectorAll('.pane .image')].map(e => e.getBoundingClientRect()).map(b => ({{
    x: Math.round((b.left + b.right - {SQUARE}) / 2), y: Math.round((b.top + b.bottom - {SQUARE}) / 2), width: {SQUARE}, height: {SQUARE} }}))"""
# scripts/browser.sh makes it: three channels, of which each is brighter than the one before.
CHANNELS = "below & deep/channels? & #3"
SHOWS = "[...document.querySelectorAll('.shown')].map(e => e.textContent).join(' | ')"
SAID = "document.getElementById('message').textContent"


def quoted(names):
    return ",".join(urllib.parse.quote(name, safe="") for name in names)


class Comparing(User):
    def __init__(self, browser, out, address, slide, drawn, plain, odd, origami, key, signed):
        super().__init__(browser, out)
        self.address, self.slide, self.drawn, self.plain, self.odd = address, slide, drawn, plain, odd
        self.origami, self.key, self.signed_at = origami, key, signed

    def open(self, names, more=""):
        self.browser.open(f"{self.address}/compare?slides={quoted(names)}{more}")
        self.settle()

    def settle(self):
        self.browser.eval("origami.settled()")

    def remembered(self):
        """The address, once it holds the view."""
        time.sleep(0.5)
        return self.browser.eval("location.href")

    def near(self, got, want, what, tolerance):
        self.checks += 1
        if abs(got - want) > tolerance:
            self.picture("failed")
            raise SystemExit(f"error: {what}: {got}, and right is {want}")

    def microns(self, name):
        return self.browser.eval(f"fetch('/api/slides/' + encodeURIComponent({json.dumps(name)})).then(a => a.json()).then(s => s.microns_per_pixel && [s.microns_per_pixel[0], s.width, s.height])")

    def edges(self, pane):
        """The black rectangle of the drawn slide on the screen, against the upper left corner of its pane."""
        left, top, right, bottom = self.browser.eval(COPIED.replace("origami.viewer.", f"origami.viewers[{pane}]."))
        x, y = self.browser.eval(f"(b => [b.left, b.top])(origami.viewers[{pane}].element.getBoundingClientRect())")
        return left - x, top - y, right - x, bottom - y

    # --- Linked -------------------------------------------------------------------------------------------------------

    def together(self, offset=(0, 0), what="together"):
        """Both viewers show the same place from the centre of their slides, the same micrometres a pixel, and the same orientation."""
        one, other = self.browser.eval(SHOWN)
        (a, w, h), (b, v, g) = self.microns(self.slide), self.microns(self.drawn)
        self.near(one[2] / a, other[2] / b, f"{what}: pixels of the screen a micrometre", 1e-6)
        for axis, (size, of) in enumerate(((w, v), (h, g))):
            self.near((one[axis] - size / 2) * a - offset[axis], (other[axis] - of / 2) * b, f"{what}: place on axis {axis}", 0.01)
        self.checks += 1
        if one[3:] != other[3:]:
            raise SystemExit(f"error: {what}: {one} and {other}")
        return one

    def linked(self):
        b = self.browser
        b.screen(1280, 800)
        self.open((self.slide, self.drawn))
        self.check("document.getElementById('linked').textContent.includes('same micrometres')", "the page says how slides are linked")
        self.together()
        zoom = b.eval("origami.together.view.zoom")
        left, top, right, bottom = self.edges(1)
        self.near(right - left, (RIGHT - LEFT) * MICRONS[0] * zoom, "the drawn rectangle on the screen", 2)
        bar = b.eval("[parseFloat(document.getElementById('bar').style.width), parseFloat(document.getElementById('length').textContent)]")
        self.near(bar[0], bar[1] * zoom, "the scale bar", 0.5)
        self.picture("side-by-side-light")
        self.check("[...document.querySelectorAll('.power')].map(e => e.textContent.split(' · ')[1]).join() === 'reconstructed, lossy,original, not encoded'", "what each of them is")
        # In either pane, by mouse, wheel and keys.
        before = self.together()
        b.drag((900, 400), (1000, 460))
        self.settle()
        after = self.together(what="dragged in the second")
        self.near((before[0] - after[0]) * after[2], 100, "how far the first has moved", 3)
        b.wheel(300, 400, -240)
        self.settle()
        self.near(float(self.together(what="zoomed in the first")[2] > after[2]), 1, "the wheel zooms both", 0)
        for key in ("+", "r", "ArrowRight", "h"):
            b.key(key)
            self.settle()
            now = self.together(what=key)
        self.near(now[3], 90, "turned", 0)
        self.check("origami.viewers.every(v => v.viewport.getFlip())", "mirrored")
        b.drag((300, 400), (360, 380))
        self.settle()
        now = self.together(what="dragged while turned and mirrored")
        # The address brings all of it back.
        address = self.remembered()
        b.open(address)
        self.settle()
        again = self.together(what="from the address")
        for at, tolerance in ((0, 0.05), (1, 0.05), (2, now[2] * 1e-4), (3, 0)):
            self.near(again[at], now[at], f"{address}, value {at}", tolerance)
        self.check("origami.together.view.flip && document.getElementById('flip').getAttribute('aria-pressed') === 'true'", "mirrored again")
        # Alone at the same place.
        b.open(b.eval("document.querySelectorAll('.pane-name a')[1].href"))
        b.eval("origami.settled()")
        self.check(f"document.getElementById('name').textContent === {json.dumps(self.drawn)} && origami.viewer.viewport.getFlip() && origami.viewer.viewport.getRotation() === 90", "one of them alone")

    def offsets(self):
        """By hand and by numbers; in the address; and back."""
        b = self.browser
        b.screen(1280, 800)
        self.open((self.slide, self.drawn))
        first = b.eval(SHOWN)[0]
        b.key("o")
        self.settle()
        # The panel leaves less room, in which the same is shown.
        zoom = b.eval("origami.together.view.zoom")
        b.drag((960, 400), (900, 430))
        self.settle()
        self.near(b.eval(SHOWN)[0][0], first[0], "the first stays", 1e-6)
        # The second was dragged to the left and down.
        got = b.eval("origami.together.offsets[1]")
        self.near(got["x"] * zoom, -60, "the offset to the right", 3)
        self.near(got["y"] * zoom, 30, "the offset downwards", 3)
        self.check("(p => [...document.querySelectorAll('.pane')].every(e => e.getBoundingClientRect().left >= p.right))(document.getElementById('offsets').getBoundingClientRect())", "the panel covers no slide")
        self.check("document.getElementById('linked').textContent.startsWith('Not linked')", "the page says that they are not linked")
        b.eval("(e => { e.value = 1e9; e.dispatchEvent(new Event('change', { bubbles: true })); })(document.querySelectorAll('#rows input')[0])")
        self.check("document.getElementById('offset-far').textContent !== '' && Math.abs(origami.together.offsets[1].x) < origami.together.most + 1", "no slide gets lost")
        b.eval(f"origami.together.setOffset(1, {json.dumps(got)})")
        self.settle()
        self.picture("offsets")
        b.key("o")
        self.check("document.getElementById('offsets').hidden", "the panel closes")
        b.drag((300, 400), (350, 400))
        self.settle()
        self.together((got["x"], got["y"]), "together with an offset")
        b.key("o")
        for field, value in enumerate((25, -50, 90)):
            b.eval(f"(e => {{ e.value = {value}; e.dispatchEvent(new Event('change', {{ bubbles: true }})); }})(document.querySelectorAll('#rows input')[{field}])")
        self.settle()
        self.check("(({ x, y, turn }) => [x, y, turn].map(v => Math.round(v * 1e6) / 1e6).join() === '25,-50,90')(origami.together.offsets[1])", "offsets as numbers")
        one, other = b.eval(SHOWN)
        self.near((one[3] - other[3]) % 360, 90, "a rotation of its own", 0)
        b.key("o")
        self.check("new URLSearchParams(location.hash.slice(1)).get('o') === '25,-50,90'", "the offsets in the address")
        address = self.remembered()
        b.open(address)
        self.settle()
        for shown, wanted in zip(b.eval(SHOWN), (one, other)):
            for at, tolerance in ((0, 0.05), (1, 0.05), (3, 0)):
                self.near(shown[at], wanted[at], f"{address}, value {at}", tolerance)
        b.key("o")
        b.click("#rows button")
        self.settle()
        self.together(what="after a reset")

    def parts(self):
        """Where one has no scale, by parts of the width; the page says whose fault that is. Names as they are."""
        b = self.browser
        b.screen(1280, 800)
        names = (self.drawn, self.plain, self.odd)
        self.open(names)
        self.check(f"[...document.querySelectorAll('.pane-name a')].map(e => e.textContent).join('\\n') === {json.dumps(chr(10).join(names))}", "the names")
        self.check(f"(t => t.includes('widths') && t.includes({json.dumps(self.plain)}) && !t.includes({json.dumps(self.odd)}))(document.getElementById('linked').textContent)", "who has no scale")
        self.check("document.getElementById('corner').hidden", "no scale bar for slides without a common scale")
        widths = b.eval("origami.viewers.map(({ viewport, world }) => world.getItemAt(0).getContentSize().x * viewport.viewportToImageZoom(viewport.getZoom(true)))")
        for width in widths[1:]:
            self.near(width, widths[0], "the same width on the screen", 0.01)
        b.drag((300, 400), (340, 400))
        self.settle()
        places = b.eval("origami.viewers.map(({ viewport, world }) => (p => p.x / world.getItemAt(0).getContentSize().x)(viewport.viewportToImageCoordinates(viewport.getCenter(true))))")
        for place in places[1:]:
            self.near(place, places[0], "the same part", 1e-9)
        self.picture("side-by-side-parts")
        self.open((*names, self.slide))
        self.check("document.querySelectorAll('.pane').length === 4", "four slides")
        b.screen(1280, 800, dark=True)
        self.settle()
        self.picture("side-by-side-four")

    # --- The picture --------------------------------------------------------------------------------------------------

    def means(self):
        """Of what the screen shows in the middle of each pane."""
        b = self.browser
        pictures = [base64.b64encode(b.picture(**box)).decode() for box in b.eval(MIDDLES)]
        return [b.eval(f"{MEAN}({json.dumps(picture)})") for picture in pictures]

    def slide_to(self, slider, value):
        self.browser.eval(f"(e => {{ e.value = {value}; e.dispatchEvent(new Event('input', {{ bubbles: true }})); }})(document.getElementById('{slider}'))")

    def adjusts(self):
        """Brightness, contrast and gamma act on both slides, the address holds them, and one button undoes them."""
        b = self.browser
        b.screen(1280, 800)
        self.open((self.slide, self.drawn))
        b.key("p")
        self.check("document.activeElement.id === 'picturing' && document.getElementById('picture').ariaPressed === 'true'", "p leads into the panel")
        self.settle()
        self.check("(p => [...document.querySelectorAll('.pane')].every(e => e.getBoundingClientRect().left >= p.right))(document.getElementById('picturing').getBoundingClientRect())", "the panel covers no slide")
        self.check("document.getElementById('picture-reset').disabled && !document.getElementById('adjusted').checkVisibility()", "slides as they are")
        plain = self.means()
        # The middle of the drawn slide is white.
        self.near(plain[1], 255, "the drawn slide", 1)
        self.slide_to("brightness", -40)
        for got, was in zip(self.means(), plain):
            self.near(got, was - 51, "darker", 4)
        self.slide_to("brightness", 0)
        self.slide_to("contrast", -50)
        for got, was in zip(self.means(), plain):
            self.near(got, was / 2 + 64, "with less contrast", 4)
        self.slide_to("contrast", 0)
        self.slide_to("gamma", 200)
        bent = self.means()
        self.near(bent[1], 255, "white, by gamma", 1)
        self.near(float(bent[0] > plain[0] + 5), 1, f"brighter by gamma: {bent[0]} after {plain[0]}", 0)
        for slider, value in (("brightness", -40), ("contrast", -50), ("gamma", 150)):
            self.slide_to(slider, value)
        b.click("#mirror")
        self.check("origami.viewers.every(v => v.viewport.getFlip()) && document.getElementById('flip').ariaPressed === 'true'", "mirrored by the panel")
        self.settle()
        seen = self.means()
        kept = "['b', 'k', 'g', 'f'].map(key => new URLSearchParams(location.hash.slice(1)).get(key)).join() === '-40,-50,150,1'"
        self.check(kept, "all of it in the address")
        self.check("[...document.querySelectorAll('.pane-name a')].every(a => a.hash.includes('b=-40') && a.hash.includes('k=-50') && a.hash.includes('g=150'))", "and in the links to the slides alone")
        for dark in (False, True):
            b.screen(1280, 800, dark=dark)
            self.picture(f"side-by-side-picture-{'dark' if dark else 'light'}")
            axe.check(self, f"the panel of the picture, {'dark' if dark else 'light'}")
        b.screen(1280, 800)
        b.open(self.remembered())
        self.settle()
        self.check("document.getElementById('picturing').hidden && document.getElementById('adjusted').checkVisibility()", "an address opens no panel, and the page says that pixels are changed")
        for got, was in zip(self.means(), seen):
            self.near(got, was, "a view from an address", 4)
        self.remembered()
        self.check(kept, "the address stays")
        b.click("#picture")
        b.click("#picture-reset")
        self.settle()
        self.check("['brightness', 'contrast', 'gamma'].map(id => document.getElementById(id).value).join() === '0,0,100' && !origami.together.view.flip", "all is put back")
        self.near(self.means()[1], 255, "the drawn slide as it is", 1)
        self.check("!['b', 'k', 'g', 'f'].some(key => new URLSearchParams(location.hash.slice(1)).has(key))", "an address without it")
        # One panel at a time, and out of it by keyboard.
        b.key("o")
        self.check("document.getElementById('picturing').hidden && !document.getElementById('offsets').hidden", "the offsets in its place")
        b.key("p")
        self.check("document.getElementById('offsets').hidden && !document.getElementById('picturing').hidden", "and back")
        b.eval("document.getElementById('gamma').focus()")
        b.key("Escape")
        self.check("document.activeElement.id === 'picturing'", "Escape leads out of a field")
        b.key("Escape")
        self.check("document.getElementById('picturing').hidden && document.getElementById('picture').ariaPressed === 'false'", "and out of the panel")

    def views(self):
        """Each slide in the view that the address asks for; another one is chosen in the panel, and stays at the same place."""
        b = self.browser
        b.screen(1280, 800)
        self.open((CHANNELS, CHANNELS), "&views=,channel%3D2#x=0.02&y=0.01&z=500")
        self.check(f"{SHOWS} === 'channel DAPI, 1 of 3 | channel Cy5, 3 of 3'", "which channels are shown")
        dark, bright = self.means()
        self.near(float(bright > dark + 40), 1, f"one channel beside another: {dark} and {bright}", 0)
        b.click("#picture")
        self.check("document.querySelectorAll('#views details').length === 2 && document.querySelectorAll('#views [type=checkbox]').length === 6", "a choice for each of them")
        b.click("#views details:first-child summary")
        self.settle()
        axe.check(self, "a choice of channels beside two slides")
        self.picture("side-by-side-channels")
        self.check("[...document.querySelectorAll('#views :is(button, input, select)')].filter(e => e.checkVisibility()).every(e => (b => b.left >= 0 && b.right <= document.getElementById('picturing').getBoundingClientRect().right)(e.getBoundingClientRect()))", "the choice fits the panel")
        place = "(({ x, y, zoom }) => [x + 1, y + 1, zoom])(origami.together.view)"
        before = b.eval(place)
        b.eval("document.querySelectorAll('#views details:first-child [type=checkbox]').forEach((box, number) => { box.checked = number === 1; })")
        b.eval("delete document.documentElement.dataset.ready")
        b.click("#views details:first-child form button")
        b.wait("location.search.endsWith('&views=channel%3D1,channel%3D2') && document.documentElement?.dataset.ready === 'yes'", "another channel")
        self.settle()
        self.check(f"{SHOWS} === 'channel FITC, 2 of 3 | channel Cy5, 3 of 3'", "which channels are shown then")
        for at, (got, was) in enumerate(zip(b.eval(place), before)):
            self.near(got, was, f"the same place, value {at}", was * 1e-4 + 1e-4)
        self.check("origami.viewers.every(({ world }, i) => world.getItemAt(0).source.getTileUrl(9, 0, 0).includes(`&channel=${i + 1}`))", "tiles of these channels")
        self.check("[...document.querySelectorAll('.pane-name a')].map(a => a.search).join() === '?channel=1,?channel=2'", "the links carry the channels")
        # The way from the viewer carries them as well. No slide of the test has such a name, so the list is made up.
        other, listed = f"{CHANNELS}-original", re.compile(r"/api/slides\?search=")
        b.page.route(listed, lambda route: route.fulfill(json={"slides": [{"name": other}]}))
        b.open(f"{self.address}/viewer/{quoted([CHANNELS])}?channel=1")
        b.key("c")
        self.check(f"document.querySelector('#message a')?.search === {json.dumps(f'?slides={quoted([CHANNELS, other])}&views=channel%3D1')}", "the way from the viewer")
        b.page.unroute(listed)
        b.open(f"{self.address}/compare?slides={quoted([CHANNELS, self.drawn])}&views=channel%3D9")
        self.check(f"{SAID}.includes({json.dumps(f'{CHANNELS} cannot be shown: ')})", "a channel that is not there")
        b.forgive("channel=9")

    def refused(self):
        """What is no comparison, in a sentence."""
        b = self.browser
        b.screen(1280, 800)
        for query, words in (("", "names no slide."), (f"?slides={quoted([self.slide])}", "names one slide."),
                             (f"?slides={quoted([self.slide] * 5)}", "names five slides."), ("?slides=a%,b", "a% is no name"),
                             (f"?slides={quoted([self.slide, self.drawn, self.odd])}&expires=1&signature=0&expires=1&signature=0", "2 signatures for three slides")):
            b.open(f"{self.address}/compare{query}")
            self.check(f"{SAID}.includes({json.dumps(words)})", f"{query}: {words}")
        self.picture("side-by-side-one")
        # OpenSeadragon reads the address as well.
        b.forgive("malformed URL parameter")
        if b.faults:
            return
        b.open(f"{self.address}/compare?slides={quoted([self.slide, 'none at all'])}")
        self.check(f"{SAID} === 'none at all cannot be shown: there is no such slide. All slides' && document.querySelector('#message a').pathname === '/'", "a slide that is not there, and the way to those that are")
        b.screen(360, 740, 2, phone=True)
        self.picture("side-by-side-missing")
        b.forgive("/api/slides/none%20at%20all")

    def signed(self):
        """A signature for each, in their order; one for all."""
        b = self.browser
        b.screen(1280, 800)

        def sign(*names):
            return "&".join(subprocess.run([self.origami, "sign", "--key-file", self.key, "--slide", name, "--valid", "1h"], check=True,
                                           capture_output=True, text=True).stdout.strip() for name in names)

        names = (self.drawn, self.odd)
        for query in (sign(*names), sign("*")):
            b.open(f"{self.signed_at}/compare?slides={quoted(names)}&{query}")
            self.settle()
            self.check("origami.viewers.length === 2", "both are shown")
            b.key("+")
            self.settle()
            self.remembered()
            self.check(f"location.search.endsWith({json.dumps(query)}) && location.hash.length > 5", "the signatures stay")
            self.check("[...document.querySelectorAll('.pane-name a')].every(a => a.search.includes('signature='))", "the links are signed")
        if b.faults:
            return
        b.open(f"{self.signed_at}/compare?slides={quoted(names)}&{sign(*reversed(names))}")
        self.check(f"{SAID}.includes('the signature is invalid')", "signatures in another order")
        b.forgive("403")

    # --- One slide ----------------------------------------------------------------------------------------------------

    def mirrored(self):
        """The viewer of one slide: on the screen, in the address, in the picture; and measures there."""
        b = self.browser
        b.screen(1200, 800)
        middle = (RIGHT + 200, (TOP + BOTTOM) / 2)
        b.open(f"{self.address}/viewer/{quoted([self.drawn])}#x={middle[0]}&y={middle[1]}&z=0.5")
        self.settle()
        plain, (width, stage) = b.eval(COPIED), b.eval("(b => [b.width, b.left])(document.getElementById('stage').getBoundingClientRect())")
        b.key("h")
        self.settle()
        seen = b.eval(COPIED)
        for at, other in ((0, 2), (2, 0)):
            self.near(seen[at] - stage, width - (plain[other] - stage), "the mirrored rectangle", 1.5)
        self.near(seen[1], plain[1], "its height", 1)
        self.remembered()
        self.check("new URLSearchParams(location.hash.slice(1)).get('f') === '1'", "mirrored, in the address")
        b.open(b.eval("location.href"))
        self.settle()
        self.near(b.eval(COPIED)[0], seen[0], "mirrored, from the address", 1)
        # Clicks and drags mean what is under the pointer.
        b.key("m")
        b.wait("Boolean(origami.measuring?.open)", "the panel of measures", 10)
        row = (seen[1] + seen[3]) / 2
        for way in ("drag", "clicks"):
            self.tool("ruler")
            if way == "drag":
                b.drag((seen[0], row), (seen[2], row))
            else:
                self.at((seen[0], row), (seen[2], row))
            (one, _), (other, _) = b.eval("origami.measuring.all.at(-1).points")
            self.near(one, RIGHT, f"the left end of what is measured by {way}", 3)
            self.near(other, LEFT, f"the right end of what is measured by {way}", 3)
        self.picture("mirrored")
        b.key("p")
        b.wait("Boolean(origami.picturing?.open)", "the panel of the picture", 10)
        inside, outside = (seen[0] + 20 - stage, 100), (width - (plain[2] - stage) - 40, 100)
        top = b.eval("document.getElementById('stage').getBoundingClientRect().top")
        for (x, _), want in ((inside, 0), (outside, 255)):
            got = b.eval(f"origami.picturing.draw().getContext('2d').getImageData({x}, {row - top + 30}, 1, 1).data[0]")
            self.near(got, want, f"the picture at {x}", 2)
        # Zooming keeps what is under the pointer.
        b.open(f"{self.address}/viewer/{quoted([self.drawn])}#x={middle[0]}&y={middle[1]}&z=0.5&f=1")
        self.settle()
        before = b.eval(COPIED)
        self.at((before[2], row))
        b.page.mouse.dblclick(before[2], row)
        self.settle()
        self.near(b.eval(COPIED)[2], before[2], "the edge under a double click", 2)

    def labelled(self):
        """The figures of a difference say what, where, and at which zoom; also in the picture."""
        b = self.browser
        b.screen(1200, 800)
        b.open(f"{self.address}/viewer/{quoted([self.slide])}#x=1110&y=2100&z=1&m=difference&d=64")
        self.settle()
        self.check("origami.comparing.span === 64 && document.getElementById('span').value === '64'", "the span of an address")
        b.eval("Object.assign(document.getElementById('span'), { value: '16' }).dispatchEvent(new Event('change'))")
        b.wait("/[#&]d=16/.test(location.hash)", "the span in the address")
        rows = "[...document.querySelectorAll('#figures dt')].map(e => [e.textContent, e.nextSibling.textContent])"
        got = dict(b.eval(rows))
        self.near(len(got), 5, f"figures: {got}", 0)
        width, height = b.eval("(b => [b.width, b.height])(document.getElementById('stage').getBoundingClientRect())")
        left, right = (max(0, round(1110 - width / 2)), min(2220, round(1110 + width / 2)))
        self.check(f"{json.dumps(got['Where'])}.startsWith('x {left:,} to {right:,}, y ')", f"where: {got['Where']}")
        self.check(f"{json.dumps(got['Zoom'])} === '20×, 1 pixel of the slide is 1 of the screen'", f"the zoom: {got['Zoom']}")
        self.check("document.getElementById('legend').textContent.includes('levels of 255')", "what the figures are")
        b.key("-")
        self.settle()
        zoomed = dict(b.eval(rows))["Zoom"]
        self.check(f"{json.dumps(zoomed)}.includes('1 pixel of the screen is 1.6 of the slide')", f"the zoom further out: {zoomed}")
        for dark in (False, True):
            b.screen(360, 740, 2, phone=True, dark=dark)
            self.settle()
            self.picture(f"difference-phone-{'dark' if dark else 'light'}")

    def phone(self):
        b = self.browser
        for dark in (False, True):
            b.screen(360, 740, 2, phone=True, dark=dark)
            self.open((self.slide, self.drawn))
            self.check("document.documentElement.scrollWidth <= innerWidth", "it fits")
            self.check("[...document.querySelectorAll('button, a, select')].filter(e => e.checkVisibility()).every(e => (b => b.left >= 0 && b.right <= innerWidth && b.bottom <= innerHeight)(e.getBoundingClientRect()))", "all controls are on the screen")
            self.check("(([a, b]) => a.bottom <= b.top)([...document.querySelectorAll('.pane')].map(e => e.getBoundingClientRect()))", "one above the other")
            self.picture(f"side-by-side-phone-{'dark' if dark else 'light'}")
            b.click("#align")
            self.check("[...document.querySelectorAll('#corner, #linked, .pane-name')].filter(e => e.checkVisibility()).every(e => (b => b.left >= 0 && b.right <= innerWidth)(e.getBoundingClientRect()))", "what lies over the slides fits")
            self.check("[...document.querySelectorAll('#offsets :is(button, input)')].every(e => (b => b.left >= 0 && b.right <= innerWidth)(e.getBoundingClientRect()))", "the offsets fit")
            b.click("#picture")
            self.check("document.getElementById('offsets').hidden && [...document.querySelectorAll('#picturing :is(button, input)')].every(e => (b => b.left >= 0 && b.right <= innerWidth)(e.getBoundingClientRect()))", "the panel of the picture fits")
            self.picture(f"side-by-side-picture-phone-{'dark' if dark else 'light'}")


def main(address, out, *given):
    visit("compare", out, lambda browser, out: Comparing(browser, out, address, *given),
          lambda user: (user.linked, user.offsets, user.parts, user.adjusts, user.views, user.signed, user.mirrored, user.labelled, user.phone, user.refused))


if __name__ == "__main__":
    main(*sys.argv[1:])
