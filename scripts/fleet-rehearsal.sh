#!/usr/bin/env bash
# Plays runpod/fleet.sh on one machine: two nodes with two workers each, a node that is taken away in the middle and comes back, results
# that must be those of a serial run, and a secret that must appear nowhere.
#
#   scripts/fleet-rehearsal.sh BINARY [NATS_SERVER]     BINARY has the feature nats
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

binary=$(realpath "${1:?usage: scripts/fleet-rehearsal.sh BINARY [NATS_SERVER]}")
export ORIGAMI_BINARY=$binary NATS_SERVER=${2:-nats-server}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/origami-rehearsal.XXXXXX")
nodes=()
# Everything below the scratch folder was written by this run.
finish() {
    local pid
    for pid in "${nodes[@]}"; do
        kill "$pid" 2>/dev/null || continue
        wait "$pid" || true
    done
    rm -r -- "$scratch"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

mkdir "$scratch/slides"
for n in {1..12}; do
    "$binary" bench slide --size "$((1000 + 150 * n))x1200" --out "$scratch/slide.png" >/dev/null
    # Folders are searched for slides, and a PNG is none.
    python3 scripts/deploy_tiff.py "$scratch/slide.png" "$scratch/slides/$n.tif"
done

export NATS_TOKEN=planted5e3c8b1d70a94f26 NUM_NODES=2 PRIMARY_ADDR=127.0.0.1 FLEET_WORKERS=2 FLEET_GRACE_S=6
export FLEET_STORE=$scratch/queue
FLEET_PORT=$(free_port)
export FLEET_PORT
# start RANK: a node; its log is $scratch/nodeRANK.log, its process the last of `nodes`.
start() {
    NODE_RANK=$1 runpod/fleet.sh --slides "$scratch/slides" --out "$scratch/out" >>"$scratch/node$1.log" 2>&1 &
    nodes+=("$!")
}
start 0
start 1
# manifests: how many slides are done.
manifests() { find "$scratch/out/units" -name manifest.json 2>/dev/null | wc -l; }
for _ in {1..1200}; do
    [[ $(manifests) -lt 2 ]] || break
    kill -0 "${nodes[0]}" 2>/dev/null || die "the primary has ended: $(tail -n 5 "$scratch/node0.log")"
    sleep 0.1
done
# shellcheck disable=SC2009
listed=$(ps -A -ww -o args=)
[[ $listed != *"$NATS_TOKEN"* ]] || die "ps shows the secret"
kill "${nodes[1]}"
! wait "${nodes[1]}" || die "a node that was told to end says that all is done"
unset 'nodes[1]'
echo "a node was taken away with $(manifests) of 12 slides done"
start 1
for pid in "${nodes[@]}"; do wait "$pid" || die "a node failed: $(tail -n 5 "$scratch"/node*.log)"; done
nodes=()

[[ $(manifests) == 12 ]] || die "$(manifests) manifests for 12 slides: $(tail -n 5 "$scratch"/node*.log)"
"$binary" encode "$scratch/slides" --out "$scratch/serial" --quiet
find "$scratch/serial" -name '*.bundle' -exec sha256sum {} + | cut -d ' ' -f 1 | sort >"$scratch/want"
find "$scratch/out" -name manifest.json | while read -r manifest; do
    python3 -c 'import json, pathlib, sys; m = pathlib.Path(sys.argv[1]); r = json.loads(m.read_text()); print(sys.argv[2] + "/" + r["path"] + "/" + r["main"])' \
        "$manifest" "$scratch/out"
done | xargs -d '\n' sha256sum | cut -d ' ' -f 1 | sort >"$scratch/got"
cmp "$scratch/want" "$scratch/got" || die "the fleet's bundles are not those of a serial run"
! grep -rqF "$NATS_TOKEN" "$scratch/out" "$scratch"/*.log "$scratch/queue/nats.conf" "$scratch/queue/nats.log" ||
    die "the secret is in a log, a manifest or the configuration"
echo "fleet-rehearsal: passed: 12 slides, 12 manifests, the bytes of a serial run"
