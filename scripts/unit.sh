#!/usr/bin/env bash
# The unit of systemd in deploy/systemd: systemd's own checks of it, and the server under what it allows. bubblewrap gives the server the unit's
# files and rights, and a filter of system calls made from the unit ends it at the first call that the unit does not allow. It serves a
# bundle, a tree and a scanned slide, keeps marks and a cache, and ends when it is told to.
#
#   scripts/unit.sh BINARY      without the feature rocksdb it keeps no cache
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

(($# == 1)) || die "usage: scripts/unit.sh BINARY"
binary=$(realpath "$1")
unit=deploy/systemd/origami.service
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

have systemd-analyze || { skipped "the unit: there is no systemd-analyze (apt install systemd)"; exit 0; }

step "the unit"
# The program that it starts is where a package puts it, and nothing is there yet.
sed "s#^ExecStart=/usr/bin/origami #ExecStart=$binary #" "$unit" >"$work/origami.service"
said=$(systemd-analyze verify "$work/origami.service" 2>&1) || die "systemd-analyze verify: $said"
[[ $said != *origami.service:* ]] || die "systemd-analyze verify: $said"
# An exposure of at most 2.0, where 10 is a service without any limits.
security=$(systemd-analyze security --offline=true --threshold=20 --no-pager "$work/origami.service") || die "$security"
grep -o 'Overall exposure level.*[0-9]' <<<"$security"

step "the server under what the unit allows"
have bwrap || { skipped "the server in its unit: there is no bwrap (apt install bubblewrap)"; exit 0; }
runs /usr/bin/python3 -c 'import seccomp' || { skipped "the server in its unit: Debian's Python has no seccomp (apt install python3-seccomp)"; exit 0; }
runs bwrap --unshare-user --ro-bind / / true || { skipped "the server in its unit: bubblewrap may not make a namespace here"; exit 0; }

/usr/bin/python3 scripts/unit_filter.py "$unit" "$work/filter"
# What the filter does not allow ends a program with SIGSYS (31).
code=0
bwrap --ro-bind / / --unshare-user --seccomp 9 /usr/bin/python3 -c 'import os; os.chroot("/")' 9<"$work/filter" 2>"$work/said" || code=$?
((code == 128 + 31)) || die "the filter does not end a program that calls chroot: exit code $code, $(cat "$work/said")"
slide=${ORIGAMI_DEMO_SLIDE:-$target_dir/demo/CMU-1-Small-Region.svs}
mkdir "$work/slides" "$work/cache" "$work/state" "$work/etc"
if [[ -f $slide ]]; then
    cp "$slide" "$work/slides/scan.svs"
else
    skipped "a scanned slide: $slide is not there"
fi
python3 - "$work/picture.png" <<'END'
import sys
sys.path.insert(0, "scripts")
import png
side = 700
png.write(sys.argv[1], side, side, bytes((x * y + c * x) // 9 % 256 for y in range(side) for x in range(side) for c in range(3)))
END
"$binary" encode --quiet --image "$work/picture.png" --out "$work/made" --tile 64
mv "$(find "$work/made" -name '*.bundle')" "$work/slides/bundle.bundle"
"$binary" pyramid --quiet "$work/picture.png" --out "$work/slides/tree"

port=$(free_port)
cat >"$work/etc/serve.toml" <<END
slides-root = "/srv/slides"
bind = "127.0.0.1"
port = $port
annotations = "/var/lib/origami"
annotations-open = true
END
kept=("$work/state")
if has_feature "$binary" rocksdb; then
    echo 'cache-dir = "/var/cache/origami"' >>"$work/etc/serve.toml"
    kept+=("$work/cache")
else
    skipped "a cache on disk in its unit: $binary has not the feature rocksdb"
fi
# As the unit has it: a root that cannot be written to, no home, no devices, a /tmp of its own, no rights, the calls of the filter.
log=$work/log
: >"$log"
chmod -R a+rX "$work"
chmod 0777 "$work/cache" "$work/state"
bwrap --ro-bind /usr /usr --ro-bind-try /lib /lib --ro-bind-try /lib64 /lib64 --ro-bind-try /etc/ld.so.cache /etc/ld.so.cache \
    --dev /dev --proc /proc --tmpfs /tmp --ro-bind "$binary" /origami --ro-bind "$work/slides" /srv/slides --ro-bind "$work/etc" /etc/origami \
    --bind "$work/cache" /var/cache/origami --bind "$work/state" /var/lib/origami --remount-ro / \
    --unshare-user --uid 999 --gid 999 --unshare-pid --unshare-ipc --unshare-uts --unshare-cgroup-try --cap-drop ALL --die-with-parent --new-session \
    --seccomp 9 /origami serve --config /etc/origami/serve.toml 9<"$work/filter" >"$log" 2>&1 &
server=$!
served_at "$log" "$server"
python3 scripts/unit_client.py "$address" "$work/slides" || die "the server has said: $(cat "$log")"
# bubblewrap passes no signal on: the server is its only child.
kill -TERM "$(pgrep -P "$(pgrep -P "$server")")"
wait "$server" || die "the server ended with $?: $(cat "$log")"
for folder in "${kept[@]}"; do
    [[ -n $(ls -A "$folder") ]] || die "the server has kept nothing in its $(basename "$folder")"
done
echo "served, kept and ended, without a call that the unit does not allow"
