"""The list of ten thousand slides, and of none, with servers of its own: what scripts/browser.sh runs.

    browser_list.py ORIGAMI BUNDLE FOLDER SCREENSHOTS

BUNDLE is linked into FOLDER under many names, which is served.
"""

import json
import os
import pathlib
import shutil
import sys
import time

from browser_loading import Server
from user import User, visit

SLIDES, FOLDERS, PAGE = 10_000, 40, 60
NAMES = "[...document.querySelectorAll('.name')].map(e => e.textContent)"
LOADED = "[...document.images].filter(i => i.getAttribute('src'))"


def name(n):
    return f"project {n % FOLDERS:02}/case & {n:05}"


class Listing(User):
    def __init__(self, browser, out, origami, bundle, folder):
        super().__init__(browser, out)
        shutil.rmtree(folder, ignore_errors=True)
        slides, self.empty = folder / "slides", folder / "empty"
        self.empty.mkdir(parents=True)
        for n in range(FOLDERS):
            (slides / f"project {n:02}").mkdir(parents=True)
        first = slides / f"{name(0)}.bundle"
        shutil.copy(bundle, first)
        for n in range(1, SLIDES):
            os.link(first, slides / f"{name(n)}.bundle")
        self.names = [name(n) for n in range(SLIDES)]
        self.server, self.none = Server(origami, slides, ()), Server(origami, self.empty, ())

    def leave(self):
        self.server.end()
        self.none.end()

    def open(self, hash=""):
        self.browser.open(f"{self.server.address}/{hash}")

    def shown(self, names, what):
        self.browser.wait(f"JSON.stringify({NAMES}) === {json.dumps(json.dumps(names, separators=(',', ':')))}", what, 20)
        self.checks += 1

    def heap(self):
        self.browser.call("HeapProfiler.collectGarbage")
        return self.browser.call("Runtime.getHeapUsage")["usedSize"]

    def pages(self):
        """The first page comes at once, pictures are loaded for what is in view, and no page is larger than another."""
        b = self.browser
        b.screen(1280, 800)
        self.open()
        took = b.eval("performance.getEntriesByType('resource').find(e => e.name.includes('/api/slides')).responseEnd")
        self.check(f"{took} < 1000", f"the first page within a second: {took:.0f} ms")
        ordered = sorted(self.names, key=lambda name: (name.rpartition("/")[0], name))
        self.shown(ordered[:PAGE], "the first page")
        self.check("document.getElementById('count').textContent === '10,000 slides' && document.getElementById('place').textContent === '1 to 60 of 10,000'", "how many there are")
        self.check("document.querySelector('.folder h2').textContent === 'project 00' && document.querySelectorAll('.folder').length === 1", "the folder")
        b.wait(f"{LOADED}.length > 4 && {LOADED}.every(i => i.complete && i.naturalHeight > 0)", "pictures")
        self.check(f"{LOADED}.length < 30 && {LOADED}.every(i => i.getBoundingClientRect().top < innerHeight + 200)", "pictures of what is in view alone")
        self.picture("list-pages")
        b.eval("scrollTo(0, document.body.scrollHeight)")
        b.wait("[...document.images].at(-1).naturalHeight > 0", "the last picture, once it is in view")
        elements, heap = b.eval("document.querySelectorAll('*').length"), None
        for page in range(1, 12):
            b.eval("document.getElementById('next').click()")
            self.shown(ordered[PAGE * page:PAGE * (page + 1)], f"page {page + 1}")
            heap = heap or self.heap()
        grown = self.heap() - heap
        self.check(f"{grown} < 2e6", f"ten pages take no more memory than one: {grown} bytes more")
        self.check(f"document.querySelectorAll('*').length < {elements} + 30", "no more elements than on the first page")
        print(f"list: first page of {SLIDES} slides after {took:.0f} ms; after ten more pages {grown / 1000:+.0f} kB of memory")
        self.check("location.hash === '#page=12'", "the page in the address")
        b.back()
        self.shown(ordered[PAGE * 10:PAGE * 11], "the page before")
        self.open("#page=167")
        self.shown(ordered[PAGE * 166:], "the last page")
        self.check("document.getElementById('next').disabled && !document.getElementById('previous').disabled", "no page after it")
        self.open("#page=9999")
        self.shown(ordered[PAGE * 166:], "the last page for one beyond")

    def finds(self):
        """By a part of the name, in another order; what is not there is said, and one button brings all back."""
        b = self.browser
        b.screen(1280, 800)
        self.open()
        b.key("/")
        self.check("document.activeElement.id === 'filter'", "a slash leads to the search")
        for key in "CASE & 0999":
            b.key(key)
        self.shown(sorted((name(n) for n in range(9990, 10_000)), key=lambda name: (name.rpartition("/")[0], name)), "what is found")
        self.fill("#sort", "name")
        self.shown(sorted(name(n) for n in range(9990, 10_000)), "by name")
        b.wait("!document.querySelector('.folder')", "no folders in the order of names", 10)
        self.checks += 1
        address = b.eval("location.href")
        b.open(address)
        self.shown(sorted(name(n) for n in range(9990, 10_000)), "from the address")
        for key in "none":
            b.eval("document.getElementById('filter').focus()")
            b.key(key)
        b.wait("document.getElementById('message').textContent.includes('none” in its name')", "what is not found", 10)
        b.screen(1280, 800, dark=True)
        self.picture("list-not-found")
        b.click("#all")
        self.shown(sorted(self.names)[:PAGE], "all again")

    def chooses(self):
        """Slides of two pages side by side."""
        b = self.browser
        b.screen(1280, 800)
        self.open()
        b.click(".slide input")
        self.check("!document.getElementById('chosen').hidden && document.getElementById('to-compare').hidden", "one slide is not enough")
        b.eval("document.getElementById('next').click()")
        ordered = sorted(self.names, key=lambda name: (name.rpartition("/")[0], name))
        self.shown(ordered[PAGE:2 * PAGE], "the second page")
        b.eval("[...document.querySelectorAll('.slide input')].slice(0, 3).forEach(e => e.click())")
        self.check("document.getElementById('chosen-said').textContent === '4 slides to compare' && [...document.querySelectorAll('.slide input')].filter(e => !e.disabled).length === 3", "no more than four")
        self.picture("list-chosen")
        self.check("innerHeight - document.getElementById('chosen').getBoundingClientRect().bottom < 1", "the bar lies at the lower edge")
        self.check("document.getElementById('to-jobs').hidden", "no way to jobs on a server that takes none")
        b.click("#to-compare")
        b.wait("document.documentElement?.dataset.ready === 'yes' && Boolean(window.origami?.viewers)", "the comparison")
        b.eval("origami.settled()")
        self.check(f"JSON.stringify([...document.querySelectorAll('.pane-name a')].map(e => e.textContent)) === {json.dumps(json.dumps([ordered[0], *ordered[PAGE:PAGE + 3]], separators=(',', ':')))}", "side by side")
        b.back()
        b.wait("document.documentElement?.dataset.ready === 'yes' && Boolean(document.getElementById('chosen-said'))", "the list")
        self.check("document.getElementById('chosen-said').textContent === '4 slides to compare'", "they are still chosen after a step back")

    def few(self):
        """Two slides are enough for a search; a few do not fill the page, and the bar lies at its end."""
        b = self.browser
        b.screen(1280, 800)
        self.open("#search=00000")
        self.shown([name(0)], "one slide")
        b.click(".slide input")
        self.check("innerHeight - document.getElementById('chosen').getBoundingClientRect().bottom < 1", "the bar lies at the lower edge")
        self.check("document.querySelector('.name b').getBoundingClientRect().width > 20 && document.querySelector('.name .within').getBoundingClientRect().width < 2", "the folder is not said twice")
        self.picture("list-few")

    def empty_(self):
        """Where nothing is, the page says what to do."""
        b = self.browser
        for dark in (False, True):
            b.screen(360, 740, 2, phone=True, dark=dark)
            b.open(f"{self.none.address}/")
            self.check("document.querySelector('#empty code').checkVisibility() && document.querySelector('#empty code').textContent.startsWith('origami encode ')", "the command that makes a slide")
            self.check("document.documentElement.scrollWidth <= innerWidth", "it fits")
            self.picture(f"list-empty-{'dark' if dark else 'light'}")

    def phone(self):
        b = self.browser
        for dark in (False, True):
            b.screen(360, 740, 2, phone=True, dark=dark)
            self.open("#page=2")
            b.wait(f"{LOADED}.length && {LOADED}.every(i => i.complete)", "pictures")
            b.eval("document.querySelector('.slide input').click()")
            time.sleep(0.3)
            self.check("document.documentElement.scrollWidth <= innerWidth", "it fits")
            self.picture(f"list-pages-phone-{'dark' if dark else 'light'}")
            b.eval("document.getElementById('pages').scrollIntoView({ block: 'center' })")
            self.check("[...document.querySelectorAll('#pages button')].every(e => (b => b.left >= 0 && b.right <= innerWidth && b.bottom <= innerHeight)(e.getBoundingClientRect()))", "the pages fit")


def main(origami, bundle, folder, out):
    visit("list", out, lambda browser, out: Listing(browser, out, origami, pathlib.Path(bundle), pathlib.Path(folder)),
          lambda user: (user.pages, user.finds, user.chooses, user.few, user.empty_, user.phone))


if __name__ == "__main__":
    main(*sys.argv[1:])
