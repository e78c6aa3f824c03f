#!/usr/bin/env bash
# Peak memory and time of `pyramid` and `encode` on a large slide, as /usr/bin/time -v reports them: resident memory must
# stay under 512 MiB and processor time must grow as the number of families does.
#
#   benches/memory.sh [WIDTHxHEIGHT]    default 40000x30000; half of it each way is run first, for the growth
#
# Works in $ORIGAMI_BENCH_DIR (default: a new folder under ${TMPDIR:-/tmp}); needs about 3 GB there. Figures to quote
# are the ratios and the memory; times are of a shared machine.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"

size=${1:-40000x30000}
limit_kib=$((512 * 1024))
[[ -x /usr/bin/time ]] || die "this needs /usr/bin/time (package 'time')"
cargo build --release --locked
origami=$target_dir/release/origami
work=${ORIGAMI_BENCH_DIR:-$(mktemp -d "${TMPDIR:-/tmp}/origami-memory.XXXXXX")}
mkdir -p "$work"
over=0

# measure NAME COMMAND...: runs it and prints peak resident memory and time; leaves the processor's seconds in `seconds`.
measure() {
    local name=$1 log=$work/time.txt kib wall
    shift
    /usr/bin/time -v -o "$log" "$@" --quiet
    kib=$(sed -n 's/.*Maximum resident set size (kbytes): //p' "$log")
    wall=$(sed -n 's/.*Elapsed (wall clock) time.*): //p' "$log")
    seconds=$(awk -F': ' '/(User|System) time/ { s += $2 } END { print s }' "$log")
    printf '%-40s %6.0f MiB %9.1f s of processor, %s elapsed\n' "$name" "$(awk -v k="$kib" 'BEGIN { print k / 1024 }')" "$seconds" "$wall"
    ((kib <= limit_kib)) || { warn "$name: over 512 MiB"; over=1; }
}

# run SIZE: makes a slide and takes it through both commands, from a sequential source and from a tree.
run() {
    local name=$work/$1
    mkdir -p "$name"
    [[ -f $name/slide.png ]] || "$origami" bench slide --size "$1" --out "$name/slide.png"
    measure "$1 pyramid from PNG" "$origami" pyramid "$name/slide.png" --out "$name/tree" --overwrite
    pyramid_s=$seconds
    measure "$1 encode --pyramid" "$origami" encode --pyramid "$name/tree" --out "$name/tree"
    encode_s=$seconds
    measure "$1 encode --slide from PNG" "$origami" encode --slide "$name/slide.png" --out "$name/direct"
    measure "$1 decode" "$origami" decode --bundle "$name/tree/residual_packs/residuals.bundle" --out "$name/tree" --overwrite
    measure "$1 verify --deep" "$origami" verify --deep "$name/tree/residual_packs/residuals.bundle"
}

run "$((${size%x*} / 2))x$((${size#*x} / 2))"
half_pyramid=$pyramid_s half_encode=$encode_s
run "$size"
awk -v p="$pyramid_s" -v hp="$half_pyramid" -v e="$encode_s" -v he="$half_encode" 'BEGIN {
    printf "four times the families: pyramid %.2f times the time, encode %.2f times\n", p / hp, e / he
}'
echo "left in $work"
exit $over
