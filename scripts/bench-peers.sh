#!/usr/bin/env bash
# How fast `origami serve` makes tiles that are in no cache, against iipsrv on the same pixels in the same run.
#
#   scripts/bench-peers.sh [--binary PATH] [--rounds N] [--seconds S]
#
#   --binary   a program that is built already (default: builds target/release/origami)
#   --rounds   each server in turn; every ratio is the median over rounds (default 3)
#   --seconds  of each turn (default 5)
#
# The slide is the demo slide, 8 x 6 times: 17,760 x 17,802 pixels, JPEG of quality 90. Both servers code tiles of 256 pixels at quality 95.
# iipsrv runs behind nginx, one process a core. Caches of tiles are off on both sides. ORIGAMI keeps the planes of a twentieth of the slide's
# families; the rows `no planes` have none, and in the rows `with a cache` iipsrv has as many bytes to keep tiles in as those planes take.
#
#   random     tiles of L0 in any order
#   viewports  4 x 3 tiles of L0 from random places, row by row
#
# Needs nginx, wrk, vips and iipsrv (Debian: nginx-light wrk libvips-tools iipimage-server); root gets what is missing from apt. The load
# generator runs on the same machine. What was measured stays in target/bench-peers.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

binary='' rounds=3 seconds=5
bench_flags "$@"

iipsrv=/usr/lib/iipimage-server/iipsrv.fcgi
missing=()
for needed in nginx:nginx-light wrk:wrk vips:libvips-tools "$iipsrv:iipimage-server"; do
    have "${needed%%:*}" || missing+=("${needed##*:}")
done
if [[ ${#missing[@]} != 0 ]]; then
    [[ $(id -u) == 0 ]] || die "packages are missing: apt install ${missing[*]}"
    apt-get install -y --no-install-recommends "${missing[@]}"
fi
have python3 || die "this needs python3"
bench_inputs

results=$target_dir/bench-peers
mkdir -p "$results"
rm -f "$results"/*.json
scratch=$(mktemp -d "${TMPDIR:-/tmp}/origami-bench-peers.XXXXXX")
servers=()
# Everything below the scratch folder was written by this run.
finish() {
    stop
    rm -r -- "$scratch"
}
# stop: ends all servers.
stop() {
    local pid
    for pid in "${servers[@]}"; do
        kill "$pid" 2>/dev/null || continue
        wait "$pid" 2>/dev/null || true
    done
    servers=()
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

step "the slide, and an archive of each kind"
mkdir "$scratch/slides"
vips tiffload "$slide" "$scratch/one.v"
vips replicate "$scratch/one.v" "$scratch/large.tif[tile,pyramid,tile-width=256,tile-height=256,compression=jpeg,Q=90,bigtiff]" 8 6
rm "$scratch/one.v"
for kind in defaults balanced archive lossless; do
    preset=()
    [[ $kind == defaults ]] || preset=(--preset "$kind")
    "$binary" encode --quiet --slide "$scratch/large.tif" --out "$scratch/made" --backend cpu "${preset[@]}"
    mv "$scratch/made/residual_packs/residuals.bundle" "$scratch/slides/$kind.bundle"
    rm -r "$scratch/made"
done
# A twentieth of 18 x 18 families of 1024 pixels.
families=16
planes=$((families * 6))

# Requests of one connection: `random` or `viewports` of a level of 70 x 70 tiles, and the result as JSON.
cat >"$scratch/tiles.lua" <<'LUA'
local before, after, kind = os.getenv("BEFORE"), os.getenv("AFTER"), os.getenv("KIND")
local columns, rows, left, top, next_tile = 69, 69, 0, 0, 12
math.randomseed(tonumber(os.getenv("SEED")))
request = function()
    local x, y = math.random(0, columns - 1), math.random(0, rows - 1)
    if kind == "viewports" then
        if next_tile == 12 then left, top, next_tile = math.random(0, columns - 4), math.random(0, rows - 3), 0 end
        x, y, next_tile = left + next_tile % 4, top + math.floor(next_tile / 4), next_tile + 1
    end
    return wrk.format("GET", before .. "15/" .. x .. "_" .. y .. ".jpg" .. after)
end
done = function(summary, latency)
    local e = summary.errors
    io.stderr:write(string.format('{"rate": %f, "p50_ms": %f, "status": %d, "connect": %d, "read": %d, "timeout": %d}\n',
        summary.requests / summary.duration * 1e6, latency:percentile(50) / 1e3, e.status, e.connect, e.read, e.timeout))
end
LUA

# turn NAME ROUND URL BEFORE AFTER: all loads on one server.
turn() {
    local load kind connections file
    for load in random:1 random:16 viewports:1 viewports:16; do
        kind=${load%:*} connections=${load#*:}
        file=$results/$1.$kind.$connections.$2.json
        BEFORE=$4 AFTER=$5 KIND=$kind SEED=$((1000 * $2 + connections)) \
            wrk --threads 1 --connections "$connections" --duration "${seconds}s" --script "$scratch/tiles.lua" "$3" \
            2>"$file" >/dev/null
        grep -q '"status": 0, "connect": 0, "read": 0, "timeout": 0}' "$file" || die "$1 failed: $(cat "$file")"
    done
}

# of_origami NAME ROUND BUNDLE FLAG...: starts the server for a turn.
of_origami() {
    local name=$1 round=$2 bundle=$3 log=$scratch/serve.log
    shift 3
    : >"$log"
    "$binary" serve --slides-root "$scratch/slides" --port 0 --backend cpu --cache-entries 1 --cache-mb 1MiB --no-prefetch \
        --max-inflight-families "$families" "$@" >"$log" 2>&1 &
    servers+=("$!")
    served_at "$log" "${servers[-1]}"
    turn "$name" "$round" "$address" "/tiles/$bundle/" ''
    stop
}

# of_iipsrv NAME ROUND MEGABYTES: starts iipsrv and nginx for a turn. An iipsrv serves one connection at a time, so none is kept.
of_iipsrv() {
    local port backends='' ports=() cores user='' config=$scratch/nginx.conf
    cores=$(nproc)
    for ((i = 0; i < cores; i++)); do
        port=$(free_port)
        FILESYSTEM_PREFIX=$scratch/ JPEG_QUALITY=95 MAX_IMAGE_CACHE_SIZE=$(($3 / cores)) VERBOSITY=0 \
            LOGFILE=$scratch/iipsrv.log "$iipsrv" --bind "127.0.0.1:$port" --backlog 1024 >/dev/null 2>&1 &
        servers+=("$!")
        backends+="server 127.0.0.1:$port; "
        ports+=("$port")
    done
    port=$(free_port)
    # The scratch folder is this user's alone, and nginx would give up being root.
    [[ $(id -u) != 0 ]] || user='user root;'
    cat >"$config" <<CONF
$user
worker_processes auto;
error_log $scratch/nginx.log;
pid $scratch/nginx.pid;
daemon off;
events { worker_connections 1024; }
http {
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path $scratch/body; proxy_temp_path $scratch/proxy; fastcgi_temp_path $scratch/fastcgi;
    uwsgi_temp_path $scratch/uwsgi; scgi_temp_path $scratch/scgi;
    upstream iipsrv { least_conn; $backends }
    server {
        listen 127.0.0.1:$port;
        location / {
            fastcgi_pass iipsrv;
            fastcgi_param QUERY_STRING \$query_string;
            fastcgi_param REQUEST_METHOD \$request_method;
        }
    }
}
CONF
    nginx -c "$config" -p "$scratch" &
    servers+=("$!")
    python3 - "$port" "${ports[@]}" <<'PYTHON'
import socket, sys, time, urllib.request

end = time.monotonic() + 20


def until(ready):
    while True:
        try:
            return ready()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


for port in sys.argv[2:]:
    until(lambda: socket.create_connection(("127.0.0.1", int(port)), timeout=2).close())
url = f"http://127.0.0.1:{sys.argv[1]}/?DeepZoom=large.tif_files/15/30_30.jpg"
if until(lambda: urllib.request.urlopen(url, timeout=5).read(2)) != b"\xff\xd8":
    sys.exit("iipsrv sends no JPEG")
PYTHON
    turn "$1" "$2" "http://127.0.0.1:$port" '/?DeepZoom=large.tif_files/' ''
    stop
}

for ((round = 1; round <= rounds; round++)); do
    step "round $round of $rounds"
    of_iipsrv iipsrv "$round" 0
    of_iipsrv iipsrv-cache "$round" "$planes"
    for kind in defaults balanced archive lossless; do
        of_origami "$kind" "$round" "$kind" --buffer-pool-size "$families"
        of_origami "$kind-none" "$round" "$kind" --buffer-pool-size 0
    done
done

step "result"
python3 - "$results" "$rounds" <<'PYTHON'
import json, statistics, sys

folder, rounds = sys.argv[1], range(1, int(sys.argv[2]) + 1)
loads = [("random", 1), ("random", 16), ("viewports", 1), ("viewports", 16)]


def of(name, load, key):
    return [json.load(open(f"{folder}/{name}.{load[0]}.{load[1]}.{n}.json"))[key] for n in rounds]


def ratio(name, peer, load, key):
    return statistics.median(a / b for a, b in zip(of(name, load, key), of(peer, load, key)))


print("| tiles a second (P50 in ms) |" + "".join(f" {kind}, {n} connection{'s' * (n > 1)} |" for kind, n in loads))
print("|---|" + "---|" * len(loads))
names = ["defaults", "balanced", "archive", "lossless"]
for name in ["iipsrv", "iipsrv-cache"] + [n + s for n in names for s in ("", "-none")]:
    title = name.replace("-none", ", no planes").replace("-cache", " with a cache")
    cells = (f" {statistics.median(of(name, load, 'rate')):.0f} ({statistics.median(of(name, load, 'p50_ms')):.2f}) |" for load in loads)
    print(f"| {title} |" + "".join(cells))
print("\n| against iipsrv |" + "".join(f" {kind}, {n} |" for kind, n in loads) + " P50 of random, 1 |")
print("|---|" + "---|" * (len(loads) + 1))
for name in [n + s for n in names for s in ("", "-none")]:
    cells = "".join(f" {ratio(name, 'iipsrv', load, 'rate'):.2f} |" for load in loads)
    print(f"| {name.replace('-none', ', no planes')} |{cells} {ratio(name, 'iipsrv', loads[0], 'p50_ms'):.2f} |")
for name in names:
    cells = "".join(f" {ratio(name, 'iipsrv-cache', load, 'rate'):.2f} |" for load in loads)
    print(f"| {name}, iipsrv with a cache |{cells} {ratio(name, 'iipsrv-cache', loads[0], 'p50_ms'):.2f} |")
PYTHON
