"""A user of a page: what is done in order, and what must be there. Over chromium.Browser."""

import base64
import json


class User:
    """Counts checks and pictures."""

    def __init__(self, browser, out):
        self.browser, self.out = browser, out
        self.checks = self.pictures = 0

    def check(self, condition, what):
        self.checks += 1
        if not self.browser.eval(condition):
            self.picture("failed")
            raise SystemExit(f"error: {what}: not so: {condition}")

    def picture(self, name):
        data = self.browser.call("Page.captureScreenshot", format="png")["data"]
        self.pictures += 1
        (self.out / f"{name}.png").write_bytes(base64.b64decode(data))

    def fill(self, selector, value):
        self.browser.eval(f"(e => {{ e.value = {json.dumps(value)}; e.dispatchEvent(new Event('change', {{ bubbles: true }})); }})"
                          f"(document.querySelector({json.dumps(selector)}))")

    def press(self, selector):
        """By keyboard, as well as by a finger."""
        self.browser.eval(f"void document.querySelector({json.dumps(selector)}).click()")
