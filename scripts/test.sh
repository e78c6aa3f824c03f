#!/usr/bin/env bash
# Everything that CI runs: sets the machine up, then the gate, the NEON kernels under emulation, fuzzers, crashes and faults, the
# server under load, the viewer and the page of evaluation runs in a browser, the Python package, and the demo on a real slide with
# its quality limits. From nothing it takes less than an hour on two cores. What takes longer has scripts of its own: features.sh and those
# that end in -long.sh.
#
# ORIGAMI_TEST_DATA    folder of further slides and damaged images; taken from ../shared/data when that is there.
#                      Tests that want it say SKIPPED without it.
# ORIGAMI_REQUIRE_GPU  1 (the default here): a test of the GPU path that finds no adapter fails; setup installs Mesa's, in
#                      software. 0: it says SKIPPED.
# ORIGAMI_TEST_ROCKSDB 1: also the cache on disk, whose RocksDB takes 25 minutes of processor time to compile; without it, only where it was
#                      compiled before; 0: not even there.
# ORIGAMI_GPU_ADAPTER  part of the name of the adapter that the tests run on (default: hardware before software).
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

export ORIGAMI_REQUIRE_GPU=${ORIGAMI_REQUIRE_GPU:-1}

step "setup"
scripts/setup.sh

if [[ -z ${ORIGAMI_TEST_DATA:-} && -d ../shared/data ]]; then
    ORIGAMI_TEST_DATA=$(cd ../shared/data && pwd)
fi
if [[ -n ${ORIGAMI_TEST_DATA:-} ]]; then
    export ORIGAMI_TEST_DATA
    echo "test data: $ORIGAMI_TEST_DATA"
else
    skipped "tests on further data: set ORIGAMI_TEST_DATA to a folder that holds it"
fi

scripts/check.sh

# Browsers wait for most of their time. What only computes runs meanwhile, comes second, and is printed after them.
beside=$(mktemp)
# A group of processes of its own, so that it ends with this script.
set -m
(
    nice scripts/neon.sh
    step "hostile bytes"
    nice scripts/fuzz.sh --quick
) >"$beside" 2>&1 &
computes=$!
set +m
trap 'kill -- "-$computes" 2>/dev/null || true; rm -f "$beside"' EXIT

step "viewer"
scripts/browser.sh "$target_dir/debug/origami"

step "viewer in Firefox"
scripts/firefox.sh "$target_dir/debug/origami"

step "colour in a browser"
scripts/colour.sh "$target_dir/debug/origami"

step "evals viewer"
scripts/evals.sh "$target_dir/debug/origami"

has_passed=1
wait "$computes" || has_passed=0
cat "$beside"
((has_passed)) || die "what ran beside the browsers failed, as it says above"

step "IIIF"
scripts/iiif.sh "$target_dir/debug/origami"

step "TIFF variants"
scripts/tiff-variants.sh "$target_dir/debug/origami"

step "conversions"
scripts/convert.sh "$target_dir/debug/origami"

step "DICOM"
scripts/dicom.sh "$target_dir/debug/origami"

step "storage at addresses"
scripts/storage.sh "$target_dir/debug/origami"

step "files of doubtful meaning"
if [[ -d ${ORIGAMI_TEST_DATA:-}/cases ]]; then
    scripts/cases.sh "$target_dir/debug/origami" "$ORIGAMI_TEST_DATA/cases"
else
    skipped "cases: they are in the further test data"
fi

step "crashes and faults"
scripts/faults.sh --quick "$target_dir/debug/origami"

step "server under load"
scripts/load.sh "$target_dir/debug/origami" 20
# Clients of every kind, each body compared.
scripts/load-long.sh "$target_dir/debug/origami" 120

step "the unit of systemd"
scripts/unit.sh "$target_dir/debug/origami"

step "the book"
scripts/book.sh

step "workflows"
scripts/workflows.sh

step "metrics by Prometheus' rules"
scripts/metrics.sh "$target_dir/debug/origami"

step "TLS in front of the server"
scripts/proxies.sh "$target_dir/debug/origami"

step "Python package"
scripts/python.sh

step "fleets of workers, with a queue in a file and on NATS"
scripts/fleet.sh

step "workers by Slurm and Snakemake"
scripts/deploy.sh

step "demo"
scripts/demo.sh --check "$target_dir/debug/origami"

step "all passed"
