"""What axe-core says of a page: the rules of WCAG 2.2 AA, and its own. A test tool that scripts/npm-files.sh fetches; no part of the program."""

import json
import pathlib

FILE = pathlib.Path(__file__).resolve().parent.parent / "vendor/axe-core/axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
GRAVE = ("serious", "critical")


def check(user, what):
    """Fails where the page of the user's browser has a violation that is serious or critical. Nothing is said where axe-core is not there:
    scripts/browser.sh says that once."""
    if not FILE.exists():
        return
    browser = user.browser
    if not browser.eval("Boolean(window.axe?.run)"):
        # Without a name in the page's scripts, so that the policy of the page stays as it is.
        browser.eval(FILE.read_text() + "; undefined")
    options = json.dumps({"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]})
    found = browser.eval(f"""axe.run(document, {options}).then(({{ violations }}) => violations.map(({{ id, impact, help, nodes }}) =>
        ({{ id, impact, help, nodes: nodes.map(({{ target, failureSummary }}) => `${{target.join(' ')}}: ${{failureSummary}}`) }})))""")
    user.checks += 1
    grave = [each for each in found if each["impact"] in GRAVE]
    if grave:
        user.picture("failed")
        lines = [f"{each['impact']} {each['id']}: {each['help']}\n    " + "\n    ".join(each["nodes"][:5]) for each in grave]
        raise SystemExit(f"error: {what}: axe-core reports\n  " + "\n  ".join(lines))
