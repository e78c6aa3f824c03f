#!/usr/bin/env bash
# Makes the tables and plots of evals/results from a folder of slides, images and Deep Zoom trees.
#
#   evals/run.sh [--quick] [--origami PROGRAM] [--what rate,timing,science] [--only NAME] [--curves LABEL,...] [--picture-side PX] [FOLDER]
#
# --quick          crops of at most 768 pixels a side, fewer points, slow metrics on some curves only
# --origami        the program; else $ORIGAMI, else it is built in release
# --what           one or several of rate, timing, science (default: all)
# --only           images whose name contains this
# --curves         rate: only these curves of evals/origami_evals/sweeps.py are measured; the others' points are the committed ones
# --picture-side   longest side of the pictures kept in evals/runs (default 1024)
# FOLDER           default ../shared/data/dev
#
# Results go to evals/results/quick or evals/results/full. What was coded and measured once is not again.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"

folder=$root/../shared/data/dev
origami=${ORIGAMI:-}
what=rate,timing,science
size=full
options=()
while (($#)); do
    case $1 in
    --quick) size=quick options+=(--quick) ;;
    --origami) origami=${2:?--origami needs a program} && shift ;;
    --what) what=${2:?--what needs a name} && shift ;;
    --only | --curves | --picture-side) options+=("$1" "${2:?$1 needs a value}") && shift ;;
    -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" && exit ;;
    -*) die "unknown flag $1; --help tells" ;;
    *) folder=$1 ;;
    esac
    shift
done

if [[ ! -d $folder ]]; then
    skipped "evaluations: no folder $folder; name one: evals/run.sh FOLDER"
    exit 0
fi
# shellcheck source=evals/environment.sh
. "$root/evals/environment.sh"

if [[ -z $origami ]]; then
    step "origami"
    cargo build --release --locked --no-default-features --features cli,lepton,mozjpeg,webp
    origami=$target_dir/release/origami
fi
[[ -x $origami ]] || die "$origami is no program"

for name in ${what//,/ }; do
    step "$name"
    "$python" -m origami_evals "$name" "$folder" --origami "$origami" --runs "$evals/runs" \
        --results "$evals/results/$size" "${options[@]+"${options[@]}"}"
done
step "results are in evals/results/$size"
