#!/usr/bin/env bash
# Whether a program is slower than another one: both in turn on the same machine, files and client.
#
#   scripts/bench-pair.sh OLD_BINARY NEW_BINARY [--rounds N] [--seconds S]
#
#   --rounds   of each measurement, each program in turn (default 7)
#   --seconds  of each turn of hot and warm tiles (default 4)
#
# encode  the processor time, and the time, of a synthetic slide of 50 megapixels
# decode  the same of its bundle
# hot     tiles from memory: the server's processor time a tile, and tiles a second
# warm    the same from the cache on disk, where both programs have the feature rocksdb
# cold    the first tile of a family that nobody has asked for, against the bare JPEG calls of the same turn
#
# Printed are medians, the median of NEW/OLD pair by pair, and the smallest and the largest of these. Needs python3. Build both with one
# profile and the same features. What is encoded, decoded and served may differ: scripts/compare-commits.sh compares that.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage="usage: scripts/bench-pair.sh OLD_BINARY NEW_BINARY [--rounds N] [--seconds S]"
old=$(realpath "${1:?$usage}")
new=$(realpath "${2:?$usage}")
shift 2
binary='' rounds=7 seconds=4
bench_flags "$@"
[[ -z $binary ]] || die "$usage"
[[ -x $old && -x $new ]] || die "no program: $old or $new"
has_disk=0
if has_feature "$old" rocksdb && has_feature "$new" rocksdb; then has_disk=1; else skipped "warm tiles: both programs need the feature rocksdb"; fi
exec python3 scripts/bench_pair.py "$old" "$new" "$rounds" "$seconds" "$has_disk"
