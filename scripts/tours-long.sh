#!/usr/bin/env bash
# Tours against what they promise, where that takes minutes: frames of the preview in a browser are those of the video, a tour from
# the recorder is rendered by a real service, and a tour of ten minutes takes the memory of one minute. Not a part of continuous integration.
#
#   scripts/tours-long.sh BINARY [WIDTHxHEIGHT]
#
# The size is that of the tours of one and of ten minutes, by default 1920x1080.
# Says SKIPPED where there is no Chromium, no ffmpeg, no demo slide (scripts/setup.sh fetches it) or no package index (scikit-image).
# CHROMIUM names the browser. Both frames of each time are in target/tours.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

origami=${1:?usage: scripts/tours-long.sh BINARY}
work=$target_dir/tours

cannot() {
    skipped "the preview of tours: $1"
    exit 0
}

program=$(browser_program) || cannot "no ${CHROMIUM:-Chromium} here that starts"
have ffmpeg || cannot "no ffmpeg here"
slide=$target_dir/demo/CMU-1-Small-Region.svs
[[ -f $slide ]] || cannot "no demo slide: scripts/setup.sh fetches it"
mkdir -p "$work/slides"
python_with "the preview of tours" "$work" numpy==2.4.6 pillow==13.0.0 scikit-image==0.26.0
playwright_for_python || cannot "the package index does not answer"

step "preview and video"
"$origami" encode --quiet "$slide" --out "$work/slides" --preset archive --skip-existing
rm -rf "$work/results" "$work/temp"
: >"$work/serve.log"
"$origami" serve --slides-root "$work/slides" --jobs --out "$work/results" --temp-dir "$work/temp" --port 0 >"$work/serve.log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
served_at "$work/serve.log" "$server"
CHROMIUM=$program "$work/venv/bin/python" scripts/tour_preview.py "$address" "$work" "$origami"

step "a tour from the recorder, rendered by the service"
CHROMIUM=$program "$work/venv/bin/python" scripts/tour_service.py "$address" "$work"
[[ -z $(ls "$work/temp") ]] || die "the service has left files: $(ls "$work/temp")"

step "the memory of one minute and of ten"
mkdir -p "$work/memory"
python3 scripts/tour_memory.py "$origami" "$slide" "$work/memory" "${2:-1920x1080}"
