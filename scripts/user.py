"""A user of a page: what is done in order, and what must be there. Over chromium.Browser."""

import json
import os
import pathlib
import sys
import time

from chromium import Browser

# How long what a page shows may take to be right after what was done to it: layout, observers and answers come after the event.
SETTLES_S = 15
# What a viewer may send before the first tile, and what comes when it is first used.
MOST_BYTES = 150_000
LATER = {"marks.js", "marks-panel.js", "geojson.js", "rbush.min.js", "recorder.js", "camera.js", "tour.css", "measure.js", "picture.js", "region.js", "sharing.js", "about.js"}


class User:
    """Counts checks and pictures."""

    def __init__(self, browser, out):
        self.browser, self.out = browser, out
        self.checks = self.pictures = 0

    def leave(self):
        """Ends what it has started beside the browser."""

    def check(self, condition, what):
        self.checks += 1
        until = time.monotonic() + SETTLES_S
        while not self.browser.eval(condition):
            if time.monotonic() > until:
                self.picture("failed")
                raise SystemExit(f"error: {what}: not so after {SETTLES_S} s: {condition}")
            time.sleep(0.05)

    def picture(self, name):
        self.pictures += 1
        # Colours on their way, as after a change of the theme, are those of no page.
        self.browser.eval("document.getAnimations().filter(of => of instanceof CSSTransition).forEach(of => of.finish())")
        (self.out / f"{name}.png").write_bytes(self.browser.picture())

    def fill(self, selector, value):
        self.browser.eval(f"(e => {{ e.value = {json.dumps(value)}; e.dispatchEvent(new Event('change', {{ bubbles: true }})); }})"
                          f"(document.querySelector({json.dumps(selector)}))")

    def weighs(self, what):
        """Page, scripts and styles that came before the first tile, as they were sent: all that a viewer needs, and nothing that can wait."""
        sent = self.browser.eval("""(all => all.filter(e => e.startTime < all.find(one => /_files/.test(one.name)).startTime))
            ([...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')])
            .filter(e => !e.name.includes('/api/')).map(e => [e.name.split('/').pop().split('?')[0], e.encodedBodySize])""")
        total, names = sum(size for _, size in sent), {name for name, _ in sent}
        self.checks += 1
        if total > MOST_BYTES or names & LATER or not all(size for _, size in sent):
            raise SystemExit(f"error: {what}: {total} bytes before the first tile, at most {MOST_BYTES} and without {', '.join(sorted(LATER))}: {sent}")
        return total

    def press(self, selector):
        """By keyboard, as well as by a finger."""
        self.browser.eval(f"void document.querySelector({json.dumps(selector)}).click()")

    def tool(self, name):
        """A tool of measures, which a second press would put away."""
        if self.browser.eval(f"document.getElementById('{name}').getAttribute('aria-pressed') === 'false'"):
            self.browser.click(f"#{name}")

    def at(self, *points):
        """Clicks, one after the other."""
        for x, y in points:
            self.browser.page.mouse.click(x, y)
            # No double click.
            time.sleep(0.35)


def visit(what, out, make, parts):
    """Opens a browser for the user that `make` makes of it and of the folder of pictures, and goes through that user's `parts`. Whatever
    the browser complains of is a failure."""
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    browser, user = Browser(os.environ.get("CHROMIUM", "chromium")), None
    try:
        user = make(browser, out)
        for part in parts(user):
            part()
        if browser.faults:
            raise SystemExit(f"error: {what}: the browser complained")
        print(f"{what}: {user.checks} checks, {user.pictures} pictures, no error on the console, no failed request")
    finally:
        if browser.faults:
            print("what the browser complained of:", *browser.faults, sep="\n  ", file=sys.stderr)
        browser.close()
        if user:
            user.leave()
