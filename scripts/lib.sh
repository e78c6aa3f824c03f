# Shell functions shared by the scripts of this folder. Sourced, never run:
#   . "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# It sets `root` (the repository) and `target_dir` (where cargo builds), and goes to `root`.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit

# Absolute, so that a script may change its folder.
target_dir=${CARGO_TARGET_DIR:-target}
case $target_dir in
/*) ;;
*) target_dir=$root/$target_dir ;;
esac

# A shell opened before Rust was installed does not have it on its path yet.
[[ :$PATH: == *:"$HOME"/.cargo/bin:* ]] || PATH=$PATH:$HOME/.cargo/bin

# step TEXT: the heading of what runs next.
step() { printf '\n== %s\n' "$*"; }

# skipped TEXT: what could not be checked here, and why. Always this one word, so that a log can be searched for it.
skipped() { printf 'SKIPPED: %s\n' "$*"; }

warn() { printf 'warning: %s\n' "$*" >&2; }

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# host_triple: the target the installed compiler builds for by default.
host_triple() { rustc -vV | sed -n 's/^host: //p'; }

# has_library SONAME: whether the dynamic linker knows a library whose name starts so.
has_library() {
    local cache
    # The whole list is read before it is searched: under `pipefail` an early end of grep would fail the pipe.
    cache=$(PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null || true)
    [[ $cache == *"$1"* ]]
}

# qemu_aarch64: prints the name of the user-mode emulator, fails when there is none.
qemu_aarch64() {
    local name
    for name in qemu-aarch64 qemu-aarch64-static; do
        if have "$name"; then
            printf '%s\n' "$name"
            return 0
        fi
    done
    return 1
}

# has_rust_target TRIPLE: whether the standard library of that target is installed (with or without rustup).
has_rust_target() { [[ -d "$(rustc --print sysroot)/lib/rustlib/$1/lib" ]]; }
