"""What is done with marks that are there: chosen together and removed, signed, imported again, named on the slide and in the list, seen
without their panel, in pictures and in addresses. What scripts/browser.sh runs.

    browser_marked.py ORIGAMI SLIDES SLIDE FOLDER SCREENSHOTS    FOLDER is where the marks are kept
"""

import json
import pathlib
import re
import sys
import time

from browser_marks import Marking
from user import visit

DID = "document.getElementById('marks-did').textContent"
MARKS = "origami.marking.marks"
# What of the canvas is not the slide: the colour of a mark without a class, at the places of its line.
TEAL = """(picture => { const { data } = picture.getContext('2d').getImageData(0, 0, picture.width, picture.height);
    let found = 0;
    for (let i = 0; i < data.length; i += 4) if (Math.abs(data[i]) < 12 && Math.abs(data[i + 1] - 130) < 12 && Math.abs(data[i + 2] - 140) < 12) found++;
    return found; })"""


class Marked(Marking):
    def own(self, index):
        return self.browser.eval(f"{MARKS}.features()[{index}].properties.origami")

    def rename(self, index, name):
        b = self.browser
        b.eval(f"origami.marking.edit.select({MARKS}.all()[{index}].id)")
        self.fill("#mark-name", name)

    def signs(self):
        """A name is asked for once, goes to the marks before it as well, and stays when someone else changes a mark."""
        b = self.browser
        b.screen(1280, 800)
        self.open()
        b.eval("localStorage.clear()")
        self.open()
        self.tool("rectangle")
        b.drag((500, 200), (700, 350))
        self.check("!document.getElementById('author-ask').hidden && document.activeElement.id !== 'author-first'", "the name is asked for, and nothing is in the way")
        self.picture("marked-name")
        b.drag((750, 200), (950, 350))
        self.check(f"{MARKS}.size === 2", "drawing goes on")
        b.page.locator("#author-first").fill("A")
        b.click("#author-ask button")
        self.check(f"{MARKS}.features().every(f => f.properties.origami.author === 'A')", "marks that were there before the name")
        self.check("document.getElementById('author-ask').hidden && document.getElementById('author').value === 'A'", "it was asked once")
        made = self.own(0)
        self.fill("#author", "B")
        b.key("Escape")
        self.rename(0, "region one")
        now = self.own(0)
        self.checks += 1
        if (now["author"], now["time"]) != ("A", made["time"]) or now["changed"]["author"] != "B" or not now["changed"]["time"]:
            raise SystemExit(f"error: {made} became {now}")
        self.check("/^made by A, .*; changed by B, /.test(document.getElementById('mark-by').textContent)", "both are shown")
        self.saved()
        b.eval("document.getElementById('main').focus()")
        b.key("Control+z")
        self.check(f"JSON.stringify({MARKS}.features()[0].properties.origami) === {json.dumps(json.dumps(made, separators=(',', ':')))}", "undo restores it")
        b.key("Control+Shift+z")

    def names(self):
        """Names are on the slide and in the list, where others have a number; a click after typing is not lost; a tool can be undone."""
        b = self.browser
        self.check(f"origami.markName({MARKS}.features()[0]) === 'region one'", "the name on the slide")
        rows = "[...document.querySelectorAll('#marks-near button')].map(e => e.textContent.split(' · ')[0]).join()"
        self.check(f"{rows} === 'region one,rectangle 2'", "the list")
        # Of the label's box, dark, over the middle of the upper edge of the first rectangle.
        b.eval("origami.marking.edit.select(null)")
        b.wait("origami.marking.layer.settled", "the picture of the marks", 10)
        self.check("(c => { const { data } = c.getContext('2d').getImageData(0, 0, c.width, c.height); let dark = 0;"
                   " for (let i = 0; i < data.length; i += 4) if (data[i] < 40 && data[i + 1] < 40 && data[i + 3] > 200) dark++; return dark > 300; })(document.querySelector('#marks canvas'))", "a label is drawn")
        self.picture("marked-names")
        b.eval(f"origami.marking.edit.select({MARKS}.all()[0].id)")
        b.page.locator("#mark-name").fill("region 1")
        b.eval("document.getElementById('marks-near').scrollIntoView({ block: 'center' })")
        place = b.page.locator("#marks-near button").nth(1).bounding_box()
        b.page.mouse.click(place["x"] + 20, place["y"] + 10)
        self.check(f"origami.marking.edit.id === {MARKS}.all()[1].id && {MARKS}.features()[0].properties.name === 'region 1'", "a click right after typing")
        self.check("origami.viewer.viewport.viewportToImageZoom(origami.viewer.viewport.getZoom()) <= 1.001", "no nearer than the slide's pixels")
        b.page.locator("#mark-name").fill("a name of more letters than any panel can show in a single line " * 2)
        b.eval("document.activeElement.blur()")
        self.check("[...document.querySelectorAll('#marking button')].filter(e => e.checkVisibility()).every(e => e.getBoundingClientRect().right <= document.getElementById('marking').getBoundingClientRect().right)",
                   "a long name leaves the panel as wide as it is")
        self.fill("#mark-name", "")
        # At the lower edge of the panel whatever is chosen.
        for state in ("true", "false"):
            b.eval(f"void (document.getElementById('marks-list').open = {state})")
            for button in ("marks-import", "marks-export", "marks-table"):
                self.check(f"(b => document.elementFromPoint((b.left + b.right) / 2, (b.top + b.bottom) / 2)?.id === '{button}')(document.getElementById('{button}').getBoundingClientRect())", f"{button} is in reach")
        b.eval("void (document.getElementById('marks-list').open = true)")
        self.open()
        size = b.eval(f"{MARKS}.size")
        self.tool("point")
        self.at((600, 650))
        b.key("Control+z")
        self.check(f"{MARKS}.size === {size}", "undo while a tool is in hand")
        self.tool("polygon")
        self.at((600, 600), (700, 600))
        b.page.mouse.dblclick(700, 600)
        self.check("/3 points/.test(document.getElementById('mark-how').textContent)", "what a polygon of two points lacks")
        b.key("Escape")
        b.key("Escape")

    def several(self):
        """Several are chosen by Shift, by keys, by class and in the list, and removed at once; locked ones stay; undo brings them back."""
        b = self.browser
        self.open()
        b.eval(f"""{MARKS}.change(Array.from({{ length: 8 }}, (_, i) => [`s${{i}}`, {{ type: 'Feature', id: `s${{i}}`, geometry: geojson.point([1000 + 20 * i, 1700]),
            properties: {{ objectType: 'annotation', classification: {{ name: i < 5 ? 'Tumor' : 'Stroma', color: [200, 0, 0] }}, isLocked: i === 0 }} }}]))""")
        total = b.eval(f"{MARKS}.size")
        places = b.eval("""['s1', 's2', 's3'].map(id => origami.marking.marks.get(id).feature.geometry.coordinates).map(([x, y]) => {
            const at = origami.viewer.viewport.imageToViewerElementCoordinates(new OpenSeadragon.Point(x, y)), box = origami.viewer.element.getBoundingClientRect();
            return [at.x + box.left, at.y + box.top]; })""")
        self.at(places[0])
        b.page.keyboard.down("Shift")
        self.at(*places[1:])
        b.page.keyboard.up("Shift")
        self.check("origami.marking.several.ids.join() === 's1,s2,s3'", "Shift and a click")
        self.picture("marked-several")
        b.eval("document.getElementById('main').focus()")
        b.key("Delete")
        self.check(f"{MARKS}.size === {total - 3} && /^3 marks are removed/.test({DID})", "three are removed")
        b.key("Control+z")
        self.check(f"{MARKS}.size === {total}", "and brought back")
        b.key("Control+a")
        self.check(f"origami.marking.several.size === {total}", "all by keys")
        b.eval("[...document.querySelectorAll('#mark-classes button')].find(e => e.getAttribute('aria-label') === 'Choose all of Tumor').click()")
        self.check("origami.marking.several.size === 5", "all of a class")
        b.click("#several-remove")
        self.check(f"{MARKS}.size === {total - 4} && Boolean({MARKS}.get('s0')) && /1 are locked and stay/.test({DID})", "a locked one stays")
        b.click("#undo")
        self.check(f"{MARKS}.size === {total}", "undo")
        b.eval("origami.marking.edit.select(null)")
        b.eval("document.querySelectorAll('#marks-near input').forEach((box, i) => i < 2 && box.click())")
        self.check("document.getElementById('several-count').textContent === '2 marks are chosen.'", "by the boxes in the list")
        b.eval(f"origami.marking.edit.select(null); {MARKS}.change(Array.from({{ length: 8 }}, (_, i) => [`s${{i}}`, null]))")
        self.saved()

    def imports(self):
        """A file that is read in again says what it would replace, and which of it is newer here; and another slide's marks say so."""
        b = self.browser
        self.open()
        before = b.eval(f"geojson.write({MARKS}.features())")
        size = b.eval(f"{MARKS}.size")
        self.rename(0, "newer here")
        fresh = json.loads(before)
        fresh["features"].append({**fresh["features"][0], "id": "fresh"})
        text = json.dumps(json.dumps(fresh))

        def load(choice):
            b.eval(f"void (window.loading = origami.marking.load(new File([{text}], 'again.geojson')))")
            b.wait("document.getElementById('importing').open", "the question", 10)
            self.check("/^again.geojson: new marks: 1. Would replace marks that are here: 1, of these newer here: 1/.test(document.getElementById('importing-said').textContent)", "what would be replaced")
            self.picture("marked-import")
            b.eval(f"document.querySelector('#importing [value=\"{choice}\"]').click()")
            b.eval("window.loading")

        load("")
        self.check(f"{MARKS}.size === {size} && /nothing was imported/.test({DID})", "nothing without a choice")
        load("older")
        self.check(f"{MARKS}.size === {size + 1} && {MARKS}.features()[0].properties.name === 'newer here' && /1 new, 0 replaced, {size} left/.test({DID})", "newer ones stay")
        b.click("#undo")
        self.check(f"{MARKS}.size === {size}", "an import is undone")
        load("all")
        self.check(f"{MARKS}.features()[0].properties.name !== 'newer here' && /1 new, 1 replaced/.test({DID})", "all of the file")
        b.click("#undo")
        self.check(f"{MARKS}.features()[0].properties.name === 'newer here' && {MARKS}.size === {size}", "what was replaced is back")
        other = b.eval(f"geojson.write({MARKS}.features().map(f => ({{ ...f, id: `${{f.id}}-o` }})), {{ name: 'another', width: 50, height: 60 }})")
        b.eval(f"void origami.marking.load(new File([{json.dumps(other)}], 'other.geojson'))")
        self.check("/drawn on another slide: another, 50 × 60 pixels/.test(document.getElementById('importing-said').textContent)", "marks of another slide")
        b.eval("document.getElementById('importing').close()")
        self.saved()
        table = b.eval(f"geojson.csv({MARKS}.features(), [0.5, 0.25], 'its slide')").split("\r\n")
        head, row = table[0].split(","), table[1].split(",")
        x, y = (float(row[head.index(key)]) for key in ("x_px", "y_px"))
        box = b.eval(f"(m => [(m.minX + m.maxX) / 2, (m.minY + m.maxY) / 2])({MARKS}.all()[0])")
        self.checks += 1
        if abs(x - box[0]) > 0.01 or abs(y - box[1]) > 0.01 or float(row[head.index("x_um")]) != round(x / 2, 3) or float(row[head.index("y_um")]) != round(y / 4, 3) or row[-1] != "its slide":
            raise SystemExit(f"error: the middle is {box}: {table}")
        # Of an L, which is not the middle of its box.
        middle = b.eval("shapes.centre({ points: [], lines: [], polygons: [[[[0, 0], [2, 0], [2, 1], [1, 1], [1, 2], [0, 2]]]] })")
        if any(abs(value - 5 / 6) > 1e-9 for value in middle):
            raise SystemExit(f"error: the middle of an L is {middle}")

    def teal(self):
        self.browser.eval("origami.settled()")
        self.browser.wait("origami.marking.layer.settled", "the picture of the marks", 10)
        return self.browser.eval(f"{TEAL}(origami.picturing.draw())")

    def saves(self):
        """Marks are in a picture exactly when they are wanted, whatever was open before; and saving waits for nothing that is hidden."""
        b = self.browser
        for before in ((), ("a",), ("a", "a"), ("a", "m"), ("a", "i"), ("m", "m")):
            self.browser.open(self.view())
            b.eval("origami.settled()")
            for key in before:
                b.eval("document.getElementById('main').focus()")
                b.key(key)
                time.sleep(0.5)
            b.eval("document.getElementById('main').focus()")
            b.key("p")
            b.wait("Boolean(origami.picturing?.open && origami.marking?.shown)", f"marks for a picture after {before}", 20)
            with b.page.expect_download(timeout=20_000):
                b.click("#picture-save")
            b.wait("document.getElementById('picture-said').textContent === 'The picture is saved.'", f"a picture after {before}", 20)
            marked = self.teal()
            b.click("#picture-drawn")
            self.check("!origami.marking.shown", "the stage shows what will be in the picture")
            with b.page.expect_download(timeout=20_000):
                b.click("#picture-save")
            self.checks += 1
            if marked < 500 or self.teal() > 50:
                raise SystemExit(f"error: {marked} pixels of marks when they are wanted after {before}, and {self.teal()} when not")
        b.click("#picture-drawn")

    def view(self, more=""):
        return f"{self.address}/viewer/{self.slide}#x=1110&y=1500&z=1{more}"

    def shares(self):
        """An address has the marks that are seen, or not; whoever opens it sees them and no panel."""
        b = self.browser
        address = "document.getElementById('share-address').value"
        self.browser.open(self.view())
        b.eval("origami.settled()")
        b.key("a")
        b.wait("Boolean(origami.marking?.shown)", "marks", 20)
        b.wait("new URLSearchParams(location.hash.slice(1)).has('a')", "marks in the address")
        b.key("a")
        self.check("origami.marking.shown && !origami.marking.open", "marks stay when their panel is closed")
        b.key("p")
        b.wait("Boolean(origami.picturing?.open)", "the panel of the picture", 10)
        time.sleep(0.5)
        self.check("new URLSearchParams(location.hash.slice(1)).has('a')", "the address has them beside that panel as well")
        b.click("#share")
        b.wait("Boolean(origami.sharing?.open)", "the panel for sharing", 10)
        self.check(f"document.getElementById('share-marks').checked && /[#&]a=1/.test({address})", "an address with marks")
        b.eval("navigator.clipboard.writeText = text => { window.copied = text; return Promise.resolve(); }; 1")
        b.click("#share-link")
        self.check("document.getElementById('share-said').textContent === 'The address of this view is copied.'", "it is copied")
        self.picture("marked-share")
        with_marks = b.eval("window.copied")
        b.click("#share-marks")
        b.click("#share-link")
        without = b.eval("window.copied")
        self.checks += 1
        if not re.search(r"&a=1$", with_marks) or without != with_marks.removesuffix("&a=1"):
            raise SystemExit(f"error: {with_marks} and {without}")
        b.open(with_marks)
        b.wait("Boolean(origami.marking?.shown)", "the marks of an address", 20)
        self.check("!origami.marking.open", "and no panel")
        b.open(without)
        b.eval("origami.settled()")
        self.check("!origami.marking", "an address without marks")
        b.key("a")
        b.wait("Boolean(origami.marking?.shown)", "marks", 20)
        b.eval("document.querySelector('#mark-classes input').click()")
        b.wait("new URLSearchParams(location.hash.slice(1)).getAll('h').length === 1", "a class that is not shown, in the address")
        hidden, shown = b.eval("origami.marking.hidden"), b.eval("location.href")
        b.open(shown)
        b.wait("Boolean(origami.marking?.shown)", "the marks of an address", 20)
        self.check(f"JSON.stringify(origami.marking.hidden) === {json.dumps(json.dumps(hidden, separators=(',', ':'), ensure_ascii=False))}", "without that class")
        b.key("a")
        b.wait("origami.marking.open", "the panel", 20)
        self.check("!document.querySelector('#mark-classes input').checked", "and its box says so")
        b.click("#marks-shown")
        self.check("!origami.marking.shown", "all marks are hidden at once")


def main(origami, slides, slide, folder, out):
    visit("marked", out, lambda browser, out: Marked(browser, out, origami, slides, slide, pathlib.Path(folder)),
          lambda user: (user.signs, user.names, user.several, user.imports, user.saves, user.shares))


if __name__ == "__main__":
    main(*sys.argv[1:])
