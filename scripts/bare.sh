#!/usr/bin/env bash
# Proves from bare Debian systems that the commands of the README work: each run has a root of its own, made by debootstrap, with
# nothing in it but the Rust toolchain and a fresh clone of HEAD. Run by hand, as root, on a Debian machine with rustup.
#
#   scripts/bare.sh [--release NAME] [--variant NAME] [--command NAME] [--logs FOLDER]
#
#   --release   bookworm or trixie
#   --variant   bare: the minimal system. misleading: that, and packages that look like what is needed and are not it
#   --command   setup: scripts/setup.sh, and once more, which must find nothing to do
#               build: cargo build --release, after scripts/setup.sh --minimal; only the build is measured
#               demo:  scripts/demo.sh
#               test:  scripts/test.sh
#   --logs      where each run's log goes (default target/bare)
#
# A flag may be given several times; without it, all of its values are run. At the end there is a table of minutes and of
# processor minutes. A build that takes more than 12 processor minutes is reported: what costs that much becomes a feature.
#
# As on the machine: the package registries, that is apt's mirror, proxies and certificates, cargo's, pip's and npm's
# configuration. Cargo's downloaded packages are copied in where there are any (a warm registry): the minutes hold no
# download of crates. git is not needed in the roots: a clone is what one starts from.
#
# Needs debootstrap, and about 10 GB in ${TMPDIR:-/tmp}. Mounts are made in a namespace of their own and vanish with it.
set -euo pipefail
script=$(realpath "${BASH_SOURCE[0]}")

limit_minutes=12

# --- Inside the namespace ------------------------------------------------------------------------------------------

# enter ROOT COMMAND...: mounts what a system has and runs COMMAND in ROOT. The environment is the caller's.
enter() {
    local device folder=$1
    mount -t proc proc "$folder/proc"
    mount -t sysfs -o ro sysfs "$folder/sys"
    mount -t tmpfs -o mode=755 dev "$folder/dev"
    for device in null zero full random urandom tty; do
        : >"$folder/dev/$device"
        mount --bind "/dev/$device" "$folder/dev/$device"
    done
    mkdir "$folder/dev/pts" "$folder/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$folder/dev/pts"
    mount -t tmpfs -o mode=1777 shm "$folder/dev/shm"
    ln -s pts/ptmx "$folder/dev/ptmx"
    ln -s /proc/self/fd "$folder/dev/fd"
    ln -s /proc/self/fd/0 "$folder/dev/stdin"
    ln -s /proc/self/fd/1 "$folder/dev/stdout"
    ln -s /proc/self/fd/2 "$folder/dev/stderr"
    exec chroot "$@"
}

if [[ ${1:-} == --enter ]]; then
    enter "${@:2}"
fi

# shellcheck source=scripts/lib.sh
. "$(dirname "$script")/lib.sh"

# --- Arguments and what the machine must have ----------------------------------------------------------------------

releases=() variants=() commands=() logs=$target_dir/bare
while [[ $# != 0 ]]; do
    case $1:${2:-} in
    --release:bookworm | --release:trixie) releases+=("$2") ;;
    --variant:bare | --variant:misleading) variants+=("$2") ;;
    --command:setup | --command:build | --command:demo | --command:test) commands+=("$2") ;;
    --logs:?*) logs=$(realpath -m "$2") ;;
    *) die "cannot take '$1 ${2:-}'; see the head of scripts/bare.sh" ;;
    esac
    shift 2
done
[[ ${#releases[@]} != 0 ]] || releases=(bookworm trixie)
[[ ${#variants[@]} != 0 ]] || variants=(bare misleading)
[[ ${#commands[@]} != 0 ]] || commands=(setup build demo test)

[[ $(id -u) == 0 ]] || die "this needs root, to make and enter the roots"
for program in debootstrap unshare chroot git rustup; do
    have "$program" || die "this needs $program"
done
codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
sysroot=$(rustc --print sysroot)
[[ -z $(git status --porcelain) ]] || warn "what is not committed is not in the clone"

# --- The folder of the roots ---------------------------------------------------------------------------------------

work=$(mktemp -d "${TMPDIR:-/tmp}/origami-bare.XXXXXX")
work=$(realpath "$work")
child=

# remove FOLDER: deletes a folder below $work, or $work itself, unless anything is mounted there.
remove() {
    [[ $work == */origami-bare.?????? ]] || die "will not delete below '$work'"
    case $1 in
    "$work" | "$work/root" | "$work/base-bookworm" | "$work/base-trixie") ;;
    *) die "will not delete '$1'" ;;
    esac
    if grep -qF " $work" /proc/self/mountinfo; then
        die "something is still mounted below $work: nothing was deleted"
    fi
    rm -r --one-file-system -- "$1"
}

finish() {
    if [[ -n $child ]]; then
        # Its child dies with it, and with that one, the first of its namespace, all others and the mounts.
        kill -KILL "$child" 2>/dev/null || true
        wait "$child" 2>/dev/null || true
    fi
    [[ -z ${release:-} || -n ${finished:-} ]] || warn "broken off at $release; the logs are in $logs"
    [[ ! -d $work ]] || remove "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# alone COMMAND...: runs it with mounts and processes of its own, which end with it. In the background, so that a signal is
# heeded at once.
alone() {
    local status=0
    unshare --mount --pid --fork --kill-child -- "$@" </dev/null &
    child=$!
    wait "$child" || status=$?
    child=
    return "$status"
}

# in_root ROOT COMMAND...: runs it in there, with the environment that a login of a new user would have, and that of the
# registries.
in_root() {
    alone env -i HOME=/root TERM=dumb PATH=/root/.cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        RUSTUP_TOOLCHAIN="${sysroot##*/}" "${registry_environment[@]}" bash "$script" --enter "$@"
}

# --- The registries, as the machine has them -----------------------------------------------------------------------

registry_environment=()

# copy_in ROOT FILE [TARGET]: copies a file of the machine to the same place in the root, where the machine has it.
copy_in() {
    local target=$1${3:-$2}
    [[ -f $2 ]] || return 0
    mkdir -p "${target%/*}"
    cp -L "$2" "$target"
}

# apt_sources: one line for each of Debian's sources of this machine. Only these: a root with more is not bare.
apt_sources() {
    # shellcheck disable=SC2016
    apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 'Origin: Debian' |
        grep -E " $codename(-[a-z]+)? " | sort -u
}

# registries ROOT RELEASE: configuration files into the root.
registries() {
    local file
    apt_sources | sed "s/ $codename/ $2/" >"$1/etc/apt/sources.list"
    for file in /etc/apt/auth.conf /etc/apt/auth.conf.d/* /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/npmrc \
        /etc/ssl/certs/ca-certificates.crt; do
        copy_in "$1" "$file"
    done
    # What else is configured there is about this machine.
    for file in /etc/apt/apt.conf /etc/apt/apt.conf.d/*; do
        if grep -qs '^Acquire' "$file"; then copy_in "$1" "$file"; fi
    done
    for file in .npmrc .config/pip/pip.conf .pip/pip.conf; do copy_in "$1" "$HOME/$file" "/root/$file"; done
    copy_in "$1" "$cargo_home/config.toml" /root/.cargo/config.toml
    for file in "${certificates[@]}"; do copy_in "$1" "$file"; done
    # One file each, as the package ca-certificates wants them: when it is installed it writes the common file anew.
    mkdir -p "$1/usr/local/share/ca-certificates"
    [[ ! -f /etc/ssl/certs/ca-certificates.crt ]] ||
        awk -v folder="$1/usr/local/share/ca-certificates" '
            /BEGIN CERTIFICATE/ { n++ }
            { print >(folder "/machine-" n ".crt") }
            /END CERTIFICATE/ { close(folder "/machine-" n ".crt") }' /etc/ssl/certs/ca-certificates.crt
}

certificates=()
for variable in $(compgen -e); do
    case $variable in
    PIP_CERT | SSL_CERT_FILE | CURL_CA_BUNDLE | REQUESTS_CA_BUNDLE | NODE_EXTRA_CA_CERTS | CARGO_HTTP_CAINFO)
        certificates+=("${!variable}")
        registry_environment+=("$variable=${!variable}")
        ;;
    CARGO_HTTP_* | CARGO_NET_* | CARGO_REGISTRIES_* | CARGO_SOURCE_* | PIP_* | [nN][pP][mM]_[cC][oO][nN][fF][iI][gG]_* | \
        *_proxy | *_PROXY)
        registry_environment+=("$variable=${!variable}")
        ;;
    esac
done
cargo_home=${CARGO_HOME:-$HOME/.cargo}

# --- The roots -----------------------------------------------------------------------------------------------------

# make_base RELEASE: the minimal system with Rust, from which the roots of that release are copied.
make_base() {
    local base=$work/base-$1 mirror name
    mirror=$(apt_sources | sed -n "s/^deb \([^ ]*\) $codename .*/\1/p" | head -n 1)
    [[ -n $mirror ]] || die "apt knows no source of Debian's $codename here: run apt-get update"
    alone debootstrap --variant=minbase "$1" "$base" "$mirror"
    registries "$base" "$1"
    # No package may start a service.
    printf '#!/bin/sh\nexit 101\n' >"$base/usr/sbin/policy-rc.d"
    chmod +x "$base/usr/sbin/policy-rc.d"
    # The root will not outlive the run: dpkg need not wait for the disk at every file.
    echo force-unsafe-io >"$base/etc/dpkg/dpkg.cfg.d/bare"

    mkdir -p "$base/root/.cargo/bin" "$base/root/.cargo/registry" "$base/root/.rustup/toolchains/${sysroot##*/}"
    for name in rustup cargo cargo-clippy cargo-fmt clippy-driver rustc rustdoc rustfmt; do
        cp -a "$cargo_home/bin/$name" "$base/root/.cargo/bin/"
    done
    # Its documentation is most of the toolchain's files.
    tar -C "$sysroot" --exclude=./share -c . | tar -C "$base/root/.rustup/toolchains/${sysroot##*/}" -x
    for name in index cache; do
        [[ ! -d $cargo_home/registry/$name ]] || cp -a "$cargo_home/registry/$name" "$base/root/.cargo/registry/"
    done
    git clone --quiet --depth 1 "file://$root" "$base/root/origami"
}

# mislead: run in a root, installs what passes for a thing that is needed to those who look only for a name.
mislead() {
    # named REGEX: the newest package of such a name.
    named() { apt-cache pkgnames | grep -Ex "$1" | sort -V | tail -n 1; }
    export DEBIAN_FRONTEND=noninteractive
    local default file packages foreign
    apt-get update -qq
    default=$(apt-cache depends libclang-dev | sed -n 's/.*Depends: libclang-\([0-9]*\)-dev/\1/p')
    # Another library of nearly libclang's name; libclang without its headers, of the version that libclang-dev brings and of
    # the newest; compilers without the C library; Python without the most of its library; node without npm.
    packages=("libclang-cpp$default" "libclang1-$default" "$(named 'libclang1-[0-9]+')" gcc gcc-aarch64-linux-gnu
        python3-minimal nodejs)
    apt-get install -y -qq --no-install-recommends "${packages[@]}"
    # Libraries and the Vulkan driver's manifest of another architecture. Unpacked only: their dependencies prove nothing, and
    # mirrors are often behind with that architecture's updates.
    if [[ $(dpkg --print-architecture) == amd64 ]]; then
        dpkg --add-architecture i386
        apt-get update -qq || true
        foreign=(libvulkan1 mesa-vulkan-drivers "$(named 'libopenslide[0-9]+(t64)?')" "$(named 'libjxl0\.[0-9]+')"
            "$(named 'libmagic1(t64)?')")
        mkdir /root/foreign
        (cd /root/foreign && apt-get download -qq "${foreign[@]/%/:i386}" && for file in *.deb; do dpkg -x "$file" .; done)
        cp -a /root/foreign/usr/lib/i386-linux-gnu /usr/lib/
        cp -a /root/foreign/usr/share/vulkan /usr/share/
        echo /usr/lib/i386-linux-gnu >/etc/ld.so.conf.d/i386-linux-gnu.conf
        ldconfig
        dpkg --remove-architecture i386
    fi
    # What Ubuntu's package leaves where snap does not work.
    printf '#!/bin/sh\necho "this command needs the chromium snap" >&2\nexit 1\n' >/usr/local/bin/chromium-browser
    chmod +x /usr/local/bin/chromium-browser
}

# --- The runs ------------------------------------------------------------------------------------------------------

# clocked COMMAND...: run in a root, leaves the elapsed, user and system seconds in /root/seconds.
clocked() {
    local TIMEFORMAT='%R %U %S' status=0
    { time "$@" 1>&3 2>&4 || status=$?; } 3>&1 4>&2 2>/root/seconds
    return "$status"
}

# The commands, run in a root's clone.
run_setup() {
    local second
    clocked scripts/setup.sh
    TIMEFORMAT='the second time: %R s'
    time second=$(scripts/setup.sh)
    printf '%s\n' "$second"
    [[ $second == "setup: ready"* && $second != *$'\n'* ]] || die "the second time it did something again"
}
run_build() {
    scripts/setup.sh --minimal
    clocked cargo build --release --locked
}
run_demo() { clocked scripts/demo.sh; }
run_test() { clocked scripts/test.sh; }

# one RELEASE VARIANT COMMAND: one run in a new root, and its row of the table.
one() {
    local folder=$work/root result=passed log=$logs/$1-$2-$3.log minutes='' processor=''
    cp -a --reflink=auto "$work/base-$1" "$folder"
    : >"$log"
    if [[ $2 == misleading ]]; then
        in_root "$folder" bash -ec "$(declare -f mislead); mislead" >>"$log" 2>&1 ||
            result='no packages'
    fi
    if [[ $result == passed ]]; then
        in_root "$folder" bash -euo pipefail -c "$(declare -f clocked die "run_$3"); cd /root/origami; run_$3" \
            >>"$log" 2>&1 || result=FAILED
    fi
    if [[ -s $folder/root/seconds ]]; then
        read -r minutes processor < <(awk 'END { printf "%.1f %.1f\n", $1 / 60, ($2 + $3) / 60 }' "$folder/root/seconds")
    fi
    [[ $result == passed ]] || failures=$((failures + 1))
    rows+=("$(printf '%-9s %-11s %-8s %-12s %8s %10s  %s' "$1" "$2" "$3" "$result" "${minutes:--}" "${processor:--}" "$log")")
    printf '%s\n' "${rows[-1]}"
    grep '^SKIPPED' "$log" || true
    if [[ $3 == build && $result == passed ]] && awk "BEGIN { exit !($processor > $limit_minutes) }"; then
        warn "the build took $processor processor minutes, more than $limit_minutes: something has to become a feature"
    fi
    remove "$folder"
}

mkdir -p "$logs"
rows=() failures=0
for release in "${releases[@]}"; do
    step "$release: the base (log: $logs/$release-base.log)"
    # Not in a condition: there a failure inside would go unnoticed.
    make_base "$release" >"$logs/$release-base.log" 2>&1
    for command in "${commands[@]}"; do
        for variant in "${variants[@]}"; do
            step "$release, $variant: $command"
            one "$release" "$variant" "$command"
        done
    done
    remove "$work/base-$release"
done
finished=1

step "result"
printf '%-9s %-11s %-8s %-12s %8s %10s  %s\n' release variant command result minutes processor log
printf '%s\n' "${rows[@]}"
[[ $failures == 0 ]] || die "$failures of ${#rows[@]} runs failed"
