#!/usr/bin/env bash
# Makes a Debian or Ubuntu machine with Rust ready to build, test and run the demo: installs what is missing, only
# that, and fetches the demo slide and the viewer's OpenSeadragon. Where everything is in place it says one line and touches nothing.
#
#   scripts/setup.sh             everything the tests use
#   scripts/setup.sh --minimal   what an ordinary build and the demo need: nothing for the feature rocksdb, no software
#                                Vulkan, no cross toolchain, no browser
#
# ORIGAMI_SETUP_NEON=0   leave out the aarch64 cross toolchain (optional in any case)
# ORIGAMI_SETUP_DENY=1   also build and install cargo-deny, which takes minutes
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/probes.sh
. "$(dirname "${BASH_SOURCE[0]}")/probes.sh"

minimum_rust=1.92
slide_sha256=ed92d5a9f2e86df67640d6f92ce3e231419ce127131697fbbce42ad5e002c8a7
slide=$target_dir/demo/CMU-1-Small-Region.svs

minimal=0
case ${1:-} in
'') ;;
--minimal) minimal=1 ;;
*) die "unknown argument '$1'; usage: scripts/setup.sh [--minimal]" ;;
esac

# --- Debian packages -----------------------------------------------------------------------------------------------

lists_are_fresh=0

# apt_do ARGUMENT...: apt-get as root, without questions; its chatter is shown only when it fails.
apt_do() {
    local become=() log
    if [[ $(id -u) != 0 ]]; then
        have sudo || { warn "not root and no sudo: cannot run apt-get $*"; return 1; }
        become=(sudo)
    fi
    log=$(mktemp)
    if "${become[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -qq "$@" >"$log" 2>&1; then
        rm -f "$log"
    else
        cat "$log" >&2
        rm -f "$log"
        return 1
    fi
}

# apt_refresh: the package lists, once a run and only when something is to be installed.
apt_refresh() {
    have apt-get || { warn "no apt-get here"; return 1; }
    if [[ $lists_are_fresh == 0 ]]; then
        # One foreign source that does not answer must not stop the rest.
        apt_do update || warn "apt-get update failed: going on with the package lists at hand"
        lists_are_fresh=1
    fi
}

# first_known PACKAGE...: the first of several names of one package that this release knows.
first_known() {
    local name
    for name in "$@"; do
        if [[ -n $(LC_ALL=C apt-cache policy "$name" 2>/dev/null | sed -n '/Candidate: [^(]/p') ]]; then
            printf '%s\n' "$name"
            return 0
        fi
    done
    return 1
}

# apt_install PACKAGE...: a name may be a choice, "new-name|old-name".
apt_install() {
    local choice choices name names=()
    apt_refresh || return 1
    for choice in "$@"; do
        IFS='|' read -ra choices <<<"$choice"
        name=$(first_known "${choices[@]}") || { warn "no package ${choice//|/ or } in this release"; return 1; }
        names+=("$name")
    done
    printf 'installing: %s\n' "${names[*]}"
    apt_do install --no-install-recommends "${names[@]}"
}

# Before all others: some of the probes are programs.
compiler_packages() { { has_c && has_cxx && runs make --version; } || echo build-essential; }

required_packages() {
    runs cmake --version || echo cmake
    runs pkg-config --version || echo 'pkg-config|pkgconf'
    # libjpeg-turbo's x86 SIMD is written in assembler; other processors' is C.
    [[ $(uname -m) != x86_64 ]] || runs nasm -v || echo nasm
    scripts/npm-files.sh --check || runs npm --version || echo npm
    # These two names the program knows.
    has_library libopenslide.so.1 libopenslide.so.0 ||
        echo 'libopenslide1t64|libopenslide1|libopenslide0t64|libopenslide0'
    if [[ $minimal == 0 ]]; then
        has_library libvulkan.so.1 || echo libvulkan1
        has_software_vulkan || echo mesa-vulkan-drivers
        # RocksDB's headers are read by libclang when the cache on disk is built.
        has_libclang || libclang_package
        # The IIIF validator's.
        has_library libmagic.so.1 || echo 'libmagic1t64|libmagic1'
        # wsidicomizer's, in scripts/dicom.sh.
        has_library libturbojpeg.so.0 || echo libturbojpeg0
        has_python || echo python3-venv
        runs shellcheck --version || echo shellcheck
        # runpod/check.sh runs pods.sh, which asks through it.
        runs curl --version || echo curl
        # Their completions are loaded, and man pages checked.
        have zsh || echo zsh
        have fish || echo fish
        have mandoc || echo mandoc
    fi
}

cross_packages() {
    runs aarch64-linux-gnu-gcc --version || echo gcc-aarch64-linux-gnu
    # The row reader and libjpeg-turbo are C: the emulated tests need the target's headers, loader and libc.
    has_c_aarch64 || echo libc6-dev-arm64-cross
    qemu_aarch64 >/dev/null || echo 'qemu-user|qemu-user-static'
}

# has_font LANGUAGE: whether fontconfig knows a font for it.
has_font() { [[ -n $(fc-list ":lang=$1" file 2>/dev/null) ]]; }

# install_required LIST: installs what the function LIST prints, and asks it again.
install_required() {
    local wanted
    mapfile -t wanted < <("$1")
    [[ ${#wanted[@]} != 0 ]] || return 0
    apt_install "${wanted[@]}" || die "could not install: ${wanted[*]} (install them by hand, then run this again)"
    mapfile -t wanted < <("$1")
    [[ ${#wanted[@]} != 0 ]] || return 0
    [[ ${wanted[*]} != *clang* ]] ||
        warn "bindgen would take ${LIBCLANG_PATH:+LIBCLANG_PATH=}${LIBCLANG_PATH:-$(libclang_file)}, which does not work:" \
            "set LIBCLANG_PATH to the folder of a libclang that has its headers"
    die "still missing after the installation: ${wanted[*]}"
}

# The NEON kernels are tested under emulation; a machine without the toolchain only loses that test.
install_cross() {
    local wanted triple=aarch64-unknown-linux-gnu
    [[ $minimal == 0 && ${ORIGAMI_SETUP_NEON:-1} != 0 && $(uname -m) == x86_64 ]] || return 0
    mapfile -t wanted < <(cross_packages)
    if [[ ${#wanted[@]} != 0 ]]; then
        apt_install "${wanted[@]}" || { warn "no aarch64 cross toolchain: the NEON tests will be skipped"; return 0; }
    fi
    has_rust_target "$triple" && return 0
    have rustup || { warn "no rustup to add $triple: the NEON tests will be skipped"; return 0; }
    rustup -q target add "$triple" || warn "rustup could not add $triple: the NEON tests will be skipped"
}

# The viewer is tested in real browsers; a machine without one only loses its test.
install_browser() {
    [[ $minimal == 0 ]] || return 0
    browser_program >/dev/null || apt_install chromium || warn "no Chromium: the test of the viewer will be skipped"
    firefox_program >/dev/null || apt_install 'firefox-esr|firefox' || warn "no Firefox: the test of the viewer in it will be skipped"
}

# JPEG XL payloads are written by libjxl, opened at run time; a machine without it reads them all the same.
install_libjxl() {
    [[ $minimal == 0 ]] || return 0
    has_library libjxl.so.0.{11,10,9,8,7} && return 0
    apt_install 'libjxl0.11|libjxl0.10|libjxl0.9|libjxl0.8|libjxl0.7' ||
        warn "no libjxl: --encoder jpegxl will be refused, and its tests skipped"
}

# Tours are drawn and coded by ffmpeg; a machine without it only loses their tests. The font is that of captions in the tests.
install_ffmpeg() {
    local wanted=()
    [[ $minimal == 0 ]] || return 0
    { runs ffmpeg -version && runs ffprobe -version; } || wanted+=(ffmpeg)
    runs fc-list --version || wanted+=(fontconfig)
    has_font ko || wanted+=(fonts-noto-cjk)
    [[ ${#wanted[@]} == 0 ]] || apt_install "${wanted[@]}" || warn "no ${wanted[*]}: tests of tours will be skipped"
}

# The server is tried under the calls and rights of its unit of systemd; a machine without these only loses that test.
install_sandbox() {
    local wanted=()
    [[ $minimal == 0 ]] || return 0
    have bwrap || wanted+=(bubblewrap)
    runs /usr/bin/python3 -c 'import seccomp' || wanted+=(python3-seccomp)
    have systemd-analyze || wanted+=(systemd)
    [[ ${#wanted[@]} == 0 ]] || apt_install "${wanted[@]}" || warn "no ${wanted[*]}: the test of the unit of systemd will be skipped"
}

# DICOM that is written is checked; a machine without the checker only loses that check.
install_dicom_checker() {
    [[ $minimal == 0 ]] || return 0
    have dciodvfy && return 0
    apt_install dicom3tools || warn "no dciodvfy: DICOM that is written will not be checked by it"
}

# Files that are converted are read by others, libvips among them; a machine without it only loses its answers. Bio-Formats needs Java, which takes
# minutes with it: who wants its answers installs default-jre-headless.
install_readers() {
    [[ $minimal == 0 ]] || return 0
    have vips && return 0
    apt_install libvips-tools || warn "no libvips-tools: files that are converted will not be read by libvips"
}

# unpack_program PACKAGE PROGRAM: a program of a Debian package into target/tools/debian. It is not installed, because packages of servers start
# their server at once.
unpack_program() {
    local place=$target_dir/tools/debian folder
    folder=$(mktemp -d)
    if ! apt_refresh || ! (cd "$folder" && apt-get download -qq "$1" >/dev/null 2>&1 && dpkg-deb --extract ./*.deb .); then
        rm -r "${folder:?}"
        return 1
    fi
    echo "unpacked: ${2##*/}, of $1"
    mkdir -p "$place"
    mv -f "$folder$2" "$place/"
    rm -r "${folder:?}"
    runs "$place/${2##*/}" --version || runs "$place/${2##*/}" version || runs "$place/${2##*/}" -v
}

# What checks the server's metrics, and the proxies that docs/operate.md puts before the server. A machine without one only loses its test.
install_around_the_server() {
    local program package
    [[ $minimal == 0 ]] || return 0
    for program in promtool caddy nginx; do
        tool_of_debian "$program" >/dev/null && continue
        case $program in
        promtool) package='prometheus /usr/bin/promtool' ;;
        caddy) package='caddy /usr/bin/caddy' ;;
        nginx) package='nginx /usr/sbin/nginx' ;;
        esac
        # shellcheck disable=SC2086
        unpack_program $package || warn "no $program: its test will be skipped"
    done
}

# --- Rust ----------------------------------------------------------------------------------------------------------

check_rust() {
    local version oldest
    { have cargo && have rustc; } || die "no Rust here: install it with rustup, then run this again"
    version=$(rustc --version | cut -d' ' -f2)
    oldest=$(printf '%s\n%s\n' "$minimum_rust" "${version%%-*}" | sort -V | head -n 1)
    [[ $oldest == "$minimum_rust" ]] || die "Rust $version ($(command -v rustc)) is too old, $minimum_rust is needed: run 'rustup update stable'"
}

# The gate formats and lints; rustup's minimal profile brings neither.
install_rust_components() {
    [[ $minimal == 0 ]] || return 0
    runs cargo fmt --version && runs cargo clippy --version && return 0
    have rustup || die "no cargo fmt or no cargo clippy here: install both from where Rust came from"
    rustup -q component add rustfmt clippy || die "rustup could not add rustfmt and clippy"
}

install_deny() {
    [[ ${ORIGAMI_SETUP_DENY:-0} == 1 ]] || return 0
    have cargo-deny && return 0
    echo "installing: cargo-deny"
    cargo install --quiet --locked cargo-deny@0.20.2
}

# --- The demo slide ------------------------------------------------------------------------------------------------

# CMU-1 Small Region: OpenSlide's test data (Aperio), CC0, carried in the package of the openslide-rs crate.
fetch_slide() {
    local manifest=$root/scripts/demo-slide/Cargo.toml folder partial=$slide.$$
    has_slide "$slide" && return 0
    echo "fetching: the demo slide"
    cargo fetch --quiet --locked --manifest-path "$manifest" --target "$(host_triple)"
    # Every package stands in the metadata with the absolute path of its manifest, which names the folder.
    folder=$(cargo metadata --offline --locked --format-version 1 --filter-platform "$(host_triple)" \
        --manifest-path "$manifest" |
        grep -o '"manifest_path":"[^"]*/openslide-rs[^/"]*/Cargo\.toml"' |
        sed -n '1s/^"manifest_path":"\(.*\)\/Cargo\.toml"$/\1/p')
    [[ -n $folder ]] || die "cargo metadata does not name the folder of openslide-rs"
    has_slide "$folder/tests/assets/default.svs" ||
        die "$folder/tests/assets/default.svs is missing or is not the pinned slide (sha256 $slide_sha256)"
    mkdir -p "${slide%/*}"
    cp "$folder/tests/assets/default.svs" "$partial"
    mv -f "$partial" "$slide"
}

# has_slide FILE: whether it is the pinned slide, whole.
has_slide() { [[ -f $1 && $(sha256sum <"$1") == "$slide_sha256  -" ]]; }

check_rust
install_rust_components
install_required compiler_packages
install_required required_packages
install_cross
install_browser
install_libjxl
install_ffmpeg
install_sandbox
install_dicom_checker
install_readers
install_around_the_server
scripts/npm-files.sh
[[ $minimal == 1 ]] || scripts/npm-files.sh --tools
install_deny
fetch_slide
echo "setup: ready (demo slide: ${slide#"$root"/})"
