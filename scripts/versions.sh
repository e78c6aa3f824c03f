#!/usr/bin/env bash
# Small files of every format that the program keeps, in tests/versions/VERSION, where VERSION is that of the program. Run it once for each
# release, by scripts/release.sh; what it wrote is committed and never changed: tests/program/versions.rs and tests/server/versions.rs open the
# files of all versions with every later build.
#
#   scripts/versions.sh BINARY [FOLDER]      FOLDER instead of tests/versions
#
# The program runs in bubblewrap under the names of a machine that does not exist, so that the files hold no path and no host name of this one.
# Needs python3, bubblewrap, and a program with the features nats and rocksdb.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

(($# == 1 || $# == 2)) || die "usage: scripts/versions.sh BINARY [FOLDER]"
binary=$(realpath "$1")
have bwrap || die "there is no bwrap (apt install bubblewrap)"
has_feature "$binary" rocksdb || die "$binary has not the feature rocksdb: the cache on disk is one of the formats"
version=$("$binary" --version | sed -n '1s/^origami \([0-9][^ ]*\).*/\1/p')
[[ -n $version ]] || die "$binary does not say its version"
folder=$(realpath -m "${2:-tests/versions}")/$version
[[ ! -e $folder ]] || die "$folder is there: files of a version are written once"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/made"
bwrap --ro-bind / / --dev /dev --proc /proc --tmpfs /tmp --tmpfs /srv --tmpfs /opt --ro-bind scripts /opt/scripts --ro-bind "$binary" /opt/origami \
    --bind "$work/made" /srv/origami --chdir /srv/origami --unshare-user --unshare-uts --hostname archive --unshare-pid --die-with-parent --new-session \
    --setenv HOME /srv/origami --setenv PYTHONDONTWRITEBYTECODE 1 \
    python3 /opt/scripts/versions_make.py /opt/origami
mkdir -p "$folder"
cp -r "$work/made/kept/." "$folder/"
echo "$folder: $(find "$folder" -type f | wc -l) files, $(du -sb "$folder" | cut -f1) bytes"
