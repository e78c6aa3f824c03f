#!/usr/bin/env bash
# Fuzzes every parser of bytes from outside: scripts/fuzz.sh [SECONDS for each target, default 20] [TARGET...]
#
# Seeds are in fuzz/seeds, one folder for each target; what libFuzzer finds beyond them goes to fuzz/corpus, and inputs that fail to
# fuzz/artifacts. Fix what they show, and keep the input in fuzz/regressions/TARGET/NAME: every run begins with these.
set -euo pipefail
cd "$(dirname "$0")/../fuzz"

seconds=${1:-20}
shift || true
# What cargo-fuzz passes on a nightly compiler, without the sanitizers.
flags="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
flags+=" -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"
flags+=" -Cllvm-args=-sanitizer-coverage-trace-compares"
export RUSTFLAGS="${RUSTFLAGS:-} $flags"
# A target of its own for build scripts and macros, which are not fuzzed.
host=$(rustc -vV | sed -n 's/^host: //p')
nice cargo build --locked --release --target "$host"
program="${CARGO_TARGET_DIR:-target}/$host/release/fuzz"

targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    mapfile -t targets < <(sed -n 's/^    ("\([a-z0-9_]*\)".*/\1/p' src/main.rs)
fi
failed=0
for target in "${targets[@]}"; do
    more=()
    if [ "$target" = archive ]; then more=(../tests/golden); fi
    mkdir -p "seeds/$target" "corpus/$target" "artifacts/$target" "regressions/$target"
    log="artifacts/$target.log"
    # One process a target, in memory that no input may exceed, and no input may take longer than 25 seconds.
    if FUZZ_TARGET=$target nice "$program" "corpus/$target" "seeds/$target" "regressions/$target" "${more[@]}" \
        -max_total_time="$seconds" -timeout=25 -rss_limit_mb=2048 -malloc_limit_mb=1024 -max_len=65536 -print_final_stats=1 \
        -artifact_prefix="artifacts/$target/" > "$log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        coverage=$(grep -o 'cov: [0-9]*' "$log" | tail -1)
        echo "$target: $runs runs, ${coverage:-cov: 0}, nothing found"
    else
        echo "$target: FOUND, see fuzz/$log" >&2
        tail -n 25 "$log" >&2
        failed=1
    fi
done
exit $failed
