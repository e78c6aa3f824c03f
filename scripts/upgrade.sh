#!/usr/bin/env bash
# Two versions of the program meet: each writes its files (scripts/versions.sh), and the other opens them. A file is read, or refused in one line
# that says why; anything else fails. For a release; not part of the tests, because it needs a binary of an earlier commit.
#
#   scripts/upgrade.sh OLD NEW      each a binary, or a commit, which is built in target/upgrade with the features nats and rocksdb
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

(($# == 2)) || die "usage: scripts/upgrade.sh OLD NEW"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# binary_of NAME: prints the path of a binary, or builds that commit. The viewer's files, which git does not hold, are those of this tree.
binary_of() {
    if [[ -x $1 && -f $1 ]]; then
        realpath "$1"
        return
    fi
    local commit tree folder
    commit=$(git rev-parse --verify --quiet "$1^{commit}") || die "$1 is neither a binary nor a commit"
    tree=$target_dir/upgrade/$commit
    if [[ ! -d $tree ]]; then
        mkdir -p "$tree"
        git archive "$commit" | tar -x -C "$tree"
        for folder in openseadragon rbush roboto; do
            cp -r "vendor/$folder" "$tree/vendor/"
        done
    fi
    (cd "$tree" && CARGO_TARGET_DIR=$target_dir/upgrade/target cargo build --locked --quiet --features nats,rocksdb) >&2
    cp "$target_dir/upgrade/target/debug/origami" "$target_dir/upgrade/origami-$commit"
    echo "$target_dir/upgrade/origami-$commit"
}

old=$(binary_of "$1")
new=$(binary_of "$2")
for side in old new; do
    step "files of the $side program, $("${!side}" --version | head -n 1)"
    scripts/versions.sh "${!side}" "$work/$side"
done
step "what each makes of the other's"
python3 scripts/versions_open.py "$old" "$work/new"/*
python3 scripts/versions_open.py "$new" "$work/old"/*
