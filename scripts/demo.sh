#!/usr/bin/env bash
# The main job on a real slide, from a fresh machine: set up, build, then pyramid -> encode -> decode -> verify, and one
# table of what it gave. The slide is CMU-1-Small-Region (Aperio, H&E, 20x, CC0).
#
#   scripts/demo.sh                     the demo, with a release build
#   scripts/demo.sh --check [BINARY]    the same, and fails where the rate falls short of its limits; with BINARY nothing is built
#
# Results stay in target/demo: the pyramid, the bundle, the decoded pyramid, and before_after.png to look at.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Limits of --check: bytes of the bundle against a JPEG 4:2:0 pyramid of equal Y-PSNR.
max_planes=0.76
max_tiles=0.81

check=0
case ${1:-} in
'') ;;
--check) check=1 ;;
*) die "unknown argument '$1'; usage: scripts/demo.sh [--check [BINARY]]" ;;
esac

if [[ -n ${2:-} ]]; then
    origami=$(realpath "$2")
else
    scripts/setup.sh --minimal
    step "build"
    cargo build --release --locked
    origami=$target_dir/release/origami
fi
demo=$target_dir/demo
slide=$demo/CMU-1-Small-Region.svs

step "pyramid"
"$origami" pyramid "$slide" --out "$demo/slide" --overwrite

step "encode"
started=$(date +%s%N)
"$origami" encode --pyramid "$demo/slide" --out "$demo/slide" --baseq 90 --l0q 50 --manifest
encoded=$(date +%s%N)
bundle=$demo/slide/residual_packs/residuals.bundle

step "decode"
"$origami" decode --bundle "$bundle" --out "$demo/slide" --overwrite
decoded=$(date +%s%N)

step "verify"
"$origami" verify --deep "$bundle"

step "rate: against JPEG pyramids of the same slide"
limits=()
[[ $check == 0 ]] || limits=(--max-planes "$max_planes" --max-tiles "$max_tiles")
"$origami" bench rate "$slide" --baseq 90 --l0q 50 "${limits[@]}" | tee "$demo/rate.txt"

step "result"
"$origami" compare "$demo/slide/baseline_pyramid.dzi" "$demo/slide/decoded_pyramid.dzi" --json \
    --picture "$demo/before_after.png" --region 900,1500,512,512 --overwrite >"$demo/compare.json"

# value NAME: a number of compare.json.
value() { sed -n "s/.*\"$1\": \([-0-9.e]*\).*/\1/p" "$demo/compare.json"; }
# tree_bytes FOLDER: bytes of all files below it.
tree_bytes() { find "$1" -type f -printf '%s\n' | awk '{ n += $1 } END { print n + 0 }'; }

pyramid_bytes=$(tree_bytes "$demo/slide/baseline_pyramid_files")
bundle_bytes=$(stat -c %s "$bundle")
awk -v p="$pyramid_bytes" -v b="$bundle_bytes" -v psnr="$(value y_psnr)" -v ssim="$(value ssim)" \
    -v delta="$(value delta_e_2000)" -v enc=$((encoded - started)) -v dec=$((decoded - encoded)) 'BEGIN {
    printf "%-34s %12s\n", "pyramid (JPEG q90 4:2:0), bytes", p
    printf "%-34s %12s\n", "bundle, bytes", b
    printf "%-34s %12.3f\n", "ratio", b / p
    printf "%-34s %12.2f\n", "Y-PSNR against the pyramid, dB", psnr
    printf "%-34s %12.4f\n", "SSIM", ssim
    printf "%-34s %12.2f\n", "Delta E 2000, mean", delta
    printf "%-34s %12.2f\n", "encode, s", enc / 1e9
    printf "%-34s %12.2f\n", "decode, s", dec / 1e9
}'
echo
echo "before, after, difference: $demo/before_after.png"
