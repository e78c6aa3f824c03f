#!/usr/bin/env bash
# Two builds of the program over the same files: lists each file that they encode, decode, inspect or serve otherwise. For a release, and
# for a change that is to change nothing; not part of the tests, because it needs a binary of an earlier commit.
#
#   scripts/compare-commits.sh OLD_BINARY NEW_BINARY FOLDER...
#
#   FOLDER   slides, images and Deep Zoom trees, at any depth
#
# Each file is encoded with the defaults. Compared are exit codes and last lines of errors, the bytes of the bundle, each file of the tree
# that `decode` makes of it, exit codes of `inspect`, and what `serve` sends of the bundle: descriptor, thumbnail, the first tile of every
# level. Exits with 1 if anything differs. Needs python3.
set -euo pipefail
usage="usage: scripts/compare-commits.sh OLD_BINARY NEW_BINARY FOLDER..."
old=$(realpath "${1:?$usage}")
new=$(realpath "${2:?$usage}")
shift 2
[[ $# -gt 0 ]] || { echo "$usage" >&2; exit 2; }
exec python3 "$(dirname "${BASH_SOURCE[0]}")/compare_commits.py" "$old" "$new" "$@"
