"""Every page, with each of its panels, at 1280 and 360 pixels, dark and light: axe-core finds nothing serious or critical, controls are
large enough, and a picture is left of each. What scripts/browser.sh runs.

    browser_accessible.py ADDRESS SCREENSHOTS SLIDE OTHER    SLIDE has its original, OTHER has a scale
"""

import sys
import time
import urllib.parse

import axe
from user import User, visit

# Pages at once and what is pressed on them.
PANELS = {
    "plain": "", "measure": "#measure", "marks": "#mark-up", "picture": "#picture", "share": "#share", "tour": "#record", "about": "#info", "keys": "#help",
    "compare": "#compare", "difference": "#difference",
}
# CSS pixels of a control at least, by WCAG 2.2 (2.5.8): those in a line of text and those of the browser are free of it.
SMALL = """[...document.querySelectorAll('button, a[href], summary, input:not([type=checkbox]), select')]
    .filter(e => e.checkVisibility({ visibilityProperty: true }) && !e.closest('p, dialog:not([open])') && getComputedStyle(e).display !== 'inline')
    .map(e => [e.getBoundingClientRect(), e]).filter(([b]) => b.width < 24 || b.height < 24)
    .map(([b, e]) => `${e.tagName}#${e.id}.${e.className} ${b.width.toFixed(0)}x${b.height.toFixed(0)}`).join(', ')"""


class Visitor(User):
    def __init__(self, browser, out, address, slide, other):
        super().__init__(browser, out)
        self.address, self.slide, self.other = address, *(urllib.parse.quote(name, safe="") for name in (slide, other))

    def looks(self):
        for width in (1280, 360):
            for dark in (False, True):
                self.look(width, "dark" if dark else "light")

    def look(self, width, theme):
        b = self.browser
        b.screen(width, 800 if width > 400 else 740, 1, phone=width < 400, dark=theme == "dark")

        def seen(name):
            time.sleep(0.3)
            self.picture(f"page-{name}-{width}-{theme}")
            small = b.eval(SMALL)
            self.check(f"{small!r} === ''" if not small else "false", f"{name} at {width}: too small: {small}")
            self.check("document.documentElement.scrollWidth <= innerWidth", f"{name} fits {width} pixels")
            axe.check(self, f"{name}, {width} pixels, {theme}")

        b.open(f"{self.address}/")
        b.wait("[...document.images].filter(i => i.src).every(i => i.complete)", "pictures")
        b.eval("document.querySelectorAll('.slide input').forEach((box, i) => i < 2 && box.click())")
        seen("list")
        b.open(f"{self.address}/#search=nothing-of-this-name")
        seen("list-empty")
        b.open(f"{self.address}/viewer/{self.slide}")
        b.eval("origami.settled()")
        for name, button in PANELS.items():
            if button:
                b.eval(f"document.querySelector('{button}').click()")
                time.sleep(0.5)
            if name == "measure":
                b.eval("document.getElementById('grid').click()")
            if name == "tour":
                b.wait("Boolean(origami.recording?.open)", "the recorder")
                b.eval("document.getElementById('add-keyframe').click(), document.getElementById('add-cue').click()")
            b.eval("origami.settled()")
            seen(f"viewer-{name}")
            if name == "keys":
                b.eval("document.getElementById('keys').close()")
            elif name in ("tour", "measure", "compare", "difference"):
                b.eval(f"document.querySelector('{button}').click()")
        b.go(f"{self.address}/viewer/none")
        b.wait("document.getElementById('message')?.textContent.includes('there is no such slide')", "a word on a slide that is not there", 20)
        seen("viewer-none")
        b.go(f"{self.address}/nonsense")
        b.wait("document.readyState === 'complete' && Boolean(document.getElementById('to-list'))", "the page of an address that is none", 20)
        seen("nowhere")
        b.open(f"{self.address}/compare?slides={self.slide},{self.other}")
        b.eval("origami.settled()")
        seen("compare")
        b.eval("document.getElementById('align').click()")
        seen("compare-offsets")
        b.open(f"{self.address}/compare?slides={self.slide}")
        seen("compare-one")
        b.open(f"{self.address}/embed/{self.slide}")
        b.eval("origami.settled()")
        seen("embed")
        b.open(f"{self.address}/jobs")
        seen("jobs-none")
        b.forgive("404")


def main(address, out, slide, other):
    visit("accessible", out, lambda browser, out: Visitor(browser, out, address, slide, other), lambda user: (user.looks,))


if __name__ == "__main__":
    main(*sys.argv[1:])
