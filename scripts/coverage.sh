#!/usr/bin/env bash
# Which lines of the program its tests run: scripts/coverage.sh [ARGUMENT of cargo nextest run...]
#
# Builds the tests once more with counters in the crates of this repository, not in their dependencies, which are used as they are;
# runs them, and prints for each folder of src/ how many lines there are and how many were run. Lines of tests do not count. Fails
# where the parsers of files and requests, the archive or the servers are below 90%. Some 25 minutes on two cores with the
# dependencies compiled. Needs the component llvm-tools of rustup. Lists of the lines that no test ran: target/coverage/missed.txt
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

export ORIGAMI_REQUIRE_GPU=${ORIGAMI_REQUIRE_GPU:-1}
tools=$(rustc --print sysroot)/lib/rustlib/$(host_triple)/bin
[[ -x $tools/llvm-profdata ]] || rustup component add llvm-tools || die "llvm-tools is missing: rustup component add llvm-tools"

place=$target_dir/coverage
rm -rf "$place"
mkdir -p "$place/counts"
# Cargo calls it in place of rustc for the crates of the workspace alone.
cat >"$place/rustc" <<'WRAPPER'
#!/bin/sh
exec "$@" -Cinstrument-coverage -Cllvm-args=-runtime-counter-relocation
WRAPPER
chmod +x "$place/rustc"
export RUSTC_WORKSPACE_WRAPPER=$place/rustc CARGO_INCREMENTAL=0
# Counts are in files that processes of the same program share, and stay there when a process is killed, as servers of tests are.
export LLVM_PROFILE_FILE=$place/counts/%c%4m.profraw

features=$(test_features)
step "build with counters"
cargo nextest list --locked --features "$features" --list-type binaries-only --message-format json >"$place/tests.json"
# What build scripts counted is of no use.
rm -f "$place"/counts/*

step "tests"
cargo metadata --locked --format-version 1 >"$place/metadata.json"
cargo nextest run --binaries-metadata "$place/tests.json" --cargo-metadata "$place/metadata.json" --no-fail-fast "$@" || warn "not all tests passed: their lines count all the same"

step "lines run"
"$tools/llvm-profdata" merge --sparse --failure-mode=all -o "$place/counts.profdata" "$place"/counts/*.profraw
mapfile -t programs < <(python3 scripts/coverage.py programs "$place/tests.json" "$target_dir/debug/origami")
"$tools/llvm-cov" export --format=lcov --instr-profile="$place/counts.profdata" "${programs[0]}" \
    "${programs[@]/#/--object=}" --sources "$root/src" >"$place/lines.lcov"
python3 scripts/coverage.py table "$place/lines.lcov" "$place/missed.txt"
