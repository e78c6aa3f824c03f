#!/usr/bin/env bash
# The long tests of jobs: 200 slides with workers that are killed, a cluster whose node is taken away, figures of one run, the simulation of
# 1,000 workers and 100,000 units, and the status of a queue of 100,000 units. Tens of minutes.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ORIGAMI_FLEET_SLIDES=200 ORIGAMI_FLEET_KILL_EVERY=3 scripts/fleet.sh
step "a cluster of two nodes"
scripts/fleet-rehearsal.sh "$target_dir/debug/origami" "$(command -v nats-server || echo "$target_dir/fleet/venv/bin/nats-server")"
step "overhead of a unit, workers on few cores, memory"
python3 scripts/fleet.py --origami "$target_dir/debug/origami" --measure
step "1,000 workers, 100,000 units"
# An assignment, so that a failure to list them is a failure.
features=$(test_features)
cargo test --locked --features "$features" --lib a_thousand_workers -- --ignored --nocapture
step "the status of 100,000 units on a server"
store=$(mktemp -d)
port=$(free_port)
"$(command -v nats-server || echo "$target_dir/fleet/venv/bin/nats-server")" -js -a 127.0.0.1 -p "$port" -sd "$store" >"$target_dir/fleet/nats.log" 2>&1 &
server=$!
trap 'kill $server; wait $server || true; rm -r "$store"' EXIT
ORIGAMI_NATS=nats://127.0.0.1:$port cargo test --locked --features "$features" --lib a_look_at_a_hundred -- --ignored --nocapture
