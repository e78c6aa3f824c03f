"""Headless Chromium with one page, over the DevTools protocol on a pair of pipes: needs nothing but Python and Chromium.

Keeps every error on the console and every request that fails. Knows nothing of what is looked at.
"""

import json
import os
import pathlib
import select
import shutil
import subprocess
import tempfile
import time

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

    def wait(self, condition, what, patience_s=PATIENCE_S):
        until = time.monotonic() + patience_s
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
