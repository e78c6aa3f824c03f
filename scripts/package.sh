#!/usr/bin/env bash
# The Debian package of a program that is built already, and what it does in a bare system: installed, upgraded, removed and purged, with slides,
# marks and a token planted, of which purge may take the token alone.
#
#   scripts/package.sh BINARY FOLDER      writes FOLDER/origami_VERSION_ARCH.deb
#
# cargo-deb is compiled once into target/tools. The tries need root, debootstrap and a mirror of Debian; what cannot be done is SKIPPED.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

(($# == 2)) || die "usage: scripts/package.sh BINARY FOLDER"
binary=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
version=3.8.0
cargo_deb=$target_dir/tools/bin/cargo-deb
if [[ $("$cargo_deb" --version 2>/dev/null) != "$version" ]]; then
    step "cargo-deb $version"
    env -u CARGO_TARGET_DIR cargo install --quiet --locked --debug --root "$target_dir/tools" "cargo-deb@$version" ||
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
python3 scripts/third_party.py "$features" "$(host_triple)" "$stage/third-party.txt"
# Debian's form of a changelog, which names the file with the changes.
maintainer=$(sed -n '/^\[package.metadata.deb\]/,/^\[/s/^maintainer = "\(.*\)"/\1/p' Cargo.toml)
release=$("$binary" --version | sed -n '1s/^origami \([0-9][^ ]*\).*/\1/p')
when=$(git log -1 --format=%cD 2>/dev/null || date --utc --rfc-email)
printf 'origami (%s) unstable; urgency=medium\n\n  * The changes are in CHANGELOG.md.\n\n -- %s  %s\n' "$release" "$maintainer" "$when" |
    gzip --best --no-name >"$stage/changelog.gz"

step "the package"
"$cargo_deb" --no-build --no-strip --output "$out/"
package=$(find "$out" -name "origami_*.deb" -newer "$stage/changelog.gz" | head -n 1)
[[ -n $package ]] || die "cargo-deb has written no package"
echo "$package: $(stat --format=%s "$package") bytes"
dpkg-deb --info "$package" | grep -E '^ (Depends|Recommends|Suggests|Maintainer):'
if have lintian; then
    lintian --fail-on error --suppress-tags bad-distribution-in-changes-file "$package" || die "lintian has found errors"
else
    skipped "lintian: it is not there (apt install lintian)"
fi

step "in a bare system"
[[ $(id -u) == 0 ]] || { skipped "the package in a bare system: needs root"; exit 0; }
have debootstrap || { skipped "the package in a bare system: there is no debootstrap"; exit 0; }
codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
debootstrap --variant=minbase "$codename" "$root" >"$root.log" 2>&1 || { skipped "the package in a bare system: no mirror of Debian ($(tail -n 1 "$root.log"))"; exit 0; }
rm -f "$root.log"
inside() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive "$@"; }
cp "$package" "$root/origami.deb"
inside dpkg --install /origami.deb
inside origami --version
[[ $(inside stat --format=%U /var/lib/origami /var/cache/origami | sort -u) == origami ]] || die "its directories are not its own"
inside sh -c 'cd /srv && origami bench slide /srv/slides/one.png --size 700x500 >/dev/null && origami encode --image /srv/slides/one.png --out /srv/slides/one --quiet'
inside origami doctor --serve --config /etc/origami/serve.toml >"$root/said" || die "the server would not start: $(cat "$root/said")"
echo '{}' >"$root/var/lib/origami/one.geojson"
echo 0123456789abcdef0123 >"$root/etc/origami/tokens"
before=$(cd "$root" && find srv/slides var/lib/origami/one.geojson -type f -exec sha256sum {} + | sort)
echo '# mine' >>"$root/etc/origami/serve.toml"
# The same version again is what an upgrade does to configuration and user.
inside dpkg --install /origami.deb
grep -q '^# mine' "$root/etc/origami/serve.toml" || die "an upgrade has replaced the configuration"
inside dpkg --remove origami
[[ -f $root/etc/origami/serve.toml ]] || die "removing it has taken the configuration"
inside dpkg --purge origami
[[ ! -e $root/etc/origami && ! -e $root/var/cache/origami ]] || die "purge has left configuration or cache"
! inside getent passwd origami || die "purge has left the user"
after=$(cd "$root" && find srv/slides var/lib/origami/one.geojson -type f -exec sha256sum {} + | sort)
[[ $after == "$before" ]] || die "purge has taken slides or marks"
[[ $(stat --format=%U "$root/var/lib/origami/one.geojson") == root ]] || die "marks belong to a user that is gone"
echo "installed, upgraded, removed and purged: slides and marks are as they were"
