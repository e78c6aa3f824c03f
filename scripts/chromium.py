"""Headless Chromium with one page, through Playwright.

Keeps every error on the console and every request that fails. Knows nothing of what is looked at. Scripts use `page`, which is Playwright's,
and `call` for what only the DevTools protocol has.
"""

import base64
import os
import shutil
import signal
import time

from playwright.sync_api import Error, sync_playwright

PATIENCE_S = 120


class Browser:
    """One Chromium with one page."""

    def __init__(self, program):
        self.faults, self.requests = [], []
        self.playwright = sync_playwright().start()
        try:
            # Chromium's own sandbox refuses to start for root, as in most containers.
            self.chromium = self.playwright.chromium.launch(executable_path=shutil.which(program), chromium_sandbox=os.geteuid() != 0,
                                                            args=["--disable-gpu"])
        except Error as error:
            self.playwright.stop()
            raise SystemExit(f"error: {program}: {error.message}") from None
        # Playwright has one kind of screen for the life of a context: `screen` changes it.
        self.context = self.chromium.new_context(no_viewport=True)
        self.page = self.context.new_page()
        self.session = self.context.new_cdp_session(self.page)
        self.listen()
        processes = self.chromium.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
        [program_id] = [each["id"] for each in processes if each["type"] == "browser"]
        # Playwright waits for ever for a page that does not answer, and gives up when its browser is gone.
        signal.signal(signal.SIGALRM, lambda *_: os.kill(program_id, signal.SIGKILL))

    def close(self):
        self.chromium.close()
        self.playwright.stop()

    def listen(self):
        """Keeps what must not happen."""
        page, keep = self.page, self.faults_add
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("response", lambda response: response.status < 400 or keep(f"{response.status} for {response.url}"))
        # Who leaves a page cancels what it was loading.
        page.on("requestfailed", lambda request: request.failure == "net::ERR_ABORTED" or keep(f"{request.failure} for {request.url}"))
        page.on("pageerror", lambda error: keep(error.stack or error.message))
        page.on("crash", lambda _: keep("the page has crashed"))
        page.on("console", lambda said: said.type not in ("error", "warning", "assert")
                or keep(f"console {said.type}: {said.text} {said.location.get('url', '')}"))

    def faults_add(self, fault):
        # The list may be another one by now.
        self.faults.append(fault)

    def forgive(self, *words):
        """Forgets faults with one of these words: they were meant."""
        self.faults = [fault for fault in self.faults if not any(word in fault for word in words)]

    def call(self, method, **params):
        """A command of the DevTools protocol."""
        return self.session.send(method, params)

    def eval(self, code):
        try:
            return self.evaluate(code)
        except Error as error:
            raise SystemExit(f"error: {code}: {error.message}") from None

    def evaluate(self, code):
        signal.alarm(PATIENCE_S)
        try:
            return self.page.evaluate(code)
        finally:
            signal.alarm(0)

    def go(self, address):
        """Leads the page to an address, which need not be one of ours."""
        try:
            # A change of the part after # alone would load nothing.
            self.page.goto("about:blank")
            self.page.goto(address, wait_until="commit")
        except Error as error:
            raise SystemExit(f"error: {address}: {error.message}") from None

    def open(self, address):
        self.go(address)
        self.wait("document.documentElement?.dataset.ready === 'yes'", address)

    def back(self):
        """One page back. The call returns before the page is left, which would end it with an error."""
        self.eval("void setTimeout(() => history.back())")

    def wait(self, condition, what, patience_s=PATIENCE_S):
        until = time.monotonic() + patience_s
        while not self.holds(condition):
            if time.monotonic() > until:
                raise SystemExit(f"error: waited in vain for {what}; {self.faults}")
            # Sleeps, and hears of what happens.
            self.page.wait_for_timeout(50)

    def holds(self, condition):
        """Whether a condition holds; none does on a page that is being left."""
        try:
            return self.evaluate(condition)
        except Error as error:
            if "navigation" in error.message:
                return False
            raise SystemExit(f"error: {condition}: {error.message}") from None

    def screen(self, width, height, scale=1, phone=False, dark=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=phone)
        self.call("Emulation.setTouchEmulationEnabled", enabled=phone)
        self.page.emulate_media(color_scheme="dark" if dark else "light")

    def network(self, latency_ms=0, bytes_per_s=-1, cache=True):
        self.call("Network.enable")
        self.call("Network.emulateNetworkConditions", offline=False, latency=latency_ms, downloadThroughput=bytes_per_s, uploadThroughput=bytes_per_s)
        self.call("Network.setCacheDisabled", cacheDisabled=not cache)

    def picture(self, **clip):
        """A PNG of the screen, or of x, y, width and height, in the pixels of the screen: Playwright's own is in those of CSS."""
        more = {"clip": {**clip, "scale": 1}} if clip else {}
        return base64.b64decode(self.call("Page.captureScreenshot", format="png", **more)["data"])

    def key(self, key):
        self.page.keyboard.press(key)

    def wheel(self, x, y, down):
        self.page.mouse.move(x, y)
        self.page.mouse.wheel(0, down)

    def drag(self, start, end):
        mouse = self.page.mouse
        mouse.move(*start)
        mouse.down()
        for step in range(1, 9):
            mouse.move(*(a + (b - a) * step / 8 for a, b in zip(start, end)))
            time.sleep(0.02)
        # Still for a moment: no flick.
        time.sleep(0.2)
        mouse.up()

    def touch(self, kind, *points):
        self.call("Input.dispatchTouchEvent", type=kind, touchPoints=[{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)])

    def click(self, element):
        self.page.locator(element).first.click()
