"""Two builds of the program over the same files. See compare-commits.sh."""

import collections
import concurrent.futures
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import xml.etree.ElementTree

# Seconds for one run of the program.
LIMIT = 300


def run(binary, *arguments):
    """Exit code and the last line of standard error; a code of None where it did not end."""
    try:
        ran = subprocess.run([binary, *arguments], capture_output=True, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return None, f"no end within {LIMIT} s"
    lines = ran.stderr.decode(errors="replace").strip().splitlines()
    return ran.returncode, lines[-1] if lines else ""


def digest(data):
    return hashlib.sha256(data).hexdigest()[:16]


def files_below(folder):
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    # The sidecar names the release.
    return {str(path.relative_to(folder)): digest(path.read_bytes()) for path in found if path.suffix != ".json"}


def served(binary, root, name):
    """What the server sends of a slide, by address: status and hash."""
    command = [binary, "serve", "--slides-root", str(root), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        first = server.stdout.readline()
        address = re.search(r"http://\S+", first)
        if not address:
            return {"start": first.strip()}
        return replies(address.group(), name)
    finally:
        server.terminate()
        server.communicate()


def replies(base, name):
    def get(path):
        try:
            with urllib.request.urlopen(base + path, timeout=LIMIT) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as error:
            return error.code, b""

    sent = {path: get(path) for path in (f"/dzi/{name}.dzi", f"/thumbnails/{name}", f"/thumbnails/{name}?width=64")}
    status, descriptor = sent[f"/dzi/{name}.dzi"]
    if status == 200:
        size = xml.etree.ElementTree.fromstring(descriptor)[0]
        side = max(int(size.get("Width")), int(size.get("Height")))
        for level in range((side - 1).bit_length() + 1):
            path = f"/tiles/{name}/{level}/0_0.jpg"
            sent[path] = get(path)
    return {path: (status, digest(body)) for path, (status, body) in sent.items()}


def outcome(binary, file, work):
    """What a build makes of a file: by step, what can be compared."""
    kind = "--pyramid" if file.suffix == ".dzi" else "--slide"
    code, said = run(binary, "encode", kind, str(file), "--out", str(work / "out"), "--quiet")
    result = {"encode": (code, "" if code == 0 else said.replace(str(file), "FILE"))}
    bundles = sorted((work / "out").rglob("*.bundle"))
    if code != 0 or not bundles:
        return result
    bundle = work / "served" / "x.bundle"
    bundle.parent.mkdir()
    bundles[0].rename(bundle)
    result["bundle"] = (bundle.stat().st_size, digest(bundle.read_bytes()))
    result["inspect"] = run(binary, "inspect", str(bundle))[0]
    tree = work / "tree"
    code, said = run(binary, "decode", "--bundle", str(bundle), "--out", str(tree), "--quiet")
    result["decode"] = (code, "" if code == 0 else said)
    result["tree"] = files_below(tree) if tree.is_dir() else {}
    result["serve"] = served(binary, bundle.parent, "x")
    return result


def both(old, new, file):
    with tempfile.TemporaryDirectory() as work:
        results = []
        for name, binary in (("old", old), ("new", new)):
            folder = pathlib.Path(work) / name
            folder.mkdir()
            results.append(outcome(binary, file, folder))
            shutil.rmtree(folder)
        return results


def differences(old, new):
    """For each step that differs, a sentence."""
    for step in sorted(old.keys() | new.keys()):
        a, b = old.get(step), new.get(step)
        if a == b:
            continue
        if step == "encode" and a[0] == b[0]:
            yield "message", f"{a[1]!r} became {b[1]!r}"
        elif step == "bundle" and a and b:
            yield step, f"{a[0]} bytes became {b[0]}" if a[0] != b[0] else "the same length, other bytes"
        elif isinstance(a, dict) and isinstance(b, dict):
            names = [name for name in sorted(a.keys() | b.keys()) if a.get(name) != b.get(name)]
            yield step, f"{len(names)} of {len(a.keys() | b.keys())} differ: {', '.join(names[:3])}"
        else:
            yield step, f"{summary(a)} became {summary(b)}"


def summary(value):
    return f"{len(value)} files" if isinstance(value, dict) else repr(value)


def inputs(folders):
    for folder in folders:
        for path in sorted(pathlib.Path(folder).resolve().rglob("*")):
            if path.is_file() and not any(part.endswith("_files") for part in path.parts):
                yield path


def main(old, new, *folders):
    files = list(inputs(folders))
    counts, different = collections.Counter(), 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for file, results in zip(files, pool.map(lambda file: both(old, new, file), files)):
            found = list(differences(*results))
            different += bool(found)
            for step, text in found:
                counts[step] += 1
                print(f"{file}: {step}: {text}", flush=True)
    print(f"{len(files)} files, {different} of which differ" + "".join(f"; {step} {n}" for step, n in sorted(counts.items())))
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
