#!/usr/bin/env bash
# The compiler of scripts/fuzz.sh --quick: counts edges in the library and in the targets, and in nothing that runs while they are built.
#
#   fuzz/rustc.sh RUSTC ARGUMENT...    as cargo calls RUSTC_WORKSPACE_WRAPPER
#   fuzz/rustc.sh --flags              prints the flags, for a build that counts edges of all dependencies
set -euo pipefail

# What cargo-fuzz passes on a nightly compiler, without the sanitizers.
flags=(--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4)
flags+=(-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table)
flags+=(-Cllvm-args=-sanitizer-coverage-trace-compares)

if [[ ${1:-} == --flags ]]; then
    echo "${flags[@]}"
    exit
fi
case " $* " in
*" --crate-name origami "* | *" --crate-name fuzz "*) exec "$@" "${flags[@]}" ;;
*) exec "$@" ;;
esac
