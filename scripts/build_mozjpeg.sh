#!/usr/bin/env bash
# Builds the program with `--encoder mozjpeg`. mozjpeg-rs is Rust, so cargo does all of it; the feature is on by default.
#
#   scripts/build_mozjpeg.sh [CARGO ARGUMENT...]
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

exec cargo build --release --locked --features mozjpeg "$@"
