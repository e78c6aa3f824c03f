#!/usr/bin/env bash
# Fuzzes every parser of bytes from outside: scripts/fuzz.sh [--quick] [--record] [SECONDS for each target, default 20] [TARGET...]
#
# Every run begins with the inputs that once failed, fuzz/regressions/TARGET/NAME, and with the seeds: those of fuzz/seeds, and those that
# the program makes of the bundles of the tests (fuzz/src/seeds.rs). What libFuzzer finds beyond them goes to fuzz/corpus, and inputs that
# fail to fuzz/artifacts. Fix what they show, and keep the input in fuzz/regressions.
#
# --quick   for CI: 5 seconds a target unless SECONDS says otherwise, two targets at a time, with the dependencies that the tests have built,
#           so that only the library and the targets are compiled. Edges are counted in these alone, and what libFuzzer found in
#           earlier runs is left out. Without it dependencies are built too, with their edges, and optimised: 10 minutes on two cores.
# --record  append to fuzz/results.tsv, a line a target, what was done: day, commit, seconds of processor time, runs, edges. Of all lines of a
#           target, the sum of seconds is how long it was fuzzed. Targets with the smallest sum come first.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

quick='' record=''
while [[ ${1:-} == --* ]]; do
    case $1 in
    --quick) quick=1 ;;
    --record) record=$root/fuzz/results.tsv ;;
    *) die "unknown argument '$1'; usage: scripts/fuzz.sh [--quick] [--record] [SECONDS] [TARGET...]" ;;
    esac
    shift
done
if [[ ${1:-} =~ ^[0-9]+$ ]]; then
    seconds=$1
    shift
elif [[ -n $quick ]]; then
    seconds=5
else
    seconds=20
fi

# program_of OPTION...: builds the program and prints its path.
program_of() {
    nice cargo "$@" --message-format=json-render-diagnostics | sed -n 's/.*"executable":"\([^"]*\/fuzz[^"/]*\)".*/\1/p'
}

mapfile -t known < <(sed -n 's/^    ("\([a-z0-9_]*\)".*/\1/p' fuzz/src/main.rs)
targets=("$@")
if ((${#targets[@]} == 0)); then targets=("${known[@]}"); fi
if [[ -n $record ]]; then
    mapfile -t targets < <(for target in "${targets[@]}"; do
        awk -F'\t' -v target="$target" '$3 == target { sum += $4 } END { print sum + 0 "\t" target }' "$record"
    done | sort -sn | cut -f 2)
fi
for target in "${targets[@]}"; do
    [[ " ${known[*]} " == *" $target "* ]] || die "no target '$target'; known here: ${known[*]}"
done

if [[ -n $quick ]]; then
    # As the tests are built: one profile, one set of features, those that only tests ask for included. Another compiler of the members of
    # the workspace gives their files other names, and leaves all dependencies as they are.
    RUSTC_WORKSPACE_WRAPPER=$root/fuzz/rustc.sh
    export RUSTC_WORKSPACE_WRAPPER
    features=$(test_features)
    program=$(program_of test --no-run --locked -p origami -p origami-fuzz --bin fuzz --features "origami/default,origami/${features//,/,origami/}")
else
    RUSTFLAGS="${RUSTFLAGS:-} $(fuzz/rustc.sh --flags)"
    export RUSTFLAGS
    # A target of its own for build scripts and macros, which are not fuzzed.
    program=$(program_of build --locked --release --config fuzz/release.toml --target "$(host_triple)" -p origami-fuzz)
fi
[[ -x $program ]] || die "cargo names no program"
cd fuzz

made=$(mktemp -d)
trap 'rm -rf "${made:?}"' EXIT
FUZZ_SEEDS=$made "$program" >"$made/log" 2>&1 || die "no seeds: $(cat "$made/log")"

commit=$(git rev-parse --short=12 HEAD)
if [[ -n $(git status --porcelain -- .. ':!results.tsv') ]]; then commit+=+; fi

# is_late LOG TARGET: whether all that is wrong is an input that took 25 seconds by the clock and not by the processor: the machine is busy.
is_late() {
    local input
    input=$(sed -n "s#.*Test unit written to \(artifacts/$2/timeout-.*\)#\1#p" "$1" | tail -n 1)
    [[ -n $input ]] && (ulimit -t 25 && FUZZ_TARGET=$2 nice "$program" -timeout=0 "$input" >/dev/null 2>&1)
}

# fuzz TARGET: one process, in memory that no input may exceed, and no input may take longer than 25 seconds.
fuzz() {
    local target=$1 corpus=corpus/$1 log=artifacts/$1.log options=() runs edges took TIMEFORMAT='%U %S'
    # One sequence of mutations, so that a run of CI can be repeated.
    if [[ -n $quick ]]; then corpus=$made/corpus/$1 options=(-seed=1); fi
    if [[ -f dictionaries/$target ]]; then options+=(-dict="dictionaries/$target"); fi
    mkdir -p "$corpus" "artifacts/$target" "$made/$target" "seeds/$target" "regressions/$target"
    if { time FUZZ_TARGET=$target nice "$program" "$corpus" "regressions/$target" "seeds/$target" "$made/$target" "${options[@]}" \
        -max_total_time="$seconds" -timeout=25 -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 \
        -artifact_prefix="artifacts/$target/" >"$log" 2>&1; } 2>"$made/$target.time" || is_late "$log" "$target"; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        edges=$(grep -o 'cov: [0-9]*' "$log" | tail -n 1)
        took=$(awk '{ printf "%.0f", $1 + $2 }' "$made/$target.time")
        echo "$target: $runs runs, ${edges:-cov: 0}, $took s of processor time, nothing found"
        if [[ -n $record ]]; then
            printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$(date -u +%F)" "$commit" "$target" "$took" "$runs" "${edges#cov: }" >>"$record"
        fi
    else
        echo "$target: FOUND, see fuzz/$log" >&2
        tail -n 25 "$log" >&2
        return 1
    fi
}

for target in "${targets[@]}"; do
    if [[ -n $quick ]]; then
        while (($(jobs -pr | wc -l) >= 2)); do wait -n || true; done
        { fuzz "$target" || touch "$made/failed"; } &
    else
        fuzz "$target" || touch "$made/failed"
    fi
done
wait
[[ ! -e $made/failed ]] || die "inputs that fail: scripts/fuzz.sh says above which"
