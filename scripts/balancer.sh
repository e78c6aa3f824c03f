#!/usr/bin/env bash
# Three servers behind nginx as docs/nginx.conf sets it up: how often a family is reconstructed, by which way requests are
# balanced, and whether a server that is added or stopped under load costs a request. Fails where a family is reconstructed more
# often than once with the documented configuration, where a request is lost, or where a change of marks does not reach the server that writes
# them. Speeds are reported and decide nothing.
#
#   scripts/balancer.sh BINARY [SLIDES]
#
#   SLIDES   a slides root with one slide of at most 100 families, so that every server can hold all tiles (default: one made here)
#
# Needs nginx and python3.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

binary=$(realpath "${1:?usage: scripts/balancer.sh BINARY [SLIDES]}") slides=${2:-}
have nginx || { skipped "several servers: this needs nginx (apt install nginx-light)"; exit 0; }
have python3 || die "this needs python3, to read the program's JSON"

scratch=$(mktemp -d "${TMPDIR:-/tmp}/origami-balancer.XXXXXX")
# The workers of an nginx that root starts are another user.
chmod 755 "$scratch"
declare -A servers=()
balancer=
# Everything below the scratch folder was written by this run.
finish() {
    local pid
    for pid in "${servers[@]}" $balancer; do
        kill "$pid" 2>/dev/null || continue
        wait "$pid" 2>/dev/null || true
    done
    rm -r -- "$scratch"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

if [[ -z $slides ]]; then
    slides=$scratch/slides
    mkdir "$slides"
    "$binary" bench slide --size 10240x8192 --out "$scratch/large.png"
    "$binary" encode --quiet --slide "$scratch/large.png" --out "$scratch/large" --backend cpu
    mv "$scratch/large/residual_packs/residuals.bundle" "$slides/large.bundle"
    rm "$scratch/large.png"
fi

# start NUMBER [PORT]: a server; its port in ports[NUMBER], its process in servers[NUMBER].
declare -A ports=()
start() {
    local log=$scratch/$1.log
    : >"$log"
    RUST_LOG=warn "$binary" serve --slides-root "$slides" --port "${2:-0}" --backend cpu --trust-forwarded --no-prefetch \
        --queue-timeout-ms 60000 --annotations "$scratch/marks" --annotations-open >"$log" 2>&1 &
    servers[$1]=$!
    served_at "$log" "${servers[$1]}"
    ports[$1]=${address##*:}
}

# stop NUMBER: ends a server in order.
stop() {
    kill "${servers[$1]}"
    wait "${servers[$1]}" || die "server $1 ended with an error: $(cat "$scratch/$1.log")"
    unset "servers[$1]" "ports[$1]"
}

# metric NUMBER NAME [LABEL]: a counter of a server, 0 where it does not count that yet; of all series, or of those with the label.
metric() {
    python3 - "http://127.0.0.1:${ports[$1]}/metrics" "$2" "${3:-}" <<'PYTHON'
import sys, urllib.request

text = urllib.request.urlopen(sys.argv[1]).read().decode()
print(sum(int(float(line.split()[-1])) for line in text.splitlines() if line.startswith(f"origami_{sys.argv[2]}_total") and sys.argv[3] in line))
PYTHON
}

# total NAME [LABEL]: a counter of all servers together.
total() {
    local number sum=0
    for number in "${!servers[@]}"; do
        sum=$((sum + $(metric "$number" "$@")))
    done
    echo "$sum"
}

# configure WAY: docs/nginx.conf with the servers that run, the first of which writes marks. WAY is "family" as documented, "address" or "turns" for comparison.
configure() {
    local number running=()
    for number in $(printf '%s\n' "${!ports[@]}" | sort -n); do running+=("${ports[$number]}"); done
    python3 - "$1" "$port" "${running[@]}" >"$scratch/nginx.conf" <<'PYTHON'
import re, sys

way, port, *servers = sys.argv[1:]
text = open("docs/nginx.conf").read()
text, lists = re.subn(
    r"(        server )127\.0\.0\.1:8081( .*;\n)        server .*;\n        server .*;\n",
    lambda found: "".join(f"{found[1]}127.0.0.1:{server}{found[2]}" for server in servers),
    text,
)
text, listens = re.subn("listen 127.0.0.1:8080;", f"listen 127.0.0.1:{port};", text)
text, backups = re.subn("        server 127.0.0.1:808[23] backup;\n", "", text)
text, first = re.subn("server 127.0.0.1:8081;", f"server 127.0.0.1:{servers[0]};", text)
text, pids = re.subn("pid /run/nginx.pid;", "pid nginx.pid;", text)
assert (lists, listens, backups, first, pids) == (2, 1, 2, 2, 1), "docs/nginx.conf has changed: change this script with it"
if way != "family":
    text = text.replace("auth_request /of_tile;", "")
    text = text.replace("hash $origami_key consistent;", "hash $uri consistent;" if way == "address" else "")
print(text)
PYTHON
}

port=$(free_port)
run_nginx() {
    mkdir -p "$scratch/nginx/logs"
    nginx -p "$scratch/nginx" -c "$scratch/nginx.conf" -g "daemon off;" 2>"$scratch/nginx.log" &
    balancer=$!
    for _ in {1..100}; do
        ! python3 -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:$port/healthz')" 2>/dev/null || return 0
        kill -0 "$balancer" 2>/dev/null || die "nginx has ended: $(tail -n 5 "$scratch/nginx.log")"
        sleep 0.1
    done
    die "nginx does not answer: $(tail -n 5 "$scratch/nginx.log")"
}
end_nginx() {
    kill "$balancer"
    wait "$balancer" || true
    balancer=
}

# load SECONDS NAME FLAG...: random tiles through the balancer; what was seen goes to $scratch/NAME.json.
load() {
    local seconds=$1 name=$2
    shift 2
    "$binary" bench serve "http://127.0.0.1:$port/dzi/$slide.dzi" --connections 32 --seconds "$seconds" --json "$@" \
        >"$scratch/$name.json" || die "$(tail -n 20 "$scratch/$name.json"; tail -n 5 "$scratch/nginx.log")"
}
# seen NAME FIELD
seen() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$scratch/$1.json" "$2"; }

slide=$(basename "$(find "$slides" -name '*.bundle' | head -n 1)" .bundle)
families=$("$binary" inspect --json "$slides/$slide.bundle" |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["families"])')
printf '%-28s %10s %14s %12s %10s %10s\n' "requests go by" families reconstructed "per family" "hits" "tiles/s"
for way in turns address family; do
    for number in 1 2 3; do start "$number"; done
    configure "$way"
    run_nginx
    load 12 "$way" --fill
    made=$(total families_reconstructed)
    printf '%-28s %10s %14s %12s %10s %10s\n' "$way" "$families" "$made" \
        "$(python3 -c "print(f'{$made / $families:.2f}')")" \
        "$(python3 -c "print(f'{$(total tiles 'outcome="hot"') / $(total tiles):.3%}')")" "$(printf %.0f "$(seen "$way" requests_per_second)")"
    [[ $(seen "$way" errors) == 0 && $(seen "$way" refused) == 0 ]] || die "requests failed: $(cat "$scratch/$way.json")"
    [[ $way == family ]] || { end_nginx; for number in 1 2 3; do stop "$number"; done; }
done
[[ $made == "$families" ]] || die "$made reconstructions of $families families"

# marked WHAT: a mark that is put through the balancer under the name of WHAT is read through it as it was put, and is what every server shows.
# No other server than the first changes marks.
marked() {
    python3 - "$1" "$slide" "$port" "${ports[1]}" "${ports[@]}" <<'PYTHON'
import json, sys, urllib.error, urllib.parse, urllib.request

what, slide, balancer, writer, *servers = sys.argv[1:]

def ask(port, change=None):
    address = f"http://127.0.0.1:{port}/api/slides/{urllib.parse.quote(slide, safe='')}/annotations"
    body = change and json.dumps(change).encode()
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"}, method="PATCH" if change else "GET")
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()

feature = {"type": "Feature", "id": what, "geometry": {"type": "Point", "coordinates": [100, 200.5]}, "properties": {"name": what}}
change = {"changes": [{"id": what, "revision": 0, "feature": feature}]}
status, said = ask(balancer, change)
if status != 200 or said["conflicts"] or what not in said["marks"]:
    sys.exit(f"error: a change of marks through the balancer: {status}, {said}")
for port in (balancer, *servers):
    status, said = ask(port)
    if status != 200 or feature not in said["features"]:
        sys.exit(f"error: marks of the server at {port}: {status}, {said}")
for port in servers:
    status, said = ask(port, {"changes": []})
    if status != (200 if port == writer else 503):
        sys.exit(f"error: a change of marks at {port}, where {writer} writes: {status}, {said}")
print(f"marks, {what}: changed and read through the balancer, by one writer of {len(servers)} servers")
PYTHON
}
marked before

step "a server is added and one is stopped, under load"
load 15 changes &
loading=$!
sleep 3
start 4
configure family
kill -HUP "$balancer"
sleep 3
# Stopped without telling the balancer, as a machine that is taken away would be: SIGTERM finishes what was begun.
stop 2
sleep 3
configure family
kill -HUP "$balancer"
wait "$loading"
[[ $(seen changes errors) == 0 && $(seen changes refused) == 0 ]] || die "requests failed: $(cat "$scratch/changes.json")"
echo "requests: $(seen changes requests), lost: 0"
marked after
end_nginx
echo "balancer: passed"
