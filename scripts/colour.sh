#!/usr/bin/env bash
# Colour as a browser shows it: a slide in Display P3 must look the same from the original, from a decoded tile, from a served tile, as
# a thumbnail and through IIIF, for each --icc. Compared is what Chromium paints, by Delta E 2000.
#
#   scripts/colour.sh BINARY
#
# Says SKIPPED where there is no Chromium (scripts/setup.sh installs it); ORIGAMI_REQUIRE_BROWSER=1 makes that a failure.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

origami=${1:?usage: scripts/colour.sh BINARY}
cannot() {
    [[ ${ORIGAMI_REQUIRE_BROWSER:-0} != 1 ]] || die "$1"
    skipped "colour in a browser: $1"
    exit 0
}
program=$(browser_program) || cannot "no ${CHROMIUM:-Chromium} here that starts"
playwright_for_python || cannot "no Playwright here: python3 has no venv, or the package index does not answer"

work=$target_dir/colour
rm -rf "$work"
mkdir -p "$work/slides/p3"
python3 scripts/colour.py slide "$work/p3.png"
# As good as JPEG can be: what is compared is colour, not coding.
"$origami" encode --quiet --image "$work/p3.png" --out "$work/slides/p3" --baseq 100 --l0q 100 --chroma-resq 100
bundle=$work/slides/p3/residual_packs/residuals.bundle

servers=()
trap 'kill "${servers[@]}" 2>/dev/null || true' EXIT
failed=0
for mode in embed srgb; do
    for format in jpeg png webp; do
        "$origami" decode --quiet "$bundle" --out "$work/$mode-$format" --output-format "$format" --quality 100 \
            --tile-subsamp 444 --icc "$mode"
    done
    log=$work/$mode.log
    : >"$log"
    "$origami" serve "$work/slides" --port 0 --icc "$mode" --tile-quality 100 --tile-subsamp 444 --backend cpu >"$log" 2>&1 &
    servers+=($!)
    served_at "$log" "${servers[-1]}"
    python3 scripts/colour.py compare "$program" "$address" p3 "$work/p3.png" "$mode" "$work/$mode"-*/decoded_pyramid_files || failed=1
done
[[ $failed == 0 ]] || die "colours differ, see above"
echo "colour: the same in every way of $work"
