#!/usr/bin/env bash
# What Prometheus' own checker says of the server's metrics in Prometheus' format, those of jobs included: nothing. It takes docs/alerts.yml as well,
# whose metrics are the server's.
#
#   scripts/metrics.sh BINARY      PROMTOOL names the checker (default: promtool, of Debian's package prometheus)
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

(($# == 1)) || die "usage: scripts/metrics.sh BINARY"
binary=$(realpath "$1")
promtool=$(tool_of_debian "${PROMTOOL:-promtool}") || { skipped "metrics by Prometheus' rules: there is no promtool (scripts/setup.sh unpacks it)"; exit 0; }
work=$(mktemp -d)
server=
cleanup() {
    [[ -z $server ]] || kill "$server" 2>/dev/null || true
    rm -rf "${work:?}"
}
trap cleanup EXIT
mkdir "$work/slides"
python3 - "$work/picture.png" <<'END_OF_PYTHON'
import sys
sys.path.insert(0, "scripts")
import png
png.write(sys.argv[1], 300, 200, bytes((x * y + c * x) // 9 % 256 for y in range(200) for x in range(300) for c in range(3)))
END_OF_PYTHON
"$binary" encode --quiet --image "$work/picture.png" --tile 64 --out "$work/slides/one"

: >"$work/log"
"$binary" serve "$work/slides" --port 0 --jobs --out "$work/results" --temp-dir "$work" >"$work/log" 2>"$work/said" &
server=$!
served_at "$work/log" "$server" "$work/said"
curl --silent --fail --output /dev/null "$address/tiles/one/9/0_0.jpg"
curl --silent --fail "$address/metrics" >"$work/metrics"
kill -TERM "$server"
wait "$server" || die "the server ended with $?: $(cat "$work/said")"
server=
grep -q '^origami_tiles_total{' "$work/metrics" || die "no tile was counted: $(cat "$work/metrics")"
said=$("$promtool" check metrics <"$work/metrics" 2>&1) || die "promtool check metrics: $said"
[[ -z $said ]] || die "promtool check metrics: $said"
said=$("$promtool" check rules docs/alerts.yml 2>&1) || die "promtool check rules: $said"
while read -r metric; do
    grep -q "^# TYPE $metric " "$work/metrics" || die "docs/alerts.yml: the server has no metric $metric"
done < <(grep -o 'origami_[a-z_]*' docs/alerts.yml | sort -u)
echo "$(grep -c '^# TYPE' "$work/metrics") metrics, and promtool has nothing to say"
