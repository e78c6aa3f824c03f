"""Disks that fill up, files that are replaced meanwhile, every byte of a bundle flipped, more slides than files may be open."""

import json
import os
import re
import shutil
import subprocess
import threading
import time
from pathlib import Path

from faults_kills import Archives, Tree, put
from faults_site import Server, contents, hidden, write_png

CPU = ["--backend", "cpu", "-q"]


def tiles_of(site, bundle, out):
    """What every tile of a bundle is, by its address below that of the slide: what `decode` writes."""
    site.made("decode", "--bundle", bundle, "--out", out, *CPU)
    return contents(out / "decoded_pyramid_files")


def disk(site):
    """File systems of many sizes up to what a run needs: all, or an error and no file that is not whole."""
    folder, began, cases, wrong, ended = site.folder("disk"), time.time(), 0, 0, 0
    write_png(folder / "a.png", 500, 400, 1)
    site.made("encode", "--image", folder / "a.png", "--tile", 64, "--out", folder / "enc", *CPU)
    bundle = folder / "enc/residual_packs/residuals.bundle"
    how = "a small tmpfs" if site.small else "prlimit --fsize"
    if not site.small and not shutil.which("prlimit"):
        return site.skipped("a disk that fills up", "neither mount nor prlimit")
    for what, rules, command in (
        ("encode", Archives, ["encode", "--image", folder / "a.png", "--tile", 64, "--pack", "--manifest", *CPU]),
        ("pyramid", Tree, ["pyramid", folder / "a.png", "--tile", 64, "-q"]),
        ("decode", Tree, ["decode", "--bundle", bundle, *CPU]),
    ):
        site.made(*command, "--out", folder / what)
        good = contents(folder / what)
        need = sum(-(-len(data) // 4096) * 4096 for data in good.values())
        # Encode has its spool beside the bundle.
        sizes = range(8 << 10, 3 * need, max(4096, need // (10 if site.quick else 40) // 4096 * 4096))
        for size in sizes:
            out = (site.small or folder) / "out"
            shutil.rmtree(out, ignore_errors=True)
            args = [site.origami, *map(str, command), "--out", str(out)]
            if site.small:
                subprocess.run(["mount", "-o", f"remount,size={size}", str(site.small)], check=True)
            else:
                args = ["prlimit", f"--fsize={size // 8}", "sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\"", *args]
            ran = subprocess.run(args, capture_output=True, text=True, env=site.env)
            now, cases = contents(out) if out.exists() else {}, cases + 1
            if ran.returncode == 0:
                right = now == good
                ended += 1
            else:
                right = ran.returncode in (1, 4) and str(out) in ran.stderr and not rules(good, good).fault(now) and not hidden(out)
            if not right:
                wrong += 1
                site.wrong(f"{what} on {size} bytes: exit code {ran.returncode}, {ran.stderr[:200]!r}, {sorted(now)[:4]}")
        shutil.rmtree(out, ignore_errors=True)
    if not 0 < ended < cases:
        site.wrong(f"disk: {ended} of {cases} runs ended, so nothing was shown")
    site.row("a disk that fills up", began, cases, wrong=wrong, note=f"{how}; {ended} of them ended whole")


def replaced(site):
    """A source that is replaced while it is encoded; a bundle that is replaced while it is served."""
    folder, began, wrong, refused = site.folder("replaced"), time.time(), 0, 0
    tries = site.kills
    slide, out = folder / "slide.png", folder / "out"
    for name in "ab":
        write_png(folder / f"{name}.png", 1600, 1300, ord(name))
    command = ["encode", "--image", slide, "--tile", 64, "--out", out, "--threads", 1, *CPU]
    bundle, good, pixels = "residual_packs/residuals.bundle", [], [(folder / f"{name}.png").read_bytes() for name in "ab"]
    for data in pixels:
        slide.write_bytes(data)
        # The source's times are not part of a bundle.
        started = time.time()
        site.made(*command)
        length = time.time() - started
        good.append(contents(out)[bundle])
    for turn in range(tries):
        shutil.rmtree(out, ignore_errors=True)
        slide.unlink()
        slide.write_bytes(pixels[turn % 2])
        (folder / "next").write_bytes(pixels[1 - turn % 2])
        child = site.start(*command, stderr=subprocess.PIPE)
        time.sleep(length * site.random.random())
        # In another file under its name, and in the same file.
        if turn % 4 < 2:
            os.replace(folder / "next", slide)
        else:
            slide.write_bytes(pixels[1 - turn % 2])
        said = child.communicate()[1].decode()
        now = contents(out) if out.exists() else {}
        refused += child.returncode != 0
        right = now.get(bundle) in good if child.returncode == 0 else not now and "slide.png" in said
        if not right or hidden(folder):
            wrong += 1
            site.wrong(f"encode of a slide that is replaced, try {turn}: exit code {child.returncode}, {said[:200]!r}")
    site.row("a slide replaced while it is encoded", began, tries, wrong=wrong, note=f"{refused} refused, the others old or new")
    replaced_at_serve(site, folder, good)


def replaced_at_serve(site, folder, bundles):
    began, root, tiles, counts = time.time(), folder / "root", [], []
    root.mkdir()
    for number, data in enumerate(bundles):
        (folder / f"{number}.bundle").write_bytes(data)
        tiles.append(tiles_of(site, folder / f"{number}.bundle", folder / f"tiles{number}"))
    paths = sorted(tiles[0])
    (root / "one.bundle").write_bytes(bundles[0])
    server, stop = Server(site, root, "--cache-mb", 1), threading.Event()

    def ask(seed):
        at = seed
        while not stop.is_set():
            at = (at * 7919 + 4999) % len(paths)
            reply = server.get(f"/tiles/one/{paths[at]}")
            counts.append(reply is not None and reply[0] == 200 and reply[2] in [all_tiles[paths[at]] for all_tiles in tiles])

    clients = [threading.Thread(target=ask, args=(seed,)) for seed in range(4)]
    for client in clients:
        client.start()
    turns, stale = site.kills // 2, 0
    for turn in range(1, turns + 1):
        (folder / "next").write_bytes(bundles[turn % 2])
        os.replace(folder / "next", root / "one.bundle")
        time.sleep(site.random.uniform(0.01, 0.2))
    stop.set()
    for client in clients:
        client.join()
    # What is there now, once the server has looked.
    last = tiles[turns % 2]
    for _ in range(200):
        stale = sum(server.get(f"/tiles/one/{path}")[2] != last[path] for path in paths[-40:])
        if not stale:
            break
        time.sleep(0.05)
    if server.end()[0] != 0 or stale or counts.count(False):
        site.wrong(f"a bundle replaced while it is served: {counts.count(False)} wrong, {stale} old at the end: {server.complaints()}")
    site.row("a bundle replaced while it is served", began, turns, wrong=counts.count(False) + stale, note=f"{len(counts)} tiles compared")


def flips(site):
    """Every byte of a bundle is flipped: verify finds each, decode gives no other pixels, serve gives every tile of other families."""
    folder, began = site.folder("flips"), time.time()
    write_png(folder / "a.png", 140, 70, 1)
    site.made("encode", "--image", folder / "a.png", "--tile", 32, "--out", folder / "enc", *CPU)
    bundle = folder / "enc/residual_packs/residuals.bundle"
    good, right = bundle.read_bytes(), tiles_of(site, bundle, folder / "right")
    found, decoded, kept, controls = {}, 0, 0, 0
    mutants, trees = folder / "mutants", folder / "trees"
    # The tests of the library flip every byte as well.
    flipped = range(0, len(good), 8 if site.quick else 1)
    parts = [flipped[first : first + 500] for first in range(0, len(flipped), 500)]
    for part in parts:
        shutil.rmtree(mutants, ignore_errors=True)
        shutil.rmtree(trees, ignore_errors=True)
        mutants.mkdir()
        for at in part:
            # One bit, a different one from byte to byte.
            (mutants / f"{at:05}.bundle").write_bytes(good[:at] + bytes([good[at] ^ 1 << at % 8]) + good[at + 1 :])
        # One that is whole shows that the others are refused for what is wrong with them.
        (mutants / "whole.bundle").write_bytes(good)
        code, said, _ = site.run("verify", mutants, "--json", "-q")
        for result in json.loads(said)["results"]:
            at = Path(result["path"]).stem
            if at == "whole":
                controls += result["whole"]
            elif not result["whole"]:
                found[int(at)] = result["faults"][0]["message"]
        site.run("decode", mutants, "--keep-going", "--out", trees, *CPU)
        for tree in trees.iterdir() if trees.exists() else ():
            files = contents(tree)
            if files:
                decoded += 1
                controls += tree.name.startswith("whole")
                kept += {name.split("/", 1)[1]: data for name, data in files.items() if "_files/" in name} == right
    which = "every eighth byte" if site.quick else "every byte"
    site.row(f"{which} flipped, verify", began, len(flipped), wrong=len(flipped) - len(found), note="each found")
    site.row(f"{which} flipped, decode", began, len(flipped), wrong=decoded - kept, note=f"{decoded - controls // 2} gave a tree")
    if controls != 2 * len(parts):
        site.wrong(f"the whole bundle among the flipped ones was good {controls} times of {2 * len(parts)}")
    for at in sorted(set(flipped) - set(found))[:5]:
        site.wrong(f"byte {at} flipped: verify says that it is whole")
    if decoded != kept:
        site.wrong(f"{decoded - kept} of {decoded} trees of flipped bundles have other pixels")
    served_flips(site, folder, good, found, right, flipped)


def needed(message, path, top):
    """Whether a tile may fail where verify says this of a bundle."""
    level, x, y = map(int, re.match(r"(\d+)/(\d+)_(\d+)", path).groups())
    family, tile = re.search(r"family (\d+)_(\d+)", message), re.search(r"of tile (\d+/\d+_\d+)", message)
    if family:
        down = 2 - (top - level)
        return level >= top - 2 and (x >> down, y >> down) == tuple(map(int, family.groups()))
    return path.startswith(tile.group(1) + ".") if tile else True


def served_flips(site, folder, good, found, right, flipped):
    began, root, wrong, asked, failed = time.time(), folder / "root", 0, 0, 0
    root.mkdir()
    sample = sorted(site.random.sample(flipped, 20 if site.quick else 100))
    for at in sample:
        (root / f"{at:05}.bundle").write_bytes(good[:at] + bytes([good[at] ^ 1 << at % 8]) + good[at + 1 :])
    server, top = Server(site, root), max(int(path.split("/")[0]) for path in right)
    for at in sample:
        for path, want in right.items():
            status, _, body = server.get(f"/tiles/{at:05}/{path}")
            asked += 1
            failed += status != 200
            if not (status == 200 and body == want) and (status == 200 or not needed(found.get(at, ""), path, top)):
                wrong += 1
                site.wrong(f"byte {at} flipped ({found.get(at)}): {path}: {status}")
    if server.end()[0] != 0 or server.process.returncode:
        site.wrong("the server of flipped bundles ended badly")
    site.row("bytes flipped, serve", began, len(sample), wrong=wrong, note=f"{asked} tiles asked for, {failed} refused, none of another part")


def many(site):
    """1,500 bundles where 1,024 files may be open."""
    folder, began, slides, wrong = site.folder("many"), time.time(), 1500, 0
    write_png(folder / "a.png", 150, 130, 1)
    site.made("encode", "--image", folder / "a.png", "--tile", 32, "--out", folder / "enc", *CPU)
    bundle, root = folder / "enc/residual_packs/residuals.bundle", folder / "root"
    right = tiles_of(site, bundle, folder / "right")
    put(root, {f"{number}.bundle": bundle.read_bytes() for number in range(slides)})
    server = Server(site, root, limit_files=1024)
    ready, stop, most = [], threading.Event(), 0

    def watch():
        while not stop.is_set():
            ready.append(server.status("/readyz"))
            time.sleep(0.01)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    for _ in range(600):
        listed = json.loads(server.get("/api/slides")[2])["slides"]
        most = max(most, server.open_files())
        described = sum(slide.get("width") == 150 for slide in listed)
        if described == slides:
            break
        time.sleep(0.1)
    else:
        site.wrong(f"many: {described} of {slides} slides are described")
    paths, tiles = sorted(right), 500 if site.quick else 5000
    for turn in range(tiles):
        path = site.random.choice(paths)
        status, _, body = server.get(f"/tiles/{site.random.randrange(slides)}/{path}")
        wrong += status != 200 or body != right[path]
        if turn % 50 == 0:
            most = max(most, server.open_files())
    stop.set()
    watcher.join()
    not_ready = sum(status != 200 for status in ready)
    if wrong or not_ready or server.end()[0] != 0:
        site.wrong(f"many: {wrong} of {tiles} tiles are wrong, {not_ready} of {len(ready)} times not ready: {server.complaints()}")
    server.kill()
    note = f"{tiles} tiles, {len(ready)} times /readyz; at most {most} files open"
    site.row("1,500 bundles at ulimit -n 1024", began, tiles + len(ready), wrong=wrong + not_ready, note=note)
