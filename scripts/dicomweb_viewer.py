"""dicom-microscopy-viewer in headless Chromium over DICOMweb of a server; called by scripts/dicomweb.sh.

    dicomweb_viewer.py CHROMIUM ADDRESS PORT PACKAGES FOLDER

Serves a page and the packages of PACKAGES on PORT of loopback, and opens the slide of the patient `archive`: it is found, opened, drawn, and panned. Pictures go to FOLDER.
"""

import functools
import http.server
import pathlib
import sys
import threading
import time

from chromium import Browser

DIST = "/dicom-microscopy-viewer-0.48.24/package/dist"
PATIENCE_S = 60
PAGE = """<!doctype html><meta charset="utf-8"><title>DICOMweb</title>
<style>html, body, #viewport { margin: 0; height: 100%%; background: #fff }</style>
<div id="viewport"></div>
<script src="/dicomweb-client-0.11.3/package/build/dicomweb-client.js"></script>
<script src="/dicom-microscopy-viewer-0.48.24/package/dist/dicomMicroscopyViewer.bundle.min.js"></script>
<script>
window.loaded = 0
async function start () {
  const client = new DICOMwebClient.api.DICOMwebClient({ url: '%(address)s/dicomweb' })
  const frames = client.retrieveInstanceFrames.bind(client)
  client.retrieveInstanceFrames = options => frames(options).then(got => { window.loaded++; return got })
  const series = await client.searchForSeries({ queryParams: { PatientID: 'archive', Modality: 'SM' } })
  const value = (of, tag) => of[tag].Value[0]
  const uids = { studyInstanceUID: value(series[0], '0020000D'), seriesInstanceUID: value(series[0], '0020000E') }
  const metadata = await client.retrieveSeriesMetadata(uids)
  const images = metadata.map(of => new dicomMicroscopyViewer.metadata.VLWholeSlideMicroscopyImage({ metadata: of }))
  window.images = images.length
  window.viewer = new dicomMicroscopyViewer.viewer.VolumeImageViewer({ client, metadata: images, controls: ['overview'] })
  window.viewer.render({ container: 'viewport' })
}
start().catch(error => { window.failed = String(error && error.stack || error) }).finally(() => { document.documentElement.dataset.ready = 'yes' })
</script>
"""


class Handler(http.server.SimpleHTTPRequestHandler):
    """The page and the packages."""

    def __init__(self, *args, page, **more):
        self.page = page
        super().__init__(*args, **more)

    def do_GET(self):
        # Where the viewer looks for its worker and its decoders.
        if self.path.startswith("/static/js/"):
            self.path = f"{DIST}/dynamic-import/{self.path.rsplit('/', 1)[1]}"
        if self.path != "/":
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(self.page)

    def log_message(self, *args):
        pass


def settled(browser):
    """Waits until no frame has come for a while; how many have."""
    count, until = -1, time.monotonic() + PATIENCE_S
    while count != (count := browser.eval("window.loaded")) or not count:
        if time.monotonic() > until:
            raise SystemExit(f"error: the viewer draws nothing: {browser.faults}")
        time.sleep(2)
    return count


def main():
    program, address, port, packages, folder = sys.argv[1:]
    page = (PAGE % {"address": address}).encode()
    serve = functools.partial(Handler, page=page, directory=packages)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), serve)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    browser = Browser(program)
    try:
        browser.screen(1000, 800)
        browser.open(f"http://127.0.0.1:{port}/")
        failed = browser.eval("window.failed || ''")
        if failed:
            raise SystemExit(f"error: the viewer does not open the slide: {failed}")
        first = settled(browser)
        pathlib.Path(folder, "viewer.png").write_bytes(browser.picture())
        for _ in range(3):
            browser.wheel(500, 400, -300)
            time.sleep(0.5)
        browser.drag((500, 400), (250, 250))
        second = settled(browser)
        pathlib.Path(folder, "viewer-panned.png").write_bytes(browser.picture())
        if second <= first:
            raise SystemExit("error: a pan loads no frame")
        # Its icons are none of the slide's.
        faults = [fault for fault in browser.faults if "/dicomweb/" in fault or "frame" in fault]
        print(f"dicom-microscopy-viewer: {browser.eval('window.images')} levels, {first} frames, {second} after a pan")
        if faults:
            raise SystemExit("error: " + "; ".join(faults[:5]))
    finally:
        browser.close()
        server.shutdown()


main()
