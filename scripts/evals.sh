#!/usr/bin/env bash
# The page of evaluation runs in a real browser: makes a folder of runs up, adds one of `origami encode`, serves it and drives
# headless Chromium through table, BD-rates, plot, files and comparison, on a desk and on a phone, in light and in dark. Fails on an error on
# the console, a request that fails, anything missing, and a difference whose figures are not those that Python computes.
#
#   scripts/evals.sh BINARY
#
# Says SKIPPED where there is no Chromium (scripts/setup.sh installs it); ORIGAMI_REQUIRE_BROWSER=1 makes that a failure.
# CHROMIUM names the browser; default: the first of chromium, chromium-browser, google-chrome.
#
# The pictures are in target/evals.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

origami=${1:?usage: scripts/evals.sh BINARY}

cannot() {
    [[ ${ORIGAMI_REQUIRE_BROWSER:-0} != 1 ]] || die "$1"
    skipped "the page of evaluation runs in a browser: $1"
    exit 0
}

program=$(browser_program) || cannot "no ${CHROMIUM:-Chromium} here that starts"
playwright_for_python || cannot "no Playwright here: python3 has no venv, or the package index does not answer"

work=$(mktemp -d)
server=
cleanup() {
    [[ -z $server ]] || kill "$server" 2>/dev/null || true
    rm -rf "${work:?}"
}
trap cleanup EXIT

runs=$work/runs
python3 scripts/evals_runs.py "$runs"
"$origami" encode --quiet --image "$runs/photo_1/rs_444_b90_l0q20/images/original.png" --out "$runs/encoded here" --manifest --debug-images

log=$work/log
: >"$log"
"$origami" evals --runs "$runs" --port 0 >"$log" 2>&1 &
server=$!
address=
for _ in {1..100}; do
    address=$(sed -n 's/^origami shows .* on \(http:.*\)$/\1/p' "$log")
    [[ -z $address ]] || break
    kill -0 "$server" 2>/dev/null || die "the server has ended: $(cat "$log")"
    sleep 0.1
done
[[ -n $address ]] || die "the server does not say where it listens: $(cat "$log")"

CHROMIUM=$program python3 scripts/evals.py "$address" "$target_dir/evals" "$runs"
