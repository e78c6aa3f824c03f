"""What coverage.sh has of Python: the programs whose counts are read, and the table of lines by folder.

    coverage.py programs TESTS.json PROGRAM    # a path a line
    coverage.py table LINES.lcov MISSED.txt    # prints the table; MISSED.txt gets FILE:LINE of what no test ran
"""

import json
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

# Least share of lines that tests run, in percent, of what reads bytes from outside.
LEAST_PERCENT = 90
# What that holds for: parsers of files, the archive, requests and responses.
HELD = ("archive", "codec", "pyramid", "serve", "slide", "web")
ROOT = Path(__file__).resolve().parent.parent


def programs(tests: Path, program: Path) -> list[str]:
    """The test programs that cargo-nextest lists, and the program that they start."""
    binaries = json.loads(tests.read_text())["rust-binaries"].values()
    return [binary["binary-path"] for binary in binaries] + [str(program)]


def is_test(file: Path) -> bool:
    """Files that only the tests are built with."""
    return file.stem in ("tests", "testing", "training") or "tests" in file.parts


def end_of(file: Path) -> int:
    """The line from which on a file holds its tests; beyond its end where it has none."""
    lines = file.read_text().splitlines()
    return next((number for number, line in enumerate(lines, 1) if line == "#[cfg(test)]" and "mod " in lines[number]
                 and lines[number].endswith("{")), len(lines) + 1)  # fmt: skip


def counts_of(lcov: Path) -> dict[Path, dict[int, int]]:
    """How often each line was run, by file below the root."""
    found: dict[Path, dict[int, int]] = defaultdict(dict)
    file = None
    for record in lcov.read_text().splitlines():
        if record.startswith("SF:"):
            file = Path(record[3:]).relative_to(ROOT)
        elif record.startswith("DA:"):
            line, count = map(int, re.findall(r"\d+", record)[:2])
            found[file][line] = max(count, found[file].get(line, 0))
    return found


def table(lcov: Path, missed: Path) -> int:
    """Prints a row for each folder and the sum; 1 where one that is held is below the least share."""
    lines, run, not_run = Counter(), Counter(), []
    for file, counts in sorted(counts_of(lcov).items()):
        if is_test(file):
            continue
        group, end = file.parts[1].removesuffix(".rs"), end_of(ROOT / file)
        for line, count in counts.items():
            if line < end:
                lines[group] += 1
                run[group] += count > 0
                not_run += [] if count else [f"{file}:{line}"]
    missed.write_text("".join(f"{place}\n" for place in not_run))
    print(f"{'folder':<12} {'lines':>7} {'run':>7} {'percent':>8}")
    below = []
    for group in [*sorted(lines), "all"]:
        of, count = (lines.total(), run.total()) if group == "all" else (lines[group], run[group])
        percent = 100 * count / of
        held = group in HELD
        print(f"{group:<12} {of:>7} {count:>7} {percent:>8.1f}{'  held' if held else ''}")
        below += [group] if held and percent < LEAST_PERCENT else []
    if not lines:
        print("error: no line was counted", file=sys.stderr)
    for group in below:
        print(f"error: {group}: tests run less than {LEAST_PERCENT}% of its lines; see {missed}", file=sys.stderr)
    return int(bool(below) or not lines)


what, *files = sys.argv[1:]
if what == "programs":
    print("\n".join(programs(*map(Path, files))))
else:
    sys.exit(table(*map(Path, files)))
