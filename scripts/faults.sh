#!/usr/bin/env bash
# Crashes and faults: runs that are killed at random moments and at each of their writes, disks that fill up, reads that fail, hang, come in
# pieces or are interrupted, a clock that jumps, files that are replaced, every byte of a bundle flipped, more slides than files may be
# open. Prints a table; fails where anything was lost or wrong.
#
#   scripts/faults.sh [--quick] [--kills N] [--seed N] [--only PART,PART] BINARY
#
#   --quick   10 kills of each command in place of 200, and fewer of the others
#   --only    parts by name: kills, workers, service, cache, calls, reads, hangs, clock, disk, replaced, flips, many
#
# A part that needs the feature rocksdb in BINARY, a C compiler, or a small file system to fill, says SKIPPED where it can have none.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

scratch=$(mktemp -d "${TMPDIR:-/tmp}/origami-faults.XXXXXX")
# Everything below the scratch folder was written by this run.
finish() {
    mountpoint -q "$scratch/small" && umount "$scratch/small"
    rm -r -- "$scratch"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

more=()
if have cc; then
    cc -shared -fPIC -O1 -Wall -o "$scratch/faults.so" scripts/faults.c -ldl
    more+=(--library "$scratch/faults.so")
fi
mkdir "$scratch/small"
if mount -t tmpfs -o size=64k tmpfs "$scratch/small" 2>/dev/null; then
    more+=(--small "$scratch/small")
fi
python3 scripts/faults.py --work "$scratch" "${more[@]}" "$@"
