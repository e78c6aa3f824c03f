#!/usr/bin/env bash
# `origami serve` under load of every kind at once: clients that read hot, warm and cold tiles and images over HTTP/1.1 and HTTP/2, ask for
# what is not there, write marks and read them, send garbage, send slowly, or take nothing of their answers. Every body is compared with what
# `decode` writes, every mark with what was written. Fails on a wrong body or status, a mark that is lost, on memory beyond what
# docs/operate.md says, on descriptors that stay open, and where the server does not recover.
# Prints counts and percentiles; these decide nothing. Continuous integration runs two minutes of it.
#
#   scripts/load-long.sh BINARY [SECONDS, default 600] [CONNECTIONS, default 400]
#
# With a cache on disk, where BINARY has the feature rocksdb. Needs python3 with venv, and the package index at the first run; says SKIPPED
# without them.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

binary=$(realpath "${1:?usage: scripts/load-long.sh BINARY [SECONDS] [CONNECTIONS]}") seconds=${2:-600} connections=${3:-400}
disk=disk
if ! has_feature "$binary" rocksdb; then
    skipped "a cache on disk under a load of every kind: $binary has not the feature rocksdb"
    disk=memory
fi
work=$target_dir/load
mkdir -p "$work"
# Pinned, so that a new release is a change of this file.
python_with "a load of every kind" "$work" h2==4.3.0
scratch=$(mktemp -d "${TMPDIR:-/tmp}/origami-load.XXXXXX")
# Everything below the scratch folder was written by this run.
trap 'rm -r -- "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
ulimit -n "$(ulimit -H -n)"
"$work/venv/bin/python" scripts/load_long.py "$binary" "$scratch" "$seconds" "$connections" "$disk"
