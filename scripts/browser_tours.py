"""Drives headless Chromium through the recorder of tours and the page of jobs: what scripts/browser.sh runs against a server.

The jobs are those of a stand-in (job_service.py). Any error on the console and any request that fails is a failure.

    browser_tours.py ADDRESS SCREENSHOTS SLIDES SLIDE BINARY

SLIDES is the directory that is served, SLIDE the name of a slide in it.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import urllib.parse

import axe
from job_service import Service
from user import User, visit

# Paths with every ease, every unit, zooms in and out, turns, and a scale that hardly changes.
PATHS = [
    [{"time": 0}, {"time": 2, "center": [600, 400], "downsample": 0.5, "rotation": 15}],
    [{"time": 0.5, "center": [10, 20], "mpp": 4}, {"time": 1.5, "center": [2000, 900], "mpp": 4, "ease": "linear"},
     {"time": 3, "center": [2000, 2900], "magnification": 10, "ease": "ease-in", "rotation": -90}],
    [{"time": 0, "center": [1e3, 1e3], "downsample": 8}, {"time": 4, "center": {"x": 3e3, "y": 500}, "downsample": 1, "ease": "ease-out"},
     {"time": 5, "fit": "slide", "rotation": 30, "ease": "hold"}, {"time": 6.25, "center": [5, 5], "downsample": 1.0000003, "ease": "ease-in-out"},
     {"time": 7.5, "center": [900, 5], "downsample": 1, "rotation": 720}],
]


class Recorder(User):
    """What a user does, in order, and what must be there."""

    def __init__(self, browser, service, out, slides, slide, origami):
        super().__init__(browser, out)
        self.service, self.slides, self.slide, self.origami = service, slides, slide, origami

    def open(self, address):
        self.browser.open(f"{address}/viewer/{urllib.parse.quote(self.slide, safe='')}")
        self.browser.eval("origami.settled()")

    def view(self, x, y, zoom, turn=0):
        self.browser.eval(f"""(v => {{
            v.setRotation({turn}, true);
            v.zoomTo(v.imageToViewportZoom({zoom}), null, true);
            v.panTo(v.imageToViewportCoordinates({x}, {y}), true);
        }})(origami.viewer.viewport)""")

    def origami_check(self, document, *more):
        """The results of tour check for a document that lies with the slides."""
        path = self.slides / ".tour.json"
        path.write_text(json.dumps(document))
        try:
            done = subprocess.run([self.origami, "tour", "check", path, "--json", *more], capture_output=True, text=True)
        finally:
            path.unlink()
        if done.returncode:
            raise SystemExit(f"error: tour check refuses what the recorder made: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)["results"][0]

    def without_service(self, address):
        """A server that takes no jobs says what to do instead."""
        b = self.browser
        b.screen(1280, 820)
        self.open(address)
        b.key("t")
        b.wait("/makes no videos.*origami tour/.test(document.getElementById('job-said').textContent)", "what to do instead")
        self.check("document.getElementById('render').disabled", "nothing to submit to")
        # The question whether it takes jobs is the one request that fails.
        b.forgive("/queue/status")

    def formulas(self):
        """The preview's path is the renderer's."""
        seconds = [i * 0.073 for i in range(110)]
        compared = 0
        for number, keys in enumerate(PATHS):
            tour = {"slide": self.file, "camera": keys, "options": {"width": 640, "height": 360}}
            want = self.origami_check(tour, "--views-at", ",".join(map(str, seconds)))["views"]
            got = self.browser.eval(f"""(async () => {{
                const slide = await (await fetch('/api/slides/{urllib.parse.quote(self.slide, safe="")}')).json();
                const path = camera.path({json.dumps(keys)}, camera.scaleOf(slide), {{ width: 640, height: 360 }});
                return {json.dumps(seconds)}.map(time => camera.at(path, time));
            }})()""")
            for time, a, b in zip(seconds, want, got):
                pairs = [(a["center"][0], b["x"]), (a["center"][1], b["y"]), (a["downsample"], b["downsample"]), (a["rotation"], b["rotation"])]
                if a["time"] != time or any(abs(p - q) > 1e-9 * max(1, abs(p)) for p, q in pairs):
                    raise SystemExit(f"error: path {number} at {time} s: the renderer has {a}, the preview {b}")
                compared += 1
        print(f"paths: {compared} views of {len(PATHS)} paths are those of the renderer")

    def record(self):
        b = self.browser
        b.screen(1280, 820)
        b.open(f"{self.service.address}/")
        b.eval("localStorage.clear()")
        self.open(self.service.address)
        self.file = b.eval(f"fetch('/api/slides/{urllib.parse.quote(self.slide, safe='')}').then(a => a.json()).then(s => s.file)")
        b.key("t")
        b.wait("!document.getElementById('render').disabled", "a service that takes jobs")
        self.fill("#width", "640")
        self.fill("#height", "360")
        self.fill("#fps", "10")
        for x, y, zoom, turn in ((1110, 1400, 0.3, 0), (700, 900, 1, 0), (1300, 2000, 0.6, 30)):
            self.view(x, y, zoom, turn)
            b.key("k")
        self.check("document.querySelectorAll('#keyframes li').length === 3", "three keyframes")
        self.check("JSON.stringify(origami.recording.tour.camera.map(k => [k.time, ...k.center])) === '[[0,1110,1400],[2,700,900],[4,1300,2000]]'", "their times and places")
        # One pixel of the video is so many of the slide as the frame on the screen says.
        self.check("(k => Math.abs(k.mpp - 0.499 * document.getElementById('frame').clientWidth / 640) < 1e-3)(origami.recording.tour.camera[1])", "the scale of the second")
        self.press("#keyframes li:nth-child(3) .earlier")
        self.check("JSON.stringify(origami.recording.tour.camera.map(k => [k.time, k.center[0]])) === '[[0,1110],[2,1300],[4,700]]'", "views change places, times stay")
        self.check("document.activeElement.matches('#keyframes li:nth-child(2) .earlier')", "the focus goes along")
        self.fill("#keyframes li:nth-child(3) .time", "1.5")
        self.check("JSON.stringify(origami.recording.tour.camera.map(k => [k.time, k.center[0]])) === '[[0,1110],[1.5,700],[2,1300]]'", "keyframes are in the order of their times")
        self.fill("#keyframes li:nth-child(2) .ease", "linear")
        self.press("#add-cue")
        self.check("document.activeElement.matches('#cues .text') && /Caption 1 has no text/.test(document.getElementById('tour-said').textContent)", "an empty caption is a fault")
        self.fill("#cues .text", "여기에서 시작합니다 <b>")
        self.fill("#cues .start", "0.5")
        self.fill("#cues .end", "1.75")
        self.fill("#cues .speaker", "A")
        self.fill("#cues .emotion", "happy")
        self.check("document.getElementById('tour-said').textContent === ''", "no fault is left")
        # k is a letter where one writes.
        b.eval("document.querySelector('#cues .text').focus()")
        b.key("k")
        self.check("origami.recording.tour.camera.length === 3", "no keyframe while one writes")

    def watch(self):
        """The preview shows what a time has; a draft outlives the page."""
        b = self.browser
        b.eval("(e => { e.value = 1; e.dispatchEvent(new Event('input')); })(document.getElementById('seek'))")
        b.eval("origami.settled()")
        seen = "(v => camera.at(camera.path(origami.recording.tour.camera, %s, { width: 640, height: 360 }), 1))()" % "camera.scaleOf(slide)"
        near = (f"fetch('/api/slides/{urllib.parse.quote(self.slide, safe='')}').then(a => a.json()).then(slide => {{ const [p, q] = [{seen}, origami.recording.preview.current()];"
                " return ['x', 'y', 'rotation', 'downsample'].every(k => Math.abs(p[k] - q[k]) < 1e-3 * Math.max(1, Math.abs(p[k]))); })")
        self.check(near, "the view at a second")
        self.check("document.getElementById('captions').textContent === '여기에서 시작합니다 <b>'", "its caption, as text")
        # As the renderer: the speaker's colour lies under that of the emotion.
        self.check("getComputedStyle(document.querySelector('#captions p')).color === 'rgb(255, 241, 118)'", "the colour of its emotion")
        self.picture("recorder-desktop")
        b.page.reload()
        b.wait("document.documentElement?.dataset.ready === 'yes'", "the page again")
        b.key("t")
        b.wait("Boolean(origami.recording?.open)", "the recorder")
        self.check("origami.recording.tour.camera.length === 3 && origami.recording.tour.cues[0].speaker === 'A'", "the draft is there after a reload")
        self.press("#play")
        b.wait("origami.recording.preview.time > 0.5", "a preview that plays")
        self.press("#play")
        self.check("!origami.recording.preview.playing", "a preview that stops")

    def documents(self):
        """What is exported is what tour check accepts, and comes back as it was."""
        b = self.browser
        b.eval("""(() => {
            window.exported = null;
            const make = URL.createObjectURL;
            URL.createObjectURL = blob => { if (blob.type === 'application/json') window.exported = blob; return make.call(URL, blob); };
            HTMLAnchorElement.prototype.click = function () {};
        })()""")
        self.press("#export")
        document = json.loads(b.eval("exported.text()"))
        result = self.origami_check(document)
        if not result["good"] or result["frames"] != 20 or result["faults"]:
            raise SystemExit(f"error: tour check of an export says {result}")
        self.document = document
        bad = {"slide": "x", "camera": [{"time": "soon"}]}
        b.eval(f"origami.recording.load(new File([{json.dumps(json.dumps(bad))}], 'bad.json'))")
        self.check("/bad.json: camera\\[0\\].time/.test(document.getElementById('tour-said').textContent) && origami.recording.tour.camera.length === 3", "a bad import is refused by name")
        b.eval("window.confirm = () => true")
        self.press("#clear")
        self.check("document.querySelectorAll('#keyframes li, #cues li').length === 0", "nothing is left")
        styled = {**document, "styles": {"default": {"color": "yellow"}}}
        b.eval(f"origami.recording.load(new File([{json.dumps(json.dumps(styled))}], 'good.json'))")
        self.press("#export")
        again = json.loads(b.eval("exported.text()"))
        if again != styled:
            raise SystemExit(f"error: an import comes back as {again}, not {styled}")

    def overlay(self):
        """What a document has over the slide is drawn, in the places of the renderer."""
        b = self.browser
        over = {**self.document, "title": {"text": "Title <i>", "subtitle": "below", "duration": 0.4},
                "pointer": [{"time": 0.5, "at": [700, 900]}, {"time": 1.5, "at": [900, 900]}],
                "highlights": [{"start": 0.5, "end": 1.5, "center": [700, 900], "radius": 50, "color": "red"}],
                "styles": {"speakers": {"A": {"backgroundColor": "blue"}}, "emotions": {"happy": {"fontStyle": "italic"}}}}
        seek = "(e => { e.value = %s; e.dispatchEvent(new Event('input')); })(document.getElementById('seek'))"
        b.eval(f"origami.recording.load(new File([{json.dumps(json.dumps(over))}], 'over.json'))")
        b.eval(seek % 0.2)
        self.check("[...document.querySelectorAll('#card p')].map(p => p.textContent).join() === 'Title <i>,below' && !document.getElementById('card').hidden", "the card")
        b.eval(seek % 1)
        b.eval("origami.settled()")
        self.check("document.getElementById('card').hidden", "no card after its time")
        # In pixels of the video: where the view of that time has the place, and as far beside it as the pointer has moved.
        self.check("(([[c], [p]]) => { const [x, y] = p.getAttribute('points').split(' ')[0].split(',').map(Number); const view = origami.recording.preview.current();"
                   " const far = Math.hypot(x - c.getAttribute('cx'), y - c.getAttribute('cy'));"
                   " return Math.abs(far - 100 / view.downsample) < 0.5 && c.getAttribute('stroke') === 'red'; })"
                   "(['circle', 'polygon'].map(name => document.querySelectorAll('#tour-marks ' + name)))", "circle and pointer")
        self.check("(s => s.fontStyle === 'italic' && s.backgroundColor === 'rgb(0, 0, 255)')(getComputedStyle(document.querySelector('#captions p')))", "the styles of speaker and emotion")
        self.check("/[µm]m$/.test(document.querySelector('#corners p').textContent) && document.querySelectorAll('#tour-marks rect').length === 1", "the scale bar")
        self.picture("recorder-overlay")
        # Letters and the line around them never look alike, so that one of the two stands out from any ground.
        looks = [({}, "16, 16, 16"), ({"color": "#fff", "outlineColor": "#fff"}, "16, 16, 16"), ({"color": "ivory", "outlineColor": "#eee"}, "16, 16, 16"),
                 ({"color": "black"}, "255, 255, 255"), ({"color": "#00f"}, "255, 255, 255"), ({"color": "#fff", "outlineColor": "#8a2a6b"}, "138, 42, 107")]
        cues = [{"text": "x", "start": 0, "end": 2, "style": style} for style, _ in looks]
        b.eval(f"origami.recording.load(new File([{json.dumps(json.dumps({**over, 'cues': cues}))}], 'looks.json'))")
        b.eval(seek % 1)
        seen = "[...document.querySelectorAll('#captions p')].map(p => getComputedStyle(p).webkitTextStrokeColor)"
        self.check(f"JSON.stringify({seen}) === {json.dumps(json.dumps([f'rgb({line})' for _, line in looks], separators=(',', ':')))}", "the lines around letters")
        self.check("(s => parseFloat(s.webkitTextStrokeWidth) * 6 === parseFloat(s.lineHeight) / 1.2)(getComputedStyle(document.querySelector('#captions p')))", "a line of a twelfth on each side")
        wrong = {**over, "highlights": [{"start": 0}]}
        b.eval(f"origami.recording.load(new File([{json.dumps(json.dumps(wrong))}], 'wrong.json'))")
        self.check("/wrong.json: highlights\\[0\\]/.test(document.getElementById('tour-said').textContent)", "a mark that is none is refused by name")
        b.eval(f"origami.recording.load(new File([{json.dumps(json.dumps(self.document))}], 'good.json'))")

    def render(self):
        b = self.browser
        self.fill("#cues .text", "REFUSE this")
        self.press("#render")
        b.wait("/SCENARIO_PARSE_ERROR: .*it cannot be drawn.*write something else/.test(document.getElementById('job-said').textContent)", "the server's own words")
        b.forgive("400")
        self.fill("#cues .text", "Here")
        self.press("#render")
        b.wait("/%/.test(document.getElementById('job-said').textContent) && !document.getElementById('job-bar').hidden", "progress")
        sent = self.service.requests[-1]
        if sent["slide"] != self.file or len(sent["scenario"]["camera"]) != 3 or sent["options"]["width"] != 640:
            raise SystemExit(f"error: the request is {sent}")
        b.wait("!document.getElementById('result').hidden", "the result")
        b.wait("document.getElementById('video').readyState >= 1", "a video that can be played")
        self.check("document.getElementById('video').videoWidth === 640", "the video's size")
        self.picture("recorder-done")
        # Another one, which is cancelled.
        self.press("#render")
        b.wait("!document.getElementById('cancel').hidden", "something to cancel")
        self.press("#cancel")
        b.wait("/cancelled/.test(document.getElementById('job-said').textContent) && document.getElementById('cancel').hidden", "the end")
        self.fill("#cues .text", "FAIL please")
        self.press("#render")
        b.wait("/failed.*RENDER_ERROR/.test(document.getElementById('job-said').textContent)", "a failure")

    def phone(self):
        b = self.browser
        b.screen(360, 740, 2, phone=True)
        self.open(self.service.address)
        b.click("#record")
        b.wait("Boolean(origami.recording?.open)", "the recorder")
        self.check("document.documentElement.scrollWidth <= innerWidth", "the recorder fits a phone")
        self.check("document.getElementById('frame').clientWidth >= 340 && document.getElementById('stage').clientHeight >= 140", "the frame is as wide as the phone")
        b.eval("(e => { e.value = 1; e.dispatchEvent(new Event('input')); })(document.getElementById('seek'))")
        b.eval("origami.settled()")
        self.picture("recorder-phone")
        self.check("[...document.querySelectorAll('#tour button, #tour input:not([hidden]), #tour select, #tour textarea')].filter(e => e.checkVisibility())"
                   ".every(e => e.textContent.trim() || e.getAttribute('aria-label') || e.labels?.length)", "every control has a name")

    def queue(self):
        b = self.browser
        self.service.submit({"jobId": "waits <i>", "scenario": {"cues": []}})
        b.screen(1000, 800)
        b.open(f"{self.service.address}/jobs")
        states = "[...document.querySelectorAll('.job .state')].map(e => e.textContent.split(',')[0]).join()"
        self.check(f"{states} === 'queued,failed,cancelled,completed'", "the queue and what has ended")
        self.check("/look at the log of the service/.test(document.querySelector('.job .error:not([hidden])').textContent)", "a suggestion")
        self.check("document.querySelector('.job h2').textContent === 'waits <i>'", "names are text")
        b.click(".job:last-child .play")
        b.wait("document.querySelector('.job:last-child video').readyState >= 1", "a result that plays")
        b.eval("document.querySelector('.job:last-child video').pause()")
        self.picture("jobs-desktop")
        self.press(".job .cancel:not([hidden])")
        b.wait(f"{states}.startsWith('cancelled,failed')", "a job that is cancelled")
        for width, dark in ((1280, False), (1280, True), (360, False), (360, True)):
            b.screen(width, 800 if width > 400 else 740, 1 if width > 400 else 2, phone=width < 400, dark=dark)
            b.open(f"{self.service.address}/jobs")
            self.check("document.querySelectorAll('.job').length === 4", "the jobs")
            self.check("document.documentElement.scrollWidth <= innerWidth", f"the page of jobs fits {width} pixels")
            self.picture(f"jobs-{width}-{'dark' if dark else 'light'}")
            axe.check(self, f"jobs, {width} pixels, {'dark' if dark else 'light'}")


def video(origami, slides, slide):
    """A small video; None without an ffmpeg."""
    if not shutil.which("ffmpeg"):
        return None
    document = slides / ".video.json"
    document.write_text(json.dumps({"slide": slide, "camera": [{"time": 0.5}], "options": {"width": 640, "height": 360, "fps": 10}}))
    made = slides / ".video.mp4"
    try:
        subprocess.run([origami, "tour", "render", document, "--out", made, "--encoder", "x264", "--overwrite", "--quiet"], check=True)
        return made.read_bytes()
    finally:
        document.unlink()
        made.unlink(missing_ok=True)


def main():
    address, out, slides, slide, origami = sys.argv[1:]
    slides = pathlib.Path(slides)
    made = video(origami, slides, f"{slide}/residual_packs/residuals.bundle")
    if made is None:
        print("SKIPPED: tours in a browser: no ffmpeg here")
        return
    service = Service(address, made)
    try:
        visit("tours", out, lambda browser, out: Recorder(browser, service, out, slides, slide, origami),
              lambda user: (lambda: user.without_service(address), user.record, user.formulas, user.watch, user.documents, user.overlay, user.render,
                            user.phone, user.queue))
    finally:
        service.close()


if __name__ == "__main__":
    main()
