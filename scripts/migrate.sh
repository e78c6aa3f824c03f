#!/usr/bin/env bash
# What docs/migrate.md says: the old addresses of iipsrv through docs/iipsrv.conf against iipsrv itself on the same slide, large_image over bundles
# and servers, a folder of Zoomify as it is and as a bundle, and the page's own rules for nginx: of Cantaloupe, Girder and folders of Zoomify.
#
#   scripts/migrate.sh BINARY
#
# Needs nginx, iipsrv and vips (Debian: nginx-light iipimage-server libvips-tools), and python3 with the package index at the first run; says
# SKIPPED for what is not there.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

binary=$(realpath "${1:?usage: scripts/migrate.sh BINARY}")
iipsrv=/usr/lib/iipimage-server/iipsrv.fcgi
for needed in nginx vips "$iipsrv"; do
    have "$needed" || { skipped "migration: $needed is not here (apt install nginx-light libvips-tools iipimage-server)"; exit 0; }
done
slide=$target_dir/demo/CMU-1-Small-Region.svs
[[ -f $slide ]] || { skipped "migration: scripts/setup.sh fetches the slide"; exit 0; }
work=$target_dir/migrate
mkdir -p "$work"
python_with "migration" "$work" numpy==2.4.6 pillow==13.0.0 large-image==1.35.6
# The package, if it was built: scripts/python.sh makes the wheel.
wheel=$(compgen -G "$target_dir/python/wheels/*.whl" | head -n 1 || true)
[[ -z $wheel ]] || "$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --force-reinstall "$wheel"

scratch=$(mktemp -d "${TMPDIR:-/tmp}/origami-migrate.XXXXXX")
# The workers of an nginx that root starts are another user.
chmod 755 "$scratch"
servers=()
# Everything below the scratch folder was written by this run.
finish() {
    local pid
    for pid in "${servers[@]}"; do
        kill "$pid" 2>/dev/null || continue
        wait "$pid" 2>/dev/null || true
    done
    rm -r -- "$scratch"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

step "a slide for both servers, in a folder and beside it"
mkdir -p "$scratch"/{old,new}/{case,"case b"}
vips tiffsave "$slide" "$scratch/old/slide.tif" --tile --pyramid --tile-width 256 --tile-height 256 --compression jpeg --Q 95
cp "$scratch/old/slide.tif" "$scratch/old/case/slide.tif"
cp "$scratch/old/slide.tif" "$scratch/old/case b/my slide.tif"
"$binary" encode --quiet --slide "$scratch/old/slide.tif" --out "$scratch/made" --backend cpu --preset lossless
cp "$scratch/made/residual_packs/residuals.bundle" "$scratch/new/slide.bundle"
cp "$scratch/new/slide.bundle" "$scratch/new/case/slide.bundle"
cp "$scratch/new/slide.bundle" "$scratch/new/case b/my slide.bundle"
vips dzsave "$slide" "$scratch/new/zoomify" --layout zoomify --tile-size 256 --suffix '.jpg[Q=90]'
"$binary" encode --quiet --pyramid "$scratch/new/zoomify" --out "$scratch/zoomify" --backend cpu --preset lossless
cp "$scratch/zoomify/residual_packs/residuals.bundle" "$scratch/new/encoded.bundle"
cp -r "$scratch/new/zoomify" "$scratch/new/case b/of tiles"

step "servers"
log=$scratch/serve.log
: >"$log"
"$binary" serve "$scratch/new" --port 0 --backend cpu --trust-forwarded >"$log" 2>"$scratch/serve.err" &
servers+=("$!")
served_at "$log" "${servers[-1]}" "$scratch/serve.err"
fastcgi=$(free_port)
FILESYSTEM_PREFIX=$scratch/old/ JPEG_QUALITY=95 VERBOSITY=0 LOGFILE=$scratch/iipsrv.log "$iipsrv" --bind "127.0.0.1:$fastcgi" >/dev/null 2>&1 &
servers+=("$!")
old=$(free_port) new=$(free_port) rules=$(free_port)
user=
[[ $(id -u) != 0 ]] || user='user root;'
# settings NAME: what an nginx of this run has outside of its `http`, and the folders that it writes to.
settings() { echo "$user daemon off; error_log $scratch/$1.log; pid $scratch/$1.pid; events { worker_connections 256; }"; }
folders() {
    local kind
    for kind in client_body proxy fastcgi uwsgi scgi; do printf '%s_temp_path %s; ' "$kind" "$scratch/$1-$kind"; done
}
cat >"$scratch/old.conf" <<CONF
$(settings old)
http {
    access_log off;
    $(folders old)
    server {
        listen 127.0.0.1:$old;
        location / {
            fastcgi_pass 127.0.0.1:$fastcgi;
            fastcgi_param QUERY_STRING \$query_string;
            fastcgi_param REQUEST_METHOD \$request_method;
            fastcgi_param HTTP_HOST \$http_host;
            fastcgi_param REQUEST_URI \$request_uri;
        }
    }
}
CONF
# The documented file, at ports and in folders of this run.
sed "s|127.0.0.1:8000|127.0.0.1:$new|; s|http://127.0.0.1:8080|$address|
     s|^pid .*|pid $scratch/new.pid; daemon off; $user|; s|error_log stderr|error_log $scratch/new.log|
     s|^    access_log off;|    access_log off; $(folders new)|" \
    docs/iipsrv.conf >"$scratch/new.conf"
# The rules of the page: its maps and its locations.
# shellcheck disable=SC2016 # marks of Markdown
rules_of() { sed -n '/^```nginx$/,/^```$/p' docs/migrate.md | sed -n "/^$1 /,/^}/p" | sed "s|http://127.0.0.1:8080|$address|"; }
cat >"$scratch/rules.conf" <<CONF
$(settings rules)
http {
    access_log off;
    $(folders rules)
    $(rules_of map)
    server {
        listen 127.0.0.1:$rules;
        $(rules_of location)
    }
}
CONF
for which in old new rules; do
    nginx -c "$scratch/$which.conf" -p "$scratch" &
    servers+=("$!")
done

step "answers"
"$work/venv/bin/python" scripts/migrate.py "http://127.0.0.1:$old" "http://127.0.0.1:$new" "http://127.0.0.1:$rules" "$address" "$scratch/new"
