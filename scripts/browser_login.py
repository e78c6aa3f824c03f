"""A browser logs in and out of a server with tokens: what scripts/browser.sh runs. With servers of its own.

    browser_login.py ORIGAMI BUNDLE FOLDER SCREENSHOTS
"""

import base64
import json
import pathlib
import shutil
import sys
import urllib.parse

import axe
from browser_loading import Server
from user import User, visit

TOKEN, OTHER = "not-a-secret-but-a-token", "not-a-secret-either-of-a-test"
LOGIN = "document.body?.className === 'login' && document.readyState === 'complete'"


class Visitor(User):
    def __init__(self, browser, out, origami, bundle, folder):
        super().__init__(browser, out)
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "slides").mkdir(parents=True)
        shutil.copy(bundle, folder / "slides" / "one & #1.bundle")
        self.tokens = folder / "tokens"
        self.tokens.write_text(f"{TOKEN}\n{OTHER}\n")
        self.server = Server(origami, folder / "slides", (*Server.FLAGS, "--token-file", str(self.tokens)))
        self.viewer = f"{self.server.address}/viewer/{urllib.parse.quote('one & #1', safe='')}"

    def leave(self):
        self.server.end()

    def go(self, address, condition, what):
        """Opens a page that need not be one of the viewer's; forgets that the server refuses it, as it must."""
        b = self.browser
        b.go(address)
        b.wait(condition, what, 20)
        b.forgive("401", "429")

    def give(self, token, condition, what):
        b = self.browser
        b.eval("document.getElementById('token').focus()")
        b.page.keyboard.insert_text(token)
        b.eval("window.before = true")
        b.key("Enter")
        b.wait(f"!window.before && ({condition})", what, 20)
        b.forgive("401", "429")

    def asks(self):
        b = self.browser
        for width, dark in ((1280, False), (1280, True), (360, False), (360, True)):
            b.screen(width, 800 if width > 400 else 740, phone=width < 400, dark=dark)
            self.go(f"{self.server.address}/", LOGIN, "the login page")
            self.picture(f"login-{width}-{'dark' if dark else 'light'}")
            self.check("document.documentElement.scrollWidth <= innerWidth && document.getElementById('out').hidden", "the login fits its screen")
            axe.check(self, f"login, {width} pixels, {'dark' if dark else 'light'}")
        b.screen(1280, 800)
        self.give("not-a-token-of-this-server", f"{LOGIN} && document.getElementById('said').textContent.includes('not a token')", "a wrong token is refused")
        self.picture("login-wrong")
        axe.check(self, "login with a wrong token")

    def enters(self):
        b = self.browser
        # Without JavaScript it works as well.
        b.call("Emulation.setScriptExecutionDisabled", value=True)
        self.go(f"{self.server.address}/", LOGIN, "the login page without scripts")
        b.eval("document.getElementById('token').value = " + json.dumps(TOKEN))
        b.eval("document.querySelector('#in button').click()")
        b.wait("location.pathname === '/' && document.body?.className === 'list'", "the list after a login without scripts", 20)
        b.call("Emulation.setScriptExecutionDisabled", value=False)
        b.context.clear_cookies()
        # To the view of the address, the part after # included.
        self.go(f"{self.viewer}#x=500&y=400&z=1", LOGIN, "the login page in place of the viewer")
        self.give(TOKEN, "document.documentElement?.dataset.ready === 'yes' && Boolean(window.origami?.viewer)", "the viewer after the login")
        self.check("location.pathname.startsWith('/viewer/') && location.hash.includes('x=500')", "the view that was asked for")
        self.check("document.cookie === ''", "no script sees the cookie")
        [cookie] = b.context.cookies()
        assert cookie["httpOnly"] and cookie["sameSite"] == "Strict" and TOKEN not in cookie["value"], cookie
        self.check("document.getElementById('trouble').hidden", "its tiles arrive")

    def comes_from_elsewhere(self):
        """A link of another site brings no cookie of this one; the user need not log in again."""
        b = self.browser
        page = base64.b64encode(f"<a href='{self.viewer}'>x</a>".encode()).decode()
        b.go(f"data:text/html;base64,{page}")
        b.wait("Boolean(document.querySelector('a'))", "a page elsewhere", 20)
        b.click("a")
        b.wait("location.pathname.startsWith('/viewer/') && document.documentElement?.dataset.ready === 'yes'", "the viewer from a link", 20)
        b.forgive("401")

    def ends(self):
        b = self.browser
        b.open(self.viewer)
        # Its token goes with a new start of the server; the page says so, and leads to the login.
        self.tokens.write_text(f"{OTHER}\n")
        self.server.end()
        self.server.start()
        b.key("1")
        b.wait("!document.getElementById('log-in').hidden", "the page says that the session has ended", 60)
        self.check("document.getElementById('trouble-said').textContent.includes('asks for a token')", "with the reason")
        self.picture("login-ended")
        b.faults.clear()
        self.go(f"{self.server.address}/compare?slides={urllib.parse.quote('one & #1', safe='')},b", LOGIN, "the login in place of a comparison")
        self.check("document.getElementsByName('next')[0].value.startsWith('/compare?slides=one')", "which leads back to it")
        self.go(f"{self.server.address}/", LOGIN, "the login page")
        self.give(OTHER, "document.body?.className === 'list' && document.querySelectorAll('.card').length === 1", "the list after the login")
        b.click("#to-log-out")
        b.wait(f"{LOGIN} && !document.getElementById('out').hidden", "the page that ends a session", 20)
        self.picture("logout")
        axe.check(self, "logout")
        b.click("#out button")
        b.wait(f"{LOGIN} && !document.getElementById('in').hidden && document.getElementById('said').textContent.includes('logged out')", "the session ends", 20)
        self.go(f"{self.server.address}/", LOGIN, "the login page again")


def main(origami, bundle, folder, out):
    visit("login", out, lambda browser, out: Visitor(browser, out, origami, pathlib.Path(bundle), pathlib.Path(folder)),
          lambda user: (user.asks, user.enters, user.comes_from_elsewhere, user.ends))


if __name__ == "__main__":
    main(*sys.argv[1:])
