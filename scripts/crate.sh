#!/usr/bin/env bash
# A packed crate as users have it: unpacked where nothing else of the repository is, `cargo install` and `cargo doc` work from it, offline and without npm.
# Without the fetched files, as in a fresh clone, `cargo install` says in one line which script to run.
#
#   scripts/crate.sh CRATE [ARGUMENT...]      CRATE: what `cargo package` wrote. Arguments are those of both commands: --profile, --features
#
# Dependencies are fetched first where they are not there yet. What was compiled before in target/ is used again.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

(($# >= 1)) || die "usage: scripts/crate.sh CRATE [ARGUMENT...]"
crate=$(realpath "$1")
shift
export CARGO_TARGET_DIR=$target_dir
work=$(mktemp -d)
trap 'rm -rf "${work:?}"' EXIT
tar -xzf "$crate" -C "$work"
folder=$(find "$work" -mindepth 1 -maxdepth 1)
for file in vendor/openseadragon/openseadragon.min.js vendor/rbush/rbush.min.js vendor/roboto/Roboto_400Regular.ttf \
    vendor/licenses/openseadragon-LICENSE.txt vendor/licenses/rbush-LICENSE vendor/licenses/roboto-LICENSE.Apache; do
    [[ -s $folder/$file ]] || die "the crate has not $file"
done
[[ ! -e $folder/vendor/axe-core ]] || die "the crate has a tool of the tests, vendor/axe-core"
mkdir "$work/bin"
for name in npm node; do
    printf '#!/bin/sh\necho "%s was called" >&2\nexit 1\n' "$name" >"$work/bin/$name"
    chmod +x "$work/bin/$name"
done
export PATH=$work/bin:$PATH
cd "$folder"
cargo fetch --quiet --locked || { skipped "the crate: its dependencies could not be fetched"; exit 0; }
cargo install --quiet --offline --locked --no-track --path . --root "$work/installed" "$@"
"$work/installed/bin/origami" --version
RUSTDOCFLAGS="${RUSTDOCFLAGS:-} -D warnings" cargo doc --quiet --offline --locked --no-deps "$@"
rm -r vendor/openseadragon vendor/rbush vendor/roboto
! cargo install --quiet --offline --locked --no-track --force --path . --root "$work/again" "$@" >"$work/said" 2>&1 ||
    die "without the fetched files it is installed all the same"
[[ $(grep -c 'run scripts/setup\.sh$' "$work/said") == 1 ]] || die "without the fetched files it does not say in one line what to run: $(cat "$work/said")"
echo "$(basename "$crate"): installed and documented by cargo alone, offline"
