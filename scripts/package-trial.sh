#!/usr/bin/env bash
# A Debian package in bare systems of Debian 12 and 13: installed, used, upgraded, removed and purged, with slides, marks and a token planted, of which
# purge may take the token alone.
#
#   scripts/package-trial.sh PACKAGE [RELEASE...]      PACKAGE: what scripts/package.sh wrote. RELEASE: bookworm, trixie
#
# Needs root, debootstrap and a mirror of Debian; what cannot be done is SKIPPED. Neither compiles anything nor needs cargo. The server listens on
# loopback. Pictures of the slide in Chromium are in target/package.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/roots.sh
. scripts/roots.sh

(($# >= 1)) || die "usage: scripts/package-trial.sh PACKAGE [RELEASE...]"
package=$(realpath "$1")
[[ $package == *.deb && -f $package ]] || die "$package is no Debian package: scripts/package.sh makes one"
releases=("${@:2}")
[[ ${#releases[@]} != 0 ]] || releases=(bookworm trixie)
why=$(no_roots) && { skipped "the package in bare systems: $why"; exit 0; }
begin_trial
release=$(dpkg-deb --field "$package" Version)

# A newer version of the same files, and the program in them.
dpkg-deb --raw-extract "$package" "$work/newer"
cp "$work/newer/usr/bin/origami" "$work/origami"
# shellcheck disable=SC2034 # for roots.sh
binary=$work/origami
sed -i "s/^Version: .*/Version: $release+1/" "$work/newer/DEBIAN/control"
dpkg-deb --build --root-owner-group -Zgzip -z1 "$work/newer" "$work/newer.deb" >/dev/null

# planted ROOT: what must outlive a purge, with its sums.
planted() { (cd "$1" && find srv/slides var/lib/origami/slide.geojson -type f -exec sha256sum {} + | sort); }

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
    if [[ $(systemd-analyze --help 2>/dev/null) == *--offline=* ]]; then
        # By the units of this machine: a minimal system has none. The program is the one in there.
        sed "s#^ExecStart=/usr/bin/origami #ExecStart=$root_of/usr/bin/origami #" "$root_of/usr/lib/systemd/system/origami.service" >"$work/origami.service"
        said=$(systemd-analyze verify "$work/origami.service" 2>&1) || die "systemd-analyze verify: $said"
        [[ $said != *origami.service:* ]] || die "systemd-analyze verify: $said"
        said=$(systemd-analyze security --offline=true --threshold=20 --no-pager "$work/origami.service") || die "the unit's exposure is more than 2.0: $said"
        grep -o 'Overall exposure level.*[0-9]' <<<"$said"
    else
        skipped "the unit: there is no systemd-analyze of version 250 or newer (apt install systemd)"
    fi
    inside "$root_of" origami doctor --serve --config /etc/origami/serve.toml >"$work/said" || die "the server would not start: $(cat "$work/said")"
    began=$SECONDS
    used "$root_of" "package-$name"
    echo "encoded, served, shown and compared: $((SECONDS - began)) s"

    echo '{}' >"$root_of/var/lib/origami/slide.geojson"
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
    [[ $(stat --format=%u "$root_of/var/lib/origami/slide.geojson") == 0 ]] || die "marks belong to a user that is gone"
    echo "upgraded, removed and purged: slides and marks are as they were"
    rm -rf --one-file-system "${root_of:?}"
done
