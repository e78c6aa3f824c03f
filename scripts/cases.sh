#!/usr/bin/env bash
# Files whose meaning differs from what a reader assumes: each must come out as an independent reader sees it, or be refused by name.
# Prints a table of what was found.
#
#   scripts/cases.sh BINARY FOLDER
#
#   FOLDER   the files, with a README.md that lists each with what is right
#
# Needs python3 with venv, and the package index at the first run; says SKIPPED without them.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

origami=$(realpath "${1:?usage: scripts/cases.sh BINARY FOLDER}")
folder=$(realpath "${2:?usage: scripts/cases.sh BINARY FOLDER}")
work=$target_dir/cases
mkdir -p "$work"
# Pinned, so that a new release of a reader is a change of this file.
pins=(imagecodecs==2026.3.6 numpy==2.4.6 pillow==13.0.0 pydicom==3.0.2 tifffile==2026.3.3)
python_with "cases" "$work" "${pins[@]}"
"$work/venv/bin/python" scripts/cases.py "$origami" "$folder" "$work"
