#!/usr/bin/env bash
# The server behind TLS as docs/operate.md has it: nginx with docs/nginx-tls.conf and Caddy with docs/Caddyfile, each with a certificate of its own
# that is made here. Tiles, a slide in a folder, addresses of IIIF, tokens and metrics, over HTTP/2; that marks behind docs/nginx.conf go to the
# server that writes them and rectangles to every server, and that no signature comes into nginx's log.
#
#   scripts/proxies.sh BINARY      NGINX, CADDY name the programs; what is not there is SKIPPED
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

(($# == 1)) || die "usage: scripts/proxies.sh BINARY"
binary=$(realpath "$1")
have openssl || { skipped "TLS in front of the server: there is no openssl"; exit 0; }
work=$(mktemp -d)
proxy='' servers=()
stop_all() {
    for process in $proxy "${servers[@]}"; do
        kill "$process" 2>/dev/null || true
    done
    wait
    rm -rf "$work"
}
trap stop_all EXIT
name=slides.example.org
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$name" -addext "subjectAltName=DNS:$name" \
    -keyout "$work/key" -out "$work/cert" 2>/dev/null

mkdir -p "$work/slides/more"
python3 - "$work/picture.png" <<'END_OF_PYTHON'
import sys
sys.path.insert(0, "scripts")
import png
png.write(sys.argv[1], 300, 200, bytes((x * y + c * x) // 9 % 256 for y in range(200) for x in range(300) for c in range(3)))
END_OF_PYTHON
"$binary" encode --quiet --image "$work/picture.png" --tile 64 --out "$work/made"
mv "$(find "$work/made" -name '*.bundle')" "$work/slides/more/one.bundle"
for number in {1..24}; do ln "$work/slides/more/one.bundle" "$work/slides/more/twin$number.bundle"; done
token=0123456789abcdef0123456789abcdef
echo "$token" >"$work/tokens"
printf 'k%.0s' {1..40} >"$work/signing"
# begin NAME PORT FLAG...: a server; its address without http:// in `upstream`, its process last in `servers`.
begin() {
    : >"$work/$1.log"
    "$binary" serve "$work/slides" --port "$2" --trust-forwarded --token-file "$work/tokens" --signing-key-file "$work/signing" "${@:3}" \
        >"$work/$1.log" 2>"$work/$1.said" &
    servers+=($!)
    served_at "$work/$1.log" "${servers[-1]}" "$work/$1.said"
    upstream=${address#http://}
}
begin first 0
first=$upstream

# through_tls WHAT PORT: what clients get on that port.
through_tls() {
    url=https://$name:$2
    ask() { curl --silent --cacert "$work/cert" --resolve "$name:${url##*:}:127.0.0.1" "$@"; }
    ask --retry 50 --retry-delay 1 --retry-connrefused --fail --output /dev/null "$url/readyz" ||
        die "$1 does not answer: $(cat "$work/${1,,}.log")"
    status() { ask --output /dev/null --write-out '%{http_code}' "$@"; }
    with=(--header "Authorization: Bearer $token")
    [[ $(status "$url/dzi/more%2Fone.dzi") == 401 ]] || die "$1: a slide without a token"
    [[ $(status "${with[@]}" "$url/dzi/more%2Fone.dzi") == 200 ]] || die "$1: a slide in a folder"
    [[ $(status "${with[@]}" "$url/tiles/more%2Fone/9/0_0.jpg") == 200 ]] || die "$1: a tile"
    [[ $(ask "${with[@]}" --output /dev/null --write-out '%{http_version}' "$url/viewer/more%2Fone") == 2 ]] || die "$1: no HTTP/2"
    [[ $(ask "${with[@]}" "$url/iiif/3/more%2Fone/info.json") == *"\"$url/iiif/3/more%2Fone\""* ]] ||
        die "$1: addresses of IIIF: $(ask "${with[@]}" "$url/iiif/3/more%2Fone/info.json")"
    [[ $(status "${with[@]}" "$url/metrics") == 404 ]] || die "$1: metrics are shown"
    echo "$1: tiles, tokens, folders, addresses and metrics are as they should be, over HTTP/2"
}

# through_balancer: two servers of the same marks behind docs/nginx.conf. A change reaches the one that writes, also where another server would
# be asked for the slide's tiles, and the description says that it may be made. Rectangles of many slides are made by both.
through_balancer() {
    local balanced writer other with=(--header "Authorization: Bearer $token" --header 'Content-Type: application/json')
    balanced=$(free_port)
    begin writer 0 --annotations "$work/marks" --no-prefetch
    writer=$upstream
    begin other 0 --annotations "$work/marks" --no-prefetch
    other=$upstream
    sed "s#/run/nginx.pid#nginx.pid#; s#listen 127.0.0.1:8080;#listen 127.0.0.1:$balanced;#; s#127.0.0.1:8081#$writer#
        s#127.0.0.1:8082#$other#; /127.0.0.1:8083/d; $folders" docs/nginx.conf >"$work/balancer.conf"
    "$nginx" -p "$work" -c "$work/balancer.conf" -e stderr -g 'daemon off;' 2>"$work/balancer.log" &
    proxy=$!
    local marks=http://127.0.0.1:$balanced/api/slides/more%2Fone change='{"changes": []}'
    curl --silent --retry 50 --retry-delay 1 --retry-connrefused --fail --output /dev/null "http://127.0.0.1:$balanced/readyz" ||
        die "the balancer does not answer: $(cat "$work/balancer.log")"
    for _ in {1..6}; do
        [[ $(curl --silent "${with[@]}" "$marks" | python3 -c 'import json, sys; print(json.load(sys.stdin)["annotations"]["write"])') == True ]] ||
            die "the balancer: marks that may not be changed"
        [[ $(curl --silent --output /dev/null --write-out '%{http_code}' --request PATCH "${with[@]}" --data "$change" "$marks/annotations") == 200 ]] ||
            die "the balancer: a change of marks: $(curl --silent --request PATCH "${with[@]}" --data "$change" "$marks/annotations")"
    done
    [[ $(curl --silent --output /dev/null --write-out '%{http_code}' --request PATCH "${with[@]}" --data "$change" \
        "http://$other/api/slides/more%2Fone/annotations") == 503 ]] || die "the other server writes marks as well"
    answered() { curl --silent "${with[@]}" "http://$1/metrics" | sed -n 's/^origami_responses_total{status="200"} //p'; }
    local number before=("$(answered "$writer")" "$(answered "$other")")
    for number in {1..24}; do
        [[ $(curl --silent --output /dev/null --write-out '%{http_code}' "${with[@]}" \
            "http://127.0.0.1:$balanced/api/slides/more%2Ftwin$number/region?x=0&y=0&w=64&h=64") == 200 ]] || die "the balancer: a rectangle"
    done
    # Of those one is that for metrics.
    (($(answered "$writer") > before[0] + 1 && $(answered "$other") > before[1] + 1)) ||
        die "the balancer: one server makes the rectangles of all slides"
    kill "$proxy"
    wait "$proxy" || true
    proxy=''
    echo "nginx as a balancer: marks go to the server that writes them, rectangles to both"
    upstream=${first:?}
}

# Where nginx is only unpacked, its own folders are not there: these are below $work.
folders='s#^http {#http { client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;#'
step "nginx"
if nginx=$(tool_of_debian "${NGINX:-nginx}"); then
    plain=$(free_port) secure=$(free_port)
    sed "s#127.0.0.1:8080#$upstream#g; s#listen 80;#listen 127.0.0.1:$plain;#; s#listen 443 #listen 127.0.0.1:$secure #
        s#/etc/ssl/slides.pem#$work/cert#; s#/etc/ssl/private/slides.key#$work/key#; s#/run/nginx.pid#nginx.pid#; $folders" docs/nginx-tls.conf >"$work/nginx.conf"
    "$nginx" -p "$work" -c "$work/nginx.conf" -e stderr -g 'daemon off;' 2>"$work/nginx.log" &
    proxy=$!
    through_tls nginx "$secure"
    [[ $(curl --silent --output /dev/null --write-out '%{http_code}' --resolve "$name:$plain:127.0.0.1" "http://$name:$plain/") == 301 ]] ||
        die "nginx: clients of http are not sent to https"
    # An address that was signed, once while the server answers and once while it does not.
    query=$("$binary" sign more/one --key-file "$work/signing" --valid 1h --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["query"])')
    [[ $(status "$url/dzi/more%2Fone.dzi?$query") == 200 ]] || die "nginx: a signed address"
    kill "${servers[0]}"
    wait "${servers[0]}" || true
    servers=()
    [[ $(status "$url/dzi/more%2Fone.dzi?$query") == 502 ]] || die "nginx: an answer without a server"
    ! grep -E 'signature|expires' "$work/nginx.log" || die "nginx: a signature in its log"
    kill "$proxy"
    wait "$proxy" || true
    proxy=''
    begin first "${upstream##*:}"
    through_balancer
else
    skipped "TLS by nginx: it is not there (scripts/setup.sh unpacks it)"
fi

step "Caddy"
if caddy=$(tool_of_debian "${CADDY:-caddy}"); then
    secure=$(free_port)
    # A certificate of our own, and no port 80: none is fetched here.
    { printf '{\n\tadmin off\n\tauto_https off\n}\n'
      sed "s#^$name {#$name:$secure {\n\tbind 127.0.0.1\n\ttls $work/cert $work/key#; s#127.0.0.1:8080#$upstream#" docs/Caddyfile; } >"$work/Caddyfile"
    HOME=$work "$caddy" run --config "$work/Caddyfile" --adapter caddyfile 2>"$work/caddy.log" &
    proxy=$!
    through_tls Caddy "$secure"
    kill "$proxy"
    wait "$proxy" || true
    proxy=''
else
    skipped "TLS by Caddy: it is not there (scripts/setup.sh unpacks it)"
fi
