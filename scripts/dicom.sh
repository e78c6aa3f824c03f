#!/usr/bin/env bash
# DICOM whole-slide images, read and written, against independent readers: series in every form that the reader knows, and in forms that it refuses, are
# made with pydicom and wsidicomizer; `origami pyramid` writes each as PNG tiles, which are compared with the pixels that
# pydicom, highdicom and wsidicom give. Prints a row for each.
#
#   scripts/dicom.sh BINARY
#
# ORIGAMI_TEST_DATA adds the files in its folder `cases` and a slide of `dev`. Needs python3 with venv, and the package index at the first run;
# says SKIPPED without them.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

origami=${1:?usage: scripts/dicom.sh BINARY}
work=$target_dir/dicom
mkdir -p "$work"
# Pinned, so that a new release of a reader is a change of this file.
pins=(
    highdicom==0.28.2 numpy==2.4.6 pillow==13.0.0 pydicom==3.0.2 pyjpegls==1.5.1 pylibjpeg==2.1.0 pylibjpeg-libjpeg==2.5.0
    pylibjpeg-openjpeg==2.6.0 tifffile==2026.3.3 wsidicom==0.31.0 wsidicomizer==0.26.1
)
python_with "DICOM readers" "$work" "${pins[@]}"
"$work/venv/bin/python" scripts/dicom.py "$origami" "$work/series" "${ORIGAMI_TEST_DATA:-}"

demo=$target_dir/demo/CMU-1-Small-Region.svs
if [[ -f $demo ]]; then
    "$work/venv/bin/python" scripts/convert_dicom.py "$origami" "$demo" "$work/converted"
else
    skipped "DICOM that is converted: $demo is not there; run scripts/setup.sh"
fi
