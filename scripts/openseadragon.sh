#!/usr/bin/env bash
# Fetches OpenSeadragon, the one part of the viewer that is not ours: the pinned package from npm, checked whole, and of it
# one file, which the build embeds. Where that file is in place it touches nothing.
#
#   scripts/openseadragon.sh           fetch it where it is missing
#   scripts/openseadragon.sh --check   only say by the exit status whether it is there
#
# To move the pin: change the three lines below and the row in vendor/README.md, then run scripts/browser.sh.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

version=6.1.1
integrity=sha512-g4iKe2q8B642SaBT3+x4ZF3/8b1TxPPydyjmtrOLgDrlYWMKd9ZXM+1Cb/xa9DVySkvs/7l6HR1nHKfD5F3Tsw==
file_sha256=14d587cd3ee7c4861f1a41077ce642029364a21029956ba635bd8fb1202cf9ad

file=vendor/openseadragon/openseadragon.min.js

has_file() { [[ -f $1 && $(sha256sum <"$1") == "$file_sha256  -" ]]; }

# integrity_of FILE: its sum as npm writes it.
integrity_of() {
    printf 'sha512-%s\n' "$(sha512sum <"$1" | cut -d' ' -f1 | tr a-f A-F | basenc --decode --base16 | base64 -w 0)"
}

for pin in "$version" "$integrity" "$file_sha256"; do
    grep -Fq "$pin" vendor/README.md || die "vendor/README.md does not have the pin $pin of scripts/openseadragon.sh"
done
case ${1:-} in
'') ;;
--check)
    has_file "$file"
    exit
    ;;
*) die "unknown argument '$1'; usage: scripts/openseadragon.sh [--check]" ;;
esac
has_file "$file" && exit
have npm || die "no npm here to fetch OpenSeadragon with: scripts/setup.sh installs it"

echo "fetching: OpenSeadragon $version"
folder=$(mktemp -d)
package=$folder/openseadragon-$version.tgz
inside=package/build/openseadragon/openseadragon.min.js
npm pack --loglevel error --ignore-scripts --pack-destination "$folder" "openseadragon@$version" >/dev/null ||
    die "npm could not fetch openseadragon@$version"
[[ $(integrity_of "$package") == "$integrity" ]] || die "$package is not the pinned package ($integrity)"
mkdir -p "${file%/*}"
tar -xOzf "$package" "$inside" >"$file.$$"
has_file "$file.$$" || die "$file.$$ is not the pinned file (sha256 $file_sha256)"
mv -f "$file.$$" "$file"
rm -f "$package"
rmdir "$folder"
