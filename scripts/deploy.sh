#!/usr/bin/env bash
# Runs what is in deploy/ for real, on this machine: a Slurm array of workers (slurmctld, slurmd and munge), and the Snakemake rule; checks
# the Kubernetes files by their schema. Needs root for Slurm's daemons, as in a container. What cannot be had is said to be SKIPPED.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

folder=$target_dir/deploy
mkdir -p "$folder"
origami=${ORIGAMI_PROGRAM:-$target_dir/debug/origami}
[[ -x $origami ]] || die "$origami is missing: cargo build"
work=$(mktemp -d)
pids=()
finish() {
    local pid
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    rm -r "$work"
}
trap finish EXIT

step "slides"
mkdir "$work/slides"
for number in 1 2 3 4 5 6; do
    "$origami" bench slide --size "$((280 + 20 * number))x300" --out "$work/$number.png" >/dev/null
    # A TIFF, since folders are searched for slides and not for images.
    python3 scripts/deploy_tiff.py "$work/$number.png" "$work/slides/$number.tif"
done

step "Kubernetes files"
python_with "Kubernetes files, Snakemake and Slurm" "$folder" kubernetes-validate==1.37.0 snakemake==9.27.1
"$folder/venv/bin/kubernetes-validate" deploy/kubernetes/*.yaml

step "Snakemake"
(cd "$work" && "$folder/venv/bin/snakemake" --snakefile "$root/deploy/snakemake/Snakefile" --cores 2 --quiet all \
    --config slides="$work/slides" out="$work/bundles" origami="$origami" flags="--backend cpu")
for slide in "$work"/slides/*.tif; do
    name=$(basename "$slide" .tif)
    "$origami" encode "$slide" --out "$work/serial/$name" --quiet --backend cpu
    cmp "$work/serial/$name/residual_packs/residuals.bundle" "$work/bundles/$name/residual_packs/residuals.bundle"
done
echo "six bundles, with the bytes of a serial run"

step "Slurm"
if ! have slurmctld || ! have slurmd || ! have munged || [[ $(id -u) != 0 ]]; then
    skipped "a Slurm array: slurmctld, slurmd or munge is missing (apt install slurmctld slurmd munge), or this is not root"
    exit 0
fi
. scripts/slurm.sh
start_slurm "$work"
"$origami" jobs submit "$work/slides" --out "$work/results" --queue "$work/queue"
(cd "$work" && ORIGAMI_PROGRAM=$origami ORIGAMI_QUEUE=$work/queue ORIGAMI_WORKER_FLAGS="--backend cpu" \
    sbatch --array=1-3 --cpus-per-task=1 --wait "$root/deploy/slurm/workers.sbatch") || { cat "$work"/*.log; exit 1; }
"$origami" jobs status --queue "$work/queue"
for manifest in "$work"/results/units/*/manifest.json; do
    read -r source path < <(python3 -c 'import json, sys; m = json.load(open(sys.argv[1])); print(m["unit"]["source"], m["path"])' "$manifest")
    cmp "$work/serial/$(basename "$source" .tif)/residual_packs/residuals.bundle" "$work/results/$path/residual_packs/residuals.bundle"
done
[[ $(find "$work/results/units" -name manifest.json | wc -l) == 6 ]] || die "not every slide has a manifest"
echo "six slides by an array of three workers, with the bytes of a serial run"
