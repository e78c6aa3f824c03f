"""Reads that never return, over `faults.c`: a command ends by a signal and leaves nothing half, a server serves other slides and ends in order."""

import shutil
import signal
import subprocess
import time

from faults_calls import counted, faulty, small_slides, write_tiff
from faults_kills import put
from faults_site import Server, contents, hidden

# A run or a server that has not ended by then hangs. Both end within seconds where the machine has time for them.
END_S = 120
# Reads of a command at which it hangs: the first, the last, and some between.
MOMENTS, MOMENTS_QUICK = 5, 2


def hangs(site):
    """Commands whose reads hang, and servers of a slide whose reads hang."""
    if not site.library:
        return site.skipped("reads that hang", "no C compiler")
    folder = site.folder("hangs")
    commands(site, folder)
    served(site, folder)


def commands(site, folder):
    """Each command hangs at some of its reads, is interrupted, and then runs undisturbed to the bytes that it makes otherwise."""
    began, cases, wrong = time.time(), 0, 0
    most = MOMENTS_QUICK if site.quick else MOMENTS
    for name, path, command, out in small_slides(site, folder):
        said = site.made(*command)
        good = contents(out) if out else said
        if out:
            put(out, {})
        count = counted(site, "hang", path, command)
        if not count:
            site.wrong(f"{name}: nothing of {path} is read by calls that can hang")
        for at in sorted({moment * (count - 1) // (most - 1) for moment in range(most)}):
            if out:
                put(out, {})
            cases += 1
            fault = interrupted(site, path, at, command, out)
            said = site.made(*command)
            if not fault and ((contents(out) if out else said) != good or (out and hidden(out))):
                fault = "the next run gives other bytes, or leaves temporary files"
            if fault:
                wrong += 1
                site.wrong(f"{name}, hangs at read {at} of {count}: {fault}")
        if out:
            shutil.rmtree(out, ignore_errors=True)
    site.row("reads that hang, commands that are interrupted then", began, cases, wrong=wrong)


def interrupted(site, path, at, command, out):
    """One run that hangs at a read and gets SIGINT. Says what is wrong."""
    seen = site.work / "seen"
    seen.write_bytes(b"")
    child = site.start(*command, env=faulty(site, "hang", path, at=at, seen=seen))
    try:
        until = time.time() + END_S
        # Other threads may go on reading; the one that hangs has been counted.
        while len(seen.read_bytes()) <= at:
            if child.poll() is not None:
                return f"it has ended before that read: exit code {child.returncode}"
            if time.time() > until:
                return "it does not come to that read"
            time.sleep(0.01)
        child.send_signal(signal.SIGINT)
        code = child.wait(END_S)
    except subprocess.TimeoutExpired:
        return f"it has not ended {END_S} s after SIGINT"
    finally:
        child.kill()
        child.wait()
    now = [file for file in (contents(out) if out and out.exists() else {}) if ".part" not in file]
    # What writes nothing leaves its end to the signal.
    ended = (130,) if out else (130, -signal.SIGINT)
    return f"exit code {code}, with {now}" if code not in ended or now else None


def served(site, folder):
    """Servers of one slide that hangs, comes back and hangs again, and of one that does not."""
    began, cases, wrong = time.time(), 0, 0
    root, flag = folder / "root", folder / "now"
    bundle = folder / "enc/residual_packs/residuals.bundle"
    write_tiff(folder / "large.tif", 300, 4000, 7)
    # How the slide gets there; a tile of it, and one that is read from far away.
    own = ("8/0_0", "8/4_4")
    kinds = {
        "bundle": (lambda: shutil.copy(bundle, root / "bad.bundle"), own),
        "packs": (lambda: shutil.copytree(bundle.parent, root / "bad/residual_packs", ignore=shutil.ignore_patterns("*.bundle")), own),
        "tree": (lambda: shutil.copytree(folder / "tree", root / "bad"), own),
        "TIFF": (lambda: shutil.copy(folder / "large.tif", root / "bad.tif"), ("12/0_0", "12/0_8")),
    }
    site.made("decode", "--bundle", bundle, "--out", folder / "tiles", "-q", "--backend", "cpu")
    good = {f"/tiles/good/{tile}": data for tile, data in contents(folder / "tiles/decoded_pyramid_files").items()}
    # Each read of a slide that hangs holds a thread that computes.
    flags = ["--read-timeout-ms", 500, "--rayon-threads", 8, "--no-prefetch"]
    for kind, (make, (first, second)) in kinds.items():
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()
        make()
        shutil.copy(bundle, root / "good.bundle")
        flag.unlink(missing_ok=True)
        server, faults = Server(site, root, *flags, env=faulty(site, "hang", "/root/bad", flag=flag)), []
        for tile, hanging in ((first, True), (first, False), (second, True)):
            flag.touch() if hanging else flag.unlink()
            status = server.status(f"/tiles/bad/{tile}.jpg")
            if status != (503 if hanging else 200):
                faults.append(f"{tile} {'while it hangs' if hanging else 'afterwards'}: {status}")
            right = all((server.get(path) or (0, 0, b""))[2] == data for path, data in list(good.items())[::5])
            if not right or server.status("/readyz") != 200:
                faults.append("another slide is not served, or the server is not ready")
            cases += 1 + len(good) // 5
        code, seconds = server.end()
        if code != 0 or seconds > END_S:
            faults.append(f"exit code {code} after {seconds:.0f} s")
        for fault in faults:
            wrong += 1
            site.wrong(f"serve, {kind} that hangs: {fault}: {server.complaints()}")
    site.row("reads that hang, in serve", began, cases, wrong=wrong)
