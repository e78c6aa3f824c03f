"""Opens a slide of a server in headless Chromium and waits until its tiles are drawn: for scripts/package.sh and scripts/container.sh.

    package_viewer.py CHROMIUM ADDRESS PICTURE     PICTURE: where the screenshot goes; an error on the console fails
"""

import base64
import pathlib
import sys

from chromium import Browser

program, address, picture = sys.argv[1:]
browser = Browser(program)
try:
    browser.screen(1280, 800)
    browser.open(address)
    browser.wait("origami.viewer.world.getItemCount() === 1 && origami.viewer.world.getItemAt(0).getFullyLoaded()", "the slide's tiles", 30)
    shown = browser.call("Page.captureScreenshot")["data"]
    pathlib.Path(picture).write_bytes(base64.b64decode(shown))
    if browser.faults:
        sys.exit(f"error: {browser.faults}")
finally:
    browser.close()
print(f"{address} is drawn: {picture}")
