#!/usr/bin/env bash
# What this machine's GPU does with ORIGAMI, in one folder: that every backend writes the same bytes, and how fast it is.
#
#   scripts/gpu-report.sh [--adapter NAME|INDEX] [--binary PATH] [--out DIR]
#
#   --adapter  the adapter, as `origami doctor` lists it (default: the best that is hardware; software must be named,
#              as --adapter llvmpipe does for a dry run)
#   --binary   a program that is built already; nothing is built but the parity tests, and not those without cargo
#   --out      where the result folder goes (default evals/results)
#
# Runs doctor, the parity tests, encode and decode of a real and a large synthetic slide with cpu, gpu and hybrid, with
# and without --optl2, and the benches; writes DIR/<date>-<adapter>/ with report.md and the JSON of doctor and benches.
# An older result is never overwritten. Exit code 1 where something failed or bytes differ; the report then says what.
#
# ORIGAMI_REPORT_SLIDE   the real slide (default: the demo slide, fetched by scripts/setup.sh)
# ORIGAMI_REPORT_SIZE    the synthetic slide, WIDTHxHEIGHT (default 24576x18432, which takes about 3 GB of scratch)
# ORIGAMI_REPORT_SIDE    side of what `bench encode` and `bench decode` work on (default 12288)
# ORIGAMI_REPORT_ROUNDS  their rounds (default 5)
# ORIGAMI_REPORT_TESTS   0: leave out the parity tests
# TMPDIR                 where the scratch folder is made (default /tmp); it is removed at the end
set -euo pipefail
caller=$PWD
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

wanted='' binary='' out=$root/evals/results
# from_caller PATH: absolute; what was typed is relative to where it was typed.
from_caller() { case $1 in /*) printf '%s\n' "$1" ;; *) printf '%s\n' "$caller/$1" ;; esac; }
while [[ $# != 0 ]]; do
    case $1 in
    --adapter | --binary | --out) [[ $# -ge 2 && -n $2 ]] || die "$1 needs a value" ;;
    *) die "unknown argument '$1'; usage: scripts/gpu-report.sh [--adapter NAME|INDEX] [--binary PATH] [--out DIR]" ;;
    esac
    case $1 in
    --adapter) wanted=$2 ;;
    --binary) binary=$(from_caller "$2") ;;
    --out) out=$(from_caller "$2") ;;
    esac
    shift 2
done
size=${ORIGAMI_REPORT_SIZE:-24576x18432}
side=${ORIGAMI_REPORT_SIDE:-12288}
rounds=${ORIGAMI_REPORT_ROUNDS:-5}
[[ $size =~ ^[0-9]+x[0-9]+$ ]] || die "ORIGAMI_REPORT_SIZE is $size; give width and height, as 24576x18432"
have python3 || die "this needs python3, to read the program's JSON"

scratch=$(mktemp -d "${TMPDIR:-/tmp}/origami-report.XXXXXX")
# Everything below it was written by this run; mktemp made the folder, so that it was empty and nobody else's.
trap 'rm -r -- "$scratch"' EXIT
# A signal must end in that trap too.
trap 'exit 130' INT
trap 'exit 143' TERM HUP
results=$scratch/results
mkdir "$results"

# --- What is said in the report ---------------------------------------------------------------------------------------

faults=()
gaps=()
# fault TEXT: something is wrong with what was tested. The run goes on, the report names it, the exit code is 1.
fault() {
    printf 'FAILED: %s\n' "$*" >&2
    faults+=("$*")
}
# gap TEXT: something could not be looked at.
gap() {
    skipped "$*"
    gaps+=("$*")
}

# plain: standard input without the paths of this machine.
plain() {
    local text
    # The x keeps line ends that $(...) would drop.
    text=$(cat && printf x)
    text=${text//"$scratch/"/}
    text=${text//"$root/"/}
    [[ ${#HOME} -le 1 ]] || text=${text//"$HOME/"/"~/"}
    printf '%s' "${text%x}"
}

# record COMMAND...: notes a command for the report as one would type it.
record() {
    local line
    line=$(printf '%q ' "$@")
    line=${line/#"$(printf '%q' "$origami")"/origami}
    printf '%s\n' "${line% }" | plain >>"$scratch/commands.txt"
}

# keep NAME COMMAND...: runs a command that prints JSON and keeps what it prints as NAME.json.
keep() {
    local name=$1 json=$scratch/$1.json
    shift
    record "$@"
    if ! "$@" >"$json" 2>"$scratch/$name.err"; then
        tail -n 20 "$scratch/$name.err" >&2
        return 1
    fi
    python3 -m json.tool "$json" >/dev/null 2>&1 || { warn "$name: what it printed is not JSON"; return 1; }
    plain <"$json" >"$results/$name.json"
}

# --- Program, adapter -------------------------------------------------------------------------------------------------

if [[ -n $binary ]]; then
    [[ -x $binary ]] || die "--binary $binary: there is no such program"
    origami=$binary
else
    scripts/setup.sh --minimal
    step "build"
    cargo build --release --locked
    origami=$target_dir/release/origami
fi

step "doctor"
keep doctor "$origami" doctor --json || doctor_failed=1
[[ -s $results/doctor.json ]] || plain <"$scratch/doctor.json" >"$results/doctor.json"

# adapter_facts: the chosen adapter as lines: index, name, kind, API, driver, self-test. The choice is the program's own
# rule: an index or a part of the name in any case; else discrete before integrated before virtual, and no software.
adapter_facts() {
    python3 - "$results/doctor.json" "$wanted" <<'PY'
import json, sys

try:
    adapters = json.load(open(sys.argv[1])).get("adapters") or []
except ValueError:
    sys.exit("error: origami doctor printed no JSON")
wanted = sys.argv[2].lower()
listed = "; ".join(f"{a['index']}: {a['name']} ({a['kind']})" for a in adapters) or "none at all"
if wanted:
    fitting = [a for a in adapters if str(a["index"]) == wanted] or [a for a in adapters if wanted in a["name"].lower()]
    if not fitting:
        sys.exit(f"error: no adapter is called {wanted}; here: {listed}")
else:
    rank = {"discrete": 0, "integrated": 1, "virtual": 2}
    fitting = sorted((a for a in adapters if a["kind"] != "software"), key=lambda a: rank.get(a["kind"], 3))
    if not fitting:
        sys.exit(f"error: no GPU here that could be reported on ({listed}). `origami doctor` says what is missing;\n"
                 "       --adapter llvmpipe makes a dry run on a software adapter where there is one")
chosen = fitting[0]

# {"ok": true or false, "problem": text or null, ...}, or null where it was not tested.
parity = chosen.get("parity") or {}
state = {True: "passed", False: f"failed: {parity.get('problem')}"}.get(parity.get("ok"), "unknown")
for fact in (chosen["index"], chosen["name"], chosen["kind"], chosen.get("api", ""), chosen.get("driver", "")):
    print(str(fact).replace("\n", " "))
print(state.replace("\n", " "))
PY
}
facts=$(adapter_facts) || exit 1
{ read -r index && read -r name && read -r kind && read -r api && read -r driver && read -r self_test; } <<<"$facts"
echo "adapter $index: $name ($kind, $api), $driver"
case $self_test in
passed) ;;
failed*) fault "doctor's parity self-test on $name ${self_test}" ;;
*) gap "doctor made no parity self-test on $name" ;;
esac
[[ ${doctor_failed:-0} == 0 ]] || fault "origami doctor ended with an error"

# --- Parity tests -----------------------------------------------------------------------------------------------------

run_tests() {
    local log=$scratch/tests.log command
    if [[ ${ORIGAMI_REPORT_TESTS:-1} == 0 ]]; then
        gap "parity tests: ORIGAMI_REPORT_TESTS=0"
    elif ! have cargo; then
        gap "parity tests: no cargo here; the bytes below and doctor's self-test stand in for them"
    else
        step "parity tests on $name"
        command="ORIGAMI_REQUIRE_GPU=1 ORIGAMI_GPU_ADAPTER=$(printf %q "$name")"
        command+=" cargo test --release --locked --test gpu -- --nocapture parity:: backends::"
        printf '%s\n' "$command" >>"$scratch/commands.txt"
        if ORIGAMI_REQUIRE_GPU=1 ORIGAMI_GPU_ADAPTER=$name \
            cargo test --release --locked --test gpu -- --nocapture parity:: backends:: >"$log" 2>&1; then
            grep -Eq '^test result: ok\. [1-9][0-9]* passed' "$log" || fault "parity tests: the filter matches none"
            ! grep -q '^SKIPPED' "$log" || fault "parity tests: some were skipped: $(grep -m1 '^SKIPPED' "$log")"
        else
            tail -n 40 "$log" >&2
            fault "the parity tests"
        fi
        { grep -E '^test result:' "$log" || true; } >"$scratch/tests.txt"
        cat "$scratch/tests.txt"
        return
    fi
    [[ $self_test == passed ]] || fault "no parity test has passed on $name: neither the tests nor doctor's own"
}
run_tests

# --- Bytes: every backend must write the same -------------------------------------------------------------------------

# sums FOLDER: a line for each file below it, in an order that is always the same.
sums() { (cd "$1" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum); }

# first_difference A B: the first file whose sum differs between two lists, or that stands in one only.
first_difference() {
    LC_ALL=C awk '{ file = substr($0, 67) }
        NR == FNR { want[file] = $1; next }
        { if (!(file in want)) { print file " (only there)"; found = 1; exit }
          if (want[file] != $1) { print file; found = 1; exit }
          delete want[file] }
        END { if (!found) for (file in want) { print file " (missing)"; exit } }' "$1" "$2"
}

# timed LABEL COMMAND...: runs it, leaves the wall seconds in `seconds` and all that it says in `log`.
timed() {
    local label=$1 started ended
    shift
    log=$scratch/run.log
    record "$@"
    started=$(date +%s%N)
    if ! "$@" >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        fault "$label"
        return 1
    fi
    ended=$(date +%s%N)
    seconds=$(awk -v ns=$((ended - started)) 'BEGIN { printf "%.2f", ns / 1e9 }')
}

# on_device LABEL: a backend falls back to the CPU when the device fails, and equal bytes then prove nothing.
on_device() {
    if grep -q 'after a GPU failed' "$log"; then
        fault "$1: $(grep -m1 'after a GPU failed' "$log" | plain)"
    elif ! grep -qF -- "$name" "$log"; then
        fault "$1: it does not say that it ran on $name: $(tail -n 1 "$log" | plain)"
    fi
}

# one_backend LABEL BACKEND FORMAT FROM...: encodes and decodes once; sums go to LABEL.BACKEND, times to the table.
one_backend() {
    local label=$1 backend=$2 format=$3 list=$scratch/$1.$2.sums device=() encode_s
    shift 3
    [[ $backend == cpu ]] || device=(--gpu-adapter "$index")
    # Folders are used again by the next backend, so that the scratch does not grow with every run.
    timed "encode, $label, $backend" "$origami" encode "$@" --out "$scratch/encoded" \
        --backend "$backend" "${device[@]}" || return 1
    [[ $backend == cpu ]] || on_device "encode, $label, $backend"
    encode_s=$seconds
    timed "decode, $label, $backend" "$origami" decode --bundle "$scratch/encoded/residual_packs/residuals.bundle" \
        --out "$scratch/decoded" --overwrite --output-format "$format" --backend "$backend" "${device[@]}" || return 1
    [[ $backend == cpu ]] || on_device "decode, $label, $backend"
    (cd "$scratch/encoded/residual_packs" && sha256sum residuals.bundle) >"$list"
    sums "$scratch/decoded" >>"$list"
    printf '%s\t%s\t%s\t%s\n' "$label" "$backend" "$encode_s" "$seconds" >>"$scratch/times.tsv"
}

# same_bytes LABEL FORMAT FROM...: all backends on one slide.
same_bytes() {
    local label=$1 format=$2 backend files differs
    shift 2
    step "same bytes: $label"
    for backend in cpu gpu hybrid; do
        one_backend "$label" "$backend" "$format" "$@" || return 0
        [[ $backend != cpu ]] || continue
        differs=$(first_difference "$scratch/$label.cpu.sums" "$scratch/$label.$backend.sums")
        [[ -z $differs ]] || { fault "$label: $backend writes other bytes than cpu, first in $differs"; return 0; }
    done
    files=$(wc -l <"$scratch/$label.cpu.sums")
    echo "cpu, gpu and hybrid: $files files, the same bytes"
    # shellcheck disable=SC2016
    printf '| %s | %s | `%s` | `%s` |\n' "$label" "$files" "$(head -n 1 "$scratch/$label.cpu.sums" | cut -c1-16)" \
        "$(sha256sum <"$scratch/$label.cpu.sums" | cut -c1-16)" >>"$scratch/same.md"
}
: >"$scratch/same.md"
: >"$scratch/times.tsv"

# The slides. The real one is read as RGB and decoded to PNG, the synthetic one comes from a tree of JPEG tiles and goes
# to one: so both ways through the colour kernels are taken.
slide=${ORIGAMI_REPORT_SLIDE:-$target_dir/demo/CMU-1-Small-Region.svs}
[[ -z ${ORIGAMI_REPORT_SLIDE:-} ]] || slide=$(from_caller "$slide")
if [[ ! -f $slide && -z ${ORIGAMI_REPORT_SLIDE:-} ]] && have cargo; then
    scripts/setup.sh --minimal || warn "the demo slide could not be fetched"
fi
if [[ -f $slide ]]; then
    # The report names the file, not where it lies.
    ln -s "$slide" "$scratch/${slide##*/}"
    # Once for nothing: else the first backend alone would pay for a cold disk and for folders that are not there yet.
    "$origami" encode --slide "$slide" --out "$scratch/encoded" --backend cpu --quiet
    "$origami" decode --bundle "$scratch/encoded/residual_packs/residuals.bundle" --out "$scratch/decoded" \
        --output-format png --backend cpu --quiet
    same_bytes real png --slide "$scratch/${slide##*/}"
    same_bytes real-optl2 png --slide "$scratch/${slide##*/}" --optl2
else
    gap "the real slide: ${slide##*/} is not here (scripts/setup.sh fetches the demo slide; it needs cargo)"
fi

step "synthetic slide, $size"
if timed "bench slide" "$origami" bench slide --size "$size" --out "$scratch/synthetic.png" &&
    timed "pyramid" "$origami" pyramid "$scratch/synthetic.png" --out "$scratch/tree"; then
    rm -f "$scratch/synthetic.png"
    same_bytes synthetic jpeg --pyramid "$scratch/tree"
    same_bytes synthetic-optl2 jpeg --pyramid "$scratch/tree" --optl2
else
    gap "the synthetic slide: it could not be made"
fi

# --- Benches ----------------------------------------------------------------------------------------------------------

step "bench gpu"
keep bench-gpu "$origami" bench gpu --json --gpu-adapter "$index" --side "$side" --rounds "$rounds" || fault "origami bench gpu"
for what in encode decode; do
    for backend in cpu gpu hybrid; do
        step "bench $what, $backend"
        device=()
        [[ $backend == cpu ]] || device=(--gpu-adapter "$index")
        keep "bench-$what-$backend" "$origami" bench "$what" --json --side "$side" --rounds "$rounds" \
            --backend "$backend" "${device[@]}" || fault "origami bench $what --backend $backend"
    done
done

# --- The report -------------------------------------------------------------------------------------------------------

# times_table: wall seconds of whole commands, and against cpu in the same run.
times_table() {
    awk -F '\t' '{
        if ($2 == "cpu") { e = $3; d = $4 }
        printf "| %s | %s | %s | %s | %s | %s |\n", $1, $2, $3, (e > 0 ? sprintf("%.2f", $3 / e) : "-"), $4,
            (d > 0 ? sprintf("%.2f", $4 / d) : "-")
    }' "$scratch/times.tsv"
}

# bench_table: encode and decode by backend. A figure that is not in the JSON is a dash.
bench_table() {
    python3 - "$results" <<'PY'
import json, os, sys

def shown(value):
    return f"{value:.4g}" if isinstance(value, (int, float)) and not isinstance(value, bool) else "-"

for what in ("encode", "decode"):
    for backend in ("cpu", "gpu", "hybrid"):
        path = os.path.join(sys.argv[1], f"bench-{what}-{backend}.json")
        if not os.path.exists(path):
            print(f"| {what} | {backend} | did not run | | | |")
            continue
        d = json.load(open(path))
        cells = (d.get("families"), d.get("ratio"), d.get("megapixels_per_s"), d.get("optl2_ratio"))
        print(f"| {what} | {backend} | " + " | ".join(map(shown, cells)) + " |")
PY
}

# gpu_tables FILE: kernels against the adapter's limits, backends against the codec's.
gpu_tables() {
    python3 - "$1" <<'PY'
import json, sys

d = json.load(open(sys.argv[1]))
limit = d["ceiling"]
print(f"Plain copy {limit['copy_bytes_per_s'] / 1e9:.1f} GB/s (read and written), "
      f"{limit['multiply_adds_per_s'] / 1e9:.0f} G integer multiply-adds/s, measured in the same run. A kernel's ceiling is")
print("the lower of the two: how long copying its bytes, or doing its multiply-adds, takes at least.")
print("\n| kernel | what | us | of copy | of integer rate | of ceiling |\n|---|---|---|---|---|---|")
for k in d["kernels"]:
    print(f"| {k['kernel']} | {k['what']} | {k['us']:.2f} | {k['of_copy']:.2f} | {k['of_integer_rate']:.2f} | {k['of_ceiling']:.2f} |")
print("\nA family's crossing by the most families of a batch, microseconds of one family. Copies in and out are those of a thread into")
print("and out of staging memory; bus and kernels are by the device's clock; a submission lasts from the call to the mapped result.")
print("\n| crossing | most | families a crossing | families/s | copy in | bus up | kernels | bus down | submission | copy out | MB up | MB down |")
print("|---|---|---|---|---|---|---|---|---|---|---|---|")
for c in d["crossings"]:
    print(f"| {c['what']} | {c['most']} | {c['families_a_crossing']:.1f} | {c['families_per_s']:.1f} | {c['copy_in_us']:.1f} "
          f"| {c['bus_up_us']:.1f} | {c['kernels_us']:.1f} | {c['bus_down_us']:.1f} | {c['submission_us']:.1f} | {c['copy_out_us']:.1f} | {c['bytes_up'] / 1e6:.2f} "
          f"| {c['bytes_down'] / 1e6:.2f} |")
print("\n`of codec` is the bare JPEG calls' time against the whole job's in the same run: 1 is the ceiling. Shares of thread")
print("time for codec and copies, of wall time for the device; a sum over 1 is overlap.")
print("\n| job | backend | families/s | of codec | codec | copies | device | families a crossing |\n|---|---|---|---|---|---|---|---|")
for end in d["end_to_end"]:
    print(f"| {end['what']} | codec alone | {end['bare_families_per_s']:.1f} | 1 | | | | |")
    for run in end["runs"]:
        x = run["shares"]
        copies = x["threads_upload"] + x["threads_download"]
        print(f"| {end['what']} | {run['backend']} | {run['families_per_s']:.1f} | {run['of_codec_ceiling']:.2f} "
              f"| {x['threads_codec']:.2f} | {copies:.3f} | {x['device_compute']:.2f} | {x['families_a_crossing']:.1f} |")
PY
}

commit() {
    local id state=''
    id=$(git rev-parse --short=12 HEAD 2>/dev/null) || { echo "not a git checkout"; return; }
    [[ -z $(git status --porcelain 2>/dev/null) ]] || state=", with local changes"
    printf '%s%s\n' "$id" "$state"
}
cpu_model() {
    local model
    model=$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo 2>/dev/null | sed -n 1p)
    [[ -n $model ]] || model=$({ lscpu 2>/dev/null || true; } | sed -n 's/^Model name: *//p' | sed -n 1p)
    printf '%s\n' "${model:-unknown}"
}
memory() { awk '/^MemTotal:/ { printf "%.0f GiB\n", $2 / 1048576 }' /proc/meminfo 2>/dev/null || echo unknown; }
system() { (. /etc/os-release 2>/dev/null && printf '%s, ' "${PRETTY_NAME:-unknown}"); uname -sm; }

report() {
    local prebuilt='' verdict="all that ran passed"
    [[ ${#faults[@]} == 0 ]] || verdict="FAILED"
    [[ -z $binary ]] || prebuilt=", a prebuilt binary: the commit below is that of the scripts"
    cat <<MD
# $name, $(date -u +%F)

Written by \`scripts/gpu-report.sh\`. **Verdict: $verdict.**

| | |
|---|---|
| adapter | $name ($kind, $api) |
| driver | $driver |
| doctor's parity self-test | $self_test |
| CPU | $(cpu_model), $(nproc) cores, $(memory) |
| system | $(system) |
| program | $("$origami" --version 2>/dev/null || echo unknown)$prebuilt |
| commit | $(commit) |

MD
    [[ ${#faults[@]} == 0 ]] || { printf '## Failed\n\n'; printf -- '- %s\n' "${faults[@]}"; echo; }
    printf '## Not run\n\n'
    if [[ ${#gaps[@]} == 0 ]]; then echo "Nothing was left out."; else printf -- '- %s\n' "${gaps[@]}"; fi
    printf '\n## Parity tests\n\n'
    if [[ -s $scratch/tests.txt ]]; then sed 's/^/    /' "$scratch/tests.txt"; else echo "Not run, see above."; fi
    cat <<MD

## The same bytes

Bundle, descriptor and every decoded tile, by sha256, from cpu, gpu and hybrid; the lines below are those where all
three agree. \`real\` is ${slide##*/}, read as RGB and decoded to PNG; \`synthetic\` is $size of made
tissue, from JPEG tiles to JPEG tiles; \`-optl2\` is the same with \`--optl2\`.

| slide | files | sha256 of the bundle | of all sums |
|---|---|---|---|
$(cat "$scratch/same.md")

Wall seconds of the whole commands, disk included, one run each. The real slide is small: opening the device counts.

| slide | backend | encode, s | times cpu | decode, s | times cpu |
|---|---|---|---|---|---|
$(times_table)

## Encode and decode against the bare JPEG calls

\`bench encode\` and \`bench decode\` on synthetic tissue of $side x $side, medians of $rounds rounds. \`ratio\` is the
whole job against the JPEG calls alone in the same run; 1 is the floor.

| job | backend | families | ratio | megapixels/s | with --optl2, against without |
|---|---|---|---|---|---|
$(bench_table)

## bench gpu

MD
    if [[ -f $results/bench-gpu.json ]]; then
        gpu_tables "$results/bench-gpu.json"
    else
        echo "Did not run."
    fi
    printf '\n## Commands\n\n'
    sed 's/^/    /' "$scratch/commands.txt"
}
report | plain >"$results/report.md"

# new_folder: the first free name; mkdir is what claims it, so that two runs never share one.
new_folder() {
    local slug base path n=1
    slug=$(tr '[:upper:]' '[:lower:]' <<<"$name" | sed 's/[^a-z0-9]\{1,\}/-/g; s/^-//; s/-$//')
    base=$out/$(date -u +%F)-${slug:-adapter}
    path=$base
    mkdir -p "$out"
    until mkdir "$path" 2>/dev/null; do
        [[ -e $path ]] || die "cannot make $path"
        n=$((n + 1))
        path=$base-$n
    done
    printf '%s\n' "$path"
}
step "report"
folder=$(new_folder)
cp "$results"/* "$folder/"
echo "written: $folder/report.md"
[[ ${#faults[@]} == 0 ]] || die "${#faults[@]} things failed, first: ${faults[0]}"
