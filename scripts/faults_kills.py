"""Runs that are killed at random moments: what stands under a final name is old, new or absent, and the next run makes it whole."""

import json
import shutil
import threading
import time
from pathlib import Path

from faults_site import Server, contents, hidden, write_png

SIDE = (1600, 1300)
# Without a word for so long, a worker has lost its units.
LEASE = "500ms"


class Archives:
    """The files of an encode: the bundle, and packs and a manifest that belong to no other bundle."""

    def __init__(self, old, new):
        self.old, self.new = old, new

    def fault(self, now):
        bundle = now.get("residual_packs/residuals.bundle")
        seen = {name: data for name, data in now.items() if ".part" not in name}
        for whole in (self.old, self.new):
            if bundle in (None, whole["residual_packs/residuals.bundle"]) and all(whole.get(name) == data for name, data in seen.items()):
                return None
        return f"neither old nor new: {sorted(name for name in seen if seen[name] != self.new.get(name))[:4]}"


class Tree:
    """The files of a tree: if the descriptor stands, so does every tile; if tiles stand, all of them do."""

    def __init__(self, old, new):
        self.old, self.new = old, new

    def fault(self, now):
        seen = {name: data for name, data in now.items() if not any(".part" in part for part in Path(name).parts)}
        tiles = {name for name in seen if "_files/" in name}
        if any(name.endswith(".dzi") for name in seen) and not tiles:
            return "a descriptor without its tiles"
        for whole in (self.old, self.new):
            all_tiles = {name for name in whole if "_files/" in name}
            if tiles in (set(), all_tiles) and all(whole.get(name) == data for name, data in seen.items()):
                return None
        return f"half a tree, or two mixed: {len(seen)} files"


def put(folder, files):
    """Makes a folder hold just these files."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def killed(site, what, out, command, old_command, kind):
    """Kills `command` so often over its whole length, over nothing and over an older result; then runs it to the end each time."""
    began, out = time.time(), Path(out)
    site.made(*old_command)
    old = contents(out)
    # Twice: the first run reads everything from disk.
    for _ in range(2):
        started = time.time()
        site.made(*command)
        length = time.time() - started
    new = contents(out)
    assert old.keys() and new != old, f"{what}: the older result is the newer one"
    rules, wrong, hits = kind(old, new), 0, 0
    for turn in range(site.kills):
        put(out, old if turn % 2 else {})
        # Every third time two in a row, so that what the first one left is in the way.
        for _ in range(1 + (turn % 3 == 0)):
            child = site.start(*command)
            # Every other one falls into the last fifth, where the renames are.
            share = site.random.random() if turn % 4 < 2 else 0.8 + site.random.random() * 0.25
            time.sleep(length * share)
            child.kill()
            hits += child.wait() < 0
            fault = rules.fault(contents(out))
            if fault:
                wrong += 1
                site.wrong(f"{what}, kill {turn}: {fault}")
        site.made(*command)
        if contents(out) != new or hidden(out):
            wrong += 1
            site.wrong(f"{what}, after kill {turn}: the next run gives other bytes, or leaves {hidden(out)}")
    if hits < site.kills // 3:
        site.wrong(f"{what}: only {hits} of {site.kills} were killed before they ended")
    site.row(f"kill -9 of {what}", began, hits, wrong=wrong, note=f"{length * 1000:.0f} ms long")


def commands(site):
    """Encode, encode with packs and manifest, pyramid, decode."""
    folder = site.folder("kills")
    image, other = folder / "a.png", folder / "b.png"
    write_png(image, *SIDE, 1)
    write_png(other, *SIDE, 2)
    flags = ["--tile", 64, "--backend", "cpu", "--threads", 2, "-q"]

    def encode(image, out, *more):
        return ["encode", "--image", image, "--out", out, *flags, *more]

    out = folder / "encode"
    killed(site, "encode", out, encode(image, out), encode(other, out), Archives)
    out = folder / "packs"
    more = ["--pack", "--manifest"]
    killed(site, "encode --pack --manifest", out, encode(image, out, *more), encode(other, out, *more), Archives)

    def pyramid(image, out):
        return ["pyramid", image, "--out", out, "--tile", 64, "--threads", 2, "-q", "--overwrite"]

    out = folder / "pyramid"
    # The tree's sidecar names the slide, so the slide is replaced instead.
    killed(site, "pyramid --overwrite", out, pyramid(image, out), pyramid(other, out), Tree)

    def decode(bundle, out):
        return ["decode", "--bundle", bundle, "--out", out, "--backend", "cpu", "--threads", 2, "-q", "--overwrite"]

    site.made(*encode(other, folder / "other"))
    bundles = [folder / name / "residual_packs/residuals.bundle" for name in ("encode", "other")]
    out = folder / "decode"
    killed(site, "decode --overwrite", out, decode(bundles[0], out), decode(bundles[1], out), Tree)


def slides_of_workers(site, folder):
    """Slides by their path, with what a run of `encode` makes of each."""
    good = {}
    (folder / "slides").mkdir()
    for number in range(12):
        slide = folder / "slides" / f"{number}.png"
        write_png(slide, 300 + 40 * number, 260, number)
        serial = folder / "serial" / slide.stem
        site.made("encode", slide, "--tile", 64, "-q", "--backend", "cpu", "--out", serial)
        good[str(slide)] = contents(serial)
    return good


def workers(site):
    """Workers of a queue in a file, killed until enough were; each unit is done once, with the bytes of `encode`."""
    began, folder = time.time(), site.folder("workers")
    good = slides_of_workers(site, folder)
    kills, lost, wrong, rounds = 0, 0, 0, 0
    while kills < site.kills:
        out = folder / f"out{rounds}"
        rounds += 1
        site.made("jobs", "submit", *good, "--tile", 64, "--out", out, "--lease", LEASE, "--band-families", 12)
        work = ["worker", "--out", out, "--lease", LEASE, "--attempts", 1000, "--threads", 1, "--backend", "cpu", "-q"]
        for _ in range(max(site.kills // 8, 6)):
            pair = [site.start(*work) for _ in range(2)]
            time.sleep(site.random.uniform(0.02, 0.6))
            for worker in pair:
                worker.kill()
                kills += worker.wait() < 0
            wrong += not_whole(site, out, good)
        site.made(*work, "--until-empty")
        lost += len(good) - len(done(out))
        wrong += not_whole(site, out, good)
        status = json.loads(site.made("jobs", "status", "--out", out, "--json"))
        if status["units"]["done"]["units"] != len(good):
            site.wrong(f"workers: {status['units']}")
        again = json.loads(site.made("jobs", "reconcile", "--out", out, "--clean", "--json"))
        for unit in done(out).values():
            if len(list((unit["folder"] / "attempts").iterdir())) != 1:
                wrong += 1
                site.wrong(f"workers: {unit['folder']} keeps two attempts: {again}")
        if hidden(out):
            site.wrong(f"workers: left over: {hidden(out)}")
        shutil.rmtree(out)
    if lost:
        site.wrong(f"workers: {lost} units are lost")
    site.row("kill -9 of worker, queue in a file", began, kills, lost, wrong, f"{rounds} queues of {len(good)} slides, one of them in bands")


def done(out):
    """What manifests say of the units that are done, by their source."""
    found = {}
    for path in Path(out).glob("units/*/manifest.json"):
        manifest = json.loads(path.read_text())
        if manifest["unit"]["source"] in found:
            raise SystemExit(f"error: {path}: a second manifest of a slide")
        found[manifest["unit"]["source"]] = {**manifest, "folder": path.parent}
    return found


def not_whole(site, out, good):
    """How many units have a manifest and not the bytes of a run of `encode`."""
    wrong = 0
    for source, unit in done(out).items():
        if contents(Path(out) / unit["path"]) != good[source]:
            wrong += 1
            site.wrong(f"workers: {unit['folder']}: other bytes than encode")
    return wrong


def cache(site):
    """A server that fills its cache on disk is killed, again and again; no later one shows a wrong tile."""
    if not site.has_feature("rocksdb"):
        return site.skipped("kill -9 of serve --cache-dir", "no feature rocksdb")
    began, folder = time.time(), site.folder("cache")
    root = folder / "root"
    root.mkdir()
    good = {}
    for number in range(4):
        write_png(folder / "a.png", 700, 650, number)
        made = folder / f"enc{number}"
        site.made("encode", "--image", folder / "a.png", "--tile", 64, "--out", made, "-q", "--backend", "cpu")
        bundle = made / "residual_packs/residuals.bundle"
        shutil.copy(bundle, root / f"s{number}.bundle")
        site.made("decode", "--bundle", bundle, "--out", made / "tree", "-q", "--backend", "cpu")
        for name, data in contents(made / "tree").items():
            if name.startswith("decoded_pyramid_files/"):
                good[f"/tiles/s{number}/{name.split('/', 1)[1]}"] = data
    paths, sent, wrong, warm = sorted(good), 0, 0, 0
    flags = ["--cache-dir", folder / "cache", "--cache-dir-mb", 4, "--cache-entries", 4]

    def ask(server, seed, counts):
        at = seed
        while True:
            at = (at * 7919 + 4999) % len(paths)
            reply = server.get(paths[at])
            if reply is None:
                return
            counts.append(reply[0] == 200 and reply[2] == good[paths[at]])

    for turn in range(site.kills + 1):
        server = Server(site, root, *flags)
        if turn == site.kills:
            break
        counts = []
        clients = [threading.Thread(target=ask, args=(server, turn * 31 + client, counts)) for client in range(4)]
        for client in clients:
            client.start()
        time.sleep(site.random.uniform(0.01, 0.5))
        server.kill()
        for client in clients:
            client.join()
        sent += len(counts)
        wrong += counts.count(False)
    for path in paths:
        reply = server.get(path)
        wrong += reply is None or reply[0] != 200 or reply[2] != good[path]
    warm = server.figure('origami_warm_reads_total{result="hit"}')
    damaged = server.figure('origami_warm_reads_total{result="damaged"}')
    if server.end()[0] != 0 or damaged or wrong or not warm or (folder / "cache/tiles.damaged").exists():
        site.wrong(f"cache on disk: {wrong} wrong tiles, {damaged} damaged, {warm} from disk, or set aside: {server.complaints()}")
    site.row("kill -9 of serve --cache-dir", began, site.kills, wrong=wrong, note=f"{sent + len(paths)} tiles compared")
