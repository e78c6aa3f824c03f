#!/usr/bin/env bash
# The memory of `origami serve` at what attacks on it have shown: clients that take nothing of large images, over HTTP/1.1 and in many streams
# of one HTTP/2 connection; families of very large tiles; stored tiles that are unpacked by many threads. All with the default flags. Prints a
# row for each with the memory that docs/operate.md allows, and fails where it is more.
#
#   scripts/memory-long.sh BINARY
#
# Needs python3 with venv, and the package index at the first run; says SKIPPED without them.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

binary=$(realpath "${1:?usage: scripts/memory-long.sh BINARY}")
work=$target_dir/load
mkdir -p "$work"
python_with "memory under attack" "$work" h2==4.3.0
scratch=$(mktemp -d "${TMPDIR:-/tmp}/origami-memory.XXXXXX")
# Everything below the scratch folder was written by this run.
trap 'rm -r -- "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
ulimit -n "$(ulimit -H -n)"
"$work/venv/bin/python" scripts/memory_long.py "$binary" "$scratch"
