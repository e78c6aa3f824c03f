"""The licences of everything that is built into the program, in one file: crates by cargo's own graph, and the C libraries of vendor/licenses.

    third_party.py FEATURES TARGET OUT     FEATURES as cargo takes them, TARGET a triple; fails where a crate names no licence
"""

import json
import subprocess
import sys
from pathlib import Path

NAMES = ("license", "licence", "copying", "notice", "unlicense", "copyright")


def texts(folder):
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.name.lower().startswith(NAMES):
            yield path.read_text(errors="replace").replace("\r\n", "\n").strip()


def shipped(metadata):
    """The packages that are linked in: the graph of ordinary dependencies from this package on. What only builds is not in it."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    todo, seen = [metadata["resolve"]["root"]], set()
    while todo:
        at = todo.pop()
        if at in seen:
            continue
        seen.add(at)
        for dependency in nodes[at]["deps"]:
            if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
                todo.append(dependency["pkg"])
    return [package for package in metadata["packages"] if package["id"] in seen and package["id"] != metadata["resolve"]["root"]]


def main(features, target, out):
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--features", features, "--filter-platform", target]
    metadata = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    packages = sorted(shipped(metadata), key=lambda package: (package["name"], package["version"]))
    nameless = [package["name"] for package in packages if not (package["license"] or package["license_file"])]
    if nameless:
        sys.exit(f"no licence is named by: {', '.join(nameless)}")
    lines = [f"Parts of the program by others: {len(packages)} crates, and the C and C++ libraries in them.", ""]
    lines.append("std, Rust's standard library: MIT OR Apache-2.0")
    # Many crates have the same text: each stands once, below the names of all that have it.
    by_text = {}
    for package in packages:
        lines.append(f"{package['name']} {package['version']}: {package['license'] or 'see its text'}")
        for text in texts(Path(package["manifest_path"]).parent):
            by_text.setdefault(text, []).append(f"{package['name']} {package['version']}")
    for path in sorted(Path("vendor/licenses").iterdir()):
        by_text.setdefault(path.read_text(errors="replace").strip(), []).append(path.name)
    for text, names in by_text.items():
        lines += ["", "=" * 100, ", ".join(names), "-" * 100, text]
    Path(out).write_text("\n".join(lines) + "\n")
    print(f"{out}: {len(packages)} crates, {len(by_text)} texts")


main(*sys.argv[1:])
