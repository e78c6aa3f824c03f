#!/usr/bin/env bash
# A wheel with the program in it, as users have it: installed in a new environment without a compiler, `origami` is on its path, encodes a slide, and the
# package of Python reads what it wrote.
#
#   scripts/wheel.sh WHEEL
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

(($# == 1)) || die "usage: scripts/wheel.sh WHEEL"
wheel=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "${work:?}"' EXIT
python3 -m venv "$work/venv" || { skipped "the wheel: python3 has no venv (apt install python3-venv)"; exit 0; }
PATH=$work/venv/bin "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$wheel" ||
    { skipped "the wheel: what it needs of other packages could not be fetched"; exit 0; }
cd "$work"
export PATH=$work/venv/bin:/usr/bin:/bin
[[ $(command -v origami) == "$work/venv/bin/origami" ]] || die "origami is not on the path of the environment"
origami --version
origami bench slide slide.png --size 700x500 >/dev/null
origami encode --quiet --image slide.png --out one
python3 - <<'END_OF_PYTHON'
import origami

with origami.open_slide("one") as slide:
    assert slide.dimensions == (700, 500), slide.dimensions
    assert slide.read_region((100, 100), 0, (64, 64), as_array=True).shape == (64, 64, 3)
END_OF_PYTHON
echo "$(basename "$wheel"): $(stat --format=%s "$wheel") bytes; the program is on the path, and Python reads what it wrote"
