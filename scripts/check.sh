#!/usr/bin/env bash
# The whole gate for a change: format, lints, tests, every feature by itself, documentation, licences, and that none of
# it altered the tree. Stops at the first failure.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# tree_state: what git sees of the working tree, contents of changed files included; nothing outside a repository.
tree_state() {
    git rev-parse --is-inside-work-tree >/dev/null 2>&1 || return 0
    git status --porcelain
    git diff
}

# feature_names: all features of the crate, as cargo sees them: implicit ones of optional dependencies too. In the
# metadata of one package the only object called "features" maps each name to a list.
feature_names() {
    cargo metadata --locked --no-deps --format-version 1 |
        grep -o '"features":{[^}]*}' | sed 's/^"features"://; s/\[[^]]*\]//g' |
        grep -o '"[^"]*"' | tr -d '"' | grep -vx default
}

lint() { cargo clippy --locked --all-targets "$@" -- -D warnings; }

before=$(tree_state)

step "scripts"
scripts=(scripts/*.sh benches/*.sh runpod/*.sh .ci/run)
for script in "${scripts[@]}"; do
    bash -n "$script"
done
have shellcheck || die "no shellcheck here: scripts/setup.sh installs it"
shellcheck -x "${scripts[@]}"
# Among others: that nothing in there deletes recursively.
runpod/check.sh

step "format"
cargo fmt --all --check

step "lints: all features, no features, each feature alone"
lint --all-features
lint --no-default-features
# An assignment, so that a failure to list them is a failure.
features=$(feature_names)
# The tests were looked at with all of them and with none; by themselves the features are those of library and program. What
# only other systems have, there is nothing of here but its dependencies: together.
alone() { cargo clippy --locked --lib --bins --no-default-features --features "$1" -- -D warnings; }
for feature in $features; do
    case $feature in
    dx12 | metal) ;;
    *) echo "-- $feature" && alone "$feature" ;;
    esac
done
echo "-- dx12 and metal" && alone dx12,metal
# All features of the program are asked for above; the Python package has its own, and is not built with the program.
echo "-- the Python package" && lint -p origami-python

step "documentation"
RUSTDOCFLAGS="${RUSTDOCFLAGS:-} -D warnings" cargo doc --locked --no-deps --all-features

step "licences"
if have cargo-deny; then
    # Advisories need a database from the network: a gate that fails on some days for no change is no gate.
    cargo deny --locked --workspace --all-features check bans licenses sources
    scripts/licences.sh --vendor
else
    scripts/licences.sh
fi

step "tests"
# With the cache on disk and queues on NATS, which can be tested here and are not in the default build. Mesa's device
# selection prints an error where there is no desktop; the tests choose their adapter themselves.
NODEVICE_SELECT=1 cargo test --locked --features nats,rocksdb

step "clean tree"
after=$(tree_state)
if [[ $after != "$before" ]]; then
    diff <(printf '%s\n' "$before") <(printf '%s\n' "$after") || true
    die "the checks changed the working tree (what is generated belongs into .gitignore or into the commit)"
fi
echo "check: all passed"
