"""Every page by keyboard alone: all controls are reached, the focus can be seen, and each has a name for screen readers. What
scripts/browser.sh runs.

    browser_keys.py ADDRESS SCREENSHOTS SLIDE OTHER    SLIDE has its original
"""

import json
import sys
import time
import urllib.parse

from user import User, visit

# Controls that can be seen and used, each with a number.
CONTROLS = """(() => {
    const all = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')]
        .filter(e => e.checkVisibility({ visibilityProperty: true }) && !e.disabled && e.tabIndex >= 0 && !e.closest('dialog:not([open])'));
    all.forEach((e, i) => { e.dataset.control = i; });
    return all.map(e => `${e.tagName.toLowerCase()}${e.id && '#' + e.id} ${e.closest('[aria-hidden="true"]') ? 'HIDDEN' : ''}`);
})()"""
# The control with the focus, whether the browser shows that, and how.
FOCUS = """(() => {
    const e = document.activeElement;
    const of = e.id === 'divider' ? e.querySelector('.grip') : e;
    const { outlineStyle, outlineWidth } = getComputedStyle(of);
    // OpenSeadragon forbids the outline of its own element, so the frame is around it.
    const framed = e.className === 'openseadragon-canvas' && getComputedStyle(e.closest('.image'), '::after').borderTopWidth === '3px';
    if (framed) return [e.dataset.control ?? null, e.matches(':focus-visible'), ''];
    return [e.dataset.control ?? null, e.matches(':focus-visible') && outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2, e.outerHTML.slice(0, 120)];
})()"""
# A tab goes round at the end of the page; this many take it through all of them.
MOST = 400


class Keys(User):
    def __init__(self, browser, out, address, slide, other):
        super().__init__(browser, out)
        self.address, self.slide, self.other = address, *(urllib.parse.quote(name, safe="") for name in (slide, other))

    def reaches(self, what):
        """By tabs, once round the page; every control is named."""
        b = self.browser
        controls = b.eval(CONTROLS)
        hidden = [control for control in controls if control.endswith("HIDDEN")]
        if hidden:
            raise SystemExit(f"error: {what}: the focus goes where screen readers see nothing: {hidden}")
        b.eval("document.activeElement?.blur(), getSelection().removeAllRanges()")
        seen = set()
        for _ in range(MOST):
            b.key("Tab")
            at, visible, html = b.eval(FOCUS)
            if at in seen:
                break
            # The browser's own controls lie between the end of the page and its top.
            if at is None:
                continue
            self.checks += 1
            if not visible:
                self.picture("failed")
                raise SystemExit(f"error: {what}: nobody sees that the focus is at {html}")
            seen.add(at)
        missed = [control for i, control in enumerate(controls) if str(i) not in seen]
        # Of a group of radio buttons one is reached.
        if missed:
            self.picture("failed")
            raise SystemExit(f"error: {what}: no tab leads to {missed}; {len(seen)} of {len(controls)}")
        self.named(what)

    def named(self, what):
        """By the browser's own tree for screen readers."""
        nodes = self.browser.call("Accessibility.getFullAXTree")["nodes"]
        for node in nodes:
            properties = {each["name"]: each["value"].get("value") for each in node.get("properties", [])}
            if node.get("ignored") or not properties.get("focusable") or node["role"]["value"] in ("RootWebArea",):
                continue
            self.checks += 1
            if not node.get("name", {}).get("value", "").strip():
                described = self.browser.call("DOM.describeNode", backendNodeId=node["backendDOMNodeId"])["node"]
                raise SystemExit(f"error: {what}: no name: {node['role']['value']} {described['nodeName']} {described.get('attributes')}")

    def pages(self):
        b = self.browser
        b.call("Accessibility.enable")
        for dark in (False, True):
            b.screen(1280, 800, dark=dark)
            b.open(f"{self.address}/")
            b.wait("document.querySelectorAll('a.card[href]').length > 2", "cards")
            b.eval("document.querySelector('.slide input').click()")
            self.reaches("the list")
            self.picture(f"keys-list-{'dark' if dark else 'light'}")
        b.screen(1280, 800)
        b.open(f"{self.address}/viewer/{self.slide}#m=compare")
        b.eval("origami.settled()")
        self.reaches("the viewer")
        for key, panel in (("m", "measuring"), ("a", "marking"), ("p", "picturing"), ("i", "about")):
            b.eval("document.activeElement?.blur()")
            b.key(key)
            b.wait(f"!document.getElementById('{panel}').hidden", panel, 10)
            self.reaches(f"the panel {panel}")
        b.key("t")
        b.wait("!document.getElementById('tour').hidden", "the recorder", 10)
        time.sleep(0.5)
        self.reaches("the recorder")
        # This server takes no jobs.
        b.forgive("/queue/status")
        b.open(f"{self.address}/compare?slides={self.slide},{self.other}")
        b.eval("origami.settled()")
        b.key("o")
        self.reaches("slides side by side")
        self.picture("keys-compare")
        b.open(f"{self.address}/embed/{self.slide}")
        b.eval("origami.settled()")
        self.reaches("a slide in a frame")

    def leads(self):
        """Panels that are opened by keys take the focus and give it back; keys without a use say so."""
        b = self.browser
        b.screen(1280, 800)
        b.open(f"{self.address}/viewer/{self.other}")
        b.eval("origami.settled()")
        for key, panel in (("m", "measuring"), ("a", "marking"), ("p", "picturing"), ("i", "about")):
            b.eval("document.getElementById('home').focus()")
            b.key(key)
            self.check(f"document.activeElement.id === '{panel}'", f"{key} leads into its panel")
            b.key("Tab")
            self.check(f"Boolean(document.activeElement.closest('#{panel}'))", f"a tab goes on in {panel}")
            for _ in range(3):
                if b.eval(f"!document.getElementById('{panel}').hidden"):
                    b.key("Escape")
                    time.sleep(0.2)
            self.check(f"document.getElementById('{panel}').hidden && document.activeElement.id === 'home'", f"Escape closes {panel}, and the focus is where it was")
        for key in "cd":
            b.key(key)
            self.check("document.getElementById('message').textContent.includes('No original is served with this slide.')", f"why {key} does nothing")
        b.key("?")
        self.check("document.getElementById('no-original').checkVisibility() && ![...document.querySelectorAll('#keys .original')].some(e => e.checkVisibility())", "the list has no keys without a use")
        self.check("document.querySelectorAll('.power-keys kbd').length === 6", "keys of magnifications")
        b.key("Escape")
        b.open(f"{self.address}/viewer/{self.slide}")
        b.eval("origami.settled()")
        b.key("?")
        self.check("!document.getElementById('no-original').checkVisibility() && [...document.querySelectorAll('#keys .original')].every(e => e.checkVisibility())", "keys of a slide with its original")
        b.key("Escape")
        b.click("#note summary")
        b.eval("document.getElementById('main').focus()")
        b.key("ArrowRight")
        self.check("!document.getElementById('note').open", "a note closes as the slide moves")
        b.key("r")
        b.eval("origami.settled()")
        self.check("document.getElementById('turned').checkVisibility() && document.getElementById('degrees').value === '90'", "the degrees of a turned view")
        self.fill("#degrees", "30")
        b.eval("origami.settled()")
        self.check("origami.viewer.viewport.getRotation() === 30", "turned by degrees")
        b.screen(390, 844, 1, phone=True)
        b.open(f"{self.address}/viewer/{self.slide}")
        b.eval("origami.settled()")
        b.click("#info")
        self.check("(p => p.top > innerHeight * 0.4 && p.height <= innerHeight * 0.4)(document.getElementById('about').getBoundingClientRect())", "a panel lies low on a phone")
        self.picture("keys-phone-panel")
        b.click("#about .fold")
        self.check("document.getElementById('about').getBoundingClientRect().height < 80", "it folds")
        self.check("!document.getElementById('help').checkVisibility()", "no list of keys on a phone")

    def moves(self):
        """With the focus on one of two slides, arrows move both; with the offsets open, that one."""
        b = self.browser
        b.open(f"{self.address}/compare?slides={self.slide},{self.other}#x=0&y=0&z=0.5")
        b.eval("origami.settled()")
        b.eval("origami.viewers[1].canvas.focus()")
        places = "JSON.stringify(origami.viewers.map(v => v.viewport.getCenter().x))"
        before = json.loads(b.eval(places))
        b.key("ArrowRight")
        b.eval("origami.settled()")
        now = json.loads(b.eval(places))
        self.check(f"{json.dumps(all(a < b for a, b in zip(before, now)))}", "an arrow moves both")
        b.key("o")
        self.check("!document.getElementById('offsets').hidden", "o opens the offsets")
        # The panel takes room of the slides, which begin anew from where they are once they have seen it.
        self.check("origami.viewers.every(v => Math.abs(v.viewport.getContainerSize().x - v.container.clientWidth) < 1)", "the slides have their new size")
        b.eval("origami.settled()")
        b.eval("origami.viewers[1].canvas.focus()")
        b.key("ArrowRight")
        b.eval("origami.settled()")
        last = json.loads(b.eval(places))
        # The panel takes room of the slides, which keep their centres but for rounding.
        stays, goes = (abs(last[i] - now[i]) for i in range(2))
        self.check(f"{json.dumps(stays < goes / 1000 and last[1] > now[1])} /* {now} {last} */", "an arrow moves the one with the focus")


def main(address, out, slide, other):
    visit("keys", out, lambda browser, out: Keys(browser, out, address, slide, other), lambda user: (user.pages, user.leads, user.moves))


if __name__ == "__main__":
    main(*sys.argv[1:])
