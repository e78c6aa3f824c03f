"""A server under load of every kind: starts it, lets `load_clients` at it, and looks at its memory, descriptors and recovery.

    load_long.py BINARY FOLDER SECONDS CONNECTIONS disk|memory     where tiles are cached: memory and disk, or memory alone
"""

import asyncio
import json
import os
import shutil
import sys
import time
from pathlib import Path

from faults_site import Server, Site, contents
from load_clients import Seen, load, right

CACHE_MB, CACHE_DIR_MB, REQUEST_MB = 4, 8, 96
# Images that are compared, and left untaken.
IMAGES = ("/iiif/3/small/full/max/0/default.png", "/iiif/3/large/2000,1000,1500,1500/max/0/default.png", "/thumbnails/large?width=700")
# A server that has not recovered by then does not.
RECOVERY_S = 120


def limit_mib(connections, has_disk):
    """What docs/operate.md says that these flags allow."""
    threads, disk = 16 * os.cpu_count() + 2 * 40, 3 * max(1, CACHE_DIR_MB // 64) + 32 if has_disk else 0
    return CACHE_MB * 11 // 8 + REQUEST_MB + disk + connections // 4 + threads + 64


def make_slide(site, root, name, size):
    """A bundle in the root; the hash of each of its tiles, as `decode` writes them, by address."""
    png, made = site.work / f"{name}.png", site.work / name
    site.made("bench", "slide", "--size", size, "--out", png)
    site.made("encode", "--slide", png, "--out", made, "--backend", "cpu", "-q")
    bundle = made / "residual_packs/residuals.bundle"
    shutil.copy(bundle, root / f"{name}.bundle")
    site.made("decode", "--bundle", bundle, "--out", made / "tree", "--backend", "cpu", "-q")
    hashes = {f"/tiles/{name}/{tile}": right(data) for tile, data in contents(made / "tree/decoded_pyramid_files").items()}
    shutil.rmtree(made)
    return hashes


def own_files(server, cache):
    """Open descriptors but those of the cache on disk, whose files come and go."""
    count, folder = 0, Path(f"/proc/{server.process.pid}/fd")
    for name in os.listdir(folder):
        try:
            count += not os.readlink(folder / name).startswith(str(cache))
        except FileNotFoundError:
            pass
    return count


def memory_mib(server, of):
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{of}:")) // 1024


def recovered(server, tiles, images):
    """Seconds until the server is ready, holds nothing for requests, and answers rightly."""
    began = time.monotonic()
    while time.monotonic() - began < RECOVERY_S:
        answers = [(server.get(path), want) for path, want in [*list(tiles.items())[::50], *images.items()]]
        is_right = all(reply and reply[0] == 200 and right(reply[2]) == want for reply, want in answers)
        if is_right and server.status("/readyz") == 200 and server.figure("origami_requests_bytes") == 0:
            return time.monotonic() - began
        time.sleep(0.1)
    return None


def percentiles(times):
    """Those of sorted seconds, in words."""
    if not times:
        return ""
    parts = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999))
    return ", ".join(f"{name} {times[min(len(times) - 1, int(len(times) * part))] * 1000:.0f}" for name, part in parts) + " ms"


def main():
    binary, work, seconds, connections, cached = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
    with Site(binary, work, 0, 1) as site:
        run(site, seconds, connections, cached == "disk")


def run(site, seconds, connections, has_disk):
    """Starts a server and lets the clients at it; ends the script with an error where anything is wrong."""
    root, cache = site.folder("root"), site.work / "cache"
    large, small = make_slide(site, root, "large", "7168x5120"), make_slide(site, root, "small", "1500x1300")
    marks = site.folder("marks")
    flags = ["--annotations", marks, "--annotations-open", "--cache-mb", CACHE_MB, "--request-mb", REQUEST_MB, "--queue-timeout-ms", "60s"]
    if has_disk:
        flags += ["--cache-dir", cache, "--cache-dir-mb", CACHE_DIR_MB]
    server, images = Server(site, root, *flags), {}
    for path in IMAGES:
        status, _, body = server.get(path)
        assert status == 200, f"{path}: {status}"
        images[path] = right(body)
    hot = dict(list(large.items())[:: len(large) // 8])
    wanted = {kind: (list(of), of) for kind, of in (("hot", hot), ("warm", small), ("cold", large))}
    seen = Seen(wanted, images, 1)
    # Once around, so that threads and files that stay are there. The marks that this leaves are of nobody.
    asyncio.run(load(Seen(wanted, images, 2), server.address, 40, 5))
    recovered(server, large, images)
    (marks / "large.geojson").unlink()
    files, began = own_files(server, cache), time.monotonic()
    opened = asyncio.run(load(seen, server.address, connections, seconds))
    print(f"{opened} connections for {seconds:.0f} s ({time.monotonic() - began:.0f} s until the last answer)")
    faults = marks_kept(server, marks / "large.geojson", seen)
    faults += after_load(server, cache, files, recovered(server, large, images), limit_mib(connections, has_disk))
    for kind, count in sorted(seen.counts.items()):
        print(f"  {kind:28} {count:9}  {percentiles(sorted(seen.times.get(kind, [])))}".rstrip())
    if seen.counts["cold"] < 100:
        faults.append(f"too little was asked for: {seen.counts}")
    if seen.faults or faults:
        print(*seen.faults, *faults, sep="\n", file=sys.stderr)
        raise SystemExit(f"error: {seen.counts['faults'] + len(faults)} faults under load")
    print("load: passed")


def marks_kept(server, file, seen):
    """The marks that writers know of are in the file of the slide, each as it was written. Says what is wrong."""
    server_says, kept = server.get("/api/slides/large/annotations")[2], file.read_bytes()
    there = {feature["id"]: feature for feature in json.loads(kept)["features"]}
    lost = [identity for identity, (_, feature) in seen.marks.items() if there.get(identity) != feature]
    print(f"marks: {len(seen.marks)} of {len(there)} known to their writers, {len(lost)} lost")
    faults = [f"marks that were written are not kept: {lost[:5]}"] if lost else []
    if kept != server_says:
        faults.append("the server sends other marks than it keeps")
    if not seen.marks:
        faults.append("no marks were written")
    return faults


def after_load(server, cache, files, recovery, limit):
    """What the load has left of the server, which ends here. Says what is wrong."""
    for _ in range(300):
        files_after = own_files(server, cache)
        if files_after <= files + 4:
            break
        time.sleep(0.1)
    peak, now, faults = memory_mib(server, "VmHWM"), memory_mib(server, "VmRSS"), []
    outcomes = {name: int(server.figure(f'origami_tiles_total{{level="L0",outcome="{name}"}}')) for name in ("hot", "warm", "cold", "joined")}
    code, seconds = server.end()
    print(f"memory: at most {peak} MiB of {limit} MiB that its flags allow, {now} MiB at the end")
    print(f"descriptors beside the cache on disk: {files} before, {files_after} after")
    print("recovery: " + (f"{recovery:.1f} s after the last answer" if recovery is not None else "none"))
    print(f"end: exit code {code} after {seconds:.1f} s")
    print(f"tiles of L0 by the server's count: {outcomes}")
    if peak > limit:
        faults.append(f"{peak} MiB, more than the {limit} MiB that its flags allow")
    if files_after > files + 4:
        faults.append(f"{files_after} descriptors are open, and were {files}")
    if recovery is None:
        faults.append(f"it has not recovered after {RECOVERY_S} s")
    if code != 0 or "panicked" in server.complaints():
        faults.append(f"exit code {code}: {server.complaints()[-2000:]}")
    if outcomes["cold"] < 50:
        faults.append(f"next to nothing was reconstructed: {outcomes}")
    return faults


main()
