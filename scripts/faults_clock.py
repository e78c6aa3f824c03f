"""A clock of the day that jumps, over `faults.c`: what is right does not depend on it, and what depends on it follows."""

import json
import os
import shutil
import subprocess
import time

from faults_files import CPU, tiles_of
from faults_kills import LEASE, done, not_whole, slides_of_workers
from faults_site import Server, write_png

HOUR, DAY = 3600, 86_400


class Clock:
    """The clock that programs see which run with `env`."""

    def __init__(self, site, folder):
        self.path = folder / "clock"
        self.env = {**site.env, "LD_PRELOAD": str(site.library), "FAULTS_CLOCK": str(self.path)}
        self.jumps = -1
        self.set(0)

    def set(self, seconds):
        """Whole at any moment, since it may be read at any moment."""
        draft = self.path.with_suffix(".new")
        draft.write_text(str(seconds))
        os.replace(draft, self.path)
        self.jumps += 1


def clock(site):
    if not site.library:
        return site.skipped("a clock that jumps", "no C compiler")
    folder = site.folder("clock")
    served(site, folder)
    worked(site, folder)


def served(site, folder):
    """Tiles are right whatever the time is; a signed address is good until its time by that clock."""
    began, root, wrong, asked = time.time(), folder / "root", 0, 0
    root.mkdir()
    write_png(folder / "a.png", 700, 600, 1)
    site.made("encode", "--image", folder / "a.png", "--tile", 64, "--out", folder / "enc", *CPU)
    shutil.copy(folder / "enc/residual_packs/residuals.bundle", root / "one.bundle")
    right = tiles_of(site, root / "one.bundle", folder / "right")
    (folder / "key").write_bytes(b"k" * 32)
    query = json.loads(site.made("sign", "one", "--key-file", folder / "key", "--valid", "1h", "--json"))["query"]
    moving = Clock(site, folder)
    flags = ["--signing-key-file", folder / "key", "--cache-entries", 4]
    flags += ["--cache-dir", folder / "cache"] if site.has_feature("rocksdb") else []
    server, paths = Server(site, root, *flags, env=moving.env), sorted(right)
    for turn in range(site.kills):
        # One hour is the edge; the clock goes on meanwhile.
        jump = site.random.choice((0, HOUR - 900, HOUR + 60, DAY, -DAY, 300 * DAY, -300 * DAY))
        moving.set(jump)
        for path in site.random.sample(paths, 8):
            status, _, body = server.get(f"/tiles/one/{path}?{query}")
            asked += 1
            if status != (403 if jump > HOUR else 200) or (status == 200 and body != right[path]):
                wrong += 1
                site.wrong(f"serve, the clock {jump} s ahead: {path}: {status}")
        if server.status("/readyz") != 200:
            site.wrong(f"serve, the clock {jump} s ahead: not ready")
    moving.set(0)
    code, seconds = server.end()
    if code != 0 or seconds > 20:
        site.wrong(f"serve with a clock that jumps ends with {code} after {seconds:.0f} s: {server.complaints()}")
    site.row("a clock that jumps, serve", began, moving.jumps, wrong=wrong, note=f"{asked} tiles")


def worked(site, folder):
    """No worker loses a unit because the time of day is another one, and all units are done once."""
    began, good, out = time.time(), slides_of_workers(site, folder), folder / "out"
    moving = Clock(site, folder)
    flags = ["--lease", LEASE, "--band-families", 12]
    submit = [site.origami, "jobs", "submit", *good, "--tile", 64, "--out", out, *flags]
    work = ["worker", "--out", out, "--lease", LEASE, "--threads", 1, "--until-empty", *CPU]
    lost = wrong = rounds = 0
    while moving.jumps < site.kills:
        rounds += 1
        subprocess.run(list(map(str, submit)), check=True, stdout=subprocess.DEVNULL, env=moving.env)
        pair = [site.start(*work, env=moving.env) for _ in range(2)]
        while any(worker.poll() is None for worker in pair):
            moving.set(site.random.choice((0, DAY, -DAY, 40, -40)))
            time.sleep(0.02)
        wrong += not_whole(site, out, good) + sum(worker.returncode != 0 for worker in pair)
        lost += len(good) - len(done(out))
        shutil.rmtree(out)
    if lost or wrong:
        site.wrong(f"workers with a clock that jumps: {lost} units lost, {wrong} wrong")
    site.row("a clock that jumps, two workers", began, moving.jumps, lost, wrong, f"{rounds} queues of {len(good)} slides")
