#!/usr/bin/env bash
# The Python package: its wheel is built, installed where there is no compiler, checked for types, and tested.
#
#   scripts/python.sh [PYTEST ARGUMENT...]
#
# ORIGAMI_WHEEL_PROFILE  cargo's profile of the wheel; `dev` by default, which shares a target folder with the other tests.
# Tests on a real slide take the one that scripts/setup.sh put into target/demo, and say SKIPPED without it. Those of slides of a server start
# ORIGAMI_PROGRAM, by default the program that the other tests have built, and say SKIPPED without it.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

work=$target_dir/python
mkdir -p "$work"
python_with "the Python package" "$work/build" maturin==1.16.0
python_with "the Python package" "$work/test" numpy==2.4.6 pillow==13.0.0 pytest==9.2.0 mypy==1.19.1 tifffile==2026.3.3 \
    openslide-python==1.4.7 openslide-bin==4.0.1.2 fsspec==2026.9.0

step "Python: the wheel"
rm -f "$work"/wheels/*.whl
CARGO_TARGET_DIR=$target_dir "$work/build/venv/bin/maturin" build --locked --quiet --manifest-path python/Cargo.toml \
    --profile "${ORIGAMI_WHEEL_PROFILE:-dev}" --out "$work/wheels"
# Nothing but the environment's own programs on the path: a wheel needs no compiler.
PATH=$work/test/venv/bin "$work/test/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --force-reinstall "$work"/wheels/*.whl

step "Python: types"
(cd python && "$work/test/venv/bin/mypy" --strict --cache-dir "$work/mypy" origami)

step "Python: tests"
program=${ORIGAMI_PROGRAM:-$target_dir/debug/origami}
[[ -x $program ]] || program=
# Not from python/, whose sources would be imported instead of the wheel.
PYTHONDONTWRITEBYTECODE=1 ORIGAMI_PROGRAM=$program ORIGAMI_DEMO_SLIDE=${ORIGAMI_DEMO_SLIDE:-$target_dir/demo/CMU-1-Small-Region.svs} \
    "$work/test/venv/bin/pytest" -p no:cacheprovider -c python/pyproject.toml --rootdir python --import-mode importlib python/tests "$@"
