#!/usr/bin/env bash
# The official validator of the IIIF Image API, versions 3.0 and 2.0, level 2, against `origami serve`: its test image is drawn from the colours
# in the installed package, encoded to a bundle and served on loopback.
#
#   scripts/iiif.sh BINARY
#
# Needs python3 with venv, libmagic, and the package index at the first run; says SKIPPED without them.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

origami=${1:?usage: scripts/iiif.sh BINARY}
work=$target_dir/iiif
mkdir -p "$work"
has_library libmagic.so.1 || { skipped "IIIF validator: no libmagic (apt install libmagic1)"; exit 0; }
# Pinned, so that a new release of the validator is a change of this file.
pins=(iiif-validator==1.0.5 bottle==0.13.4 lxml==6.1.3 pillow==13.0.0 python-magic==0.4.27 setuptools==65.5.0)
python_with "IIIF validator" "$work" --no-deps "${pins[@]}"

"$work/venv/bin/python" - "$work/squares.png" <<'PY'
import sys
from PIL import Image, ImageDraw
from iiif_validator.validator import ValidationInfo

image = Image.new("RGB", (1000, 1000))
draw = ImageDraw.Draw(image)
for x, column in enumerate(ValidationInfo().colorInfo):
    for y, colour in enumerate(column):
        draw.rectangle((100 * x, 100 * y, 100 * x + 99, 100 * y + 99), fill=colour)
image.save(sys.argv[1])
PY
# The identifier has a hyphen: the validator asks for it escaped as well.
slide=67352ccc-d1b0-11e1-89ae-279075081939
mkdir -p "$work/slides/$slide"
"$origami" encode --quiet --image "$work/squares.png" --out "$work/slides/$slide"
: >"$work/serve.txt"
"$origami" serve --slides-root "$work/slides" --port 0 --backend cpu >"$work/serve.txt" 2>"$work/serve.log" &
server=$!
trap 'kill "$server"' EXIT
served_at "$work/serve.txt" "$server" "$work/serve.log"
# Its exit code is the number of failures.
for version in 3 2; do
    "$work/venv/bin/python" "$work/venv/bin/iiif-validate.py" -s "${address#http://}" -p iiif/$version -i "$slide" --version=$version.0 --level 2 ||
        die "IIIF validator: $? failures in version $version.0, see above"
    echo "IIIF Image API $version.0, level 2: passed"
done
