#!/usr/bin/env bash
# The unsafe Rust of the program that calls no C under Miri, which finds accesses beyond what is allowed and data races:
#
#   scripts/miri.sh [FILTER...]      names of unit tests; without any, those below
#
# Miri runs a test some hundred times as slow, so only small ones are among them. It cannot call C: what does is for
# scripts/sanitize.sh. Needs a nightly compiler with Miri (rustup component add miri rust-src --toolchain nightly), and says SKIPPED
# without one. Builds into target/miri.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

if ! runs cargo +nightly miri --version; then
    skipped "Miri: this needs rustup component add miri rust-src --toolchain nightly"
    exit 0
fi
export CARGO_TARGET_DIR=$target_dir/miri
# Vectors of 256 bits, whatever the processor has: Miri computes them itself.
export RUSTFLAGS="${RUSTFLAGS:-} -Ctarget-feature=+avx2"
# Tests ask for the time. Threads are rayon's: its queues (crossbeam-epoch) break the rules of Stacked Borrows, which are stricter than
# those of Tree Borrows, and its pool is never freed.
export MIRIFLAGS="${MIRIFLAGS:-} -Zmiri-disable-isolation -Zmiri-tree-borrows -Zmiri-ignore-leaks"

((${#})) || set -- backend::executor backend::scheduler kernels::residual kernels::sharpen kernels::proof kernels::resample::small \
    codec::coefficients::tests::small
step "tests under Miri: $*"
cargo +nightly miri nextest run --locked --no-default-features --lib --no-fail-fast "$@"
