#!/usr/bin/env bash
# DICOMweb of `origami serve --dicomweb` against clients of others: dicomweb-client finds the demo slide, encoded lossless and with the preset archive, and as it was
# scanned; its frames are those that pydicom reads of the files of `origami convert`, and wsidicom shows the same pixels over HTTP as of the files.
# dicom-microscopy-viewer opens a slide in headless Chromium and pans. Prints a row for each.
#
#   scripts/dicomweb.sh BINARY
#
# Needs the demo slide (scripts/setup.sh), python3 with venv, and the package index at the first run; the viewer needs npm and Chromium. Says
# SKIPPED for what is not there. The pictures are in target/dicomweb.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

origami=${1:?usage: scripts/dicomweb.sh BINARY}
work=$target_dir/dicomweb
mkdir -p "$work"
slide=$target_dir/demo/CMU-1-Small-Region.svs
[[ -f $slide ]] || {
    skipped "DICOMweb: $slide is not there; run scripts/setup.sh"
    exit 0
}
# Pinned, so that a new release of a client is a change of this file.
python_with "clients of DICOMweb" "$work" dicomweb-client==0.59.3 numpy==2.4.6 pillow==13.0.0 pydicom==3.0.2 wsidicom==0.31.0

# What is served, and the same as files.
slides=$work/slides
mkdir -p "$slides"
"$origami" encode -q "$slide" --out "$work/lossless" --preset lossless --overwrite
"$origami" encode -q "$slide" --out "$work/archive" --preset archive --overwrite
for name in lossless archive; do
    cp "$work/$name/residual_packs/residuals.bundle" "$slides/$name.bundle"
done
cp "$slide" "$slides/scan.svs"
for name in lossless archive scan; do
    echo "{\"PatientID\": \"$name\", \"PatientName\": \"DOE^${name^^}\", \"StudyDate\": \"20240131\"}" >"$slides/$name.dicom.json"
done
# The date of a file is in the attributes.
touch -d 2024-01-31T10:15:00Z "$slides"/*.bundle "$slides"/*.svs
for input in "$slides"/*.bundle "$slides"/*.svs; do
    name=$(basename "${input%.*}")
    "$origami" convert -q "$input" --to dicom --out "$work/$name.dicom" --attributes "$slides/$name.dicom.json" --overwrite
done

page=$(free_port)
: >"$work/serve.log"
"$origami" serve "$slides" --dicomweb --port 0 --cors "http://127.0.0.1:$page" >"$work/serve.log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
served_at "$work/serve.log" "$server"
"$work/venv/bin/python" scripts/dicomweb.py "$address" "$work"

program=$(browser_program) || {
    skipped "DICOMweb in a browser: no ${CHROMIUM:-Chromium} here that starts"
    exit 0
}
have npm || {
    skipped "DICOMweb in a browser: no npm here"
    exit 0
}
playwright_for_python || {
    skipped "DICOMweb in a browser: the package index does not answer"
    exit 0
}
# Package, version, npm's integrity of the package. Test tools: nothing of them is built in.
packages=(
    'dicom-microscopy-viewer 0.48.24 sha512-016o/23eNqXMxgX5EjnDmFz1ROSMQmU7vmRlTVPUgshl6NaBrZzEyWkzq4BNaFFPfrE274AWdR5crW51cWh+9g=='
    'dicomweb-client 0.11.3 sha512-7t1Rc/01fyFnKlQeNPW9Pvxvmsx8R/BgB2n7BxTuWirRFwlTC5upEeLeS3vO72P+n6/SQZ3+5ij0bgaWDHQG/A=='
)
for line in "${packages[@]}"; do
    read -r name version integrity <<<"$line"
    [[ ! -f $work/npm/$name-$version/done ]] || continue
    mkdir -p "$work/npm/$name-$version"
    (cd "$work/npm" && npm pack --loglevel error --ignore-scripts "$name@$version" >/dev/null) || {
        skipped "DICOMweb in a browser: npm could not fetch $name@$version"
        exit 0
    }
    package=$work/npm/$name-$version.tgz
    [[ $(npm_integrity_of "$package") == "$integrity" ]] || die "$package is not the pinned package ($integrity)"
    tar -xzf "$package" -C "$work/npm/$name-$version"
    rm -f "$package"
    touch "$work/npm/$name-$version/done"
done
python3 scripts/dicomweb_viewer.py "$program" "$address" "$page" "$work/npm" "$work"
