#!/usr/bin/env bash
# How fast `origami serve` is, each figure as a ratio to something measured in the same run:
#
#   hot    tiles from memory, against nginx that serves the same tiles as files, over the same connections
#   warm   tiles from the cache on disk, against hot ones
#   cold   the first L0 tile of a family that nobody has asked for, against the JPEG calls that it cannot do without
#
#   scripts/bench-serve.sh [--binary PATH] [--rounds N] [--seconds S] [--connections N]
#
#   --binary       a program that is built already (default: builds target/release/origami, RocksDB included: minutes)
#   --rounds       of hot and warm, each server in turn; every ratio is the median over rounds (default 5)
#   --seconds      of each turn (default 4)
#   --connections  of each turn (default 64)
#
# Needs nginx and python3. The load generator runs on the same machine, for all servers alike. What was measured stays
# in target/bench-serve as JSON.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

binary='' rounds=5 seconds=4 connections=64
while [[ $# != 0 ]]; do
    case $1 in
    --binary | --rounds | --seconds | --connections) [[ $# -ge 2 && -n $2 ]] || die "$1 needs a value" ;;
    *) die "unknown argument '$1'; see the head of scripts/bench-serve.sh" ;;
    esac
    case $1 in
    --binary) binary=$(realpath "$2") ;;
    --rounds) rounds=$2 ;;
    --seconds) seconds=$2 ;;
    --connections) connections=$2 ;;
    esac
    shift 2
done
have nginx || die "this needs nginx to compare with: install the package nginx-light"
have python3 || die "this needs python3, to read the program's JSON"
if [[ -z $binary ]]; then
    step "build"
    cargo build --release --locked --features rocksdb
    binary=$target_dir/release/origami
fi
slide=$target_dir/demo/CMU-1-Small-Region.svs
[[ -f $slide ]] || scripts/setup.sh --minimal

results=$target_dir/bench-serve
mkdir -p "$results"
scratch=$(mktemp -d "${TMPDIR:-/tmp}/origami-bench-serve.XXXXXX")
servers=()
# Everything below the scratch folder was written by this run.
finish() {
    local pid
    for pid in "${servers[@]}"; do
        kill "$pid" 2>/dev/null || continue
        wait "$pid" 2>/dev/null || true
    done
    rm -r -- "$scratch"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# start NAME FLAG...: serves $scratch/slides; its address in $address, its process in $server.
start() {
    local log=$scratch/$1.log
    shift
    : >"$log"
    "$binary" serve --slides-root "$scratch/slides" --port 0 --backend cpu "$@" >"$log" 2>&1 &
    server=$!
    servers+=("$server")
    served_at "$log" "$server"
}

# stop: ends the last server in order, so that what it has goes to disk.
stop() {
    kill "$server"
    wait "$server" || true
    unset 'servers[-1]'
}

# ticks PID...: processor time of processes so far, in clock ticks.
ticks() {
    local pid sum=0 fields
    for pid in "$@"; do
        read -ra fields < <(sed 's/.*) //' "/proc/$pid/stat")
        sum=$((sum + fields[11] + fields[12]))
    done
    echo "$sum"
}

# turn NAME ROUND URL PID...: one measurement, with the processor time that the server took for it.
turn() {
    local file=$results/$1.$2.json url=$3 before
    shift 3
    before=$(ticks "$@")
    "$binary" bench serve "$url" --connections "$connections" --seconds "$seconds" --json >"$file" ||
        die "$(cat "$file")"
    echo $(($(ticks "$@") - before)) >"${file%.json}.ticks"
}

step "slides: the demo slide, and 100 megapixels of synthetic tissue"
mkdir "$scratch/slides" "$scratch/made"
"$binary" encode --quiet --slide "$slide" --out "$scratch/made/real" --baseq 90 --l0q 50 --backend cpu
cp "$scratch/made/real/residual_packs/residuals.bundle" "$scratch/slides/real.bundle"
"$binary" decode --quiet --bundle "$scratch/slides/real.bundle" --out "$scratch/made/static" --backend cpu
"$binary" bench slide --size 12288x8192 --out "$scratch/made/large.png"
"$binary" encode --quiet --slide "$scratch/made/large.png" --out "$scratch/made/large" --baseq 90 --l0q 50 --backend cpu
cp "$scratch/made/large/residual_packs/residuals.bundle" "$scratch/slides/large.bundle"

step "nginx"
# A port that is free now.
port=$(free_port)
# The scratch folder is this user's alone, and nginx would give up being root.
user=''
[[ $(id -u) != 0 ]] || user='user root;'
cat >"$scratch/nginx.conf" <<CONF
$user
worker_processes auto;
error_log $scratch/nginx.log;
pid $scratch/nginx.pid;
daemon off;
events { worker_connections 4096; }
http {
    types { image/jpeg jpg; application/xml dzi; }
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    open_file_cache max=20000 inactive=1h;
    client_body_temp_path $scratch/body; proxy_temp_path $scratch/proxy; fastcgi_temp_path $scratch/fastcgi;
    uwsgi_temp_path $scratch/uwsgi; scgi_temp_path $scratch/scgi;
    server { listen 127.0.0.1:$port; root $scratch/made/static; }
}
CONF
nginx -c "$scratch/nginx.conf" -p "$scratch" &
servers+=("$!")
nginx_master=$!
nginx_url=http://127.0.0.1:$port/decoded_pyramid.dzi
for _ in {1..100}; do
    [[ -s $scratch/nginx.pid ]] && break
    sleep 0.1
done
mapfile -t nginx_workers < <(pgrep -P "$nginx_master")
# Its files into the system's cache.
"$binary" bench serve "$nginx_url" --seconds 1 --fill --json >/dev/null

step "cold: the first tile of a family, one after another"
start cold
"$binary" bench serve "$address/dzi/large.dzi" --cold "$scratch/slides/large.bundle" --json >"$results/cold.json"
cat "$results/cold.json"
stop

step "hot and warm against nginx, $rounds rounds"
# Into files first, so that what is warm comes from them.
start fill --cache-dir "$scratch/cache"
"$binary" bench serve "$address/dzi/real.dzi" --seconds 1 --fill --json >/dev/null
stop
start hot
hot=$address hot_pid=$server
"$binary" bench serve "$hot/dzi/real.dzi" --seconds 1 --fill --json >/dev/null
# Memory for one tile: everything comes from the cache on disk.
start warm --cache-dir "$scratch/cache" --cache-entries 1
warm=$address warm_pid=$server
for ((round = 1; round <= rounds; round++)); do
    turn nginx "$round" "$nginx_url" "${nginx_workers[@]}"
    turn hot "$round" "$hot/dzi/real.dzi" "$hot_pid"
    turn warm "$round" "$warm/dzi/real.dzi" "$warm_pid"
done

step "result"
python3 - "$results" "$rounds" <<'PYTHON'
import json, os, statistics, sys

folder, rounds = sys.argv[1], int(sys.argv[2])
tick = os.sysconf("SC_CLK_TCK")


def load(name):
    all_of = []
    for n in range(1, rounds + 1):
        one = json.load(open(f"{folder}/{name}.{n}.json"))
        one["cpu_us"] = int(open(f"{folder}/{name}.{n}.ticks").read()) / tick / one["requests"] * 1e6
        all_of.append(one)
    return all_of


nginx, hot, warm = load("nginx"), load("hot"), load("warm")
cold = json.load(open(f"{folder}/cold.json"))


def row(name, turns):
    of = lambda key: statistics.median(turn[key] for turn in turns)
    print(f"{name:8} {of('requests_per_second'):10.0f}/s  P50 {of('p50_us'):6.0f} us  P99 {of('p99_us'):6.0f} us"
          f"  server's processor time {of('cpu_us'):5.1f} us a tile")


def ratio(a, b, key):
    return statistics.median(x[key] / y[key] for x, y in zip(a, b))


row("nginx", nginx), row("hot", hot), row("warm", warm)
lines = {
    "hot_to_nginx_rate": ratio(hot, nginx, "requests_per_second"),
    "hot_to_nginx_processor_time": ratio(hot, nginx, "cpu_us"),
    "warm_to_hot_p50": ratio(warm, hot, "p50_us"),
    "hot_to_warm_rate": ratio(hot, warm, "requests_per_second"),
    "cold_to_bare_calls_p50": cold["ratio"],
}
print()
print(f"hot, rate against nginx (at least 0.6 asked)              {lines['hot_to_nginx_rate']:.2f}")
print(f"hot, processor time a tile against nginx                  {lines['hot_to_nginx_processor_time']:.2f}")
print(f"warm, P50 against hot (at most 2 asked)                   {lines['warm_to_hot_p50']:.2f}")
print(f"warm, time a tile against hot, by rate                    {lines['hot_to_warm_rate']:.2f}")
print(f"cold, first tile against the bare JPEG calls, P50 (2.5)   {lines['cold_to_bare_calls_p50']:.2f}")
json.dump(lines, open(f"{folder}/ratios.json", "w"), indent=2)
PYTHON
