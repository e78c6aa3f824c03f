# Bare systems of Debian, in which packages are tried. Sourced after lib.sh, never run. Needs root and debootstrap. `used` wants a program of this
# machine, `binary`.
# shellcheck shell=bash
# shellcheck disable=SC2154 # target_dir is lib.sh's, binary is the script's

# begin_trial: a folder `work`, which goes with the script, and so does `server`, the process of a program in a bare system.
begin_trial() {
    work=$(mktemp -d)
    server=
    trap end_trial EXIT
}
end_trial() {
    [[ -z $server ]] || stop_inside "$server"
    rm -rf --one-file-system "${work:?}"
}

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

# index_of_pip ROOT: lets pip in there fetch as it does here. After apt, whose packages of certificates write their own.
index_of_pip() {
    local file
    for file in /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do
        [[ ! -f $file ]] || { mkdir -p "$1${file%/*}" && cp -L "$file" "$1$file"; }
    done
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

# trial_slide FOLDER PROGRAM...: puts a slide there, slide.svs or, without the demo slide, slide.png; PROGRAM draws that one, in FOLDER. Prints its name.
trial_slide() {
    local folder=$1 demo=$target_dir/demo/CMU-1-Small-Region.svs
    shift
    mkdir -p "$folder"
    if [[ -f $demo ]]; then
        cp "$demo" "$folder/slide.svs"
        echo slide.svs
    else
        (cd "$folder" && "$@" bench slide slide.png --size 2200x1500) >&2
        echo slide.png
    fi
}

# drawn NAME: draws the slide that is served at `address` in Chromium, into target/package/NAME.png.
drawn() {
    local program
    if ! program=$(browser_program); then
        skipped "the slide of $1 in a browser: there is no Chromium"
    elif ! playwright_for_python; then
        skipped "the slide of $1 in a browser: python3 has no venv, or the package index does not answer"
    else
        mkdir -p "$target_dir/package"
        python3 scripts/package_viewer.py "$program" "$address/viewer/slide" "$target_dir/package/$1.png"
    fi
}

# used ROOT NAME [ACTIVATE]: what a newcomer does in there, in /srv/slides: `origami encode slide.svs`, `origami serve .`, and the slide in Chromium. What
# is encoded has the bytes that `binary` makes of the same slide on this machine. ACTIVATE is a line of the shell that comes before.
used() {
    local root=$1 name=$2 activate=${3:-:} port slide log=$work/$2.log
    slide=$(trial_slide "$root/srv/slides" "$binary")
    inside "$root" sh -ec "$activate; cd /srv/slides; origami encode $slide"
    port=$(free_port)
    : >"$log"
    inside "$root" sh -ec "$activate; cd /srv/slides; exec origami serve . --port $port" >"$log" 2>&1 &
    server=$!
    served_at "$log" "$server"
    curl --silent --fail --output /dev/null "$address/api/slides/slide" || die "the server has not the slide: $(cat "$log")"
    drawn "$name"
    stop_inside "$server"
    server=
    cp scripts/bundles.sh "$root/tmp/"
    inside "$root" sh -ec "$activate; exec sh /tmp/bundles.sh origami /srv/slides/$slide /tmp/bundles" >"$work/there"
    scripts/bundles.sh "$binary" "$root/srv/slides/$slide" "$work/bundles-$name" >"$work/here"
    diff "$work/here" "$work/there" || die "$name: the same program encodes other bytes there than here"
    echo "encoded there and here to the same bytes:"
    cat "$work/here"
}
