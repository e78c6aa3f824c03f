#!/usr/bin/env bash
# The whole gate for a change: format, lints, documentation, licences, tests, and that none of it altered the tree. Stops at the first
# failure. `scripts/features.sh` lints each feature by itself.
#
# ORIGAMI_TEST_ROCKSDB=1   also the cache on disk, whose RocksDB takes 25 minutes of processor time to compile; without it, only where it was
#                          compiled before; 0: not even there
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# tree_state: what git sees of the working tree, contents of changed files included; nothing outside a repository.
tree_state() {
    git rev-parse --is-inside-work-tree >/dev/null 2>&1 || return 0
    git status --porcelain
    git diff
}

lint() { cargo clippy --locked --all-targets "$@" -- -D warnings; }

before=$(tree_state)

step "scripts"
scripts=(scripts/*.sh benches/*.sh fuzz/*.sh runpod/*.sh .ci/run)
for script in "${scripts[@]}"; do
    bash -n "$script"
done
have shellcheck || die "no shellcheck here: scripts/setup.sh installs it"
shellcheck -x "${scripts[@]}"
# Among others: that nothing in there deletes recursively.
runpod/check.sh

step "format"
cargo fmt --all --check

step "lints: all features, no features"
# Assignments, so that a failure to list them is a failure.
features=$(feature_names)
rocksdb_is_tested || features=$(grep -vx rocksdb <<<"$features")
features=${features//$'\n'/,}
# The fuzzers with it, which no test builds.
lint -p origami -p origami-fuzz --features "origami/default,origami/${features//,/,origami/}"
lint --no-default-features
# All features of the program are asked for above; the Python package has its own, and is not built with the program.
echo "-- the Python package" && lint -p origami-python

step "documentation"
RUSTDOCFLAGS="${RUSTDOCFLAGS:-} -D warnings" cargo doc --locked --no-deps --features "$features"

step "licences"
if have cargo-deny; then
    cargo deny --locked --workspace --all-features check bans licenses sources
    scripts/licences.sh --vendor
else
    scripts/licences.sh
fi
# By the database that this machine has, if any: a gate that fetches one would fail on some days for no change.
scripts/licences.sh --advisories

step "tests"
# With queues on NATS, traces, and the cache on disk, which can be tested here and are not in the default build. Mesa's device
# selection prints an error where there is no desktop; the tests choose their adapter themselves.
rocksdb_is_tested || skipped "the cache on disk: RocksDB takes 25 minutes of processor time to compile (ORIGAMI_TEST_ROCKSDB=1 has it done)"
tested=$(test_features)
NODEVICE_SELECT=1 cargo test --locked --features "$tested"

step "clean tree"
after=$(tree_state)
if [[ $after != "$before" ]]; then
    diff <(printf '%s\n' "$before") <(printf '%s\n' "$after") || true
    die "the checks changed the working tree (what is generated belongs into .gitignore or into the commit)"
fi
echo "check: all passed"
