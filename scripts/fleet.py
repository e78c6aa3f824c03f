"""A fleet on one machine: workers that are killed, a queue that is restarted and lost, and results that must be right all the same.

Encodes slides with several workers, kills a random one every few seconds, restarts the queue's server once, loses its data once and
reconciles. Then: one manifest a slide, the bytes of a serial run, nothing lost, nothing stored twice, nothing left over.
"""

import argparse
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

LEASE = "2s"
# Most families of a slide that is encoded as one piece: those of six are encoded in bands of one row.
BAND_FAMILIES = 2
SECRET = "planted-secret-4f1c"


def run(*args, **more):
    """Runs a program that must succeed; returns what it prints."""
    return subprocess.run([str(a) for a in args], check=True, stdout=subprocess.PIPE, text=True, **more).stdout


class Nats:
    """A server on loopback, with a token."""

    def __init__(self, program, folder):
        self.program, self.folder, self.process = program, folder, None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    def start(self):
        settings = self.folder.with_suffix(".conf")
        settings.write_text(f'authorization {{ token: "{SECRET}" }}\n')
        args = [self.program, "-c", str(settings), "-js", "-a", "127.0.0.1", "-p", str(self.port), "-sd", str(self.folder)]
        log = open(self.folder.with_suffix(".log"), "a")
        self.process = subprocess.Popen(args, stdout=log, stderr=log)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise SystemExit("the NATS server does not start")

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
            self.process = None


class Fleet:
    def __init__(self, args, work):
        self.args, self.work, self.random = args, work, random.Random(args.seed)
        self.out, self.logs, self.workers, self.kills = work / "out", work / "logs", [], 0
        self.env = {**os.environ, "NATS_TOKEN": SECRET, "NODEVICE_SELECT": "1"}
        self.logs.mkdir()
        self.nats = Nats(args.nats_server, work / "nats") if args.nats_server else None
        if self.nats:
            self.nats.folder.mkdir()
            self.nats.start()
            self.queue = ["--queue", f"nats://127.0.0.1:{self.nats.port}/fleet"]
        else:
            self.queue = ["--queue", str(work / "queue")]

    def origami(self, *args):
        return run(self.args.origami, *args, env=self.env)

    def jobs(self, *args):
        return json.loads(self.origami("jobs", *args, *self.queue, "--json"))

    def submit(self, band_families=BAND_FAMILIES):
        return self.jobs("submit", "--list", self.work / "list", "--out", self.out, "--lease", LEASE, "--band-families", band_families)

    def worker(self, *more):
        log = open(self.logs / f"{len(list(self.logs.iterdir()))}.log", "w")
        args = [self.args.origami, "worker", *self.queue, "--lease", LEASE, "--attempts", "1000", "--threads", "1", "--backend", "cpu"]
        self.workers.append(subprocess.Popen([str(a) for a in [*args, *more]], stdout=log, stderr=log, env=self.env))

    def done(self):
        return self.jobs("status")["units"]["done"]["units"]

    def kill_until(self, done):
        """Kills a random worker every few seconds, and starts another, until so many units are done."""
        while (now := self.done()) < done:
            time.sleep(self.args.kill_every * self.random.uniform(0.5, 1.5))
            victim = self.workers.pop(self.random.randrange(len(self.workers)))
            victim.kill()
            victim.wait()
            self.kills += 1
            self.worker()
            print(f"  {now} of {self.args.slides} done, {self.kills} killed", flush=True)

    def lose_queue(self):
        if self.nats:
            self.nats.stop()
            shutil.rmtree(self.nats.folder)
            self.nats.folder.mkdir()
            self.nats.start()
        else:
            for path in self.work.glob("queue*"):
                path.unlink()

    def restart_queue(self):
        if self.nats:
            self.nats.stop()
            time.sleep(1)
            self.nats.start()

    def end(self):
        for worker in self.workers:
            worker.kill()
            worker.wait()
        self.workers = []


def make_slides(fleet):
    """Small slides, no two alike. One in eight is large enough for three bands."""
    folder = fleet.work / "slides"
    folder.mkdir()
    names = []
    for number in range(fleet.args.slides):
        side = f"{300 + number % 17 * 20}x{300 + number // 17 * 20}"
        if number % 8 == 5:
            side = f"{1100 + number}x2100"
        names.append(folder / f"{number}.png")
        fleet.origami("bench", "slide", "--size", side, "--out", names[-1], "--json")
    (fleet.work / "list").write_text("".join(f"{name}\n" for name in names))
    return names


def tree(folder):
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def check(fleet, slides):
    manifests = {}
    for unit in (fleet.out / "units").iterdir():
        manifest = json.loads((unit / "manifest.json").read_text())
        attempts = [a.name for a in (unit / "attempts").iterdir()]
        assert attempts == [manifest["attempt"]], f"{unit}: left over: {attempts}"
        source = manifest["unit"]["source"]
        assert source not in manifests, f"{source}: two units"
        manifests[source] = manifest
    assert set(manifests) == {str(s) for s in slides}, "a slide is lost"
    for slide in slides:
        serial = fleet.work / "serial" / slide.stem
        fleet.origami("encode", "-q", slide, "--backend", "cpu", "--out", serial)
        assert tree(serial) == tree(fleet.out / manifests[str(slide)]["path"]), f"{slide}: other bytes than a serial run"


def check_secret(fleet):
    """The token that the workers had is in no file that anybody wrote."""
    for path in [*fleet.logs.rglob("*"), *fleet.out.rglob("*.json"), *fleet.work.glob("queue*")]:
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), f"{path} holds the secret"


def resident_kib(process):
    """Memory that a process holds now, in KiB."""
    return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def timed_workers(fleet, names, workers, slots, watch=lambda worker, done: None):
    """Does these slides with so many workers of a new queue. Returns seconds."""
    for path in fleet.work.glob("queue*"):
        path.unlink()
    shutil.rmtree(fleet.out, ignore_errors=True)
    (fleet.work / "list").write_text("".join(f"{name}\n" for name in names))
    fleet.submit(band_families=0)
    began = time.time()
    for _ in range(workers):
        fleet.worker("--until-empty", "--slots", slots)
    while any(worker.poll() is None for worker in fleet.workers):
        watch(fleet.workers[0], fleet)
        time.sleep(0.05)
    assert all(worker.returncode == 0 for worker in fleet.workers)
    fleet.workers = []
    return time.time() - began


def compare_workers(args, fleet, work):
    """Slides with the same pixels by four workers and by two, in turns. A byte behind a PNG's end makes another slide of it."""
    side = args.large_px
    fleet.origami("bench", "slide", "--size", f"{side}x{side}", "--out", work / "large.png", "--json")
    large = [work / "slides" / f"large-{number}.png" for number in range(args.large_slides)]
    for number, name in enumerate(large):
        name.write_bytes((work / "large.png").read_bytes() + bytes([number]))
    seconds, spent = {2: [], 4: []}, {2: [], 4: []}
    for turn in range(6):
        workers = (2, 4, 4, 2)[turn % 4]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds[workers].append(timed_workers(fleet, large, workers, 1))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent[workers].append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        print(f"{len(large)} slides of {side}x{side} by {workers} workers: {seconds[workers][-1]:.1f} s, {spent[workers][-1]:.1f} s of processor", flush=True)
    ratio, work_ratio = (statistics.median(of[4]) / statistics.median(of[2]) for of in (seconds, spent))
    print(f"four workers against two, on {os.cpu_count()} cores: {ratio:.2f} of the time, {work_ratio:.2f} of the processor's time (medians)")


def measure(args, work):
    """Figures of one run: four workers against two, overhead of a unit, memory over 200 units. In turns."""
    fleet = Fleet(args, work)
    (work / "slides").mkdir()
    small = [work / "slides" / f"{number}.png" for number in range(200)]
    for number, name in enumerate(small):
        side = f"{300 + number % 17 * 3}x{300 + number // 17 * 3}"
        fleet.origami("bench", "slide", "--size", side, "--out", name, "--json")
    serial, units, memory = [], [], {}
    compare_workers(args, fleet, work)

    def watch(worker, fleet):
        if not units and worker.poll() is None:
            done = sum(1 for _ in fleet.out.glob("units/*/manifest.json"))
            try:
                memory.setdefault(20 if done <= 20 else 200 if done >= 180 else 100, []).append(resident_kib(worker))
            except (FileNotFoundError, ProcessLookupError):
                pass

    for _ in range(2):
        shutil.rmtree(work / "serial", ignore_errors=True)
        began = time.time()
        fleet.origami("encode", "-q", *small, "--threads", "1", "--backend", "cpu", "--out", work / "serial")
        serial.append(time.time() - began)
        units.append(timed_workers(fleet, small, 1, 1, watch))
    overhead_ms = (min(units) - min(serial)) / len(small) * 1000
    early, late = max(memory[20]), max(memory[200])
    print(f"overhead of a unit: {overhead_ms:.1f} ms ({len(small)} slides: {min(units):.2f} s by a worker, {min(serial):.2f} s by encode)")
    print(f"memory of a worker: {early / 1024:.1f} MiB in the first 20 units, {late / 1024:.1f} MiB in the last 20 of {len(small)}: {late / early:.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--origami", required=True, help="the program")
    parser.add_argument("--nats-server", help="the server's program; without it the queue is a file")
    parser.add_argument("--slides", type=int, default=200)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--kill-every", type=float, default=3, help="seconds, about")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--measure", action="store_true", help="print figures instead; nobody is killed")
    parser.add_argument("--large-px", type=int, default=1200, help="side of the slides that four workers and two do (with --measure)")
    parser.add_argument("--large-slides", type=int, default=8, help="how many of them, at most 256")
    args = parser.parse_args()
    if args.measure:
        with tempfile.TemporaryDirectory() as work:
            return measure(args, Path(work))
    with tempfile.TemporaryDirectory() as work:
        fleet = Fleet(args, Path(work))
        try:
            slides = make_slides(fleet)
            assert fleet.submit()["new"] == args.slides
            began = time.time()
            for _ in range(args.workers):
                fleet.worker()
            assert SECRET not in run("ps", "-ww", "-eo", "args"), "ps shows the secret"
            fleet.kill_until(args.slides // 4)
            print("the queue is restarted", flush=True)
            fleet.restart_queue()
            fleet.kill_until(args.slides // 2)
            print("the queue is lost", flush=True)
            fleet.end()
            fleet.lose_queue()
            before = fleet.jobs("reconcile", "--out", fleet.out, "--lease", LEASE)
            assert before["done"] + before["open"] == args.slides and before["done"] >= args.slides // 2, before
            again = fleet.submit()
            assert again["new"] == 0 and again["known"] == args.slides, again
            for _ in range(args.workers):
                fleet.worker()
            fleet.kill_until(args.slides * 9 // 10)
            fleet.worker("--until-empty")
            fleet.workers[-1].wait()
            seconds = time.time() - began
            for worker in fleet.workers:
                worker.send_signal(signal.SIGTERM)
                worker.wait()
            fleet.workers = []
            listed = fleet.jobs("reconcile", "--out", fleet.out)["left_over"]
            cleaned = fleet.jobs("reconcile", "--out", fleet.out, "--clean")
            assert cleaned["left_over"] == listed and cleaned["removed"] == len(listed), cleaned
            check(fleet, slides)
            check_secret(fleet)
        except BaseException:
            for log in sorted(fleet.logs.iterdir())[-6:]:
                print(f"--- {log.name}\n" + log.read_text()[-1500:], flush=True)
            raise
        finally:
            fleet.end()
            if fleet.nats:
                fleet.nats.stop()
    print(f"{args.slides} slides, {args.workers} workers, {fleet.kills} killed, {len(listed)} attempts left over and removed, {seconds:.0f} s: good")


main()
