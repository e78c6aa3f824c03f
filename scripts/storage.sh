#!/usr/bin/env bash
# Storage at addresses against independent servers on loopback: two of S3's protocol (moto, s3rver) and one of Azure's (azurite).
# A slide is encoded from there and to there; the bundle is inspected, verified, decoded and served; every byte is compared with that of
# the local run. The storage is stopped and started under the server. Credentials must not appear in anything that was said.
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
pins=(azure-storage-blob==12.30.0 'moto[server]==5.2.1' numpy==2.4.6 tifffile==2026.3.3)
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
