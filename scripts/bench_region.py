"""The part of scripts/bench-region.sh that speaks to the server and to libvips.

    bench_region.py make SLIDE TREE                              writes TREE.dzi and its tiles
    bench_region.py measure ADDRESS PID TIFF ROUNDS SECONDS      prints the tables
"""

import http.client
import os
import random
import statistics
import sys
import time
import urllib.parse

import numpy
import pyvips

# Rectangles of a turn in pixels of the full resolution, the scale as a fraction, the format.
CASES = [
    (256, (1, 1), "raw"),
    (512, (1, 1), "raw"),
    (1024, (1, 1), "raw"),
    (2048, (1, 1), "raw"),
    (1024, (1, 2), "raw"),
    (1024, (1, 3), "raw"),
    (1024, (4, 5), "raw"),
    (2048, (3, 10), "raw"),
    (4096, (3, 20), "raw"),
    (256, (2, 1), "raw"),
    (1024, (1, 1), "jpeg"),
    (2048, (3, 10), "jpeg"),
]
SERVED = ["tree", "scan", "bundle"]
# Quality of the server's pictures.
QUALITY = 95
# Edges of rectangles are multiples of it, so that they lie between pixels of the levels that are read.
GRID = 8


def make(slide, tree):
    one = pyvips.Image.new_from_file(slide)[:3]
    one.replicate(6, 4).dzsave(tree, suffix=".jpg[Q=85,subsample_mode=on]", tile_size=256, overlap=0)


def level_of(side, scale):
    """The coarsest level that has as many pixels as the picture, and its pixels for one of the picture."""
    over, under = scale
    down = 0
    while side * under >= side * over << (down + 1):
        down += 1
    return down


class Server:
    """One connection to the server."""

    def __init__(self, address, pid, slide):
        parts = urllib.parse.urlsplit(address)
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port)
        self.pid, self.slide = pid, slide
        self.buffer = bytearray(3 * 2048 * 2048)

    def seconds(self):
        with open(f"/proc/{self.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rectangle(self, x, y, side, scale, form):
        path = f"/api/slides/{self.slide}/region?x={x}&y={y}&w={side}&h={side}&scale={scale[0]}/{scale[1]}&format={form}"
        self.connection.request("GET", path)
        reply = self.connection.getresponse()
        if reply.status != 200:
            sys.exit(f"{path}: {reply.status} {reply.read()[:200]}")
        length = reply.readinto(self.buffer)
        return memoryview(self.buffer)[:length]


class Vips:
    """libvips in this process."""

    def __init__(self, tiff, threads):
        self.pages = [pyvips.Image.new_from_file(tiff, page=page) for page in range(6)]
        self.threads = threads

    def seconds(self):
        return time.process_time()

    def rectangle(self, x, y, side, scale, form):
        over, under = scale
        down = level_of(side, scale)
        part = self.pages[down].crop(x >> down, y >> down, side >> down, side >> down)
        size = (2 * side * over + under) // (2 * under)
        if size != side >> down:
            part = part.resize(size / (side >> down), kernel="cubic")
        return part.jpegsave_buffer(Q=QUALITY, subsample_mode="off") if form == "jpeg" else part.write_to_memory()


def turn(peer, case, size, seed, seconds):
    """Processor time and time of one rectangle."""
    side, scale, form = case
    places = random.Random(seed)
    if isinstance(peer, Vips):
        pyvips.concurrency_set(peer.threads)
    place = lambda length: GRID * places.randrange((length - side) // GRID)
    peer.rectangle(place(size[0]), place(size[1]), *case)
    count, cpu, start = 0, peer.seconds(), time.perf_counter()
    while time.perf_counter() - start < seconds:
        peer.rectangle(place(size[0]), place(size[1]), *case)
        count += 1
    wall = time.perf_counter() - start
    return (peer.seconds() - cpu) / count, wall / count


def check(server, vips, case, size):
    """Both sides give the same picture, as far as their resampling is the same."""
    side, scale, form = case
    if form != "raw":
        return 0
    x, y = (GRID * (length // 3 // GRID) for length in size)
    a, b = (numpy.frombuffer(bytes(peer.rectangle(x, y, *case)), numpy.uint8).astype(int) for peer in (server, vips))
    if a.shape != b.shape:
        sys.exit(f"{server.slide} {case}: {a.shape} samples, libvips has {b.shape}")
    return abs(a - b).mean()


def measure(address, pid, tiff, rounds, seconds):
    pyvips.cache_set_max(0)
    servers = {name: Server(address, pid, name) for name in SERVED}
    one, all_cores = Vips(tiff, 1), Vips(tiff, os.cpu_count())
    size = (one.pages[0].width, one.pages[0].height)
    print(f"libvips {'.'.join(str(pyvips.version(n)) for n in range(3))}, {os.cpu_count()} cores, {rounds} rounds of {seconds} s\n")
    print("| rectangle, scale, format | libvips cpu, ms | on all cores, wall |" + "".join(f" {name} cpu | {name} wall |" for name in SERVED))
    print("|---|---|---|" + "---|---|" * len(SERVED), flush=True)
    worst = 0
    for number, case in enumerate(CASES):
        differ = [check(servers[name], one, case, size) for name in ("tree", "scan")]
        if max(differ) > (0 if case[1] == (1, 1) else 1):
            sys.exit(f"{case}: the mean difference to libvips is {differ}")
        made = {name: [] for name in ["one", "all", *SERVED]}
        for round in range(rounds):
            for name, peer in [("one", one), ("all", all_cores), *servers.items()]:
                made[name].append(turn(peer, case, size, 1000 * number + round, seconds))
        def ratio(name, what):
            return statistics.median(a[what] / b[what] for a, b in zip(made[name], made["one"]))
        cells = [f"{ratio(name, 0):.2f} | {ratio(name, 1):.2f}" for name in SERVED]
        worst = max([worst, *(ratio(name, what) for name in ("tree", "scan") for what in (0, 1))])
        cpu = 1e3 * statistics.median(cpu for cpu, _ in made["one"])
        side, (over, under), form = case
        print(f"| {side} x {side}, {over}/{under}, {form} | {cpu:.2f} | {ratio('all', 1):.2f} | {' | '.join(cells)} |", flush=True)
    print(f"\nThe largest ratio of tree and scan is {worst:.2f}.")


if sys.argv[1] == "make":
    make(*sys.argv[2:])
else:
    address, pid, tiff, rounds, seconds = sys.argv[2:]
    measure(address, int(pid), tiff, int(rounds), float(seconds))
