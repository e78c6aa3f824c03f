"""Marks in the viewer, saved on a server of its own by two who work at once: what scripts/browser.sh runs.

    browser_marks.py ORIGAMI SLIDES SLIDE FOLDER SCREENSHOTS [--speed]

FOLDER is where the marks are kept. With --speed it compares the frame rate with 10,000 marks, of which a point is dragged meanwhile, to that
without, and fails where it is too low: that takes a machine that does nothing else.
"""

import json
import math
import pathlib
import re
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request

from user import User, visit

EXAMPLES = pathlib.Path(__file__).parent.parent / "tests/server/qupath"

MANY = """(() => {
    const [width, height, list] = [%d, %d, []];
    let seed = 7;
    const random = () => (seed = (seed * 1103515245 + 12345) %% 2147483648) / 2147483648;
    for (let i = 0; i < 10000; i++) {
        const [x, y, radius] = [20 + random() * (width - 40), 20 + random() * (height - 40), 6 + random() * 14];
        const ring = Array.from({ length: 24 }, (_, k) => (r => [x + r * Math.cos(k * Math.PI / 12), y + r * Math.sin(k * Math.PI / 12)])(radius * (0.8 + 0.2 * random())));
        const classification = { name: `class ${i %% 4}`, color: [[200, 0, 0], [0, 120, 0], [0, 0, 200], [200, 120, 0]][i %% 4] };
        list.push({ type: 'Feature', id: `many-${i}`, geometry: geojson.polygon([ring]), properties: { objectType: 'detection', classification } });
    }
    origami.marking.marks.change(list.map(feature => [feature.id, feature]), 'elsewhere');
})()"""

# A movement over the whole slide that pans and zooms, the same in each run: `window.rate` is its frames a second, once it has ended.
MOVEMENT = """(async frames => {
    const view = origami.viewer.viewport, home = view.getHomeZoom(), start = performance.now();
    window.rate = null;
    for (let i = 0; i < frames; i++) {
        view.zoomTo(home * (1.6 + 0.6 * Math.sin(i / 20)), null, true);
        view.panTo(new OpenSeadragon.Point(0.5 + 0.15 * Math.sin(i / 13), 0.6 + 0.2 * Math.cos(i / 17)), true);
        await new Promise(done => requestAnimationFrame(done));
    }
    window.rate = frames * 1000 / (performance.now() - start);
})(180)"""
# A mark with a point in the middle of the view, which can be dragged there.
DRAGGED = """(() => {
    const { viewer, marking: { marks, edit } } = origami, box = viewer.element.getBoundingClientRect();
    const { x, y } = viewer.viewport.viewerElementToImageCoordinates(new OpenSeadragon.Point(box.width / 2, box.height / 2));
    const feature = { type: 'Feature', id: 'dragged', geometry: geojson.polygon([[[x, y], [x + 60, y], [x + 60, y + 60]]]), properties: { objectType: 'annotation' } };
    marks.change([['dragged', feature]], 'elsewhere');
    edit.select('dragged');
    return [box.left + box.width / 2, box.top + box.height / 2];
})()"""
# What --speed asks for: this share of the frame rate without marks and, where that is more, so many frames a second.
LEAST_RATIO, LEAST_RATE = 0.7, 25


class Marking(User):
    """Draws, changes, saves, and meets someone else who does."""

    def __init__(self, browser, out, origami, slides, slide, folder):
        super().__init__(browser, out)
        shutil.rmtree(folder, ignore_errors=True)
        self.slide, self.file = slide, folder / f"{urllib.parse.quote(slide, safe='')}.geojson"
        self.process = subprocess.Popen([origami, "serve", "--slides-root", slides, "--port", "0", "--annotations", folder, "--annotations-open"],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.address = re.search(r"http://\S+", self.process.stdout.readline())[0].rstrip("/")
        self.api = f"{self.address}/api/slides/{urllib.parse.quote(slide, safe='')}/annotations"

    def leave(self):
        self.process.kill()
        self.process.wait()

    def open(self, more=""):
        self.browser.open(f"{self.address}/viewer/{urllib.parse.quote(self.slide, safe='')}#x=1110&y=1500&z=1{more}")
        self.browser.eval("origami.settled()")
        self.browser.key("a")
        self.browser.wait("Boolean(origami.marking?.open && origami.marking.loaded)", "the panel of marks", 20)
        self.browser.eval("origami.marking.loaded")
        self.browser.eval("origami.settled()")

    def tool(self, name):
        self.browser.click(f"#mark-tools [value={name}]")

    def saved(self):
        self.browser.wait("origami.marking.store.saved", "marks to be saved", 20)

    def kept(self):
        with urllib.request.urlopen(self.api) as answer:
            return json.load(answer)

    def elsewhere(self, changes):
        """Someone else changes marks at the same time."""
        body = json.dumps({"changes": changes}).encode()
        request = urllib.request.Request(self.api, body, {"Content-Type": "application/json"}, method="PATCH")
        with urllib.request.urlopen(request) as answer:
            said = json.load(answer)
        if said["conflicts"]:
            raise SystemExit(f"error: the other one has a conflict: {said}")

    def draw(self):
        """Each tool once; classes, a name, a text."""
        b = self.browser
        b.screen(1280, 800)
        self.open()
        b.eval("(e => { e.value = 'Dr. <b>A</b>'; e.dispatchEvent(new Event('change')); })(document.getElementById('author'))")
        self.tool("polygon")
        self.at((450, 300), (600, 280), (640, 400), (500, 450), (450, 300))
        self.tool("rectangle")
        b.drag((700, 300), (850, 420))
        self.tool("ellipse")
        b.drag((900, 300), (1050, 420))
        self.tool("freehand")
        self.stroke((700, 500), (800, 480), (850, 560), (760, 620))
        self.tool("line")
        self.at((900, 500), (1000, 520))
        for _ in range(2):
            b.page.mouse.click(1050, 600)
        b.wait("origami.marking.marks.size === 5", "a line that a double click ends", 5)
        b.click("#class-new summary")
        b.eval("document.getElementById('class-name').value = 'Mitosis, typical'")
        b.click("#class-add")
        self.tool("point")
        self.at((420, 620), (440, 640))
        self.tool("text")
        self.at((550, 650))
        b.eval("document.getElementById('mark-text').select()")
        b.page.keyboard.insert_text("is this one?")
        b.eval("document.getElementById('mark-text').blur()")
        self.saved()
        kinds = [(f["geometry"]["type"], f["properties"]["origami"].get("shape")) for f in self.kept()["features"]]
        want = [("Polygon", None), ("Polygon", "rectangle"), ("Polygon", "ellipse"), ("Polygon", "freehand"), ("LineString", None),
                ("Point", None), ("Point", None), ("Point", "text")]
        if kinds != want:
            raise SystemExit(f"error: what is kept is not what was drawn: {kinds}")
        last = self.kept()["features"][-1]["properties"]
        if last["origami"]["author"] != "Dr. <b>A</b>" or last["origami"]["text"] != "is this one?" or last["classification"]["name"] != "Mitosis, typical":
            raise SystemExit(f"error: {last}")
        self.checks += 2
        b.wait("origami.marking.layer.settled", "the picture of the marks", 10)
        self.picture("marks")

    def stroke(self, *points):
        mouse = self.browser.page.mouse
        mouse.move(*points[0])
        mouse.down()
        for point in points[1:]:
            mouse.move(*point, steps=8)
        mouse.up()

    def change(self):
        """A mark is chosen, changed by its handle, by keys, undone, locked and removed."""
        b = self.browser
        b.key("Escape")
        self.at((775, 360))
        size = "document.getElementById('mark-size').textContent"
        self.check("!document.getElementById('mark').hidden", "a click chooses a mark")
        before = b.eval(size)
        b.drag((850, 420), (880, 470))
        self.check(f"{size} !== {json.dumps(before)}", "a corner is dragged")
        ring = "JSON.stringify(origami.marking.marks.get(origami.marking.edit.id).feature.geometry.coordinates[0].map(p => p.map(Math.round)))"
        corners = json.loads(b.eval(ring))
        if len({x for x, _ in corners}) != 2 or len({y for _, y in corners}) != 2:
            raise SystemExit(f"error: the rectangle is none any more: {corners}")
        self.picture("marks-chosen")
        b.drag((790, 380), (800, 390))
        moved = json.loads(b.eval(ring))
        if [[x - 10, y - 10] for x, y in moved] != corners:
            raise SystemExit(f"error: {corners} moved by 10 is {moved}")
        self.checks += 2
        b.eval("document.getElementById('main').focus()")
        for key in ("]", "Alt+ArrowLeft", "Control+z", "Control+z"):
            b.key(key)
        self.check(f"{ring} === {json.dumps(json.dumps(corners, separators=(',', ':')))}", "what was moved by keys and by mouse is undone")
        b.click("#mark-lock")
        b.key("Delete")
        self.check("origami.marking.marks.size === 8", "a locked mark stays")
        b.click("#mark-lock")
        b.eval("document.getElementById('main').focus()")
        b.key("Delete")
        self.check("origami.marking.marks.size === 7", "Delete removes a mark")
        self.saved()
        # By keys alone: a point in the middle of the view.
        b.eval("document.querySelector('#mark-tools [value=point]').focus()")
        b.eval("document.activeElement.click()")
        b.key("Enter")
        self.saved()
        place = [round(value) for value in self.kept()["features"][-1]["geometry"]["coordinates"]]
        if place != [1110, 1500]:
            raise SystemExit(f"error: a point by keys is at {place}")
        self.checks += 1
        b.key("Escape")
        for dark in (False, True):
            b.screen(360, 740, 2, phone=True, dark=dark)
            b.eval("origami.settled()")
            self.check("[...document.querySelectorAll('#marking button, #marking select, #marking input')].filter(e => e.checkVisibility())"
                       ".every(e => (b => b.left >= 0 && b.right <= innerWidth)(e.getBoundingClientRect()))", "the panel fits a phone")
            self.picture(f"marks-phone-{'dark' if dark else 'light'}")
        b.screen(1280, 800, dark=True)
        b.eval("origami.settled()")
        self.picture("marks-dark")
        b.screen(1280, 800)

    def together(self):
        """Two keep both their marks; the same mark changed by both is shown in both versions."""
        b = self.browser
        self.open()
        kept = self.kept()
        mark, revision = kept["features"][0], kept["origami"]["marks"][0][1]
        other = {"type": "Feature", "id": "of-the-other", "geometry": {"type": "Point", "coordinates": [1200, 1500]}, "properties": {"objectType": "annotation"}}
        moved = json.loads(json.dumps(mark))
        moved["geometry"]["coordinates"][0] = [[x + 30, y + 20] for x, y in moved["geometry"]["coordinates"][0]]
        moved["properties"]["origami"]["author"] = "B"
        self.elsewhere([{"id": other["id"], "revision": 0, "feature": other}, {"id": mark["id"], "revision": revision, "feature": moved}])
        name = "origami.marking.marks.change([[%s, { ...origami.marking.marks.get(%s).feature, properties: { ...origami.marking.marks.get(%s).feature.properties, name: %s } }]])"
        identity = json.dumps(mark["id"])
        b.eval(name % (identity, identity, identity, json.dumps("mine")))
        b.wait("document.getElementById('conflict').open", "both versions of a mark", 20)
        self.check("/mine/.test(document.getElementById('mine-facts').textContent) && /by B/.test(document.getElementById('theirs-facts').textContent)", "whose is which")
        self.picture("marks-conflict")
        b.click("#keep-both")
        b.wait("!document.getElementById('conflict').open", "the end of the conflict", 5)
        self.saved()
        kept = self.kept()["features"]
        names = [f["properties"].get("name") for f in kept]
        authors = [f["properties"].get("origami", {}).get("author") for f in kept]
        if names.count("mine") != 1 or authors.count("B") != 1 or not any(f["id"] == "of-the-other" for f in kept):
            raise SystemExit(f"error: not all versions are kept: {names}, {authors}")
        self.checks += 1
        b.eval("origami.marking.store.load()")
        self.check("Boolean(origami.marking.marks.get('of-the-other'))", "what the other one drew is here")

    def files(self):
        """What is read is written again, members that are not known included; and the same bytes the second time."""
        b = self.browser
        self.open()
        for path in sorted(EXAMPLES.glob("*.geojson")):
            text = json.dumps(path.read_text())
            same = b.eval(f"(() => {{ const once = geojson.write(geojson.read({text})), twice = geojson.write(geojson.read(once)); return [once === twice, once]; }})()")
            given = json.loads(path.read_text())
            given = given if isinstance(given, list) else given.get("features", [given])
            ids = [feature.pop("id") for feature in given]
            written = json.loads(same[1])["features"]
            back = [feature.pop("id") for feature in written]
            if not same[0] or written != given or (len(set(ids)) == len(ids) and ids != back) or len(set(back)) != len(back):
                raise SystemExit(f"error: {path.name} does not survive: {written}")
            self.checks += 1
        whole = json.dumps((EXAMPLES / "cells.geojson").read_text())
        before = b.eval("origami.marking.marks.size")
        b.eval(f"origami.marking.load(new File([{whole}], 'cells.geojson'))")
        self.check(f"origami.marking.marks.size === {before} + 2", "a file is imported")
        self.saved()
        # Export, import into nothing, export again.
        self.check("""(() => {
            const { marks } = origami.marking, once = geojson.write(marks.features());
            marks.change(marks.features().map(feature => [feature.id, null]), 'elsewhere');
            marks.change(geojson.read(once).map(feature => [feature.id, feature]), 'elsewhere');
            return once === geojson.write(marks.features());
        })()""", "export, import and export again give the same bytes")
        self.open()
        self.check("(once => once === geojson.write(geojson.read(once)) && once.includes('\\\"nucleusGeometry\\\"'))(geojson.write(origami.marking.marks.features()))", "so do marks that the server kept")
        table = b.eval("geojson.csv([{ type: 'Feature', id: '=1+1', geometry: { type: 'Polygon', coordinates: [[[0, 0], [10, 0], [10, 20], [0, 0]]] }, properties: {} }], [0.5, 0.25])")
        rows = table.split("\r\n")
        if rows[0].split(",")[7:9] != ["length_um", "area_um2"] or not rows[1].startswith("'=1+1,") or rows[1].split(",")[8] != "12.5":
            raise SystemExit(f"error: {table}")
        for text in ("", "3", "[3]", '{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[["a",1]]]}}'):
            b.eval(f"origami.marking.load(new File([{json.dumps(text)}], 'bad.geojson'))")
            self.check("/^bad\\.geojson: /.test(document.getElementById('marks-did').textContent)", "a file that is none is refused")
        self.checks += 1

    def gone(self):
        """Without the server marks wait, and are saved when it is back."""
        b = self.browser
        self.open()
        count = len(self.kept()["features"])
        b.context.set_offline(True)
        self.tool("point")
        self.at((700, 700))
        b.wait("/Not saved: the server does not answer/.test(document.getElementById('marks-said').textContent)", "that nothing is saved", 20)
        self.picture("marks-not-saved")
        b.context.set_offline(False)
        self.saved()
        if len(self.kept()["features"]) != count + 1:
            raise SystemExit("error: what was drawn without the server is lost")
        self.checks += 1
        b.forgive("ERR_INTERNET_DISCONNECTED")

    def moved(self, dragging):
        """Frames a second of the movement, and of the same while a point is dragged."""
        b, point = self.browser, "JSON.stringify(origami.marking.marks.get('dragged').feature.geometry.coordinates[0][0])"
        if dragging:
            x, y = b.eval(DRAGGED)
            before = b.eval(point)
            b.page.mouse.move(x, y)
            b.page.mouse.down()
        b.eval(f"void ({MOVEMENT})")
        step = 0
        while (rate := b.eval("window.rate")) is None:
            step += 1
            if dragging:
                b.page.mouse.move(x + 60 * math.sin(step / 4), y + 40 * math.cos(step / 4))
            time.sleep(0.016)
        if dragging:
            b.page.mouse.up()
            if b.eval(point) == before:
                raise SystemExit("error: no point was dragged")
            b.eval("origami.marking.edit.select(null); origami.marking.marks.change([['dragged', null]])")
        return rate

    def speed(self):
        b = self.browser
        b.screen(1280, 800)
        self.open()
        b.eval(MANY % (2220, 2967))
        b.wait("origami.marking.layer.settled", "the picture of 10,000 marks", 30)
        self.picture("marks-many")
        rates = []
        for _ in range(5):
            pair = []
            for hidden in ("true", "false"):
                b.eval(f"void (origami.marking.layer.hidden = {hidden})")
                time.sleep(0.3)
                pair.append(self.moved(dragging=hidden == "false"))
            rates.append(pair)
        bare, marked, ratio = (sorted(values)[2] for values in ([bare for bare, _ in rates], [marked for _, marked in rates], [marked / bare for bare, marked in rates]))
        print("10,000 marks: frames a second without and with them: " + ", ".join(f"{bare:.0f} {marked:.0f}" for bare, marked in rates)
              + f"; medians {bare:.1f} and {marked:.1f}, ratio {ratio:.2f}")
        if ratio < LEAST_RATIO or marked < LEAST_RATE < bare:
            raise SystemExit(f"error: 10,000 marks slow the slide down: at least {LEAST_RATIO} of the rate without them, and {LEAST_RATE} frames a second where it reaches these")


def main(origami, slides, slide, folder, out, *more):
    visit("marks", out, lambda browser, out: Marking(browser, out, origami, slides, slide, pathlib.Path(folder)),
          lambda user: (user.speed,) if "--speed" in more else (user.draw, user.change, user.together, user.files, user.gone))


if __name__ == "__main__":
    main(*sys.argv[1:])
