#!/usr/bin/env bash
# The container image of a Debian package: built by buildah without network, from a base that debootstrap makes; unpacked; and its server run as its
# user, with its root read-only. With podman too, where that runs.
#
#   scripts/container.sh PACKAGE [--gpu]      PACKAGE: what scripts/package.sh wrote. --gpu: the target with the Vulkan loader and Mesa, which apt fetches
#
# Needs root, buildah (apt install buildah) and debootstrap; what cannot be done is SKIPPED. All of it is in a folder of its own, which is removed.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/roots.sh
. scripts/roots.sh

target=
case $#:${2:-} in
1:) ;;
2:--gpu) target=gpu ;;
*) die "usage: scripts/container.sh PACKAGE [--gpu]" ;;
esac
package=$(realpath "$1")
[[ $package == *.deb && -f $package ]] || die "$package is no Debian package: scripts/package.sh makes one"
why=$(no_roots) && { skipped "the container: $why"; exit 0; }
have buildah || { skipped "the container: there is no buildah (apt install buildah)"; exit 0; }

work=$(mktemp -d)
server=
# Its storage is in the folder, and no other is touched.
store=(--storage-driver vfs --root "$work/storage" --runroot "$work/run")
cleanup() {
    [[ -z $server ]] || stop_inside "$server"
    buildah "${store[@]}" umount --all >/dev/null 2>&1 || true
    rm -rf --one-file-system "${work:?}"
}
trap cleanup EXIT

step "the base"
bare_root bookworm "$work/base" || { skipped "the container: no mirror of Debian"; exit 0; }
container=$(buildah "${store[@]}" from scratch)
buildah "${store[@]}" copy --quiet "$container" "$work/base" / >/dev/null
buildah "${store[@]}" commit --quiet "$container" localhost/base >/dev/null
buildah "${store[@]}" rm "$container" >/dev/null
rm -rf --one-file-system "${work:?}/base"

step "the image${target:+, target $target}"
mkdir "$work/context"
cp "$package" "$work/context/origami.deb"
began=$SECONDS
# The health check is in Docker's format of images alone.
buildah "${store[@]}" build --quiet --isolation chroot --format docker --pull=never ${target:+--target "$target"} \
    --file packaging/container/Containerfile --build-arg BASE=localhost/base --tag localhost/origami "$work/context" >/dev/null
container=$(buildah "${store[@]}" from --pull=never localhost/origami)
image=$(buildah "${store[@]}" mount "$container")
echo "built in $((SECONDS - began)) s: $(du -sm "$image" | cut -f1) MB unpacked, of which the program $(du -sm "$image/usr/bin/origami" | cut -f1)"
[[ ! -e $image/tmp/origami.deb ]] || die "the package is left in the image"

step "the server in it"
# Whole: not every version of buildah takes a --format that gives JSON.
buildah "${store[@]}" inspect --type image localhost/origami >"$work/config"
# config PYTHON: an expression of the image's configuration, one value a line.
config() { python3 -c 'import json, sys; c = json.load(open(sys.argv[1]))["Docker"]["config"]; v = eval(sys.argv[2]); print("\n".join([v] if isinstance(v, str) else v))' "$work/config" "$1"; }
user=$(config 'c["User"]')
mapfile -t environment < <(config 'c["Env"]')
mapfile -t command < <(config 'c["Entrypoint"] + c["Cmd"]')
mapfile -t check < <(config 'c["Healthcheck"]["Test"][1:]')
[[ $user != root && $user != 0* && -n $user ]] || die "the image runs as root"
binary=$image/usr/bin/origami
slide=$(trial_slide "$work/slides" "$binary")
# A picture is no slide, and served as a bundle alone.
[[ $slide != *.png ]] || (cd "$work/slides" && "$binary" encode --quiet "$slide" && rm "$slide")
chmod -R a+rX "$work/slides"
chmod a+rx "$work"
# in_image COMMAND...: what a runtime does: the root read-only, slides from outside, the image's user and environment. The network is the machine's.
in_image() {
    # shellcheck disable=SC2016
    unshare --mount --pid --fork --kill-child -- bash -euc 'root=$1 slides=$2 user=$3; shift 3
        mount --bind "$root" "$root"
        mount --bind -o ro "$slides" "$root/srv/slides"
        mount -o remount,bind,ro "$root/srv/slides"
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        mount -t tmpfs -o mode=1777 tmp "$root/tmp"
        mount -o remount,bind,ro "$root"
        exec chroot --userspec "$user" "$root" "$@"' - "$image" "$work/slides" "$user" /usr/bin/env -i "${environment[@]}" "$@"
}
! in_image /bin/sh -c ': >/var/lib/origami/file' 2>/dev/null || die "the root can be written to"
[[ $(in_image /usr/bin/id -u) == "${user%%:*}" ]] || die "the program does not run as the image's user"
in_image /usr/bin/origami doctor | sed -n '1p;/adapter/p'
port=$(free_port)
environment+=("ORIGAMI_SERVE_PORT=$port" ORIGAMI_SERVE_BIND=127.0.0.1)
log=$work/log
: >"$log"
in_image "${command[@]}" >"$log" 2>&1 &
server=$!
served_at "$log" "$server"
in_image "${check[@]}" || die "the health check fails: $(cat "$log")"
curl --silent --fail --output /dev/null "$address/api/slides/slide" || die "the slide is not served: $(cat "$log")"
curl --silent --fail --output /dev/null "$address/tiles/slide/11/0_0.jpg" || die "no tile is served: $(cat "$log")"
drawn "container${target:+-$target}"
stop_inside "$server"
server=
! in_image "${check[@]}" 2>/dev/null || die "the health check passes without a server"
echo "served as $user from a read-only root; the health check tells whether it is there"

step "podman"
have podman || { skipped "the image by podman: it is not there (apt install podman)"; exit 0; }
options=(--pull=never --rm --read-only --network host --cgroups disabled --volume "$work/slides:/srv/slides:ro")
if podman "${store[@]}" run "${options[@]}" localhost/origami --version >"$work/said" 2>&1; then
    cat "$work/said"
    podman "${store[@]}" run "${options[@]}" localhost/origami inspect /srv/slides | head -n 3
else
    skipped "the image by podman, which cannot run here: $(tail -n 1 "$work/said")"
fi
