#!/usr/bin/env bash
# Pods on RunPod: lists, reaches, creates and stops them. It never removes one.
#
#   runpod/pods.sh                  id, name, status, GPU, address and SSH port of every pod
#   runpod/pods.sh ssh NAME         the ssh command for one pod (NAME or id), to run or to paste
#   runpod/pods.sh fetch NAME DIR   copies that pod's evals/results into DIR/ID, with scp
#   runpod/pods.sh create NAME --gpu ID [--count N] [--image IMAGE] [--disk GB] [--volume ID] [--cloud SECURE|COMMUNITY]
#                                   [--env VARIABLE]... [--run]
#   runpod/pods.sh stop ID [--run]
#
# Without --run, `create` and `stop` print the request and send nothing. The values of --env come from the environment and are not
# shown. A pod costs money from its creation until it is stopped; its disk, until it is removed in the console.
#
# RUNPOD_API_KEY     the token, from the RunPod console; a read-only token is enough for all but create and stop
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

usage() {
    die "usage: runpod/pods.sh [list] | ssh NAME | fetch NAME DIR | create NAME --gpu ID [FLAG]... [--run] | stop ID [--run]"
}

# quoted TEXT: a string of JSON, and of curl's configuration, which quotes alike.
quoted() {
    [[ $1 != *[[:cntrl:]]* ]] || die "a value holds a control character"
    local text=${1//\\/\\\\}
    printf '"%s"' "${text//\"/\\\"}"
}

# ask [METHOD URL [BODY]]: prints the API's answer; by default the list. Token and body go to curl on standard input, because anyone can
# read arguments with ps; printf is built into the shell. Redirects are not followed, so that the token goes to this address only.
# Nothing is sent twice: after a request without an answer nobody knows whether it was carried out.
ask() {
    local method=${1:-GET} to=${2:-$url} body=${3:-} only='=https' answer status
    have curl || die "this needs curl"
    case $to in
    file://*)
        curl --silent --show-error --fail "$to"
        return
        ;;
    https://*) ;;
    # This machine itself, for tests.
    http://127.0.0.1:*) only='=http' ;;
    *) die "RUNPOD_API_URL must begin with https://: the token must not travel in the clear" ;;
    esac
    [[ -n ${RUNPOD_API_KEY:-} ]] || die "RUNPOD_API_KEY is not set: make a key in the RunPod console and export it"
    [[ $RUNPOD_API_KEY != *[$'\n\r']* ]] || die "RUNPOD_API_KEY holds a line break"
    answer=$({
        printf 'header = %s\n' "$(quoted "Authorization: Bearer $RUNPOD_API_KEY")"
        [[ -z $body ]] || printf 'header = "Content-Type: application/json"\ndata = %s\n' "$(quoted "$body")"
    } | curl --config - --request "$method" --silent --show-error --max-time 60 --proto "$only" --header 'Accept: application/json' \
        --write-out '\n%{http_code}' "$to") || die "RunPod did not answer $method $to; runpod/pods.sh shows what there is"
    status=${answer##*$'\n'} answer=${answer%$'\n'*}
    case $status in
    2??) printf '%s\n' "$answer" ;;
    401 | 403) die "RunPod refuses the token ($status): is it right, and may it do this?" ;;
    402) die "RunPod asks for money (402): look at the account's balance" ;;
    404) die "RunPod knows no $to (404): is the id right, and does this version of the API still exist?" ;;
    429) die "RunPod has had too many requests (429); nothing was done, wait a minute" ;;
    4??) die "RunPod refuses (400 to 499, here $status): $(field detail <<<"$answer")" ;;
    *) die "RunPod failed ($status); whether it did anything is not known: runpod/pods.sh shows what there is" ;;
    esac
}

# field NAME: a text of the object on standard input; "no reason given" where it is not there.
field() {
    case $(json_tool) in
    python3) python3 -c "$one_field" "$1" ;;
    jq) jq -r --arg name "$1" 'if type == "object" then .[$name] // "no reason given" else "no reason given" end | tostring' 2>/dev/null ||
        echo "no reason given" ;;
    esac | tr -c '[:print:]\n' ' ' | head -n 1
}

read -r -d '' one_field <<'PY' || true
import json, sys
try:
    answer = json.load(sys.stdin)
except ValueError:
    answer = None
print(answer.get(sys.argv[1]) or "no reason given" if isinstance(answer, dict) else "no reason given")
PY

# json_tool: the tool that reads JSON.
json_tool() {
    local tool=${ORIGAMI_JSON_TOOL:-}
    [[ -n $tool ]] || { have python3 && tool=python3; } || { have jq && tool=jq; } ||
        die "this needs python3 or jq to read RunPod's answer"
    case $tool in
    python3 | jq) printf '%s\n' "$tool" ;;
    *) die "ORIGAMI_JSON_TOOL is $tool; it may be python3 or jq" ;;
    esac
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
    local answer tool
    # `|| return` is needed: a failure inside $(...) does not end the shell.
    answer=$(ask) || return
    tool=$(json_tool) || return
    case $tool in
    python3) python3 -c "$with_python" <<<"$answer" ;;
    jq) jq -r "$with_jq" <<<"$answer" ;;
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

# shown METHOD URL [BODY]: the request as it would be sent, without the token.
shown() {
    printf '%s %s\nAuthorization: Bearer (RUNPOD_API_KEY)\n' "$1" "$2"
    [[ -z ${3:-} ]] || printf 'Content-Type: application/json\n\n%s\n' "$3"
    echo "dry run: nothing was sent; --run sends it"
}

# body HIDDEN: the new pod as JSON, from the variables of `create`. HIDDEN is not empty where values of the environment are not shown.
body() {
    local variable value env='"NVIDIA_DRIVER_CAPABILITIES":"all"' mounts=
    for variable in "${variables[@]}"; do
        value=${!variable}
        [[ -z $1 ]] || value="(from the environment)"
        env+=",\"$variable\":$(quoted "$value")" || return
    done
    [[ -z $volume ]] || mounts=",\"mounts\":{\"network\":[{\"volumeId\":$(quoted "$volume"),\"path\":\"/workspace\"}]}"
    printf '{"name":%s,"image":%s,"gpu":{"id":%s,"count":%s},"cloud":%s,"disk":%s,"ports":["22/tcp"],"env":{%s}%s}' \
        "$(quoted "$name")" "$(quoted "$image")" "$(quoted "$gpu")" "$count" "$(quoted "$cloud")" "$disk" "$env" "$mounts"
}

create() {
    local name=$1 gpu='' count=1 image=runpod/base:1.0.2-cuda1281-ubuntu2404 disk=50 volume='' cloud=SECURE run='' lines made
    local variables=()
    shift
    [[ $name =~ ^[0-9A-Za-z][0-9A-Za-z._-]*$ ]] || die "the name of a pod has letters, digits, dots, lines and underscores: $name has not"
    while [[ $# != 0 ]]; do
        [[ $1 == --run ]] && { run=1; shift; continue; }
        [[ $# -ge 2 && -n $2 ]] || die "$1 needs a value"
        case $1 in
        --gpu) gpu=$2 ;;
        --count) count=$2 ;;
        --image) image=$2 ;;
        --disk) disk=$2 ;;
        --volume) volume=$2 ;;
        --cloud) cloud=$2 ;;
        --env) variables+=("$2") ;;
        *) usage ;;
        esac
        shift 2
    done
    [[ -n $gpu ]] || die "--gpu is missing, for example --gpu 'NVIDIA B200'"
    [[ $count =~ ^[1-9][0-9]?$ && $disk =~ ^[1-9][0-9]{0,4}$ ]] || die "--count and --disk are whole numbers: '$count' and '$disk'"
    for variable in "${variables[@]}"; do
        [[ $variable =~ ^[A-Za-z_][0-9A-Za-z_]*$ && -n ${!variable:-} ]] || die "--env $variable: there is no such variable in the environment"
        [[ $variable != RUNPOD_API_KEY ]] || die "--env RUNPOD_API_KEY: the token stays on this machine"
    done
    made=$(body hidden) || return
    [[ -n $run ]] || { shown POST "$url" "$made"; return; }
    # The API makes a second pod of the same name; a line that is run again must not.
    lines=$(pods) || return
    ! awk -F '\t' -v wanted="$name" '$2 == wanted { found = 1 } END { exit !found }' <<<"$lines" ||
        die "a pod is called $name already; runpod/pods.sh lists it"
    made=$(body '') || return
    made=$(ask POST "$url" "$made") || return
    printf 'created: %s, id %s; it costs money until it is stopped\n' "$name" "$(field id <<<"$made")"
}

stop() {
    local to="${url%%\?*}/$1/action" answer
    [[ $1 =~ ^[0-9A-Za-z_-]+$ ]] || die "$1 is no id of a pod; runpod/pods.sh lists them"
    [[ ${2:-} == --run || $# == 1 ]] || usage
    [[ ${2:-} == --run ]] || { shown POST "$to" '{"action":"stop"}'; return; }
    answer=$(ask POST "$to" '{"action":"stop"}') || return
    printf 'stopped: %s, now %s; its disk costs money until it is removed in the console\n' "$1" "$(field status <<<"$answer")"
}

case ${1:-list} in
create)
    [[ $# -ge 2 ]] || usage
    create "${@:2}"
    ;;
stop)
    [[ $# == 2 || $# == 3 ]] || usage
    stop "${@:2}"
    ;;
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
