#!/usr/bin/env bash
# The tests under a sanitizer:
#
#   scripts/sanitize.sh [address|thread] [ARGUMENT of cargo nextest run...]
#
#   address   accesses beyond what is allocated, and to what was freed (default). Instruments the crates of this repository and every C
#             and C++ library that is compiled with them: libjpeg-turbo, libwebp, CharLS, SQLite and others. The Rust code of other
#             crates is not instrumented, but what it does on the heap is seen. Without arguments it runs the unit tests and those of
#             tests/library, which reach every codec, reader and unsafe block. Builds into target/asan
#   thread    data races. Instruments all Rust code, the standard library included, and that C code. Without arguments it runs
#             the unit tests of what shares data between threads. Those of tests/server run under it as well (--test server NAME...), but for
#             those that measure memory or end a server by a signal, which comes late there. Builds into target/tsan. Needs a nightly compiler
#             with the sources of the standard library (rustup component add rust-src --toolchain nightly), and says SKIPPED without one
#
# Half an hour each on two cores. Needs a C compiler with -fsanitize.
#
# A stable compiler brings the run-time library of AddressSanitizer, but takes the flag only with RUSTC_BOOTSTRAP, which is set for
# the crates of this repository alone.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

sanitizer=address
case ${1:-} in address | thread) sanitizer=$1; shift ;; esac
export ORIGAMI_REQUIRE_GPU=${ORIGAMI_REQUIRE_GPU:-1} CARGO_INCREMENTAL=0
export CFLAGS="-fsanitize=$sanitizer -fno-omit-frame-pointer" CXXFLAGS="-fsanitize=$sanitizer -fno-omit-frame-pointer"

if [[ $sanitizer == address ]]; then
    export CARGO_TARGET_DIR=$target_dir/asan
    mkdir -p "$CARGO_TARGET_DIR"
    wrapper=$CARGO_TARGET_DIR/rustc
    cat >"$wrapper" <<'WRAPPER'
#!/bin/sh
RUSTC_BOOTSTRAP=1 exec "$@" -Zsanitizer=address -Cunsafe-allow-abi-mismatch=sanitizer
WRAPPER
    chmod +x "$wrapper"
    export RUSTC_WORKSPACE_WRAPPER=$wrapper
    # Memory that lives as long as the process is no fault here. An allocation that is too large returns null, as without the sanitizer. Two
    # functions of SQLite have a static table of one name each, which GCC registers under that name.
    export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:abort_on_error=1:detect_odr_violation=0
    ((${#})) || set -- --lib --test library
    step "tests under AddressSanitizer"
    cargo nextest run --locked --no-fail-fast "$@"
    exit
fi

if [[ ! -d $(rustc +nightly --print sysroot 2>/dev/null || true)/lib/rustlib/src ]]; then
    skipped "ThreadSanitizer: this needs rustup component add rust-src --toolchain nightly"
    exit 0
fi
export CARGO_TARGET_DIR=$target_dir/tsan
# Build scripts and macros are not instrumented: only what is for --target is.
export RUSTFLAGS="${RUSTFLAGS:-} -Zsanitizer=thread"
work=$(mktemp -d)
trap 'rm -rf "${work:?}"' EXIT
# Tokio hands the address of what it has registered to the kernel, and takes it back from there: that one follows the other is nothing that the
# sanitizer sees. Mimalloc counts without a lock.
printf 'race:%s\n' tokio::runtime::io:: mi_stat _mi_stats_merge >"$work/suppressions"
export TSAN_OPTIONS="halt_on_error=1:log_path=$work/report:suppressions=$work/suppressions"
((${#})) || set -- --lib backend:: serve:: web:: archive:: encode:: decode:: slide::cache
step "tests under ThreadSanitizer"
status=0
cargo +nightly nextest run --locked --no-default-features --features cli,jobs,lepton,serve,webp -Zbuild-std --target "$(host_triple)" --no-fail-fast "$@" || status=$?
# Also of the servers that tests start.
for report in "$work"/report.*; do
    [[ ! -e $report ]] || { head -n 60 "$report" && status=1; }
done
exit "$status"
