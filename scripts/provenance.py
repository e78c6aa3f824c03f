"""What a release was built from and how, as JSON:  provenance.py OUT KEY=VALUE...

Adds the toolchain and the sum of the lock file. KEY is `environment.NAME` for a variable of the build. Values are as for a shell: what differs from
machine to machine is a variable in there, and no path of this machine is told.
"""

import hashlib
import json
import subprocess
import sys
from pathlib import Path


def main(out, *pairs):
    said = {"environment": {}}
    for pair in pairs:
        key, value = pair.split("=", 1)
        name = key.removeprefix("environment.")
        (said if name == key else said["environment"])[name] = int(value) if key == "commit_time" else value
    toolchain = subprocess.run(["rustc", "--version", "--verbose"], check=True, stdout=subprocess.PIPE, text=True).stdout
    said["toolchain"] = toolchain.splitlines()
    said["lock_file_sha256"] = hashlib.sha256(Path("Cargo.lock").read_bytes()).hexdigest()
    Path(out).write_text(json.dumps(said, indent=1) + "\n")


main(*sys.argv[1:])
