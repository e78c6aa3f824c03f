#!/usr/bin/env bash
# Variants of TIFF against an independent reader: scripts/tiff_variants.py writes them, `origami pyramid` and tifffile read them, and
# the pixels must be equal, or the file refused by name.
#
#   scripts/tiff-variants.sh BINARY
#
# Needs python3 with venv, and the package index at the first run; says SKIPPED without them.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

origami=${1:?usage: scripts/tiff-variants.sh BINARY}
work=$target_dir/tiff-variants
mkdir -p "$work"
# Pinned, so that a new release of the reader is a change of this file.
pins=(imagecodecs==2026.3.6 numpy==2.4.6 pillow==13.0.0 tifffile==2026.3.3)
python_with "TIFF variants" "$work" --no-deps "${pins[@]}"
"$work/venv/bin/python" scripts/tiff_variants.py "$origami" "$work/files"
