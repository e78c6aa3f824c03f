# Bare systems of Debian, in which packages are tried. Sourced after lib.sh, never run. Needs root and debootstrap.
# shellcheck shell=bash
# shellcheck disable=SC2154 # target_dir is lib.sh's

# no_roots: prints why there can be no bare system here; fails where there can.
no_roots() {
    if [[ $(id -u) != 0 ]]; then
        echo "needs root"
    elif ! have debootstrap; then
        echo "there is no debootstrap (apt install debootstrap)"
    elif ! runs unshare --mount --pid --fork true; then
        echo "no namespace of mounts may be made here"
    else
        return 1
    fi
}

# debian_mirror: where apt has Debian from. Empty: debootstrap takes its default.
debian_mirror() {
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 'Origin: Debian' 2>/dev/null |
        sed -n 's/ [a-z]*$//p' | head -n 1
}

# bare_root RELEASE FOLDER: the minimal system of that release in FOLDER, which must not be there. What debootstrap made is kept in
# target/roots, so that a second try takes seconds. Fails, with the end of debootstrap's log, where there is no mirror.
bare_root() {
    local kept=$target_dir/roots/$1.tar log mirror file
    if [[ ! -f $kept ]]; then
        mkdir -p "$target_dir/roots"
        log=$target_dir/roots/$1.log
        mirror=$(debian_mirror)
        rm -rf "$2.made"
        debootstrap --variant=minbase "$1" "$2.made" ${mirror:+"$mirror"} >"$log" 2>&1 || { tail -n 3 "$log"; rm -rf "$2.made"; return 1; }
        rm -rf "$2.made/var/cache/apt/archives" "$2.made/var/lib/apt/lists"
        mkdir -p "$2.made/var/cache/apt/archives/partial" "$2.made/var/lib/apt/lists/partial"
        tar -C "$2.made" -cf "$kept.part" .
        mv "$kept.part" "$kept"
        rm -rf "$2.made"
    fi
    mkdir "$2"
    tar -C "$2" -xpf "$kept"
    # No package may start a service; the root will not outlive the run, so dpkg need not wait for the disk.
    printf '#!/bin/sh\nexit 101\n' >"$2/usr/sbin/policy-rc.d"
    chmod +x "$2/usr/sbin/policy-rc.d"
    echo force-unsafe-io >"$2/etc/dpkg/dpkg.cfg.d/bare"
    for file in /etc/apt/apt.conf /etc/apt/apt.conf.d/*; do
        if grep -qs '^Acquire' "$file"; then cp "$file" "$2/etc/apt/apt.conf.d/"; fi
    done
    cp -L /etc/resolv.conf /etc/hosts "$2/etc/"
}

# inside ROOT COMMAND...: runs it in there as root, with /proc, /dev and processes of its own. The network is the machine's.
inside() {
    unshare --mount --pid --fork --kill-child -- env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive bash scripts/bare.sh --enter "$@"
}

# stop_inside PID: ends a program that runs in there in the background. unshare heeds no signal: the innermost process gets it.
stop_inside() {
    local at=$1 child
    while child=$(pgrep -P "$at" | head -n 1) && [[ -n $child ]]; do at=$child; done
    kill -TERM "$at" 2>/dev/null || true
    wait "$1" || true
}
