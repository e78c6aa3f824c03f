#!/usr/bin/env bash
# The Debian package of a program that is built already, and what it does in bare systems of Debian 12 and 13: installed, used, upgraded, removed and
# purged, with slides, marks and a token planted, of which purge may take the token alone.
#
#   scripts/package.sh BINARY FOLDER [RELEASE...]      writes FOLDER/origami_VERSION_ARCH.deb; RELEASE: bookworm, trixie
#
# cargo-deb is compiled once into target/tools. The tries need root, debootstrap and a mirror of Debian; what cannot be done is SKIPPED. The server
# listens on loopback. Pictures of the slide in Chromium are in target/package.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/roots.sh
. scripts/roots.sh

(($# >= 2)) || die "usage: scripts/package.sh BINARY FOLDER [RELEASE...]"
binary=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
releases=("${@:3}")
[[ ${#releases[@]} != 0 ]] || releases=(bookworm trixie)
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
python3 scripts/third_party.py "$features" "$(host_triple)" "$stage/third-party.txt"
gzip --best --no-name "$stage/third-party.txt"
# Debian's form of a changelog, which names the file with the changes.
maintainer=$(sed -n '/^\[package.metadata.deb\]/,/^\[/s/^maintainer = "\(.*\)"/\1/p' Cargo.toml)
release=$("$binary" --version | sed -n '1s/^origami \([0-9][^ ]*\).*/\1/p')
when=$(git log -1 --format=%cD 2>/dev/null || date --utc --rfc-email)
printf 'origami (%s) unstable; urgency=medium\n\n  * The changes are in NEWS.md.\n\n -- %s  %s\n' "$release" "$maintainer" "$when" |
    gzip --best --no-name >"$stage/changelog.gz"

step "the package"
package=$out/origami_${release}_$(dpkg --print-architecture).deb
"$cargo_deb" --quiet --no-build --no-strip --output "$package"
echo "$package: $(stat --format=%s "$package") bytes, $(dpkg-deb --field "$package" Installed-Size) KiB installed"
dpkg-deb --info "$package" | grep -E '^ (Version|Depends|Recommends|Suggests|Maintainer):'
if have lintian; then
    # The suite of the changelog is no suite of Debian's; the program is not started by a script of init.
    lintian --fail-on error --suppress-tags bad-distribution-in-changes-file "$package" || die "lintian has found errors"
else
    skipped "lintian: it is not there (apt install lintian)"
fi

why=$(no_roots) && { skipped "the package in bare systems: $why"; exit 0; }
work=$(mktemp -d)
server=
cleanup() {
    [[ -z $server ]] || stop_inside "$server"
    rm -rf --one-file-system "${work:?}"
}
trap cleanup EXIT
mkdir -p "$target_dir/package"

# A newer version of the same files.
dpkg-deb --raw-extract "$package" "$work/newer"
sed -i "s/^Version: .*/Version: $release+1/" "$work/newer/DEBIAN/control"
dpkg-deb --build --root-owner-group -Zgzip -z1 "$work/newer" "$work/newer.deb" >/dev/null

# planted ROOT: what must outlive a purge, with its sums.
planted() { (cd "$1" && find srv/slides var/lib/origami/one.geojson -type f -exec sha256sum {} + | sort); }

# used ROOT NAME: a slide is encoded and served in there, and Chromium shows it.
used() {
    local slide=$target_dir/demo/CMU-1-Small-Region.svs port log=$work/$2.log program
    if [[ -f $slide ]]; then
        cp "$slide" "$1/srv/slides/slide.svs"
    else
        inside "$1" sh -c 'cd /srv/slides && origami bench slide slide.png --size 2200x1500 >/dev/null'
    fi
    inside "$1" sh -c 'cd /srv/slides && origami encode slide.* --out one --quiet'
    port=$(free_port)
    : >"$log"
    inside "$1" sh -c "cd /srv/slides && exec origami serve . --port $port" >"$log" 2>&1 &
    server=$!
    served_at "$log" "$server"
    curl --silent --fail --output /dev/null "$address/api/slides/one" || die "the server has not the slide: $(cat "$log")"
    if program=$(browser_program); then
        python3 scripts/package_viewer.py "$program" "$address/viewer/one" "$target_dir/package/$2.png"
    else
        skipped "the slide in a browser: there is no Chromium"
    fi
    stop_inside "$server"
    server=
}

for name in "${releases[@]}"; do
    step "in a bare system, $name"
    root_of=$work/$name
    bare_root "$name" "$root_of" || { skipped "the package in $name: no mirror of Debian has it"; continue; }
    cp "$package" "$root_of/origami.deb"
    cp "$work/newer.deb" "$root_of/newer.deb"
    began=$SECONDS
    # As users do it, with what is recommended; without a mirror, the package alone.
    if inside "$root_of" apt-get update -qq && inside "$root_of" apt-get install -y -qq /origami.deb >"$work/apt" 2>&1; then
        echo "installed by apt, with what it recommends: $((SECONDS - began)) s"
    else
        skipped "what the package recommends, in $name: apt could not fetch it"
        inside "$root_of" dpkg --install /origami.deb
    fi
    inside "$root_of" origami --version
    [[ $(inside "$root_of" stat --format=%U /var/lib/origami /var/cache/origami | sort -u) == origami ]] || die "its directories are not its own"
    if have systemd-analyze; then
        # By the units of this machine: a minimal system has none. The program is the one in there.
        sed "s#^ExecStart=/usr/bin/origami #ExecStart=$root_of/usr/bin/origami #" "$root_of/usr/lib/systemd/system/origami.service" >"$work/origami.service"
        said=$(systemd-analyze verify "$work/origami.service" 2>&1) || die "systemd-analyze verify: $said"
        [[ $said != *origami.service:* ]] || die "systemd-analyze verify: $said"
        said=$(systemd-analyze security --offline=true --threshold=20 --no-pager "$work/origami.service") || die "the unit's exposure is more than 2.0: $said"
        grep -o 'Overall exposure level.*[0-9]' <<<"$said"
    else
        skipped "the unit: there is no systemd-analyze (apt install systemd)"
    fi
    inside "$root_of" origami doctor --serve --config /etc/origami/serve.toml >"$work/said" || die "the server would not start: $(cat "$work/said")"
    began=$SECONDS
    used "$root_of" "$name"
    echo "encoded, served and shown: $((SECONDS - began)) s"

    echo '{}' >"$root_of/var/lib/origami/one.geojson"
    echo 0123456789abcdef0123 >"$root_of/etc/origami/tokens"
    mkdir -p "$root_of/var/cache/origami/tiles"
    before=$(planted "$root_of")
    echo '# mine' >>"$root_of/etc/origami/serve.toml"
    inside "$root_of" dpkg --install /newer.deb >/dev/null
    # shellcheck disable=SC2016
    [[ $(inside "$root_of" dpkg-query --show --showformat='${Version}' origami) == "$release+1" ]] || die "it was not upgraded"
    grep -q '^# mine' "$root_of/etc/origami/serve.toml" || die "an upgrade has replaced the configuration"
    [[ -f $root_of/etc/origami/tokens ]] || die "an upgrade has taken the tokens"
    inside "$root_of" dpkg --remove origami >/dev/null
    [[ -f $root_of/etc/origami/serve.toml && ! -e $root_of/usr/bin/origami ]] || die "removing it has taken the configuration, or left the program"
    inside "$root_of" dpkg --purge origami >/dev/null
    [[ ! -e $root_of/etc/origami && ! -e $root_of/var/cache/origami ]] || die "purge has left configuration or cache"
    ! inside "$root_of" getent passwd origami || die "purge has left the user"
    [[ $(planted "$root_of") == "$before" ]] || die "purge has taken slides or marks"
    [[ $(stat --format=%u "$root_of/var/lib/origami/one.geojson") == 0 ]] || die "marks belong to a user that is gone"
    echo "upgraded, removed and purged: slides and marks are as they were"
    rm -rf --one-file-system "${root_of:?}"
done
