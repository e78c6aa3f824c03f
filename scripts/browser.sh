#!/usr/bin/env bash
# The viewer in a real browser: serves the demo slide, with its original and as a bare bundle, and drives headless Chromium
# through list, zoom, pan, comparison and difference, on a desk and on a phone, in light and in dark; through what a damaged file and a
# server that goes away show; through measures of a drawn slide, its brightness and the view as a file, slides side by side, what leaves
# the viewer as a file or in a frame, a login, ten thousand slides in a list, through marks that two change, and marks of a slide whose name
# another one takes. Slides of awkward sizes are there too: of each, what OpenSeadragon's own tile source computes is compared with what the server sends. Fails on an
# error on the console, a request that fails, a barrier that axe-core calls serious, anything missing, and a difference map that is wrong by one pixel. Records a tour as
# well, compares its path with the renderer's, renders it by a stand-in of the render service, and looks at the page of jobs.
#
#   scripts/browser.sh BINARY [PART...]     a part is the NAME of a scripts/browser_NAME.py, or browser; all by default, but for speed:
#                                           the frame rate with 10,000 marks, on a machine that does nothing else
#
# Says SKIPPED where there is no Chromium (scripts/setup.sh installs it); ORIGAMI_REQUIRE_BROWSER=1 makes that a failure.
# CHROMIUM names the browser; default: the first of chromium, chromium-browser, google-chrome.
#
# The pictures are in target/browser.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

origami=${1:?usage: scripts/browser.sh BINARY [PART...]}
only=${*:2}

cannot() {
    [[ ${ORIGAMI_REQUIRE_BROWSER:-0} != 1 ]] || die "$1"
    skipped "the viewer in a browser: $1"
    exit 0
}

program=$(browser_program) || cannot "no ${CHROMIUM:-Chromium} here that starts"
playwright_for_python || cannot "no Playwright here: python3 has no venv, or the package index does not answer"
[[ -f vendor/axe-core/axe.min.js ]] || {
    [[ ${ORIGAMI_REQUIRE_BROWSER:-0} != 1 ]] || die "no axe-core here: scripts/npm-files.sh --tools fetches it"
    skipped "pages by axe-core: scripts/npm-files.sh --tools fetches it"
}
slide=$target_dir/demo/CMU-1-Small-Region.svs
[[ -f $slide ]] || cannot "no demo slide: scripts/setup.sh fetches it"


# Names as slides have them, and one with everything that an address must escape.
slides=$target_dir/demo/browser
name=CMU-1-Small-Region
bundle_name='odd & #1 100% ä <b>'
"$origami" pyramid --quiet "$slide" --out "$slides/$name" --overwrite
"$origami" encode --quiet --pyramid "$slides/$name" --out "$slides/$name" --baseq 90 --l0q 50
cp "$slides/$name/residual_packs/residuals.bundle" "$slides/$bundle_name.bundle"

# awkward NAME WIDTH HEIGHT TILE: a slide with its archive, of a size at which tiles and levels end unevenly.
awkward() {
    local image=$target_dir/demo/awkward.png
    python3 scripts/deepzoom.py "$image" "$2" "$3"
    "$origami" pyramid --quiet "$image" --out "$slides/$1" --tile "$4" --overwrite
    "$origami" encode --quiet --pyramid "$slides/$1" --out "$slides/$1"
}
awkward 'awkward 1x1' 1 1 256
awkward 'awkward 255x257' 255 257 256
awkward 'awkward 1025x513' 1025 513 256
awkward 'awkward small tiles' 700 650 64
awkward 'awkward odd tiles' 641 513 63
awkward 'awkward 254' 1023 765 254
awkward 'awkward needle' 3 2000 256
# Slides that are not encoded, in a directory below.
mkdir -p "$slides/below & deep"
cp "$slide" "$slides/below & deep/not encoded.svs"
cp "$slide" "$slides/below & deep/100% #2.svs"
python3 scripts/channels.py "$slides/below & deep/channels.tif" 700 500
cp "$slides/below & deep/channels.tif" "$slides/below & deep/channels? & #3.tif"
"$origami" encode --quiet "$slides/below & deep/channels.tif" --channel 0,2 --out "$slides/two channels" --overwrite
python3 scripts/browser_measure.py --draw "$slides/below & deep/drawn.tif"
# As after a run that was cut short.
rm -f "$slides/AAA before all others.bundle" "$slides/.new"

servers=()
trap 'kill "${servers[@]}" 2>/dev/null || true' EXIT

# serve LOG FLAG...: starts a server and sets `address`.
serve() {
    local log=$1
    shift
    : >"$log"
    "$origami" serve --slides-root "$slides" --port 0 "$@" >"$log" 2>&1 &
    servers+=($!)
    served_at "$log" "${servers[-1]}"
}

serve "$target_dir/demo/browser.log"
open=$address
# Another one asks for signed addresses: the pages have to hand theirs on.
key=$target_dir/demo/browser.key
printf 'not a secret: the key of a test, nothing else\n' >"$key"
serve "$target_dir/demo/browser-signed.log" --signing-key-file "$key"
signed=$("$origami" sign --key-file "$key" --slide '*' --valid 1h --url "$address" | head -n 1)
signed_slide=$("$origami" sign --key-file "$key" --slide "$name" --valid 1h --url "$address" | head -n 1)

# part NAME ARGUMENT...: one of the scripts, unless others were asked for.
part() {
    local name=$1 script=scripts/browser_$1.py
    shift
    [[ -z $only || " $only " == *" $name "* ]] || return 0
    [[ -f $script ]] || script=scripts/$name.py
    CHROMIUM=$program python3 "$script" "$@"
}

part tours "$open" "$target_dir/browser" "$slides" "$name" "$origami"
part loading "$origami" "$slides/$bundle_name.bundle" "$target_dir/demo/browser-loading" "$target_dir/browser"
part measure "$open" "$target_dir/browser" 'below & deep/drawn' 'awkward 254'
part picture "$open" "$target_dir/browser" 'below & deep/drawn' "$name"
part compare "$open" "$target_dir/browser" "$name" 'below & deep/drawn' 'awkward 1025x513' "$bundle_name" \
    "$origami" "$key" "${signed%%/\?*}"
part keys "$open" "$target_dir/browser" "$name" 'below & deep/drawn'
part languages "$open" "$target_dir/browser" "$name" 'below & deep/drawn'
part accessible "$open" "$target_dir/browser" "$name" 'below & deep/drawn'
part share "$origami" "$slide" "$target_dir/demo/browser-share" "$target_dir/browser"
part login "$origami" "$slides/$bundle_name.bundle" "$target_dir/demo/browser-login" "$target_dir/browser"
part list "$origami" "$slides/$bundle_name.bundle" "$target_dir/demo/browser-list" "$target_dir/browser"
# The list is looked at with as many slides as fill its rows.
rm -f "$slides/below & deep/drawn.tif"
part marks "$origami" "$slides" "$name" "$target_dir/demo/browser-marks" "$target_dir/browser"
part kept "$origami" "$target_dir/demo/browser-kept" "$target_dir/browser"
[[ " $only " != *" speed "* ]] ||
    CHROMIUM=$program python3 scripts/browser_marks.py "$origami" "$slides" "$name" "$target_dir/demo/browser-marks" "$target_dir/browser" --speed
part marked "$origami" "$slides" "$name" "$target_dir/demo/browser-marked" "$target_dir/browser"
part browser "$open" "$target_dir/browser" "$slides" "$name" "$bundle_name" "$signed" "$signed_slide"
