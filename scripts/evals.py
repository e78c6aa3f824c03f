"""Drives headless Chromium through the page of evaluation runs: what scripts/evals.sh runs against `origami evals`.

Any error on the console, any request that fails and anything missing on the page is a failure. The difference and its
figures are compared with what Python computes of the same pictures, BD-rates with those of evals/results.

    evals.py ADDRESS SCREENSHOTS RUNS
"""

import collections
import csv
import json
import math
import os
import pathlib
import sys
import time
import xml.dom.minidom

import evals_runs
import png
from chromium import Browser
from user import User

RESULTS = pathlib.Path(__file__).parent.parent / "evals/results/quick"
TISSUE, PHOTO = "tissue & ünsharp", "photo_1"
LOW, HIGH = "rs_444_b90_l0q20", "rs_444_b90_l0q80"


class Tour(User):
    """What a user does, in order, and what must be there."""

    def __init__(self, browser, address, out, runs):
        super().__init__(browser, out)
        self.address, self.runs = address, runs

    def equal(self, code, want, what):
        self.checks += 1
        got = self.browser.eval(code)
        if got != want:
            self.picture("failed")
            raise SystemExit(f"error: {what}: {got!r}, expected {want!r}: {code}")

    def settle(self):
        self.browser.eval("evals.settled()")

    def open(self, hash=""):
        self.browser.open(f"{self.address}/{hash}")
        self.settle()

    def choose(self, run):
        self.browser.eval(f"document.querySelector('#table [data-run=' + JSON.stringify({json.dumps(run)}) + ']').scrollIntoView({{ block: 'center' }})")
        self.browser.eval(f"document.querySelector('#table [data-run=' + JSON.stringify({json.dumps(run)}) + ']').click()")
        self.settle()

    def fits(self, where):
        self.check("document.documentElement.scrollWidth <= innerWidth", f"{where} fits its screen")
        # What scrolls may be wider.
        self.check("[...document.querySelectorAll('button, select, input, #tip, .tag')].filter(e => e.checkVisibility()"
                   " && !e.closest('.scroll') && (!document.querySelector('dialog[open]') || e.closest('dialog')))"
                   ".every(e => (b => b.left >= -1 && b.right <= innerWidth + 1)(e.getBoundingClientRect()))", f"all controls of {where} are on the screen")

    def column(self, key):
        """A column of the table as numbers or text, top to bottom."""
        return self.browser.eval("(heads => { const at = heads.findIndex(h => h.querySelector('button').dataset.sort === %s);"
                                 " return [...document.querySelectorAll('#table tbody tr')].map(r => r.children[at].textContent); })"
                                 "([...document.querySelectorAll('#table thead th')])" % json.dumps(key))

    def table(self):
        b = self.browser
        b.screen(1280, 900)
        self.open()
        each = len(evals_runs.CURVES) * len(evals_runs.QUALITIES)
        # The other image comes first by name and has more runs.
        self.check(f"document.getElementById('image').value === {json.dumps(TISSUE)}", "the page opens on tissue")
        self.check("/^\\d+ % of this picture is pink to violet, as tissue in H&E. The page opens on tissue/.test(document.getElementById('shown-text').textContent)",
                   "it says what is shown")
        self.check("document.getElementById('shown-picture').naturalWidth === " + str(evals_runs.WIDTH), "and shows it")
        self.equal("document.querySelectorAll('#table tbody tr').length", each, "the runs of the tissue are listed")
        self.picture("opened")
        self.open(f"#image={PHOTO}")
        self.check("/^0 % of this picture/.test(document.getElementById('shown-text').textContent) && !/opens/.test(document.getElementById('shown-text').textContent)",
                   "a photograph is no tissue")
        # With what else lies there: two runs without figures, and one of `origami encode`.
        self.equal("document.querySelectorAll('#table tbody tr').length", each + 2, "its runs are listed")
        self.equal("document.getElementById('count').textContent", f"{each + 2} of {2 * each + 3} runs", "they are counted")
        self.check("[...document.querySelectorAll('#table .note')].filter(e => e.textContent.includes('manifest.json is not what it should be')).length === 1",
                   "a broken manifest is named at its run")
        self.check("!document.querySelector('#table b b') && document.body.textContent.includes('first try <b>')", "names are text")
        self.fits("the page")
        self.picture("page-light")
        for key, descending in (("y_psnr", False), ("y_psnr", True), ("bytes", False)):
            b.eval(f"document.querySelector('[data-sort={key}]').click()")
            self.equal(f"document.querySelector('[data-sort={key}]').parentElement.getAttribute('aria-sort')",
                       "descending" if descending else "ascending", f"{key} is sorted")
            shown = b.eval("[...document.querySelectorAll('#table tbody tr')].map(r => evals.byRun.get(r.querySelector('button').dataset.run))"
                           f".map(r => {'r.bytes_total' if key == 'bytes' else 'r.metrics.y_psnr ?? null'})")
            known = [value for value in shown if value is not None]
            self.checks += 1
            if known != sorted(known, reverse=descending) or None not in shown[-2:] or len(known) != each:
                raise SystemExit(f"error: {key} is not in order: {shown}")
        self.check("document.activeElement.dataset.sort === 'bytes'", "the heading keeps the focus")
        b.eval("document.getElementById('filter').focus()")
        for key in "optl2 q3":
            b.key(key)
        self.equal("[...document.querySelectorAll('#table tbody .folder')].map(e => e.textContent).join()", "rs_444_b90_optl2_d20_l0q35", "what is typed is found")
        self.check("location.hash.includes('find=optl2+q3')", "the address remembers it")
        b.eval("(f => { f.value = 'nothing at all'; f.dispatchEvent(new Event('input')); })(document.getElementById('filter'))")
        self.check("/Nothing is found/.test(document.getElementById('message').textContent)", "nothing found is said")
        b.eval("(f => { f.value = ''; f.dispatchEvent(new Event('input')); })(document.getElementById('filter'))")
        b.eval("document.getElementById('tiles').click()")
        self.equal("document.querySelector('[data-sort=\"tiles.y_psnr\"]').textContent", "Y-PSNR, dB", "figures of tiles")
        b.eval("document.getElementById('tiles').click()")
        b.eval("(s => { s.value = '*'; s.dispatchEvent(new Event('change')); })(document.getElementById('image'))")
        self.equal("document.querySelectorAll('#table tbody tr').length", 2 * each + 3, "all images")
        own = [row for row in self.column("name") if "encoded here" in row]
        self.checks += 1
        if len(own) != 1:
            raise SystemExit("error: the run of origami encode is not listed")
        self.picture("page-all")

    def rates(self):
        """BD-rates are those that evals/ has computed of the same points, and the table and its file have the numbers."""
        b = self.browser
        b.screen(1280, 900)
        self.open(f"#image={PHOTO}")
        self.known_rates()
        self.equal("document.getElementById('anchor').selectedOptions[0].text", "JPEG, 4:2:0", "the usual anchor")
        self.equal("[...document.querySelectorAll('#rates tbody tr')].length", len(evals_runs.CURVES) - 1, "a row for each other curve")
        # Both curves double their bytes every 20 of quality and gain a dB every 7.
        (_, _, size, db, _), (_, _, anchor, anchor_db, _) = (evals_runs.CURVES[f"{name}_baseline_q{{}}"] for name in ("mozjpeg444", "jpeg"))
        percent = 100 * (size / anchor * 2 ** (-7 / 20 * (db - anchor_db)) - 1)
        shown = "[...document.querySelectorAll('#rates tbody tr')].find(r => r.dataset.series === 'mozjpeg444').children[1]"
        self.equal(f"{shown}.textContent", f"{percent:+.1f}".replace("-", "−"), "a BD-rate that is known")
        saved = self.saved("#save-rates", f"{PHOTO}-bd-rates.csv")
        rows = list(csv.DictReader(saved.splitlines()))
        self.same(next(float(row["percent"]) for row in rows if row["curve"] == "JPEG, mozjpeg, 4:4:4" and row["metric"] == "y_psnr"), percent, 0.01, "the file's BD-rate")
        self.fill("#anchor", "jpegxl")
        self.settle()
        self.check("location.hash.includes('anchor=jpegxl') && !document.querySelector('#rates [data-series=jpegxl]')", "another anchor, which the address remembers")
        self.picture("rates")
        self.open("#image=*")
        self.check("document.querySelector('#rates thead').textContent.startsWith('CurveImages') && document.querySelector('#rates tbody td').textContent === '2'",
                   "medians of all images")
        self.files()

    def known_rates(self):
        """The page's arithmetic on the points of evals/results, against the table that Python made of them."""
        points = collections.defaultdict(list)
        with open(RESULTS / "points.csv", newline="") as file:
            for row in csv.DictReader(file):
                for judged in ("planes", "tiles"):
                    for metric in ("y_psnr", "ssim_rgb", "delta_e_2000_mean"):
                        value = row[metric if judged == "planes" else f"tiles:{metric}"]
                        if value:
                            points[row["image"], row["label"], judged, metric].append([int(row["bytes_total"]), float(value)])
        pairs, want = [], []
        with open(RESULTS / "bd-rate.csv", newline="") as file:
            for row in csv.DictReader(file):
                for metric in ("y_psnr", "ssim_rgb", "delta_e_2000_mean"):
                    key = (row["image"], row["reference"], "planes", metric), (row["image"], row["label"], row["judged"], metric)
                    if row[metric]:
                        pairs.append([metric, points[key[0]], points[key[1]]])
                        want.append(float(row[metric]))
        got = self.browser.eval("""(pairs => pairs.map(([metric, ...curves]) => { const { scaled } = evals.scales(evals.metric(metric));
            return evals.deltaRate(...curves.map(curve => curve.map(([bytes, value]) => [bytes, scaled(value)]))).percent; }))(%s)""" % json.dumps(pairs))
        known = [(a, b) for a, b in zip(got, want) if a is not None]
        self.checks += 1
        # Curves of too few points have no number on the page. Figures are rounded in both files.
        if len(known) < 0.8 * len(want) or len(known) < 5000:
            raise SystemExit(f"error: {len(known)} BD-rates of {len(want)}")
        for a, b in known:
            self.same(a, b, 0.11 + abs(b) / 500, "a BD-rate of evals/results")

    def same(self, got, want, within, what):
        self.checks += 1
        if abs(got - want) > within:
            raise SystemExit(f"error: {what}: {got}, expected {want}")

    def saved(self, button, name):
        """The text of a file that a button saves."""
        with self.browser.page.expect_download() as download:
            self.browser.click(button)
        self.checks += 1
        if download.value.suggested_filename != name:
            raise SystemExit(f"error: the file is called {download.value.suggested_filename}, not {name}")
        return pathlib.Path(download.value.path()).read_text()

    def files(self):
        """The points as CSV and the chart as SVG, the same in a dark page as in a light one."""
        b = self.browser
        self.open("#image=*")
        rows = list(csv.DictReader(self.saved("#save-points", "points.csv").splitlines()))
        listed = b.eval("evals.shown().map(r => [r.id, r.bytes_total, r.metrics.y_psnr ?? null])")
        self.checks += 1
        if [[row["run"], float(row["bytes_total"] or "nan"), float(row["y_psnr"] or "nan")] for row in rows if row["y_psnr"]] != [
                [name, size, db] for name, size, db in listed if db is not None] or len(rows) != len(listed):
            raise SystemExit("error: the file of points is not what is listed")
        charts = []
        for dark in (False, True):
            b.screen(1280, 900, dark=dark)
            self.open(f"#image={PHOTO}")
            charts.append(self.saved("#save-chart", f"{PHOTO}-chart.svg"))
        svg = xml.dom.minidom.parseString(charts[0])
        texts = {"".join(node.data for node in text.childNodes) for text in svg.getElementsByTagName("text")}
        self.checks += 1
        if charts[0] != charts[1] or "class=" in charts[0] or "var(" in charts[0] or not {f"{PHOTO}: Y-PSNR, dB", "AVIF, 4:4:4", "archive"} <= texts:
            raise SystemExit("error: the chart is not a file of its own")
        # A curve and its sample in the legend.
        self.same(len(svg.getElementsByTagName("polyline")), 2 * len(evals_runs.CURVES), 0, "curves of the file")

    def plot(self):
        b = self.browser
        b.screen(1280, 900)
        self.open(f"#image={PHOTO}")
        points = len(evals_runs.CURVES) * len(evals_runs.QUALITIES)
        self.equal("document.querySelectorAll('#chart .point').length", points, "a point for each run with figures")
        self.equal("document.querySelectorAll('#chart polyline').length", len(evals_runs.CURVES), "a curve for each series")
        self.equal("[...document.querySelectorAll('#legend-runs button')].map(e => e.textContent).join('; ')",
                   "archive; luma only, base 90; luma only, base 90, optL2; AVIF, 4:4:4; JPEG XL; JPEG, 4:2:0; JPEG, mozjpeg, 4:4:4", "a legend, ours first")
        rising = "[...document.querySelectorAll('#chart polyline')].every(p => (at => at.every((q, i) => !i || (q[0] > at[i - 1][0] && q[1] < at[i - 1][1])))([...p.points].map(q => [q.x, q.y])))"
        self.check(rising, "more bytes, more dB")
        # Every point where its figures say, on both kinds of axis: against the first and the last by their own scale.
        place = """(log => { const of = r => log ? Math.log(r.bpp) : r.bpp, all = evals.points(), [a, b] = [all[0], all.at(-1)];
            const k = (b.x - a.x) / (of(b.run) - of(a.run)), l = (b.y - a.y) / (b.run.metrics.y_psnr - a.run.metrics.y_psnr);
            return all.every(p => Math.abs(a.x + k * (of(p.run) - of(a.run)) - p.x) < 0.01 && Math.abs(a.y + l * (p.run.metrics.y_psnr - a.run.metrics.y_psnr) - p.y) < 0.01); })"""
        self.check(f"{place}(true)", "points lie where they should on a logarithmic axis")
        b.eval("document.getElementById('log').click()")
        self.check(f"{place}(false)", "and on a linear one")
        b.eval("(s => { s.value = 'bytes'; s.dispatchEvent(new Event('change')); })(document.getElementById('x'))")
        b.eval("(s => { s.value = 'delta_e_2000_mean'; s.dispatchEvent(new Event('change')); })(document.getElementById('y'))")
        self.check("/less is better/.test(document.getElementById('chart').textContent)", "the axis says what is better")
        self.picture("plot-linear")
        self.open(f"#image={PHOTO}")
        at = b.eval(f"(box => (p => [box.left + p.x, box.top + p.y])(evals.points().find(p => p.run.id === {json.dumps(f'{PHOTO}/{LOW}')})))(document.getElementById('chart').getBoundingClientRect())")
        b.page.mouse.move(*at)
        self.check("!document.getElementById('tip').hidden && document.getElementById('tip').textContent.includes('rs_444_b90_l0q20')", "the point says what it is")
        self.fits("the plot")
        self.picture("plot-hover")
        b.page.mouse.click(*at)
        self.equal("evals.chosen().map(r => r.name).join()", LOW, "a click chooses")
        self.equal("[evals.state.a.file, evals.state.b.file].join()", "images/original.png,images/reconstruction.png", "against its original")
        # The same by keyboard.
        b.eval("document.getElementById('chart').focus()")
        b.eval(f"void document.getElementById('chart').dispatchEvent(new PointerEvent('pointermove', {{ clientX: {at[0]}, clientY: {at[1]} }}))")
        for _ in range(4):
            b.key("ArrowRight")
        b.key("Enter")
        self.equal("evals.chosen().map(r => r.name).join()", f"{LOW},{HIGH}", "Enter chooses a second one")
        b.eval("document.querySelector('#legend-runs [data-series=\"jpegxl\"]').click()")
        self.equal("document.querySelectorAll('#chart polyline').length", len(evals_runs.CURVES) - 1, "a curve can be taken away")
        b.page.mouse.move(5, 5)
        self.picture("plot-chosen")

    def compare(self):
        b = self.browser
        b.screen(1280, 900)
        self.open(f"#image={PHOTO}")
        self.choose(f"{PHOTO}/{LOW}")
        self.choose(f"{PHOTO}/{HIGH}")
        self.check("!document.getElementById('tray').hidden && document.getElementById('name-a').textContent === 'luma only, base 90, l0q 20'", "A is named")
        self.check("[...document.querySelectorAll('#facts th')].some(e => e.textContent === 'bytes by level.9')", "everything of both is shown")
        b.eval("document.getElementById('details').scrollIntoView()")
        self.picture("details")
        b.click("#open")
        self.settle()
        self.check("document.getElementById('compare').open && document.activeElement.id === 'stage'", "the comparison opens")
        self.fits("comparing")
        self.picture("sides-fit")
        self.figures(LOW, HIGH)
        b.key("1")
        self.settle()
        self.equal("evals.comparing.canvas.scale", 1, "1 shows pixel for pixel")
        self.exact(LOW, HIGH)
        # Both move together, by pointer, wheel and key.
        b.drag((300, 450), (250, 420))
        self.settle()
        self.exact(LOW, HIGH)
        scale = b.eval("evals.comparing.canvas.scale")
        spot = b.eval("(s => [s.x, s.y])(evals.comparing.canvas.under(320, 460))")
        b.wheel(320, 460, -800)
        self.settle()
        self.check(f"evals.comparing.canvas.scale > 4 * {scale}", "the wheel zooms")
        self.check(f"(s => Math.hypot(s.x - {spot[0]}, s.y - {spot[1]}) < 1)(evals.comparing.canvas.under(320, 460))", "what is under the pointer stays")
        self.check("/^\\d+, \\d+ · A \\d+ \\d+ \\d+ · B \\d+ \\d+ \\d+$/.test(document.getElementById('pixel').textContent)", "the pixel under the pointer")
        x = b.eval("evals.comparing.canvas.seen[0]")
        b.key("ArrowRight")
        self.check(f"evals.comparing.canvas.seen[0] > {x}", "an arrow moves")
        self.picture("sides-zoomed")
        self.remembered()
        b.key("c")
        self.settle()
        b.drag((640, 500), (320, 500))
        self.check("Math.abs(evals.state.split - 0.25) < 0.01", "the slider follows the pointer")
        b.key("ArrowRight")
        self.check("Math.abs(evals.state.split - 0.27) < 0.01", "and the keys")
        b.key("0")
        self.settle()
        self.picture("split")
        b.key("d")
        self.settle()
        self.picture("difference")
        self.check("document.querySelector('[data-mode=difference]').getAttribute('aria-pressed') === 'true'", "d shows the difference")
        b.key("x")
        self.settle()
        self.equal("evals.state.a.run", f"{PHOTO}/{HIGH}", "x swaps")
        self.figures(HIGH, LOW)
        for dark in (True, False):
            b.screen(1280, 900, dark=dark)
            b.key("s")
            self.settle()
            self.picture(f"sides-{'dark' if dark else 'light'}")
        b.eval("document.getElementById('compare').close()")
        self.settle()
        self.check("!location.hash.includes('open') && !evals.state.open", "closed, and the address knows")

    def remembered(self):
        """The address brings back what is seen."""
        b = self.browser
        time.sleep(0.3)
        address, seen = b.eval("location.href"), b.eval("JSON.stringify([evals.state.a, evals.state.b, evals.comparing.canvas.seen.map(n => Math.round(n * 100))])")
        b.open(address)
        self.settle()
        self.equal("JSON.stringify([evals.state.a, evals.state.b, evals.comparing.canvas.seen.map(n => Math.round(n * 100))])", seen, "the address remembers the view")

    def pixels(self, run):
        quality = int(run.rsplit("q", 1)[1])
        return evals_runs.coarse(evals_runs.original(1), 1 + (100 - quality) // 7)

    def figures(self, a, b):
        """What the page says of the difference, against Python."""
        p, q = self.pixels(a), self.pixels(b)
        all = [abs(x - y) for x, y in zip(p, q)]
        most = sorted(max(all[i:i + 3]) for i in range(0, len(all), 3))
        psnr = 10 * math.log10(255 ** 2 / (sum(d * d for d in all) / len(all)))
        p99 = most[math.ceil(len(most) * .99) - 1]
        want = f"difference: mean {sum(most) / len(most):.2f} · 99 % ≤ {p99} · max {most[-1]} · RGB-PSNR {psnr:.2f} dB"
        self.equal("document.getElementById('measured').textContent", want, "the figures of the difference")

    def exact(self, a, b):
        """At 1:1 each pixel of the canvas is the picture's own, at the same place on both sides."""
        wrong = self.browser.eval("""(async () => {
            const canvas = document.getElementById('canvas'), view = evals.comparing.canvas;
            const box = canvas.getBoundingClientRect();
            let [wrong, seen] = [0, 0];
            for (const [i, side] of [evals.state.a, evals.state.b].entries()) {
                const image = await createImageBitmap(await (await fetch(evals.address(side))).blob(), { colorSpaceConversion: 'none' });
                const scratch = new OffscreenCanvas(image.width, image.height).getContext('2d');
                scratch.drawImage(image, 0, 0);
                const want = scratch.getImageData(0, 0, image.width, image.height).data;
                const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
                copy.drawImage(canvas, 0, 0);
                const shown = copy.getImageData(0, 0, canvas.width, canvas.height).data;
                const half = canvas.width / 2;
                for (let y = 0; y < canvas.height; y += 3) for (let x = Math.ceil(i * half) + 2; x < (i + 1) * half - 2; x += 3) {
                    const spot = view.under(box.left + x + 0.5, box.top + y + 0.5);
                    const [px, py] = [Math.floor(spot.x), Math.floor(spot.y)];
                    if (px < 0 || py < 0 || px >= image.width || py >= image.height) continue;
                    seen++;
                    wrong += [0, 1, 2].some(c => want[4 * (py * image.width + px) + c] !== shown[4 * (y * canvas.width + x) + c]);
                }
            }
            return [wrong, seen];
        })()""")
        self.checks += 1
        if wrong[0] or wrong[1] < 5000:
            raise SystemExit(f"error: {wrong[0]} of {wrong[1]} pixels are not the pictures' own")

    def others(self):
        """Runs without figures, of another size, without an original of their own; pictures of a run that was made here."""
        b = self.browser
        b.screen(1280, 900)
        self.open(f"#image={PHOTO}")
        self.choose(f"{PHOTO}/rs_444_b80_l0q33")
        self.check("/\\/images\\/original.png$/.test(`/${evals.state.a.file}`) && evals.state.a.run !== evals.state.b.run", "the original of a neighbour")
        self.choose(f"{PHOTO}/first try <b>")
        b.click("#open")
        self.settle()
        self.check("/Two sizes: A 320 × 200, B 320 × 150/.test(document.getElementById('trouble').textContent)", "two sizes are named")
        b.key("d")
        self.settle()
        self.picture("two-sizes")
        b.eval("document.getElementById('compare').close()")
        self.open("#image=*")
        self.choose("encoded here")
        b.click("#open")
        self.settle()
        self.check("/^difference: mean/.test(document.getElementById('measured').textContent)", "the debug images of an encode are compared")
        self.check("document.querySelectorAll('#file-b option').length >= 8", "all of them can be chosen")
        b.eval("(s => { s.value = 'compress/0_0_residual.png'; s.dispatchEvent(new Event('change')); })(document.getElementById('file-b'))")
        self.settle()
        self.check("evals.state.b.file === 'compress/0_0_residual.png'", "another picture")
        self.picture("debug-images")

    def dark_and_narrow(self):
        b = self.browser
        b.screen(1280, 900, dark=True)
        self.open(f"#image={PHOTO}&a={PHOTO}/{LOW}:images/reconstruction.png&b={PHOTO}/{HIGH}:images/reconstruction.png")
        self.picture("page-dark")
        for dark in (False, True):
            b.screen(360, 740, 2, phone=True, dark=dark)
            self.open(f"#image={TISSUE.replace('&', '%26')}")
            self.fits("the page on a phone")
            self.picture(f"phone-{'dark' if dark else 'light'}")
            b.eval("document.getElementById('figures-section').scrollIntoView()")
            self.picture(f"phone-table-{'dark' if dark else 'light'}")
        self.choose(f"{TISSUE}/{LOW}")
        self.picture("phone-chosen")
        b.click("#open")
        self.settle()
        self.fits("comparing on a phone")
        self.check("evals.comparing.canvas.stacked()", "one above the other")
        self.picture("phone-sides")
        b.touch("touchStart", (160, 350), (200, 350))
        for step in range(1, 9):
            b.touch("touchMove", (160 - 10 * step, 350), (200 + 10 * step, 350))
            time.sleep(0.02)
        b.touch("touchEnd")
        self.settle()
        self.check("evals.state.view[2] > 1.5", "two fingers zoom")
        for mode in ("split", "difference"):
            b.click(f"[data-mode={mode}]")
            self.settle()
            self.fits(mode)
            self.picture(f"phone-{mode}")

    def reload(self):
        """What comes later shows after a click."""
        b, new = self.browser, self.runs / PHOTO / "webp_baseline_q50"
        b.screen(1280, 900)
        self.open(f"#image={PHOTO}")
        png.write(new / "images" / "reconstruction.png", evals_runs.WIDTH, evals_runs.HEIGHT, evals_runs.original(1))
        b.click("#reload")
        b.wait(f"Boolean(evals.byRun.get({json.dumps(f'{PHOTO}/webp_baseline_q50')}))", "a run that is added")
        self.check("[...document.querySelectorAll('#table .label')].some(e => e.textContent === 'WebP')", "it is in the table")


def main():
    address, out, runs = sys.argv[1:]
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    browser = Browser(os.environ.get("CHROMIUM", "chromium"))
    try:
        tour = Tour(browser, address, out, pathlib.Path(runs))
        for part in (tour.table, tour.rates, tour.plot, tour.compare, tour.others, tour.dark_and_narrow, tour.reload):
            part()
        if browser.faults:
            raise SystemExit("error: what the browser complained of:\n  " + "\n  ".join(browser.faults))
        print(f"evals: {tour.checks} checks, {tour.pictures} pictures, no error on the console, no failed request")
    finally:
        if browser.faults:
            print("faults:", *browser.faults, sep="\n  ", file=sys.stderr)
        browser.close()


if __name__ == "__main__":
    main()
