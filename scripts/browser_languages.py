"""The pages in every language: the browser's choice, the menu, texts and figures, and that they fit. What scripts/browser.sh runs.

    browser_languages.py ADDRESS SCREENSHOTS SLIDE OTHER    SLIDE has its original, OTHER has a scale
"""

import json
import pathlib
import re
import sys
import time
import urllib.parse

import axe
from browser_measure import MICRONS
from user import User, visit

FILES = pathlib.Path(__file__).resolve().parent.parent / "src/serve/viewer/languages"
# Texts that a user sees or hears, of the page and of what is closed in it.
SEEN = """(() => {
    const walker = document.createTreeWalker(document, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
    const found = [];
    while (walker.nextNode()) {
        const node = walker.currentNode;
        if (node.nodeType === Node.TEXT_NODE) {
            if (!node.parentElement?.closest('code, kbd, script, style, datalist, .languages')) found.push(node.data.trim().replace(/\\s+/g, ' '));
        } else for (const name of ['title', 'aria-label', 'placeholder', 'alt']) if (node.getAttribute(name)) found.push(node.getAttribute(name));
    }
    return found.filter(text => /\\p{L}{2}/u.test(text));
})()"""
# A file of a language that the page has loaded.
LOADED = "performance.getEntriesByType('resource').map(e => /\\/assets\\/(de|es|fr|ja|zh)\\.js/.exec(e.name)?.[1]).filter(Boolean).join()"
PANELS = ("#measure", "#mark-up", "#picture", "#share", "#info", "#record")


class Reader(User):
    def __init__(self, browser, out, address, slide, other):
        super().__init__(browser, out)
        self.address, self.slide, self.other = address, *(urllib.parse.quote(name, safe="") for name in (slide, other))
        self.agent = browser.eval("navigator.userAgent")

    def prefers(self, languages):
        self.browser.call("Network.setUserAgentOverride", userAgent=self.agent, acceptLanguage=languages)

    def says(self, texts, what):
        """Nothing is left in English that the language says otherwise."""
        english = {english for english, other in texts.items() if english != other}
        own = set(texts.values())
        left = [text for text in self.browser.eval(SEEN) if text in english and text not in own]
        self.check("true" if not left else "false", f"{what}: left in English: {left}")

    def every(self):
        b = self.browser
        for file in sorted(FILES.glob("*.js")):
            code = file.stem
            texts = json.loads(file.read_text().split("var phrases = ", 1)[1].rstrip().removesuffix(";"))
            self.prefers(f"{code},en;q=0.5")
            b.screen(360, 740, 1, phone=True)
            for page, path in (("list", "/"), ("compare", f"/compare?slides={self.slide},{self.other}"), ("jobs", "/jobs"),
                               ("login", "/login"), ("nowhere", "/nonsense"), ("viewer", f"/viewer/{self.other}")):
                if page in ("login", "nowhere"):
                    b.go(f"{self.address}{path}")
                    b.wait("document.readyState === 'complete' && document.body?.className === 'login'", f"the page {path}", 20)
                else:
                    b.open(f"{self.address}{path}")
                where = f"{page} in {code}"
                self.check(f"document.documentElement.lang === '{code}' && {LOADED} === '{code}'", f"{where}: its file alone")
                if page == "viewer":
                    b.eval("origami.settled()")
                    self.weighs(where)
                    for panel in PANELS:
                        b.eval(f"document.querySelector('{panel}').click()")
                        time.sleep(0.4)
                    b.wait("Boolean(origami.recording?.open)", "the recorder")
                    b.eval("document.getElementById('add-keyframe').click(), document.getElementById('add-cue').click()")
                self.says(texts, where)
                self.check("document.documentElement.scrollWidth <= innerWidth", f"{where} fits a phone")
                self.picture(f"language-{code}-{page}")
                if code in ("de", "ja"):
                    axe.check(self, where)
            b.forgive("404")

    def figures(self):
        """The comma, the point and the space of figures are those of the language."""
        b = self.browser
        b.screen(1280, 800)
        for code, number, large in (("en", "0.5", "1,234.5"), ("de", "0,5", "1.234,5"), ("fr", "0,5", "1\u202f234,5"), ("ja", "0.5", "1,234.5")):
            self.prefers(code)
            b.open(f"{self.address}/viewer/{self.other}")
            b.eval("origami.settled()")
            self.check(f"phrase.number(1234.5) === {json.dumps(large)} && phrase.figure(0.5) === {json.dumps(number)}", f"figures in {code}")
            b.click("#info")
            b.wait("document.querySelectorAll('#facts dd').length > 2", "facts")
            scale = f"{MICRONS[0]}".replace(".", number[1])
            self.check(f"document.getElementById('facts').textContent.includes({json.dumps(scale + ' µm')})", f"the scale in {code}")
            b.click("#measure")
            b.wait("Boolean(origami.measuring?.open)", "the tools")
            self.tool("ruler")
            self.at((500, 300), (700, 301))
            said = b.eval("document.querySelector('#measured li span').textContent")
            self.check("true" if re.search(r"\d" + re.escape(number[1]) + r"\d", said) else "false", f"a length in {code}: {said}")

    def chooses(self):
        b = self.browser
        self.prefers("nl")
        b.open(f"{self.address}/")
        self.check(f"document.documentElement.lang === 'en' && {LOADED} === ''", "English where the browser's language is unknown, and no file")
        self.picture("language-menu")
        b.eval("window.before = true")
        self.fill("select.languages", "ja")
        b.wait("!window.before && document.documentElement?.dataset.ready === 'yes' && document.querySelector('h1').textContent === 'スライド'", "the chosen language", 20)
        b.open(f"{self.address}/viewer/{self.other}")
        self.check("document.documentElement.lang === 'ja'", "the choice holds on other pages")
        # What is open stays open.
        b.key("m")
        b.wait("Boolean(origami.measuring?.open)", "the panel of measures", 10)
        b.eval("window.before = true")
        self.fill("header select.languages", "en")
        b.wait("!window.before && document.documentElement?.dataset.ready === 'yes' && document.documentElement.lang === 'en'", "English again", 20)
        b.wait("Boolean(origami.measuring?.open)", "the panel that was open", 10)
        b.context.clear_cookies()

    def themes(self):
        """Light or dark: as the system, or as chosen, on this page and the next."""
        b = self.browser
        self.prefers("en")
        ground = "getComputedStyle(document.body).backgroundColor"
        b.screen(1280, 800, dark=True)
        b.open(f"{self.address}/")
        dark = b.eval(ground)
        self.fill("select.themes", "light")
        self.check(f"{ground} !== {json.dumps(dark)}", "light where the system is dark")
        light = b.eval(ground)
        for path in (f"/viewer/{self.other}", "/jobs"):
            b.open(f"{self.address}{path}")
            self.check(f"{ground} === {json.dumps(light)} && document.querySelector('select.themes').value === 'light'", f"light on {path}")
        b.forgive("404")
        b.screen(1280, 800)
        self.fill("select.themes", "dark")
        self.check(f"{ground} === {json.dumps(dark)}", "dark where the system is light")
        self.fill("select.themes", "")
        self.check(f"{ground} === {json.dumps(light)}", "as the system")


def main(address, out, slide, other):
    visit("languages", out, lambda browser, out: Reader(browser, out, address, slide, other), lambda user: (user.every, user.figures, user.chooses, user.themes))


if __name__ == "__main__":
    main(*sys.argv[1:])
