"""Two programs in turn. See bench-pair.sh."""

import json
import os
import pathlib
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

OLD, NEW = sys.argv[1:3]
ROUNDS, SECONDS, HAS_DISK = int(sys.argv[3]), sys.argv[4], sys.argv[5] == "1"
TICK = os.sysconf("SC_CLK_TCK")


def run(*command):
    """Seconds of the processor, and seconds, of a program that ends."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    took, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if ran.returncode != 0:
        sys.exit(f"error: {' '.join(map(str, command))}: {ran.stderr.strip()}")
    return {"processor": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, "time": took}, ran.stdout


class Server:
    """A server of a folder of bundles, with an empty cache in memory."""

    def __init__(self, binary, slides, *flags):
        command = [binary, "serve", "--slides-root", slides, "--port", "0", "--backend", "cpu", *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said = []
        for line in self.process.stdout:
            said.append(line)
            if found := re.match(r"origami serves .* on (http:\S+)$", line):
                self.url = f"{found[1]}/dzi/slide.dzi"
                break
        else:
            sys.exit(f"error: {binary} does not serve: {''.join(said)}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.stdout.read()
        self.process.wait()

    def ticks(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        return sum(map(int, text.rpartition(")")[2].split()[11:13]))

    def ask(self, *flags):
        """What the client measured; it is the new program's for both servers."""
        return json.loads(run(NEW, "bench", "serve", self.url, "--json", *flags)[1])

    def turn(self):
        before = self.ticks()
        asked = self.ask("--seconds", SECONDS)
        return {"processor a tile": (self.ticks() - before) / TICK / asked["requests"], "tiles a second": asked["requests_per_second"]}


def measured(name, turns):
    """Runs `turns`, a function for each program, in turn; prints each of what they return."""
    each = {OLD: [], NEW: []}
    for number in range(ROUNDS):
        # Neither is always first.
        for binary in (OLD, NEW) if number % 2 == 0 else (NEW, OLD):
            each[binary].append(turns[binary]())
    for key in each[OLD][0]:
        old, new = ([turn[key] for turn in each[binary]] for binary in (OLD, NEW))
        ratios = [b / a for a, b in zip(old, new)]
        middle = [statistics.median(values) for values in (old, new, ratios)]
        print(f"{name:7} {key:24} {middle[0]:12.6g} {middle[1]:12.6g} {middle[2]:8.3f}  {min(ratios):.3f} to {max(ratios):.3f}", flush=True)


def main(work):
    image, slides = work / "slide.png", work / "slides"
    slides.mkdir()
    run(NEW, "bench", "slide", "--size", "8192x6144", "--out", image)
    run(OLD, "encode", "--quiet", "--image", image, "--out", work / "made", "--backend", "cpu")
    bundle = slides / "slide.bundle"
    shutil.copy(work / "made/residual_packs/residuals.bundle", bundle)
    print(f"{'':7} {'':24} {'old':>12} {'new':>12} {'new/old':>8}  of pairs")

    def once(command, source, *flags):
        def turn(binary):
            took, _ = run(binary, command, "--quiet", source, *flags, "--out", work / "out", "--backend", "cpu")
            shutil.rmtree(work / "out")
            return took

        return {binary: lambda binary=binary: turn(binary) for binary in (OLD, NEW)}

    measured("encode", once("encode", "--image", image))
    measured("decode", once("decode", "--bundle", bundle))

    def cold(binary):
        with Server(binary, slides) as server:
            return {"time to bare calls": server.ask("--cold", bundle)["ratio"]}

    measured("cold", {binary: lambda binary=binary: cold(binary) for binary in (OLD, NEW)})
    with Server(OLD, slides) as old, Server(NEW, slides) as new:
        for server in (old, new):
            server.ask("--seconds", "1", "--fill")
        measured("hot", {OLD: old.turn, NEW: new.turn})
    if HAS_DISK:
        caches = {OLD: work / "old", NEW: work / "new"}
        for binary, cache in caches.items():
            # Into files, so that what is warm comes from them.
            with Server(binary, slides, "--cache-dir", cache) as server:
                server.ask("--seconds", "1", "--fill")
        # Memory for one tile.
        started = {binary: Server(binary, slides, "--cache-dir", cache, "--cache-entries", "1") for binary, cache in caches.items()}
        with started[OLD] as old, started[NEW] as new:
            measured("warm", {OLD: old.turn, NEW: new.turn})


with tempfile.TemporaryDirectory() as folder:
    main(pathlib.Path(folder))
