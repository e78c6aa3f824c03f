#!/usr/bin/env bash
# `origami serve` under load: 400 connections ask for random tiles of a slide for a minute, with every cache smaller than
# what is asked for, so that tiles come from memory, from disk and from reconstruction at once. Fails on any error, on a tile
# whose bytes are not those that it had before, and where the server's memory exceeds what its flags allow. Latencies are
# reported and decide nothing.
#
#   scripts/load.sh BINARY [SECONDS]      without the feature rocksdb BINARY has no cache on disk
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

binary=$(realpath "${1:?usage: scripts/load.sh BINARY [SECONDS]}") seconds=${2:-60} connections=400
cache_mb=4 cache_dir_mb=64 request_mb=96
# What docs/operate.md says the server takes at most: the cache in memory and its books; requests; three tables of the cache on disk
# and what its tiles are found by; connections; threads that compute, and others; the program itself.
threads_mb=$((16 * $(nproc) + 2 * 40))
limit_mb=$((cache_mb * 5 / 4 + request_mb + 3 * cache_dir_mb / 64 + 32 + connections / 4 + threads_mb + 64))

scratch=$(mktemp -d "${TMPDIR:-/tmp}/origami-load.XXXXXX")
server=
# Everything below the scratch folder was written by this run.
finish() {
    [[ -z $server ]] || kill "$server" 2>/dev/null || true
    [[ -z $server ]] || wait "$server" 2>/dev/null || true
    rm -r -- "$scratch"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

mkdir "$scratch/slides"
"$binary" bench slide --size 7168x5120 --out "$scratch/large.png"
"$binary" encode --quiet --slide "$scratch/large.png" --out "$scratch/large" --backend cpu
cp "$scratch/large/residual_packs/residuals.bundle" "$scratch/slides/large.bundle"

flags=(--cache-mb "$cache_mb" --request-mb "$request_mb" --queue-timeout-ms 60000)
if has_feature "$binary" rocksdb; then
    flags+=(--cache-dir "$scratch/cache" --cache-dir-mb "$cache_dir_mb")
else
    skipped "a cache on disk under load: $binary has not the feature rocksdb"
    limit_mb=$((limit_mb - 3 * cache_dir_mb / 64 - 32))
fi
: >"$scratch/log"
RUST_LOG=warn "$binary" serve --slides-root "$scratch/slides" --port 0 --backend cpu "${flags[@]}" \
    >"$scratch/log" 2>"$scratch/complaints" &
server=$!
served_at "$scratch/log" "$server" "$scratch/complaints"

"$binary" bench serve "$address/dzi/large.dzi" --connections "$connections" --seconds "$seconds" --json >"$scratch/load.json" ||
    die "$(cat "$scratch/load.json" "$scratch/complaints")"
cat "$scratch/load.json"
peak_mb=$(($(sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$server/status") / 1024))
echo "memory: at most $peak_mb MiB of the $limit_mb MiB that its flags allow"
kill "$server"
wait "$server" || die "the server ended with an error: $(cat "$scratch/complaints")"
server=
# What it logs at all is about something wrong.
[[ ! -s $scratch/complaints ]] || die "the server complained: $(cat "$scratch/complaints")"
python3 - "$scratch/load.json" <<'PYTHON'
import json, sys

seen = json.load(open(sys.argv[1]))
assert seen["errors"] == 0 and seen["refused"] == 0 and seen["requests"] > 1000, seen
PYTHON
[[ $peak_mb -le $limit_mb ]] || die "$peak_mb MiB, more than the $limit_mb MiB that its flags allow"
echo "load: passed"
