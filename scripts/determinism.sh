#!/usr/bin/env bash
# The same bytes whatever runs: every preset is encoded and decoded on 1, 2 and 7 threads, on the CPU, on a GPU with batches of several
# sizes, and on both, each twice. Prints a table of what was compared; fails on a difference.
#
#   scripts/determinism.sh BINARY
#
# ORIGAMI_GPU_ADAPTER   part of the name of the adapter [default: llvmpipe, Mesa's in software]. Without it the GPU is SKIPPED.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

binary=$(realpath "${1:?usage: scripts/determinism.sh BINARY}")
scratch=$(mktemp -d "${TMPDIR:-/tmp}/origami-determinism.XXXXXX")
# Everything below the scratch folder was written by this run.
trap 'rm -r -- "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
python3 scripts/determinism.py "$binary" "$scratch"
