#!/usr/bin/env bash
# The training loader with torch and what people use beside it: under torch's own loader, DDP and Lightning, against torchvision's and kornia's
# transforms and litdata's reader, object storage (moto), large_image, the notebooks, and a real training run that is killed and goes on. The tests against
# ffcv run where it is installed: its build needs libopencv-dev, libturbojpeg0-dev and pkg-config. Not a part of continuous integration: torch and what it
# needs are gigabytes.
#
#   scripts/loader-long.sh [PYTEST ARGUMENT...]
#
# ORIGAMI_TEST_DATA     the folder with the development slides; the training run and some tests say SKIPPED without it
# ORIGAMI_NOTEBOOK_OUT  where the notebooks are kept as they were shown, with their pictures
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
    litdata==0.2.76 kornia==0.9.0 torchstain==1.4.1 h5py==3.16.0 pyarrow==26.0.1 large-image==1.35.6 lightning==2.6.6 nbclient==0.11.0 ipykernel==7.4.0 \
    matplotlib==3.11.2 fsspec==2026.9.0 s3fs==2026.9.0 boto3==1.43.117 "moto[s3,server]==5.2.5"
"$work/long/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --force-reinstall "${wheels[@]}"

step "loader with torch"
PYTHONDONTWRITEBYTECODE=1 ORIGAMI_DEMO_SLIDE=${ORIGAMI_DEMO_SLIDE:-$target_dir/demo/CMU-1-Small-Region.svs} \
    "$work/long/venv/bin/pytest" -p no:cacheprovider -c python/pyproject.toml --rootdir python \
    --import-mode importlib python/long "$@"

step "training run"
if [[ -d ${ORIGAMI_TEST_DATA:-}/dev ]]; then
    "$work/long/venv/bin/python" python/long/training.py "$ORIGAMI_TEST_DATA/dev" "$work/training"
else
    skipped "the training run: ORIGAMI_TEST_DATA names no folder with the development slides"
fi
