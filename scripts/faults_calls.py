"""Calls into the kernel that fail, over `faults.c`: each write, sync and rename once, each read once; reads in pieces, reads interrupted."""

import shutil
import struct
import time
import zlib
from pathlib import Path

from faults_kills import Archives, Tree, put
from faults_site import Server, contents, hidden, write_png

# More reads of a file than this are sampled.
MOST = 60
# An eXIf chunk that says that the image is turned by a quarter: it lies behind the pixels, and is read by a reader of its own.
TURNED = b"eXIf" + b"II*\0" + struct.pack("<IHHHIII", 8, 1, 274, 3, 1, 6, 0)
# Failed, damaged, may pass: an error of the program, in place of a panic or a signal.
ERRORS = (1, 3, 4)


def write_tiff(path, width, height, seed):
    """An uncompressed TIFF in strips of 16 rows."""
    data = b"".join(bytes((x * seed + y * 3 + c * 50) & 255 for x in range(width) for c in range(3)) for y in range(height))
    strips = [(y * width * 3, min(16, height - y) * width * 3) for y in range(0, height, 16)]
    at = 8 + len(data)
    lists = struct.pack("<HHH", 8, 8, 8)
    offsets, lengths = at + len(lists), at + len(lists) + 4 * len(strips)
    lists += b"".join(struct.pack("<I", 8 + start) for start, _ in strips) + b"".join(struct.pack("<I", length) for _, length in strips)
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 3, at), (259, 3, 1, 1), (262, 3, 1, 2), (273, 4, len(strips), offsets)]
    tags += [(277, 3, 1, 3), (278, 4, 1, 16), (279, 4, len(strips), lengths)]
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    ifd = struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0)
    Path(path).write_bytes(b"II*\0" + struct.pack("<I", at + len(lists)) + data + lists + ifd)


def faulty(site, kind, path, at=None, flag=None, seen=None):
    """The environment in which calls on this path fail."""
    made = {**site.env, "LD_PRELOAD": str(site.library), "FAULTS_KIND": kind, "FAULTS_PATH": str(path)}
    for name, value in (("AT", at), ("WHILE", flag), ("SEEN", seen)):
        if value is not None:
            made[f"FAULTS_{name}"] = str(value)
    return made


def counted(site, kind, path, command):
    """How many calls of a kind an undisturbed run makes on a path."""
    seen = site.work / "seen"
    seen.write_bytes(b"")
    code, _, err = site.run(*command, env=faulty(site, kind, path, at=1 << 40, seen=seen))
    if code != 0:
        raise SystemExit(f"error: {command} under no fault: {err}")
    return len(seen.read_bytes())


def small_slides(site, folder):
    """A slide in every form that is read, and commands that read it: name, what is disturbed, the command, where it writes."""
    write_png(folder / "slide.png", 150, 130, 1)
    write_tiff(folder / "slide.tif", 150, 130, 7)
    plain = (folder / "slide.png").read_bytes()
    turned = struct.pack(">I", len(TURNED) - 4) + TURNED + struct.pack(">I", zlib.crc32(TURNED))
    (folder / "turned.png").write_bytes(plain[:-12] + turned + plain[-12:])
    site.made("pyramid", folder / "slide.png", "--tile", 32, "--out", folder / "tree", "-q")
    site.made("encode", folder / "slide.png", "--tile", 32, "--out", folder / "enc", "--pack", "-q", "--backend", "cpu")
    root = Path(__file__).parent.parent
    # One tile of it as a slide, and tiles in TIFF and in a zip file.
    shutil.copy(folder / "tree/baseline_pyramid_files/8/1_1.jpg", folder / "slide.jpg")
    shutil.copy(root / "fuzz/seeds/tiff/jpeg_tiles", folder / "tiles.tif")
    shutil.copy(root / "fuzz/seeds/dicom/native", folder / "slide.dcm")
    shutil.copy(root / "fuzz/seeds/szi/plain", folder / "tree.szi")
    out, bundle, tree = folder / "target", folder / "enc/residual_packs/residuals.bundle", folder / "tree"
    flags = ["--out", out, "-q", "--threads", 2]
    cpu = ["--backend", "cpu"]
    lossless = ["--preset", "lossless"]
    return [
        ("encode of a PNG", "slide.png", ["encode", "--slide", folder / "slide.png", "--tile", 32, *flags, *cpu], out),
        ("pyramid of a JPEG", "slide.jpg", ["pyramid", folder / "slide.jpg", "--tile", 32, *flags], out),
        ("pyramid of a turned PNG", "turned.png", ["pyramid", folder / "turned.png", "--tile", 32, *flags], out),
        ("pyramid of a TIFF with JPEG tiles", "tiles.tif", ["pyramid", folder / "tiles.tif", "--openslide", "never", *flags], out),
        ("pyramid of DICOM", "slide.dcm", ["pyramid", folder / "slide.dcm", "--openslide", "never", *flags], out),
        ("encode of a zip file", "tree.szi", ["encode", folder / "tree.szi", *flags, *cpu], out),
        ("encode of a TIFF", "slide.tif", ["encode", "--slide", folder / "slide.tif", "--tile", 32, "--openslide", "never", *flags, *cpu], out),
        ("encode of a tree", "tree/baseline_pyramid", ["encode", "--pyramid", tree, *flags, *cpu], out),
        ("encode --preset lossless", "tree/baseline_pyramid", ["encode", "--pyramid", tree, *lossless, *flags, *cpu], out),
        ("pyramid of a PNG", "slide.png", ["pyramid", folder / "slide.png", "--tile", 32, *flags], out),
        ("decode of a bundle", "residuals.bundle", ["decode", "--bundle", bundle, *flags, *cpu], out),
        ("decode of packs", ".pack", ["decode", "--packs", bundle.parent, "--pyramid", tree, *flags, *cpu], out),
        ("verify of a bundle", "residuals.bundle", ["verify", "--deep", bundle, "--json", *cpu], None),
        ("verify of a tree", "tree/baseline_pyramid", ["verify", tree, "--json"], None),
        ("inspect of a bundle", "residuals.bundle", ["inspect", bundle, "--list", "--json"], None),
    ]


def reads(site):
    """Reads that fail are errors that name the file; reads in pieces and interrupted ones give the same bytes."""
    if not site.library:
        return site.skipped("reads that fail, come in pieces or are interrupted", "no C compiler")
    folder, began = site.folder("reads"), time.time()
    cases = {"eio": 0, "short": 0, "eintr": 0}
    wrong = {"eio": 0, "short": 0, "eintr": 0}

    def result(out, said):
        return (contents(out) if out.exists() else {}) if out else said

    for name, path, command, out in small_slides(site, folder):
        if out:
            # What the case before has left, as pyramid keeps what is not its own.
            shutil.rmtree(out, ignore_errors=True)
        good = result(out, site.made(*command))
        if out:
            shutil.rmtree(out)
        count = counted(site, "eio", path, command)
        if not count:
            site.wrong(f"{name}: nothing of {path} is read by calls that can be disturbed")
        sample = sorted({at * count // min(count, MOST) for at in range(min(count, MOST))})
        for kind, moments in (("short", [None]), ("eintr", [None]), ("eio", sample), ("once", sample)):
            for at in moments:
                if out:
                    shutil.rmtree(out, ignore_errors=True)
                code, said, err = site.run(*command, env=faulty(site, kind, path, at=at))
                now = result(out, said)
                counts_as = "eio" if kind == "once" else kind
                cases[counts_as] += 1
                right = code == 0 and now == good
                if counts_as == "eio":
                    # An error that says which file, and nothing under a final name.
                    named = path.rsplit("/", 1)[-1] in err + said
                    nothing = not out or not [file for file in now if ".part" not in file]
                    right = right or (code in ERRORS and named and nothing)
                if not right:
                    wrong[counts_as] += 1
                    site.wrong(f"{name}, {kind} at read {at} of {count}: exit code {code}, {err.strip()[:200]!r}")
    served_reads(site, folder, cases, wrong)
    for kind, what in (("eio", "reads that fail with EIO"), ("short", "reads that come in pieces"), ("eintr", "every other read interrupted")):
        site.row(what, began, cases[kind], wrong=wrong[kind], note="commands, and tiles from serve")


def served_reads(site, folder, cases, wrong):
    """A server whose reads of one slide fail: that slide's tiles are errors or right, those of others right, and all are right after."""
    root, flag = folder / "root", folder / "now"
    root.mkdir()
    bundle = folder / "enc/residual_packs/residuals.bundle"
    shutil.copy(bundle, root / "bad.bundle")
    shutil.copy(bundle, root / "good.bundle")
    shutil.copytree(folder / "tree", root / "bad-tree")
    site.made("decode", "--bundle", bundle, "--out", folder / "tiles", "-q", "--backend", "cpu")
    parts = {"bad": folder / "tiles/decoded_pyramid_files", "good": folder / "tiles/decoded_pyramid_files", "bad-tree": folder / "tree/baseline_pyramid_files"}
    good = {f"/tiles/{name}/{tile}": data for name, files in parts.items() for tile, data in contents(files).items()}
    for kind in cases:
        # One tile is kept: what is asked for twice is read twice.
        env = faulty(site, kind, "/root/bad", flag=flag)
        server, refused = Server(site, root, "--cache-entries", 1, "--no-prefetch", env=env), 0
        for broken in (False, True, False):
            flag.touch() if broken else flag.unlink(missing_ok=True)
            for path, want in good.items():
                status, _, body = server.get(path)
                cases[kind] += 1
                may_fail = broken and kind == "eio" and "/bad" in path
                refused += may_fail and status in (500, 503)
                if not (status == 200 and body == want) and not (may_fail and status in (500, 503)):
                    wrong[kind] += 1
                    site.wrong(f"serve, {kind}, {path}: {status}, or other bytes")
            if server.status("/readyz") != 200:
                site.wrong(f"serve, {kind}: not ready")
        if kind == "eio" and not refused:
            site.wrong("serve: no read has failed, so nothing is shown")
        if server.end()[0] != 0:
            site.wrong(f"serve, {kind}: {server.complaints()}")


def calls(site):
    """Each write, sync, rename and new file of a run: it fails, the disk is full, or the process is killed there."""
    if not site.library:
        return site.skipped("each write, sync and rename", "no C compiler")
    folder = site.folder("calls")
    write_png(folder / "a.png", 150, 130, 1)
    write_png(folder / "b.png", 150, 130, 2)
    cpu = ["--backend", "cpu", "--threads", 2, "-q"]
    out = folder / "target"
    for name in "ab":
        site.made("encode", "--image", folder / f"{name}.png", "--tile", 32, "--out", folder / name, *cpu)

    def encode(name):
        return ["encode", "--image", folder / f"{name}.png", "--tile", 32, "--out", out, "--pack", "--manifest", *cpu]

    def pyramid(name):
        return ["pyramid", folder / f"{name}.png", "--tile", 32, "--out", out, "--overwrite", "--threads", 2, "-q"]

    def decode(name):
        return ["decode", "--bundle", folder / name / "residual_packs/residuals.bundle", "--out", out, "--overwrite", *cpu]

    kinds = {"write": "fails with EIO", "full": "finds the disk full", "kill": "is where runs are killed"}
    for what, command, rules in (("encode", encode, Archives), ("pyramid", pyramid, Tree), ("decode", decode, Tree)):
        shutil.rmtree(out, ignore_errors=True)
        site.made(*command("a"))
        old = contents(out)
        site.made(*command("b"))
        new = contents(out)
        rule = rules(old, new)
        for kind, says in kinds.items():
            began, wrong = time.time(), 0
            put(out, old)
            count = counted(site, kind, out, command("b"))
            step = max(1, count // 15) if site.quick else 1
            # The last ones, in which results get their names, in any case.
            moments = sorted({*range(0, count, step), *range(max(0, count - 16), count)})
            for at in moments:
                put(out, old if at % 2 else {})
                fault = one_call(site, kind, out, at, command("b"), rule)
                if fault:
                    wrong += 1
                    site.wrong(f"{what}, {kind} at call {at} of {count}: {fault}")
            site.row(f"each write of {what} {says}", began, len(moments), wrong=wrong)


def one_call(site, kind, out, at, command, rule):
    """One run with one fault, and an undisturbed one. Says what is wrong."""
    code, _, err = site.run(*command, env=faulty(site, kind, out, at=at))
    now = contents(out)
    fault = rule.fault(now)
    if not fault and code == 0 and now != rule.new:
        fault = f"it says that all is well: {err}"
    if not fault and code > 0:
        if code not in ERRORS or out.name not in err:
            fault = f"exit code {code}: {err}"
        elif hidden(out):
            fault = f"left over after an error: {hidden(out)}: {err}"
    # The next run goes on from what is there, and is killed as well, early on: where it completes or removes what it has found.
    for next_at in (2, 4, 8) if kind == "kill" else ():
        site.run(*command, env=faulty(site, kind, out, at=next_at))
        fault = fault or rule.fault(contents(out))
    site.made(*command)
    if not fault and (contents(out) != rule.new or hidden(out)):
        fault = f"the next run gives other bytes, or leaves {hidden(out)}"
    return fault
