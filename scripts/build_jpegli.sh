#!/usr/bin/env bash
# Builds the program with `--encoder jpegli`. The crate jpegli-sys carries the source and has CMake build it; the feature is on
# by default.
#
#   scripts/build_jpegli.sh [CARGO ARGUMENT...]
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

exec cargo build --release --locked --features jpegli "$@"
