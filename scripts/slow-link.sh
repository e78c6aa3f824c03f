#!/usr/bin/env bash
# The viewer on a link of 1.6 Mbit/s and 150 ms, as the developer tools of Chromium emulate it, with an empty cache: how long until a first
# picture, and until a pan of one screen is sharp; beside that OpenSeadragon alone over the tree that the same bundle decodes to, whose tiles
# have the same bytes. Not a part of continuous integration: it measures. Fails where a limit is missed.
#
#   scripts/slow-link.sh BINARY      a release build
#
# Says SKIPPED where there is no Chromium, no demo slide (scripts/setup.sh fetches it) or no package index. CHROMIUM names the browser.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

origami=${1:?usage: scripts/slow-link.sh BINARY}
work=$target_dir/slow-link

cannot() {
    skipped "the viewer on a slow link: $1"
    exit 0
}

program=$(browser_program) || cannot "no ${CHROMIUM:-Chromium} here that starts"
slide=$target_dir/demo/CMU-1-Small-Region.svs
[[ -f $slide ]] || cannot "no demo slide: scripts/setup.sh fetches it"
python_with "the viewer on a slow link" "$work" numpy==2.4.6 pillow==13.0.0 scikit-image==0.26.0
playwright_for_python || cannot "the package index does not answer"

mkdir -p "$work/slides" "$work/site"
"$origami" encode --quiet "$slide" --out "$work/made" --overwrite
cp "$work/made/residual_packs/residuals.bundle" "$work/slides/slide.bundle"
"$origami" decode --quiet "$work/slides/slide.bundle" --out "$work/site/tree" --overwrite
cp vendor/openseadragon/openseadragon.min.js "$work/site/"
cat >"$work/site/index.html" <<'HTML'
<!doctype html><meta charset="utf-8"><title>OpenSeadragon</title><link rel="icon" href="data:,">
<style>html, body, #view { margin: 0; height: 100%; background: #f4f4f4 }</style>
<div id="view"></div>
<script src="openseadragon.min.js"></script>
<script>var viewer = OpenSeadragon({ id: 'view', tileSources: 'tree/decoded_pyramid.dzi', drawer: 'canvas', showNavigationControl: false })</script>
HTML

servers=()
trap 'kill "${servers[@]}" 2>/dev/null || true' EXIT
: >"$work/log"
"$origami" serve --slides-root "$work/slides" --port 0 >"$work/log" 2>&1 &
servers+=($!)
served_at "$work/log" "${servers[-1]}"
port=$(free_port)
"$work/venv/bin/python" scripts/slow_link_site.py "$port" "$work/site" &
servers+=($!)
"$work/venv/bin/python" scripts/slow_link.py "$program" "$address" slide "http://127.0.0.1:$port/" "$work"
