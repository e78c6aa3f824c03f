"""Whose marks they are, and that one which cannot be read hides no other: marks that are kept in the browser, and on a server whose slide is
encoded again or gives its name to another one. What scripts/browser.sh runs.

    browser_kept.py ORIGAMI FOLDER SCREENSHOTS    FOLDER is where slides and marks are made
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys

import png
from browser_marks import Marking
from user import User, visit

WIDTH, HEIGHT = 700, 500
MARKS = "origami.marking.marks"
SAID = "document.getElementById('marks-said').textContent"
# Keeps marks as versions before this one did: the text alone, by name and size.
OLD = """((name, width, height, text) => new Promise((done, fail) => {
    const request = indexedDB.open('origami-marks', 1);
    request.onupgradeneeded = () => request.result.createObjectStore('slides');
    request.onsuccess = () => {
        const transaction = request.result.transaction('slides', 'readwrite');
        transaction.objectStore('slides').clear();
        transaction.objectStore('slides').put(text, JSON.stringify([name, width, height]));
        transaction.oncomplete = () => { request.result.close(); done(); };
        transaction.onabort = () => fail(transaction.error);
    };
}))"""
KEYS = """(() => new Promise(done => {
    const request = indexedDB.open('origami-marks', 1);
    request.onsuccess = () => {
        const keys = request.result.transaction('slides').objectStore('slides').getAllKeys();
        keys.onsuccess = () => { request.result.close(); done(keys.result.map(JSON.parse)); };
    };
}))()"""


class Kept(Marking):
    """One slide, `one`, that others take the place of; its server keeps marks, or leaves them to the browser."""

    def __init__(self, browser, out, origami, folder):
        User.__init__(self, browser, out)
        browser.screen(1280, 800)
        shutil.rmtree(folder, ignore_errors=True)
        self.origami, self.folder, self.slide, self.process, self.port = origami, folder, "one", None, "0"
        (folder / "slides").mkdir(parents=True)
        self.file = folder / "marks/one.geojson"
        # Two pictures of a size; the first one twice, at two qualities.
        for name, salt in (("first", 40), ("other", 90)):
            pixels = b"".join(bytes((255 * x // WIDTH, 255 * y // HEIGHT, salt * ((x // 8 + y // 8) % 3))) for y in range(HEIGHT) for x in range(WIDTH))
            png.write(folder / f"{name}.png", WIDTH, HEIGHT, pixels)
        for name, picture, quality in (("first", "first", "60"), ("again", "first", "30"), ("other", "other", "60")):
            made = folder / f"made-{name}"
            subprocess.run([origami, "encode", "--quiet", "--slide", folder / f"{picture}.png", "--out", made, "--l0q", quality, "--backend", "cpu"], check=True)
            (made / "residual_packs/residuals.bundle").rename(folder / f"{name}.bundle")
            shutil.rmtree(made)

    def leave(self):
        if self.process:
            super().leave()

    def serve(self, bundle, *flags):
        """The server anew, at the same address: what a browser keeps goes by it."""
        self.leave()
        shutil.copy(self.folder / f"{bundle}.bundle", self.folder / "slides/one.bundle")
        self.process = subprocess.Popen([self.origami, "serve", "--slides-root", self.folder / "slides", "--port", self.port, "--backend", "cpu", *flags],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.address = re.search(r"http://\S+", self.process.stdout.readline())[0].rstrip("/")
        self.port = self.address.rsplit(":", 1)[1]
        self.api = f"{self.address}/api/slides/one/annotations"

    def serve_marks(self, bundle):
        self.serve(bundle, "--annotations", self.folder / "marks", "--annotations-open")

    def look(self, answer=None):
        """Opens the marks. Where a question is expected, answers it and returns what was asked."""
        asked = []

        def said(dialog):
            # A page with changes that are not saved asks before it is left.
            if dialog.type == "beforeunload":
                return dialog.accept()
            asked.append(dialog.message)
            return dialog.accept() if answer else dialog.dismiss()

        self.browser.page.on("dialog", said)
        try:
            self.open()
        finally:
            self.browser.page.remove_listener("dialog", said)
        if (answer is None) != (not asked) or len(asked) > 1:
            raise SystemExit(f"error: asked {asked}, expected {'nothing' if answer is None else 'one question'}")
        self.checks += 1
        return asked[0] if asked else None

    def open(self, more=""):
        self.browser.go(f"{self.address}/viewer/one#x=350&y=250&z=1{more}")
        self.browser.wait("document.documentElement?.dataset.ready === 'yes'", "the viewer")
        self.browser.key("a")
        self.browser.wait("Boolean(origami.marking?.open && origami.marking.loaded)", "the panel of marks", 20)
        self.browser.eval("origami.marking.loaded")
        self.browser.eval("origami.settled()")

    def draw_two(self):
        self.tool("point")
        self.at((500, 300))
        self.tool("rectangle")
        self.browser.drag((600, 300), (700, 400))
        self.saved()

    def has(self, count, what):
        self.check(f"{MARKS}.size === {count}", what)

    # --- The browser --------------------------------------------------------------------------------------------------

    def in_the_browser(self):
        """Without a server that keeps them: drawn, there again after a reload, changed, exported."""
        b = self.browser
        self.serve("first")
        self.look()
        self.draw_two()
        self.check(f"/^Kept in this browser only/.test({SAID})", "where they are kept")
        self.picture("kept")
        before = b.eval(f"geojson.write({MARKS}.features())")
        self.look()
        self.checks += 1
        if b.eval(f"geojson.write({MARKS}.features())") != before:
            raise SystemExit("error: marks are not as they were kept")
        b.eval("document.getElementById('main').focus()")
        b.eval(f"origami.marking.edit.select({MARKS}.all()[0].id)")
        b.key("Delete")
        self.saved()
        self.look()
        self.has(1, "what was removed stays removed")
        with b.page.expect_download(timeout=20_000) as waited:
            b.click("#marks-export")
        text = pathlib.Path(waited.value.path()).read_text()
        self.checks += 1
        if waited.value.suggested_filename != "one.geojson" or text != b.eval(f"geojson.write({MARKS}.features(), {{ name: 'one', width: {WIDTH}, height: {HEIGHT} }})"):
            raise SystemExit(f"error: exported as {waited.value.suggested_filename}: {text}")

    def two_windows(self):
        """Two windows keep both their marks."""
        b = self.browser
        self.look()
        other = b.context.new_page()
        other.goto(f"{self.address}/viewer/one#x=350&y=250&z=1&a=1")

        def wait(page, condition):
            # The policy of the page does not let Playwright itself wait for a condition.
            for _ in range(400):
                if page.evaluate(condition):
                    return
                page.wait_for_timeout(50)
            raise SystemExit(f"error: waited in vain for {condition}")

        wait(other, "document.documentElement?.dataset.ready === 'yes' && Boolean(origami.marking?.loaded)")
        other.evaluate("origami.marking.loaded")
        point = "{ type: 'Feature', id: '%s', geometry: geojson.point([10, 10]), properties: { objectType: 'annotation' } }"
        for page, identity in ((other, "theirs"), (b.page, "mine")):
            page.evaluate(f"{MARKS}.change([['{identity}', {point % identity}]])")
            wait(page, "origami.marking.store.saved")
        other.close()
        self.look()
        self.check(f"Boolean({MARKS}.get('theirs') && {MARKS}.get('mine'))", "marks of both windows")

    def of_another_slide(self):
        """Encoded again they stay; another slide of the size asks, and what is not wanted is not lost."""
        b = self.browser
        count = b.eval(f"{MARKS}.size")
        self.serve("again")
        self.look()
        self.has(count, "a slide that is encoded again")
        self.serve("other")
        asked = self.look(answer=False)
        self.checks += 1
        if asked != f"There are {count} marks that were drawn on a slide of this name and size, which may be another one. Show them on this slide?":
            raise SystemExit(f"error: asked {asked}")
        self.has(0, "marks of another slide")
        self.tool("point")
        self.at((500, 300))
        self.saved()
        self.look()
        self.has(1, "marks of the other slide itself")
        self.serve("first")
        self.look()
        self.has(count, "marks of the first slide, which are still there")

    def from_before(self):
        """What an earlier version kept by name and size is there, once and for this slide; that of another size is asked for."""
        b = self.browser
        b.eval("origami.marking.store.save()")
        text = b.eval(f"geojson.write({MARKS}.features())")
        count = b.eval(f"{MARKS}.size")
        b.eval(f"{OLD}('one', {WIDTH}, {HEIGHT}, {json.dumps(text)})")
        self.look()
        self.has(count, "marks of an earlier version")
        keys = b.eval(KEYS)
        self.checks += 1
        if len(keys) != 1 or keys[0][:3] != ["one", WIDTH, HEIGHT] or not keys[0][3].startswith("file-"):
            raise SystemExit(f"error: kept under {keys}")
        self.serve("other")
        self.look(answer=False)
        self.serve("first")
        b.eval(f"{OLD}('one', {WIDTH + 1}, {HEIGHT}, {json.dumps(text)})")
        asked = self.look(answer=True)
        if f"another slide of this name, of {WIDTH + 1} by {HEIGHT} pixels" not in asked:
            raise SystemExit(f"error: asked {asked}")
        self.has(count, "marks of another size that were wanted")
        self.look()
        self.has(count, "they are of this slide now")

    # --- The server ---------------------------------------------------------------------------------------------------

    def on_the_server(self):
        """The same where the server keeps them; whoever declines sees none, and nothing is lost."""
        b = self.browser
        self.serve_marks("first")
        self.look()
        self.draw_two()
        self.serve_marks("again")
        self.look()
        self.has(2, "a slide that is encoded again")
        before = self.file.read_text()
        self.serve_marks("other")
        asked = self.look(answer=False)
        self.has(0, "marks of another slide")
        self.tool("point")
        self.at((500, 300))
        b.wait(f"/^Not saved: 2 marks were drawn on/.test({SAID})", "that nothing is saved", 20)
        b.forgive("409")
        self.checks += 1
        if "of this name and size, which may be another one" not in asked or self.file.read_text() != before:
            raise SystemExit(f"error: asked {asked}, and kept {self.file.read_text()}")
        self.look(answer=True)
        self.has(2, "they are shown")
        self.saved()
        self.look()
        self.has(2, "they are of this slide now")

    def unreadable(self):
        """A mark that an earlier version took and nobody can draw hides no other and stays as it is. One of few members is drawn."""
        b = self.browser
        self.leave()
        text = self.file.read_text()
        place = json.dumps(next(f for f in json.loads(text)["features"] if f["geometry"]["type"] == "Point")["geometry"]["coordinates"], separators=(",", ":"))
        self.file.write_text(text.replace(f'"coordinates":{place}', '"coordinates":["a"]'))
        self.serve_marks("other")
        bare = {"id": "bare", "feature": {"type": "Feature", "geometry": {"type": "Point", "coordinates": [300, 200]}}}
        odd = {"id": "odd", "feature": {"type": "Feature", "geometry": None, "properties": {
            "name": 5, "origami": {"text": {}, "shape": 3}, "classification": {"name": {}, "names": 7, "color": "red"}}}}
        self.elsewhere([bare, odd])
        self.look()
        self.has(3, "the others are there")
        self.check(f"/1 mark cannot be read and is not shown\\.$/.test({SAID})", "that one is missing")
        b.eval("document.getElementById('marks-list').open = true; document.getElementById('marks-everywhere').click()")
        self.check("document.querySelectorAll('#marks-near li').length === 3", "the list of the others")
        b.eval("[...document.querySelectorAll('#marks-near button')].forEach(e => e.click())")
        self.check("Number.isFinite(origami.viewer.viewport.getZoom())", "a mark without a shape leads nowhere")
        b.wait("origami.marking.layer.settled", "the picture of the marks", 10)
        self.picture("kept-unreadable")
        b.eval("origami.marking.edit.select(null)")
        self.tool("point")
        self.at((500, 500))
        self.saved()
        self.check(f"/1 mark cannot be read/.test({SAID})", "it is said after saving as well")
        kept = self.kept()["features"]
        self.checks += 1
        if len(kept) != 5 or sum(f["geometry"] is not None and f["geometry"]["coordinates"] == ["a"] for f in kept) != 1:
            raise SystemExit(f"error: kept {kept}")
        table = b.eval(f"geojson.csv({MARKS}.features(), null).split('\\r\\n').length")
        if table != 4 + 2:
            raise SystemExit(f"error: a table of {table} lines")
        # A file whose rings are open is mended as it is read, so that the server takes it.
        ring = json.dumps(json.dumps({"type": "Feature", "id": "open", "properties": None, "geometry": {"type": "Polygon", "coordinates": [[[9, 9], [20, 9], [20, 20]]]}}))
        b.eval(f"origami.marking.load(new File([{ring}], 'open.geojson'))")
        self.saved()
        [opened] = [f for f in self.kept()["features"] if f["id"] == "open"]
        if opened["geometry"]["coordinates"] != [[[9, 9], [20, 9], [20, 20], [9, 9]]]:
            raise SystemExit(f"error: imported as {opened}")
        for geometry in ({"type": "LineString", "coordinates": [[1, 2]]}, {"type": "Polygon", "coordinates": [[[1, 2], [3, 4]]]}, {"type": "Polygon", "coordinates": 5}):
            bad = json.dumps(json.dumps({"type": "Feature", "geometry": geometry}))
            b.eval(f"origami.marking.load(new File([{bad}], 'bad.geojson'))")
            self.check("/^bad\\.geojson: item 1: its? (has too few points|coordinates are not numbers)/.test(document.getElementById('marks-did').textContent)", f"{geometry} is refused")


def main(origami, folder, out):
    visit("kept", out, lambda browser, out: Kept(browser, out, origami, pathlib.Path(folder)),
          lambda user: (user.in_the_browser, user.two_windows, user.of_another_slide, user.from_before, user.on_the_server, user.unreadable))


if __name__ == "__main__":
    main(*sys.argv[1:])
