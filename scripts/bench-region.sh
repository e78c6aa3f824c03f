#!/usr/bin/env bash
# What a rectangle costs that `origami serve` makes under `/api/slides/{slide}/region`, against libvips, which crops and resizes the same tiles
# in the same run.
#
#   scripts/bench-region.sh [--binary PATH] [--rounds N] [--seconds S]
#
#   --binary   a program that is built already (default: builds target/release/origami)
#   --rounds   each side in turn; every ratio is the median over rounds (default 3)
#   --seconds  of each turn (default 2)
#
# The slide is the demo slide, 6 x 4 times, as a Deep Zoom tree of JPEG tiles of 256 pixels, quality 85, 4:2:0, and as a TIFF with the same tiles.
# The server has the tree, the TIFF and a bundle of the tree, and is asked over one connection that is kept open. libvips reads the TIFF in one
# process, from an image that is kept open. Rectangles lie at random; both sides read the same ones of the same level, so that both decode the same
# tiles, and neither has room to keep them. libvips scales with its cubic kernel.
#
#   cpu    processor time of a rectangle, all threads of the process: server over libvips with one thread
#   wall   time until the client has the pixels, by HTTP or in its memory: server over libvips with one thread
#
# Needs Linux, python3 with venv, and the package index at the first run. What was measured stays in target/bench-region.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

binary='' rounds=3 seconds=2
bench_flags "$@"
work=$target_dir/bench-region
mkdir -p "$work"
# Pinned, so that another libvips is a change of this file.
python_with "bench-region" "$work" numpy==2.4.6 pyvips==3.2.0 pyvips-binary==8.18.7
bench_inputs

step "the slide"
slides=$work/slides
rm -rf -- "$slides"
mkdir -p "$slides"
"$work/venv/bin/python" scripts/bench_region.py make "$slide" "$slides/tree"
"$binary" convert --quiet "$slides/tree.dzi" --to tiff --out "$slides/scan.tif"
"$binary" encode --quiet --pyramid "$slides/tree.dzi" --out "$work/made" --backend cpu --overwrite
mv "$work/made/residual_packs/residuals.bundle" "$slides/bundle.bundle"

step "measure"
log=$work/serve.log
: >"$log"
"$binary" serve "$slides" --port 0 --backend cpu --cache-mb 1MiB --cache-entries 1 --no-prefetch >"$log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
served_at "$log" "$server"
"$work/venv/bin/python" scripts/bench_region.py measure "$address" "$server" "$slides/scan.tif" "$rounds" "$seconds" | tee "$work/result.md"
