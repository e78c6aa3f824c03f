#!/usr/bin/env bash
# The long tests of jobs: 200 slides with workers that are killed, a cluster whose node is taken away, and the simulation of 1,000 workers and 100,000 units. Tens of minutes.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ORIGAMI_FLEET_SLIDES=200 ORIGAMI_FLEET_KILL_EVERY=3 scripts/fleet.sh
step "a cluster of two nodes"
scripts/fleet-rehearsal.sh "$target_dir/debug/origami" "$(command -v nats-server || echo "$target_dir/fleet/venv/bin/nats-server")"
step "1,000 workers, 100,000 units"
cargo test --locked --features nats,rocksdb --lib a_thousand_workers -- --ignored --nocapture
