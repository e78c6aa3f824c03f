#!/usr/bin/env bash
# How many frames of DICOMweb a server sends that has their tiles in its cache, against the same tiles under `/dzi/`, in turn.
#
#   scripts/bench-frames.sh [--binary PATH] [--rounds N] [--seconds S]
#
#   --binary   a program that is built already (default: builds target/release/origami)
#   --rounds   tiles and frames in turn; every ratio is the median over rounds (default 3)
#   --seconds  of each turn (default 3)
#
# The slide is the demo slide, encoded with the defaults and with `--preset lossless`. 64 inner tiles of L0 are asked for, one a request:
#
#   single     `Accept: image/jpeg`
#   multipart  `Accept: multipart/related; type="image/jpeg"`
#
# Needs wrk, curl and python3 (Debian: wrk curl python3). The load generator runs on the same machine. What was measured stays in target/bench-frames.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

binary='' rounds=3 seconds=3
bench_flags "$@"
for needed in wrk curl python3; do
    have "$needed" || die "this needs $needed: apt install $needed"
done
bench_inputs

work=$target_dir/bench-frames
mkdir -p "$work/slides"
rm -f "$work"/*.json
for kind in defaults lossless; do
    preset=()
    [[ $kind == defaults ]] || preset=(--preset "$kind")
    "$binary" encode --quiet --slide "$slide" --out "$work/made" --backend cpu --overwrite "${preset[@]}"
    mv "$work/made/residual_packs/residuals.bundle" "$work/slides/$kind.bundle"
    echo "{\"PatientID\": \"$kind\"}" >"$work/slides/$kind.dicom.json"
done

# 64 tiles of one connection: the columns and rows from 0 to 7, and the result as JSON.
cat >"$work/frames.lua" <<'LUA'
local before, kind, columns, number = os.getenv("BEFORE"), os.getenv("KIND"), tonumber(os.getenv("COLUMNS_OF_LEVEL")), 0
local requests = {}
-- Made once: while the load runs, the generator does the same for tiles and for frames.
init = function()
    for at = 0, 63 do
        local x, y = at % 8, math.floor(at / 8)
        requests[at] = kind == "" and wrk.format("GET", before .. x .. "_" .. y .. ".jpg")
            or wrk.format("GET", before .. (y * columns + x + 1), {Accept = kind})
    end
end
request = function()
    number = (number + 1) % 64
    return requests[number]
end
done = function(summary, latency)
    local e = summary.errors
    io.stderr:write(string.format('{"rate": %f, "p50_ms": %f, "status": %d, "connect": %d, "read": %d, "timeout": %d}\n',
        summary.requests / summary.duration * 1e6, latency:percentile(50) / 1e3, e.status, e.connect, e.read, e.timeout))
end
LUA

log=$work/serve.log
: >"$log"
"$binary" serve "$work/slides" --dicomweb --port 0 --backend cpu --no-prefetch >"$log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
served_at "$log" "$server"

# turn NAME CONNECTIONS ROUND BEFORE COLUMNS ACCEPT: one load.
turn() {
    local file=$work/$1.$2.$3.json
    BEFORE=$4 COLUMNS_OF_LEVEL=$5 KIND=$6 wrk --threads 1 --connections "$2" --duration "${seconds}s" --script "$work/frames.lua" "$address" 2>"$file" >/dev/null
    grep -q '"status": 0, "connect": 0, "read": 0, "timeout": 0}' "$file" || die "$1 failed: $(cat "$file")"
}

for kind in defaults lossless; do
    # Its instance of the full resolution: the address of its frames, and the tiles of a row.
    read -r frames level columns <<<"$(curl --silent --fail "$address/dicomweb/instances?PatientID=$kind&InstanceNumber=1" | python3 -c '
import json, sys
of = json.load(sys.stdin)[0]
study, series, instance, width, height, tile = (of[tag]["Value"][0] for tag in ("0020000D", "0020000E", "00080018", "00480006", "00480007", "00280011"))
top = (max(width, height) - 1).bit_length()
print(f"/dicomweb/studies/{study}/series/{series}/instances/{instance}/frames/ {top} {-(-width // tile)}")')"
    for ((round = 0; round <= rounds; round++)); do
        step "$kind, round $round of $rounds"
        for connections in 1 16; do
            # The first round fills the cache.
            turn "$kind-tile" "$connections" "$round" "/dzi/${kind}_files/$level/" "$columns" ''
            turn "$kind-single" "$connections" "$round" "$frames" "$columns" image/jpeg
            turn "$kind-multipart" "$connections" "$round" "$frames" "$columns" 'multipart/related; type="image/jpeg"'
        done
    done
done

step "result"
python3 - "$work" "$rounds" <<'PYTHON' | tee "$work/result.md"
import json, statistics, sys

folder, rounds = sys.argv[1], range(1, int(sys.argv[2]) + 1)


def of(name, connections):
    return [json.load(open(f"{folder}/{name}.{connections}.{n}.json"))["rate"] for n in rounds]


print("| frames a second, against tiles | 1 connection | 16 connections |")
print("|---|---|---|")
for kind in ("defaults", "lossless"):
    print(f"| {kind}: tiles |" + "".join(f" {statistics.median(of(f'{kind}-tile', n)):.0f} |" for n in (1, 16)))
    for form in ("single", "multipart"):
        def cell(n):
            rates, tiles = of(f"{kind}-{form}", n), of(f"{kind}-tile", n)
            return f" {statistics.median(rates):.0f} ({statistics.median(a / b for a, b in zip(rates, tiles)):.2f}) |"
        print(f"| {kind}: {form} |" + cell(1) + cell(16))
PYTHON
