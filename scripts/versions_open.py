"""Opens the files of another version (scripts/versions.sh) with a binary: each is read, or refused in one line.

    versions_open.py BINARY FOLDER      prints a line a file; exits with 1 where one ends in another way
"""

import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

BINARY, FOLDER = sys.argv[1], Path(sys.argv[2])
failed = 0


def report(name, outcome, good):
    global failed
    failed += not good
    print(f"{'' if good else 'FAILED '}{name}: {outcome}")


def opened(name, *arguments):
    """A command about a file."""
    ran = subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=300)
    lines = (ran.stderr or ran.stdout).strip().splitlines()
    refused = ran.returncode in (1, 2, 3) and len(lines) == 1
    report(name, "read" if ran.returncode == 0 else f"exit code {ran.returncode}: {' / '.join(lines)}", ran.returncode == 0 or refused)


def status(address):
    try:
        with urllib.request.urlopen(address) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def served(copy):
    """Marks and cache, of a server that must start and send the slide whatever it makes of them."""
    (copy / "served").mkdir()
    shutil.copy(copy / "bundles" / "turbojpeg.bundle", copy / "served" / "slide.bundle")
    flags = ["--annotations", copy / "annotations", "--annotations-open", "--cache-dir", copy / "cache"]
    with open(copy / "log", "w+") as log:
        server = subprocess.Popen([BINARY, "serve", copy / "served", "--port", "0", *flags], stdout=subprocess.PIPE, stderr=log, text=True)
        address = server.stdout.readline().strip().rpartition(" on ")[2]
        if not address:
            server.wait()
            return report("marks and cache", (copy / "log").read_text().strip(), False)
        tile, marks = status(f"{address}/tiles/slide/7/5_1.jpg"), status(f"{address}/api/slides/slide/annotations")
        server.terminate()
        server.wait()
    said = (copy / "log").read_text().strip().splitlines()
    report("cache", f"the server starts, a tile has status {tile}", tile == 200)
    report("marks", "read" if marks == 200 else f"status {marks}: {' / '.join(said)}", marks == 200 or bool(said))


with tempfile.TemporaryDirectory() as place:
    copy = Path(place) / "files"
    shutil.copytree(FOLDER, copy)
    for bundle in sorted((copy / "bundles").iterdir()):
        opened(bundle.name, "verify", "--deep", "--quiet", bundle)
    opened("slide.pack", "verify", "--deep", "--quiet", copy / "slide.pack")
    opened("jobs.queue", "jobs", "status", "--out", copy / "results")
    (copy / "results" / "jobs.queue").unlink()
    opened("manifest.json", "jobs", "reconcile", "--out", copy / "results")
    opened("tour.json", "tour", "check", copy / "tour.json")
    opened("serve.toml", "serve", "--config", copy / "serve.toml", "--print-config")
    served(copy)
sys.exit(failed > 0)
