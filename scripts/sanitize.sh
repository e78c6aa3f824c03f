#!/usr/bin/env bash
# The tests under AddressSanitizer: scripts/sanitize.sh [ARGUMENT of cargo nextest run...]
#
# Instruments the crates of this repository and every C and C++ library that is compiled with them: libjpeg-turbo, libwebp, CharLS,
# SQLite and others. The Rust code of other crates is not instrumented, but what it does on the heap is seen. Without arguments it runs
# the unit tests and those of tests/library, which reach every codec, reader and unsafe block. Builds into target/asan: half an hour on
# two cores. Needs a C compiler with -fsanitize=address.
#
# A stable compiler brings the run-time library of the sanitizer, but takes the flag only with RUSTC_BOOTSTRAP, which is set for
# the crates of this repository alone.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

export ORIGAMI_REQUIRE_GPU=${ORIGAMI_REQUIRE_GPU:-1}
export CARGO_TARGET_DIR=$target_dir/asan
mkdir -p "$CARGO_TARGET_DIR"
wrapper=$CARGO_TARGET_DIR/rustc
cat >"$wrapper" <<'WRAPPER'
#!/bin/sh
RUSTC_BOOTSTRAP=1 exec "$@" -Zsanitizer=address -Cunsafe-allow-abi-mismatch=sanitizer
WRAPPER
chmod +x "$wrapper"
export RUSTC_WORKSPACE_WRAPPER=$wrapper CARGO_INCREMENTAL=0
export CFLAGS="-fsanitize=address -fno-omit-frame-pointer" CXXFLAGS="-fsanitize=address -fno-omit-frame-pointer"
# Memory that lives as long as the process is no fault here. An allocation that is too large returns null, as without the sanitizer.
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:abort_on_error=1

((${#})) || set -- --lib --test library
step "tests under AddressSanitizer"
cargo nextest run --locked --no-fail-fast "$@"
