#!/usr/bin/env bash
# The viewers of examples/clients over `origami serve`: OpenSeadragon, Leaflet and OpenLayers in a headless Chromium, napari and the notebook in Python.
# Fails where one of them shows an error, asks for what is not there, or shows other pixels than the slide has.
#
#   scripts/clients.sh BINARY
#
# Needs Chromium, npm and the package indexes at the first run; says SKIPPED for what is not there. The pictures are in target/clients.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

binary=$(realpath "${1:?usage: scripts/clients.sh BINARY}")
program=$(browser_program) || { skipped "viewers of others: no Chromium here that starts"; exit 0; }
have npm || { skipped "viewers of others: no npm here"; exit 0; }
slide=$target_dir/demo/CMU-1-Small-Region.svs
[[ -f $slide ]] || { skipped "viewers of others: scripts/setup.sh fetches the slide"; exit 0; }
work=$target_dir/clients
mkdir -p "$work/site"
cp examples/clients/*.html examples/clients/*.js "$work/site"

# package NAME VERSION INTEGRITY: unpacks the pinned package from npm below the pages.
package() {
    local into=$work/site/node_modules/$1 file
    [[ ! -e $into/$2.whole ]] || return 0
    file=$work/$(npm pack --loglevel error --ignore-scripts --pack-destination "$work" "$1@$2" | tail -n 1) ||
        { skipped "viewers of others: npm does not answer"; exit 0; }
    [[ $(npm_integrity_of "$file") == "$3" ]] || die "$file is not the pinned package ($3)"
    rm -rf "${into:?}"
    mkdir -p "$into"
    tar -xzf "$file" -C "$into" --strip-components 1
    rm "$file"
    touch "$into/$2.whole"
}
package openseadragon 6.1.1 sha512-g4iKe2q8B642SaBT3+x4ZF3/8b1TxPPydyjmtrOLgDrlYWMKd9ZXM+1Cb/xa9DVySkvs/7l6HR1nHKfD5F3Tsw==
package leaflet 1.9.4 sha512-nxS1ynzJOmOlHp+iL3FyWqK89GtNL8U8rvlMOsQdTTssxZwCXh8N2NB3GDQOL+YR3XnWyZAxwQixURb+FA74PA==
package ol 10.11.0 sha512-OJ+lrx7kx/1O7Xx18Ff9QkVnwZIEL0OuhJQSy2sYgzzDvyZ2qHvuZEGAajbSstUyBwaS1OtQ4RWnY84tRMDdqg==
python_with "viewers of others" "$work" numpy==2.4.6 pillow==13.0.0
playwright_for_python || { skipped "viewers of others: the package index does not answer"; exit 0; }

slides=$work/slides
mkdir -p "$slides"
"$binary" encode --quiet --slide "$slide" --out "$work/made" --backend cpu
cp "$work/made/residual_packs/residuals.bundle" "$slides/cmu-1.bundle"
rm -r "$work/made"

servers=()
finish() {
    local pid
    for pid in "${servers[@]}"; do
        kill "$pid" 2>/dev/null || continue
        wait "$pid" 2>/dev/null || true
    done
}
trap finish EXIT
port=$(free_port)
"$work/venv/bin/python" -m http.server "$port" --bind 127.0.0.1 --directory "$work/site" >/dev/null 2>&1 &
servers+=("$!")
: >"$work/serve.txt"
"$binary" serve "$slides" --port 0 --backend cpu --cors "http://127.0.0.1:$port" >"$work/serve.txt" 2>"$work/serve.log" &
servers+=("$!")
served_at "$work/serve.txt" "${servers[-1]}" "$work/serve.log"

step "pages"
"$work/venv/bin/python" scripts/clients.py "$program" "http://127.0.0.1:$port" "$address" "$work"

wheel=$(compgen -G "$target_dir/python/wheels/*.whl" | head -n 1 || true)
[[ -n $wheel ]] || { skipped "napari and the notebook: the Python package is not built (scripts/python.sh)"; exit 0; }
step "napari and the notebook"
python_with "napari and the notebook" "$work/python" numpy==2.4.6 pillow==13.0.0 dask==2026.8.0 napari==0.9.2 nbclient==0.11.0 ipykernel==7.4.0
"$work/python/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --force-reinstall "$wheel"
SERVER=$address "$work/python/venv/bin/python" scripts/clients_python.py examples/clients "$address/cmu-1" "$slides/cmu-1.bundle"
