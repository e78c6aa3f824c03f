#!/usr/bin/env bash
# The tests of kernels and coefficients on aarch64: built by a cross compiler, run under user-mode emulation, so that the NEON code is held
# to the scalar reference on machines that have no NEON. Timings mean nothing here.
#
# Where the toolchain is missing it says SKIPPED; ORIGAMI_REQUIRE_NEON=1 turns that into a failure.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

triple=aarch64-unknown-linux-gnu

cannot() {
    [[ ${ORIGAMI_REQUIRE_NEON:-0} != 1 ]] || die "NEON kernels not tested: $*"
    skipped "NEON kernels: $*"
    exit 0
}

[[ $(host_triple) != aarch64-* ]] || cannot "this machine has NEON, the ordinary tests have run it"
have aarch64-linux-gnu-gcc || cannot "no aarch64-linux-gnu-gcc (scripts/setup.sh installs it)"
emulator=$(qemu_aarch64) || cannot "no qemu-aarch64 (scripts/setup.sh installs it)"
has_rust_target "$triple" || cannot "no standard library for $triple (rustup target add $triple)"

step "NEON kernels under $emulator"
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="$emulator -L /usr/aarch64-linux-gnu"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
cargo test --locked --target "$triple" --no-default-features --lib -- kernels codec::coefficients 2>&1 | tee "$log"
# A filter that matches no test passes too.
grep -Eq '^test result: ok\. [1-9][0-9]* passed' "$log" || die "no kernel test ran on $triple"
