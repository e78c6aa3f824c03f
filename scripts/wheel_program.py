"""Puts the program into a wheel of the Python package, so that `pip install WHEEL` has `origami` on the path.

    wheel_program.py WHEEL PROGRAM     replaces WHEEL; the same input gives the same bytes
"""

import base64
import hashlib
import os
import sys
import time
import zipfile
from pathlib import Path


def entry(name, mode):
    """An entry with the time of the sources, so that a second build has the same bytes."""
    when = max(int(os.environ.get("SOURCE_DATE_EPOCH", 0)), 315532800)  # zip begins in 1980
    info = zipfile.ZipInfo(name, time.gmtime(when)[:6])
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = (0o100000 | mode) << 16
    return info


def record_line(name, data):
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(data)}\n"


def main(wheel, program):
    distribution = "-".join(wheel.name.split("-")[:2])
    # What lies there is put beside the interpreter when the wheel is installed.
    name = f"{distribution}.data/scripts/origami"
    made = wheel.with_suffix(".part")
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(made, "w") as new:
        record = f"{distribution}.dist-info/RECORD"
        for info in old.infolist():
            if info.filename == name:
                sys.exit(f"{wheel} has the program already")
            if info.filename != record:
                new.writestr(info, old.read(info))
        data = program.read_bytes()
        new.writestr(entry(name, 0o755), data)
        lines = old.read(record).decode().splitlines(keepends=True)
        new.writestr(entry(record, 0o644), "".join([*lines[:-1], record_line(name, data), lines[-1]]))
    made.replace(wheel)
    print(f"{wheel}: {wheel.stat().st_size} bytes with the program")


main(Path(sys.argv[1]), Path(sys.argv[2]))
