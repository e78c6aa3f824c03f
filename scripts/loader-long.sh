#!/usr/bin/env bash
# The training loader with torch, torchvision and litdata: under torch's own loader, against torchvision's transforms and litdata's reader, and
# a run that goes on after a stop. The tests against ffcv run where it is installed: its build needs libopencv-dev, libturbojpeg0-dev and
# pkg-config. Not a part of continuous integration: torch and what it needs are gigabytes.
#
#   scripts/loader-long.sh [PYTEST ARGUMENT...]
#
# Takes the wheel that scripts/python.sh built. Needs the package index at the first run; says SKIPPED without it.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

work=$target_dir/python
wheels=("$work"/wheels/*.whl)
[[ -f ${wheels[0]} ]] || die "no wheel in $work/wheels: run scripts/python.sh first"
mkdir -p "$work/long"
python_with "the loader with torch" "$work/long" numpy==2.4.6 pillow==13.0.0 pytest==9.2.0 torch==2.15.0 torchvision==0.29.2 tifffile==2026.3.3 \
    litdata==0.2.76
"$work/long/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --force-reinstall "${wheels[@]}"

step "loader with torch"
PYTHONDONTWRITEBYTECODE=1 "$work/long/venv/bin/pytest" -p no:cacheprovider -c python/pyproject.toml --rootdir python \
    --import-mode importlib python/long "$@"
