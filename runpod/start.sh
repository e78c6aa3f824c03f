#!/usr/bin/env bash
# Prepares a bare GPU pod (Debian or Ubuntu, NVIDIA driver mounted by the container runtime) and runs
# scripts/gpu-report.sh on it. It may be run again at any time and removes nothing.
#
#   runpod/start.sh [arguments of scripts/gpu-report.sh]
#
# In a checkout it uses that code. Copied alone to a pod, it clones the code:
#   ORIGAMI_REPO    address of the repository; needed only for the clone
#   ORIGAMI_REF     branch, tag or commit (default: the repository's own choice)
#   ORIGAMI_DIR     folder for the code (default /workspace/origami, or ~/origami where there is no /workspace)
#   ORIGAMI_BINARY  a built program to use: nothing is built, and Rust is not installed
#   VK_DRIVER_FILES  the driver manifest to use; if set, no other is tried
set -euo pipefail

# Folders that Vulkan's loader searches, and other folders where container runtimes put the driver's manifest.
usual_icd_folders=(/etc/vulkan/icd.d /usr/local/etc/vulkan/icd.d /usr/local/share/vulkan/icd.d /usr/share/vulkan/icd.d)
other_icd_folders=(/usr/local/nvidia/share/vulkan/icd.d /usr/local/nvidia/vulkan/icd.d
    /run/nvidia/driver/usr/share/vulkan/icd.d)
# Folders of the driver's libraries when the dynamic linker does not find them.
driver_folders=(/usr/local/nvidia/lib64 /usr/local/nvidia/lib /usr/lib/x86_64-linux-gnu /usr/lib/aarch64-linux-gnu
    /usr/lib64)
# Folder for a manifest that this script writes.
own_icd_folder=${XDG_DATA_HOME:-$HOME/.local/share}/origami/icd.d

step() { printf '\n== %s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# --- Packages ---------------------------------------------------------------------------------------------------------

# linker_cache: lists the libraries that the dynamic linker finds.
linker_cache() { PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null || true; }

# loads SONAME: whether programs of this architecture can load that library. The linker's list also has other architectures.
loads() { [[ -z $(LD_PRELOAD=$1 "$(type -P true)" 2>&1) ]]; }

# missing_packages: Vulkan's loader, and the libraries that NVIDIA's two Vulkan drivers link to: libGLX_nvidia needs X11's
# libraries even without a display.
missing_packages() {
    loads libvulkan.so.1 || echo libvulkan1
    loads libEGL.so.1 || echo libegl1
    loads libX11.so.6 || echo libx11-6
    loads libXext.so.6 || echo libxext6
    have git || echo git
    have curl || echo curl
    have python3 || echo python3
    [[ -e /etc/ssl/certs/ca-certificates.crt ]] || echo ca-certificates
}

install_packages() {
    local wanted become=()
    mapfile -t wanted < <(missing_packages)
    [[ ${#wanted[@]} != 0 ]] || return 0
    have apt-get || die "no apt-get here; install by hand: ${wanted[*]}"
    if [[ $(id -u) != 0 ]]; then
        have sudo || die "not root and no sudo; install by hand: ${wanted[*]}"
        become=(sudo)
    fi
    echo "installing: ${wanted[*]}"
    "${become[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq update || warn "apt-get update failed"
    "${become[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -qq install --no-install-recommends \
        "${wanted[@]}" >/dev/null
}

# --- The driver -------------------------------------------------------------------------------------------------------

# library_path SONAME: prints the library for a manifest: its name if the dynamic linker finds it, else its path.
library_path() {
    local folder
    if [[ $(linker_cache) == *"$1 "* ]]; then
        printf '%s\n' "$1"
        return
    fi
    for folder in "${driver_folders[@]}"; do
        [[ ! -e $folder/$1 ]] || { printf '%s\n' "$folder/$1"; return; }
    done
    return 1
}

# nvidia_manifest FOLDER...: prints the first manifest of NVIDIA's driver in these folders.
nvidia_manifest() {
    local folder file
    for folder in "$@"; do
        for file in "$folder"/nvidia*.json; do
            # Layers have manifests too; only the manifest of a driver has an ICD.
            ! grep -qs '"ICD"' "$file" || { printf '%s\n' "$file"; return; }
        done
    done
    return 1
}

# write_manifest SONAME: writes a manifest for that library and prints its path.
write_manifest() {
    local library file
    library=$(library_path "$1") || return
    mkdir -p "$own_icd_folder" || return
    file=$own_icd_folder/nvidia_${1%%_*}.json
    printf '{"file_format_version": "1.0.0", "ICD": {"library_path": "%s", "api_version": "1.3.0"}}\n' "$library" >"$file" || return
    printf '%s\n' "$file"
}

# driver_candidates: prints the manifests to try, best first; "-" stands for the loader's own search.
driver_candidates() {
    local soname
    if [[ -n ${VK_DRIVER_FILES:-} ]]; then
        printf '%s\n' "$VK_DRIVER_FILES"
        return
    fi
    ! nvidia_manifest "${usual_icd_folders[@]}" >/dev/null || echo -
    nvidia_manifest "${other_icd_folders[@]}" || true
    # EGL first: it needs no X11 libraries.
    for soname in libEGL_nvidia.so.0 libGLX_nvidia.so.0; do write_manifest "$soname" || true; done
}

# use_driver CANDIDATE: sets both variables, since loaders older than 1.3.207 (Ubuntu 22.04) know only VK_ICD_FILENAMES.
use_driver() {
    unset VK_ICD_FILENAMES
    if [[ $1 == - ]]; then unset VK_DRIVER_FILES; else export VK_DRIVER_FILES=$1 VK_ICD_FILENAMES=$1; fi
}

# capabilities_fault: explains a wrong NVIDIA_DRIVER_CAPABILITIES; fails if the variable is right.
capabilities_fault() {
    local given=${NVIDIA_DRIVER_CAPABILITIES:-}
    case ,$given, in
    *,all,* | *,graphics,* | *,display,*) return 1 ;;
    esac
    cat <<MSG
NVIDIA_DRIVER_CAPABILITIES is '${given:-not set}'. The container runtime mounts the driver's Vulkan libraries
(libEGL_nvidia, libGLX_nvidia, libnvidia-glvkspirv) only where it holds 'graphics' or is 'all', and it reads it when the
container is made. Set NVIDIA_DRIVER_CAPABILITIES=all in the pod's or the template's environment and restart the pod:
setting it in this shell changes nothing.
MSG
}

# hardware_seen PROGRAM: succeeds if doctor finds an adapter that is not software.
hardware_seen() {
    "$1" doctor --json 2>/dev/null | python3 -c '
import json, sys
try:
    adapters = json.load(sys.stdin).get("adapters") or []
except ValueError:
    adapters = []
sys.exit(all(a.get("kind") == "software" for a in adapters))'
}

# find_driver PROGRAM: sets the environment so that PROGRAM sees the GPU.
find_driver() {
    local candidate candidates
    mapfile -t candidates < <(driver_candidates)
    for candidate in "${candidates[@]}"; do
        use_driver "$candidate"
        if hardware_seen "$1"; then
            [[ $candidate == - ]] || echo "driver: export VK_DRIVER_FILES=$candidate VK_ICD_FILENAMES=$candidate"
            return
        fi
        warn "no GPU through ${candidate/#-/the usual manifests}"
    done
    use_driver -
    [[ ${#candidates[@]} != 0 ]] || warn "there is no Vulkan driver of NVIDIA's here, neither manifest nor library"
    capabilities_fault >&2 || warn "NVIDIA_DRIVER_CAPABILITIES is right (${NVIDIA_DRIVER_CAPABILITIES:-})"
    [[ -e /proc/driver/nvidia/version ]] || warn "there is no NVIDIA kernel driver either: is this a GPU pod?"
    return 1
}

# --- Code and program -------------------------------------------------------------------------------------------------

# get_code: prints the folder of the code; clones it if this script is not in a checkout.
get_code() {
    local here=${BASH_SOURCE[0]:-} dir default=$HOME/origami
    if [[ -n $here ]]; then
        here=$(cd "$(dirname "$here")/.." && pwd)
        [[ ! -f $here/scripts/gpu-report.sh ]] || { printf '%s\n' "$here"; return; }
    fi
    [[ ! -d /workspace ]] || default=/workspace/origami
    dir=${ORIGAMI_DIR:-$default}
    if [[ ! -d $dir/.git ]]; then
        [[ -n ${ORIGAMI_REPO:-} ]] || { warn "no code here: set ORIGAMI_REPO to the repository's address"; return 1; }
        git clone --quiet -- "$ORIGAMI_REPO" "$dir" >&2 || return
    fi
    if [[ -n ${ORIGAMI_REF:-} ]]; then
        # Fetched by name, so that branches, tags and full commit ids work. git refuses to overwrite local changes.
        git -C "$dir" fetch --quiet --tags origin "$ORIGAMI_REF" >&2 || return
        git -C "$dir" checkout --quiet --detach FETCH_HEAD >&2 || return
    fi
    printf '%s\n' "$dir"
}

install_rust() {
    local installer
    PATH=$PATH:$HOME/.cargo/bin
    ! have cargo || return 0
    echo "installing: Rust"
    # Downloaded completely before it runs: an interrupted download must not be executed in part.
    installer=$(mktemp)
    curl --proto '=https' --tlsv1.2 --silent --show-error --fail https://sh.rustup.rs -o "$installer"
    sh "$installer" -y --quiet --profile minimal --no-modify-path
    rm -f "$installer"
}

main() {
    local code program report=()
    step "packages"
    install_packages
    step "code"
    code=$(get_code) || die "cannot get the code"
    echo "code: $code"
    if [[ -n ${ORIGAMI_BINARY:-} ]]; then
        # The path may be relative to the caller's directory.
        program=$(cd "$(dirname "$ORIGAMI_BINARY")" && pwd)/${ORIGAMI_BINARY##*/}
        [[ -x $program ]] || die "ORIGAMI_BINARY=$ORIGAMI_BINARY: there is no such program"
        PATH=$PATH:$HOME/.cargo/bin
        report=(--binary "$program")
        cd "$code"
    else
        install_rust
        cd "$code"
        # Without software Vulkan and cross compilers, which this machine does not need.
        scripts/setup.sh --minimal
        step "build"
        cargo build --release --locked
        program=${CARGO_TARGET_DIR:-target}/release/origami
    fi
    step "driver"
    find_driver "$program" || die "$program sees no GPU; see above, and runpod/README.md"
    step "doctor"
    "$program" doctor
    # This also runs the parity tests.
    scripts/gpu-report.sh "${report[@]}" "$@"
    step "results"
    echo "fetch: scp -r -P ${RUNPOD_TCP_PORT_22:-PORT} root@${RUNPOD_PUBLIC_IP:-ADDRESS}:$PWD/evals/results ."
    echo "or:    runpod/pods.sh fetch ${RUNPOD_POD_ID:-POD} DIR"
}

# When sourced, this file only defines functions, which runpod/check.sh tests. Piped into bash there is no BASH_SOURCE.
if [[ ${BASH_SOURCE[0]:-$0} == "$0" ]]; then
    main "$@"
fi
