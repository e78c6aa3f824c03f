# Shell functions shared by the scripts of this folder. Sourced, never run:
#   . "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# It sets `root` (the repository) and `target_dir` (where cargo builds), and goes to `root`.
# shellcheck shell=bash

# A function in $(...) ends at its first failure, as it does elsewhere: else what it prints last is taken for its result.
shopt -s inherit_errexit

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

# step TEXT: the heading of what runs next, with the time of day: a log then says what took long.
step() { printf '\n== %(%H:%M:%S)T %s\n' -1 "$*"; }

# skipped TEXT: what could not be checked here, and why. Always this one word, so that a log can be searched for it.
skipped() { printf 'SKIPPED: %s\n' "$*"; }

warn() { printf 'warning: %s\n' "$*" >&2; }

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# free_port: a port of this machine that is free now.
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# served_at LOG PID [FILE]: waits until `origami serve`, which writes to LOG, says where it listens, and sets `address` to that. FILE is
# shown with the log where it does not. The log must be emptied before the server starts: the address of the run before is not this one's.
served_at() {
    address=
    for _ in {1..200}; do
        address=$(sed -n 's/^origami serves .* on \(http:.*\)$/\1/p' "$1")
        [[ -z $address ]] || return 0
        kill -0 "$2" 2>/dev/null || die "the server has ended: $(cat "$1" "${@:3}")"
        sleep 0.1
    done
    die "the server does not say where it listens: $(cat "$1" "${@:3}")"
}

# host_triple: the target the installed compiler builds for by default.
host_triple() { rustc -vV | sed -n 's/^host: //p'; }

# runs COMMAND...: whether it can be run at all. A name on the path may be a placeholder that only prints advice.
runs() { "$@" </dev/null >/dev/null 2>&1; }

# has_library NAME...: whether the dynamic linker can load one of these libraries, each a soname or a path. It is loaded
# into a program of this architecture that does nothing; the linker's list would also hold libraries of other
# architectures, names that only begin alike, and libraries that lack one of their own.
has_library() {
    local name nothing
    nothing=$(type -P true) || return 1
    for name in "$@"; do
        [[ -n $(LD_PRELOAD=$name "$nothing" 2>&1) ]] || return 0
    done
    return 1
}

# python_with WHAT FOLDER PIN...: a Python environment with these packages in FOLDER/venv, made anew when the list changes. PIN may also
# be an option of pip. Says SKIPPED and ends the script where there can be none; WHAT is what then goes unchecked.
python_with() {
    local what=$1 venv=$2/venv
    shift 2
    [[ ! -e $venv/pins || $(<"$venv/pins") != "$*" ]] || return 0
    python3 -m venv --clear "$venv" || { skipped "$what: python3 has no venv (apt install python3-venv)"; exit 0; }
    "$venv/bin/pip" install --quiet --disable-pip-version-check "$@" ||
        { skipped "$what: the package index does not answer"; exit 0; }
    echo "$*" >"$venv/pins"
}

# playwright_for_python: lets python3, and environments made by it, import Playwright; fails where it cannot be had. It lies below the folder
# of builds, once for all scripts.
playwright_for_python() {
    local folder=$target_dir/playwright pins
    pins=$(python3 --version && sha256sum <scripts/playwright.txt) || return 1
    if [[ ! -e $folder/pins || $(<"$folder/pins") != "$pins" ]]; then
        rm -rf "${folder:?}"
        python3 -m venv "$folder/venv" || return 1
        "$folder/venv/bin/pip" install --quiet --disable-pip-version-check --target "$folder/packages" --only-binary :all: --require-hashes \
            -r scripts/playwright.txt || return 1
        echo "$pins" >"$folder/pins"
    fi
    export PYTHONPATH=$folder/packages
}

# npm_integrity_of FILE: the sum of a package as npm writes it.
npm_integrity_of() {
    printf 'sha512-%s\n' "$(sha512sum <"$1" | cut -d' ' -f1 | tr a-f A-F | basenc --decode --base16 | base64 -w 0)"
}

# first_that_starts NAME...: prints the name of the first program that says its version, fails when there is none.
first_that_starts() {
    local name
    for name in "$@"; do
        if runs "$name" --version; then
            printf '%s\n' "$name"
            return 0
        fi
    done
    return 1
}

# tool_of_debian NAME: prints the path of a program on the path, or of one that scripts/setup.sh unpacked; fails where there is none.
tool_of_debian() {
    local place
    for place in "$(type -P "$1")" "/usr/sbin/$1" "$target_dir/tools/debian/$1"; do
        if [[ -n $place && -x $place ]]; then
            printf '%s\n' "$place"
            return 0
        fi
    done
    return 1
}

# browser_program, firefox_program: the name of a Chromium and of a Firefox that start. CHROMIUM and FIREFOX choose one.
# shellcheck disable=SC2086 # several names
browser_program() { first_that_starts ${CHROMIUM:-chromium chromium-browser google-chrome}; }
# shellcheck disable=SC2086
firefox_program() { first_that_starts ${FIREFOX:-firefox-esr firefox}; }

# qemu_aarch64: prints the name of the user-mode emulator, fails when there is none.
qemu_aarch64() { first_that_starts qemu-aarch64 qemu-aarch64-static; }

# has_rust_target TRIPLE: whether the standard library of that target is installed (with or without rustup).
has_rust_target() { compgen -G "$(rustc --print sysroot)/lib/rustlib/$1/lib/libcore-*.rlib" >/dev/null; }

# rocksdb_is_tested: whether the cache on disk is among what is built, linted and tested. RocksDB alone takes 25 minutes of processor time to
# compile. So it is where ORIGAMI_TEST_ROCKSDB=1 asks for it, or where it was compiled before; with 0 it is not even there.
rocksdb_is_tested() {
    case ${ORIGAMI_TEST_ROCKSDB:-} in
    '') compgen -G "$target_dir/debug/build/librocksdb-sys-*/out/librocksdb.a" >/dev/null ;;
    0) return 1 ;;
    1) ;;
    *) die "ORIGAMI_TEST_ROCKSDB=$ORIGAMI_TEST_ROCKSDB: it is 0 or 1" ;;
    esac
}

# test_features: the features that the tests are built with besides the default ones.
test_features() { if rocksdb_is_tested; then echo nats,otel,rocksdb; else echo nats,otel; fi; }

# feature_names: all features of the crate, as cargo sees them: implicit ones of optional dependencies too. In the
# metadata of one package the only object called "features" maps each name to a list.
feature_names() {
    cargo metadata --locked --no-deps --format-version 1 |
        grep -o '"features":{[^}]*}' | sed 's/^"features"://; s/\[[^]]*\]//g' |
        grep -o '"[^"]*"' | tr -d '"' | grep -vx default
}

# has_feature BINARY FEATURE: whether the program was built with it. The first line of `doctor` lists them.
has_feature() { [[ $("$1" doctor | head -n 1) == *[\ \(]"$2"[,\)]* ]]; }

# bench_flags FLAG...: what scripts/bench-*.sh take: --binary PATH, --rounds N, --seconds S, into `binary`, `rounds` and `seconds`.
# shellcheck disable=SC2034 # for the script
bench_flags() {
    while (($#)); do
        case $1 in
        --binary | --rounds | --seconds) [[ $# -ge 2 && -n $2 ]] || die "$1 needs a value" ;;
        *) die "unknown argument '$1'; see the head of $0" ;;
        esac
        case $1 in
        --binary) binary=$(realpath "$2") ;;
        --rounds) rounds=$2 ;;
        --seconds) seconds=$2 ;;
        esac
        shift 2
    done
}

# bench_inputs: builds the program of the release where `binary` names none, and sets `slide` to the demo slide.
bench_inputs() {
    if [[ -z $binary ]]; then
        step "build"
        cargo build --release --locked
        binary=$target_dir/release/origami
    fi
    # shellcheck disable=SC2034 # for the script
    slide=$target_dir/demo/CMU-1-Small-Region.svs
    [[ -f $slide ]] || scripts/setup.sh --minimal
}
