#!/usr/bin/env bash
# The viewer in Firefox: serves the demo slide, with its original and with marks, and opens, pans, measures, marks and compares it in a headless
# Firefox. scripts/browser.sh does all of it, and more, in Chromium. Fails on an error on the console, a request that fails and anything missing.
#
#   scripts/firefox.sh BINARY
#
# Says SKIPPED where there is no Firefox (scripts/setup.sh installs it); ORIGAMI_REQUIRE_BROWSER=1 makes that a failure.
# FIREFOX names the browser; default: the first of firefox-esr, firefox.
#
# The pictures are in target/firefox.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

origami=${1:?usage: scripts/firefox.sh BINARY}

cannot() {
    [[ ${ORIGAMI_REQUIRE_BROWSER:-0} != 1 ]] || die "$1"
    skipped "the viewer in Firefox: $1"
    exit 0
}

program=$(firefox_program) || cannot "no ${FIREFOX:-Firefox} here that starts"
have node || cannot "no node here"
packages=$target_dir/npm/firefox
[[ -d $packages/node_modules/puppeteer-core ]] || cannot "no puppeteer-core here: scripts/npm-files.sh --tools fetches it"
slide=$target_dir/demo/CMU-1-Small-Region.svs
[[ -f $slide ]] || cannot "no demo slide: scripts/setup.sh fetches it"

work=$target_dir/firefox
slides=$work/slides
rm -rf "$slides" "$work/marks"
"$origami" pyramid --quiet "$slide" --out "$slides/CMU-1"
"$origami" encode --quiet --pyramid "$slides/CMU-1" --out "$slides/CMU-1"
cp "$slides/CMU-1/residual_packs/residuals.bundle" "$slides/alone.bundle"

: >"$work/log"
"$origami" serve --slides-root "$slides" --port 0 --annotations "$work/marks" --annotations-open >"$work/log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
served_at "$work/log" "$server"
node scripts/firefox/viewer.mjs "$packages" "$(type -P "$program")" "$address" "$work" CMU-1 alone
