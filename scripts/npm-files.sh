#!/usr/bin/env bash
# Fetches the files that a build embeds and that are not ours: the viewer's OpenSeadragon and rbush, and Roboto, the font of plots. Each is
# one file of a pinned package from npm; package and file are checked whole. Where a file is in place it is left alone.
#
#   scripts/npm-files.sh           fetch what is missing
#   scripts/npm-files.sh --check   only say by the exit status whether all is there
#   scripts/npm-files.sh --tools   fetch what tests use instead, which no build needs or embeds: axe-core, for scripts/browser.sh, and
#                                  puppeteer-core, for scripts/firefox.sh, with all that it needs, by the sums of scripts/firefox/package-lock.json
#
# To move a pin: change its line below and its row in vendor/README.md, then run scripts/browser.sh for OpenSeadragon and rbush, and look
# at a plot for Roboto.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Package, version, npm's integrity of the package; path in the package, path here, sha256 of the file.
files=(
    'openseadragon 6.1.1 sha512-g4iKe2q8B642SaBT3+x4ZF3/8b1TxPPydyjmtrOLgDrlYWMKd9ZXM+1Cb/xa9DVySkvs/7l6HR1nHKfD5F3Tsw== package/build/openseadragon/openseadragon.min.js vendor/openseadragon/openseadragon.min.js 14d587cd3ee7c4861f1a41077ce642029364a21029956ba635bd8fb1202cf9ad'
    'rbush 4.0.1 sha512-IP0UpfeWQujYC8Jg162rMNc01Rf0gWMMAb2Uxus/Q0qOFw4lCcq6ZnQEZwUoJqWyUGJ9th7JjwI4yIWo+uvoAQ== package/rbush.min.js vendor/rbush/rbush.min.js 36a35169abe712e4da435d70544e75c2461f2c37552dba867f928a40bfcb0805'
    '@expo-google-fonts/roboto 0.2.3 sha512-PF6S//ZYWeXfpYTwvY2oEe0d5RnqwR5KMsGjuTgg6y9p/CPK/IkWL+wsbkzjfd+Jck1Q1pRlWOoe5uz42sQFRg== package/Roboto_400Regular.ttf vendor/roboto/Roboto_400Regular.ttf 4e147ab64b9fdf6d89d01f6b8c3ca0b3cddc59d608a8e2218f9a2504b5c98e14'
)

tools=(
    'axe-core 4.14.1 sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ== package/axe.min.js vendor/axe-core/axe.min.js 29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c'
)

# has_file FILE SHA256
has_file() { [[ -f $1 && $(sha256sum <"$1") == "$2  -" ]]; }

# fetch PACKAGE VERSION INTEGRITY INSIDE FILE SHA256
fetch() {
    local folder package
    have npm || die "no npm here to fetch $1 with: scripts/setup.sh installs it"
    echo "fetching: $1 $2"
    folder=$(mktemp -d)
    package=$folder/$(npm pack --loglevel error --ignore-scripts --pack-destination "$folder" "$1@$2" | tail -n 1) ||
        die "npm could not fetch $1@$2"
    [[ $(npm_integrity_of "$package") == "$3" ]] || die "$package is not the pinned package ($3)"
    mkdir -p "${5%/*}"
    tar -xOzf "$package" "$4" >"$5.$$"
    has_file "$5.$$" "$6" || die "$5.$$ is not the pinned file (sha256 $6)"
    mv -f "$5.$$" "$5"
    rm -f "$package"
    rmdir "$folder"
}

check=0
locked=()
case ${1:-} in
'') ;;
--check) check=1 ;;
--tools) files=("${tools[@]}") locked=(scripts/firefox) ;;
*) die "unknown argument '$1'; usage: scripts/npm-files.sh [--check|--tools]" ;;
esac

# packages_of FOLDER: what a package-lock.json names, each package checked, in a folder of the same name below that of builds. None of their
# scripts runs.
packages_of() {
    local into=$target_dir/npm/${1##*/}
    ! cmp -s "$1/package-lock.json" "$into/package-lock.json" || return 0
    have npm || die "no npm here to fetch puppeteer-core with: scripts/setup.sh installs it"
    echo "fetching: puppeteer-core"
    rm -rf "${into:?}"
    mkdir -p "$into.$$"
    cp "$1/package.json" "$1/package-lock.json" "$into.$$"
    (cd "$into.$$" && npm ci --loglevel error --ignore-scripts --no-audit --no-fund >/dev/null) || die "npm could not fetch what $1 names"
    mv "$into.$$" "$into"
}

for line in "${files[@]}"; do
    read -r name version integrity inside file sha256 <<<"$line"
    for pin in "$version" "$integrity" "$sha256"; do
        grep -Fq "$pin" vendor/README.md || die "vendor/README.md does not have the pin $pin of $name"
    done
    has_file "$file" "$sha256" && continue
    [[ $check == 0 ]] || exit 1
    fetch "$name" "$version" "$integrity" "$inside" "$file" "$sha256"
done
for folder in "${locked[@]}"; do packages_of "$folder"; done
