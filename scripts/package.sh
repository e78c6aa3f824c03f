#!/usr/bin/env bash
# The Debian package of a program that is built already, and what it does in bare systems of Debian, by scripts/package-trial.sh.
#
#   scripts/package.sh BINARY FOLDER [RELEASE...]      writes FOLDER/origami_VERSION_ARCH.deb; RELEASE: bookworm, trixie
#
# cargo-deb is compiled once into target/tools. What cannot be done is SKIPPED.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

(($# >= 2)) || die "usage: scripts/package.sh BINARY FOLDER [RELEASE...]"
binary=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
have dpkg-shlibdeps || { skipped "the Debian package: there is no dpkg-shlibdeps (apt install dpkg-dev)"; exit 0; }
version=3.8.0
cargo_deb=$target_dir/tools/bin/cargo-deb
if [[ $("$cargo_deb" --version 2>/dev/null) != *"$version" ]]; then
    step "cargo-deb $version"
    env -u CARGO_TARGET_DIR CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug --root "$target_dir/tools" "cargo-deb@$version" ||
        { skipped "the Debian package: cargo-deb cannot be built here"; exit 0; }
fi

step "what the package holds"
stage=packaging/stage
rm -rf "$stage"
mkdir -p "$stage/man" "$stage/completions"
cp "$binary" "$stage/origami"
"$binary" man "$stage/man"
gzip --best --no-name "$stage"/man/*
for shell in bash zsh fish; do
    "$binary" completions "$shell" >"$stage/completions/$shell"
done
features=$("$binary" doctor | sed -n '1s/.*(\(.*\)).*/\1/p' | tr -d ' ')
triple=$(host_triple)
python3 scripts/third_party.py "$features" "$triple" "$stage/third-party.txt"
gzip --best --no-name "$stage/third-party.txt"
# Debian's form of a changelog, which names the file with the changes.
maintainer=$(sed -n '/^\[package.metadata.deb\]/,/^\[/s/^maintainer = "\(.*\)"/\1/p' Cargo.toml)
release=$("$binary" --version | sed -n '1s/^origami \([0-9][^ ]*\).*/\1/p')
when=$(git log -1 --format=%cD 2>/dev/null || date --utc --rfc-email)
printf 'origami (%s) unstable; urgency=medium\n\n  * The changes are in NEWS.md.\n\n -- %s  %s\n' "$release" "$maintainer" "$when" |
    gzip --best --no-name >"$stage/changelog.gz"

step "the package"
package=$out/origami_${release}_$(dpkg --print-architecture).deb
# By the xz that dpkg-dev brings: cargo-deb's own is built here without optimisation, and takes minutes.
"$cargo_deb" --quiet --no-build --no-strip --compress-system --output "$package"
echo "$package: $(stat --format=%s "$package") bytes, $(dpkg-deb --field "$package" Installed-Size) KiB installed"
dpkg-deb --info "$package" | grep -E '^ (Version|Depends|Recommends|Suggests|Maintainer):'
if have lintian; then
    # The suite of the changelog is no suite of Debian's; the program is not started by a script of init.
    lintian --fail-on error --suppress-tags bad-distribution-in-changes-file "$package" || die "lintian has found errors"
else
    skipped "lintian: it is not there (apt install lintian)"
fi

scripts/package-trial.sh "$package" "${@:3}"
