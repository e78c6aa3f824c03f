#!/usr/bin/env bash
# Lists your pods on RunPod and how to reach them. It never starts, stops or removes a pod.
#
#   runpod/pods.sh                  id, name, status, GPU, address and SSH port of every pod
#   runpod/pods.sh ssh NAME         the ssh command for one pod (NAME or id), to run or to paste
#   runpod/pods.sh fetch NAME DIR   copies that pod's evals/results into DIR/ID, with scp
#
# RUNPOD_API_KEY     the token, from the RunPod console; a read-only token is enough
# RUNPOD_API_URL     default https://api.runpod.io/v2/pods; answers of the older v1 are understood too; file:// for tests
# RUNPOD_SSH_KEY     private key for scp and in the printed command (default: ssh's own choice)
# RUNPOD_CHECKOUT    folder of the code on the pod (default /workspace/origami, as in runpod/start.sh)
# ORIGAMI_JSON_TOOL  python3 or jq, the tool that reads JSON (default: python3 if installed, else jq)
set -euo pipefail

url=${RUNPOD_API_URL:-https://api.runpod.io/v2/pods}
checkout=${RUNPOD_CHECKOUT:-/workspace/origami}

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

usage() { die "usage: runpod/pods.sh [list] | ssh NAME | fetch NAME DIR"; }

# ask: prints the API's answer. The token goes to curl on standard input, because anyone can read arguments with ps; printf
# is built into the shell. Redirects are not followed, so that the token goes to this address only.
ask() {
    local token
    have curl || die "this needs curl"
    case $url in
    file://*)
        curl --silent --show-error --fail "$url"
        return
        ;;
    https://*) ;;
    *) die "RUNPOD_API_URL must begin with https://: the token must not travel in the clear" ;;
    esac
    [[ -n ${RUNPOD_API_KEY:-} ]] || die "RUNPOD_API_KEY is not set: make a key in the RunPod console and export it"
    [[ $RUNPOD_API_KEY != *[$'\n\r']* ]] || die "RUNPOD_API_KEY holds a line break"
    token=${RUNPOD_API_KEY//\\/\\\\}
    printf 'header = "Authorization: Bearer %s"\n' "${token//\"/\\\"}" |
        curl --config - --silent --show-error --fail --max-time 60 --proto '=https' --header 'Accept: application/json' \
            "$url" || die "RunPod did not answer: is the token right, and does $url still exist?"
}

# Both programs below print one line for each pod: id, name, status, GPU, host, port, separated by tabs, with "-"
# for unknown values. v2 wraps its list in {"pods": ...} and has `status`, `ssh.direct`, `runtime.ports`; v1 is a bare
# list and has `desiredStatus`, `publicIp`, `portMappings`.
read -r -d '' with_python <<'PY' || true
import json, sys

def text(value):
    text = "".join(c if c.isprintable() else " " for c in str(value if value is not None else "")).strip()
    return text or "-"

def gpu(pod):
    gpu, machine = pod.get("gpu") or {}, pod.get("machine") or {}
    name = gpu.get("displayName") or gpu.get("id") or machine.get("gpuDisplayName") or machine.get("gpuTypeId")
    count = gpu.get("count") or pod.get("gpuCount")
    return f"{count}x {name}" if name and count else name

def ssh(pod):
    direct = (pod.get("ssh") or {}).get("direct") or {}
    if direct.get("host") and direct.get("port"):
        return direct["host"], direct["port"]
    for port in (pod.get("runtime") or {}).get("ports") or []:
        if port.get("private") == 22 and port.get("type") == "tcp" and port.get("public"):
            return port.get("ip"), port["public"]
    return pod.get("publicIp"), (pod.get("portMappings") or {}).get("22")

try:
    answer = json.load(sys.stdin)
except ValueError as fault:
    sys.exit(f"error: RunPod's answer is not JSON: {fault}")
pods = answer.get("pods") if isinstance(answer, dict) else answer
if not isinstance(pods, list):
    sys.exit("error: this answer holds no list of pods")
if isinstance(answer, dict) and (answer.get("pagination") or {}).get("hasNextPage"):
    print("warning: RunPod has more pods than fit into one answer; these are the first", file=sys.stderr)
for pod in pods:
    fields = pod.get("id"), pod.get("name"), pod.get("status") or pod.get("desiredStatus"), gpu(pod), *ssh(pod)
    print("\t".join(text(field) for field in fields))
PY

# shellcheck disable=SC2016
with_jq='
def text: (. // "") | tostring | gsub("[[:cntrl:]]"; " ") | sub("^ +"; "") | sub(" +$"; "") | if . == "" then "-" else . end;
def gpu: (.gpu.displayName // .gpu.id // .machine.gpuDisplayName // .machine.gpuTypeId) as $name
    | (.gpu.count // .gpuCount) as $count
    | if $name and $count then "\($count)x \($name)" else $name end;
def ssh: ([.runtime.ports[]? | select(.private == 22 and .type == "tcp" and .public)] | first) as $port
    | if .ssh.direct.host and .ssh.direct.port then [.ssh.direct.host, .ssh.direct.port]
      elif $port then [$port.ip, $port.public]
      else [.publicIp, .portMappings["22"]?] end;
(if type == "object" then .pods else . end) as $pods
| if ($pods | type) != "array" then error("this answer holds no list of pods") else . end
| if type == "object" and .pagination.hasNextPage
  then ("warning: RunPod has more pods than fit into one answer; these are the first\n" | stderr | empty) else empty end,
  ($pods[] | [(.id | text), (.name | text), (.status // .desiredStatus | text), (gpu | text), (ssh[] | text)] | join("\t"))'

# pods: prints the API's answer as lines.
pods() {
    local answer tool=${ORIGAMI_JSON_TOOL:-}
    # `|| return` is needed: a failure inside $(...) does not end the shell.
    answer=$(ask) || return
    [[ -n $tool ]] || { have python3 && tool=python3; } || { have jq && tool=jq; } ||
        die "this needs python3 or jq to read RunPod's answer"
    case $tool in
    python3) python3 -c "$with_python" <<<"$answer" ;;
    jq) jq -r "$with_jq" <<<"$answer" ;;
    *) die "ORIGAMI_JSON_TOOL is $tool; it may be python3 or jq" ;;
    esac
}

list() {
    local lines
    lines=$(pods)
    [[ -n $lines ]] || { echo "no pods"; return; }
    printf 'ID\tNAME\tSTATUS\tGPU\tADDRESS\tPORT\n%s\n' "$lines" | awk -F '\t' '{
        rows = NR
        for (i = 1; i <= NF; i++) { cell[NR, i] = $i; if (length($i) > width[i]) width[i] = length($i) }
    } END {
        for (r = 1; r <= rows; r++) {
            for (i = 1; i < 6; i++) printf "%-" width[i] "s  ", cell[r, i]
            print cell[r, 6]
        }
    }'
}

# find_pod NAME: sets id, host and port of the only pod with this name or id.
find_pod() {
    local lines found
    lines=$(pods)
    found=$(awk -F '\t' -v wanted="$1" '$1 == wanted || $2 == wanted' <<<"$lines")
    [[ -n $found ]] || die "no pod is called $1; runpod/pods.sh lists them"
    [[ $found != *$'\n'* ]] || die "several pods are called $1: give the id"
    IFS=$'\t' read -r id _ _ _ host port <<<"$found"
    [[ $host != - && $port != - ]] ||
        die "$1 has no public address for SSH yet: is it running, and is 22/tcp among its exposed TCP ports?"
    # These values come from the API and become arguments of ssh and scp and the name of a folder.
    [[ $host =~ ^[0-9A-Za-z][0-9A-Za-z.:-]*$ && $port =~ ^[0-9]+$ && $id =~ ^[0-9A-Za-z_-]+$ ]] ||
        die "RunPod's answer for $1 makes no sense: id $id, address $host, port $port"
}

case ${1:-list} in
list)
    [[ $# -le 1 ]] || usage
    list
    ;;
ssh)
    [[ $# == 2 ]] || usage
    find_pod "$2"
    # Printed to be pasted, not run from here.
    printf 'ssh -p %s %sroot@%s\n' "$port" "${RUNPOD_SSH_KEY:+-i $(printf %q "$RUNPOD_SSH_KEY") }" "$host"
    ;;
fetch)
    [[ $# == 3 ]] || usage
    find_pod "$2"
    [[ $3 != -* ]] || die "the folder $3 looks like an option: write ./$3"
    mkdir -p "$3/$id"
    # One folder for each pod: two pods with the same GPU make result folders with the same name. A new pod has a new host
    # key.
    scp -r -o StrictHostKeyChecking=accept-new ${RUNPOD_SSH_KEY:+-i "$RUNPOD_SSH_KEY"} -P "$port" \
        "root@$host:$checkout/evals/results" "$3/$id/"
    echo "fetched: $3/$id/results"
    ;;
*) usage ;;
esac
