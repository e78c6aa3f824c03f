#!/usr/bin/env bash
# Lints the program and the library with each feature by itself, RocksDB included. It takes 15 minutes on two cores, and 20 more where
# RocksDB was never compiled, so CI does not run it: `scripts/check.sh` lints with all features and with none.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lint() { cargo clippy --locked "$@" -- -D warnings; }

# An assignment, so that a failure to list them is a failure.
features=$(feature_names)
lint --all-targets --all-features
# What only other systems have, there is nothing of here but its dependencies: together.
for feature in $(grep -vx -e dx12 -e metal <<<"$features") dx12,metal; do
    echo "-- $feature"
    lint --lib --bins --no-default-features --features "$feature"
done
echo "features: each can be built by itself"
