#!/usr/bin/env bash
# Tests of this folder that need no network, no token and no GPU: pods.sh against answers written by hand and against an API on
# loopback, start.sh's search for the driver in temporary folders, and a check that nothing here deletes recursively.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# When sourced, start.sh only defines functions.
# shellcheck source=runpod/start.sh
. "$here/start.sh"
unset RUNPOD_API_KEY RUNPOD_API_URL RUNPOD_SSH_KEY VK_DRIVER_FILES VK_ICD_FILENAMES ORIGAMI_JSON_TOOL

# same WHAT WANT GOT
same() { [[ $2 == "$3" ]] || die "$1: expected '$2', got '$3'"; }
# refused WHAT WORDS COMMAND...: the command must fail with a message that has these words.
refused() {
    local what=$1 words=$2 said
    shift 2
    ! said=$("$@" 2>&1) || die "$what: it should have failed"
    [[ $said == *"$words"* ]] || die "$what: expected a message with '$words', got '$said'"
}

# The patterns are written so that they do not match these lines.
if grep -rnE "\brm\b.*[[:space:]](-[[:alpha:]]*[rR]|--recursive)|[-]delete\b|[-]exec(dir)? +r[m]|rmtr[e]e|git +cle[a]n" \
    --exclude=check.sh "$here"; then
    die "nothing in runpod/ may delete recursively"
fi

answers=file://$here/testdata
tools=0
for tool in python3 jq; do
    have "$tool" || continue
    tools=$((tools + 1))
    export ORIGAMI_JSON_TOOL=$tool RUNPOD_API_URL=$answers/pods.json
    same "$tool: lines of the list" 6 "$("$here/pods.sh" | wc -l)"
    same "$tool: by name" "ssh -p 40022 root@192.0.2.10" "$("$here/pods.sh" ssh origami-report)"
    same "$tool: by id, from the ports" "ssh -p 40023 root@192.0.2.11" "$("$here/pods.sh" ssh cccc3333dddd44)"
    refused "$tool: two of one name" "give the id" "$here/pods.sh" ssh twin
    refused "$tool: not there yet" "no public address" "$here/pods.sh" ssh eeee5555ffff66
    refused "$tool: an address that is an option" "makes no sense" "$here/pods.sh" ssh hostile
    refused "$tool: nobody" "no pod is called" "$here/pods.sh" ssh nobody
    RUNPOD_API_URL=$answers/pods-v1.json
    same "$tool: v1" "ssh -p 10341 root@192.0.2.20" "$("$here/pods.sh" ssh older)"
done
[[ $tools != 0 ]] || echo "SKIPPED: neither python3 nor jq here: pods.sh was not tested"
unset ORIGAMI_JSON_TOOL RUNPOD_API_URL
RUNPOD_API_URL=https://pods.invalid refused "no token" "RUNPOD_API_KEY is not set" "$here/pods.sh"
RUNPOD_API_KEY=x RUNPOD_API_URL=http://pods.invalid refused "in the clear" "must begin with https://" "$here/pods.sh"

# Without --run nothing is sent, and no token is needed.
dry=$(NATS_TOKEN=planted-env-secret "$here/pods.sh" create one --gpu 'NVIDIA "B200"' --count 8 --volume v1 --env NATS_TOKEN)
want='{"name":"one","image":"runpod/base:1.0.2-cuda1281-ubuntu2404","gpu":{"id":"NVIDIA \"B200\"","count":8},"cloud":"SECURE","disk":50,"ports":["22/tcp"],"env":{"NVIDIA_DRIVER_CAPABILITIES":"all","NATS_TOKEN":"(from the environment)"},"mounts":{"network":[{"volumeId":"v1","path":"/workspace"}]}}'
same "the request of create" "POST https://api.runpod.io/v2/pods" "$(sed -n 1p <<<"$dry")"
same "the body of create" "$want" "$(sed -n 5p <<<"$dry")"
same "the request of stop" "POST https://api.runpod.io/v2/pods/abc/action" "$("$here/pods.sh" stop abc | sed -n 1p)"
refused "no GPU" "gpu is missing" "$here/pods.sh" create one
refused "an id with a slash" "is no id" "$here/pods.sh" stop a/../b
refused "an unset variable" "no such variable" "$here/pods.sh" create one --gpu x --env NOT_SET_HERE
RUNPOD_API_KEY=x refused "the token as a variable" "stays on this machine" "$here/pods.sh" create one --gpu x --env RUNPOD_API_KEY

made=$(mktemp -d)
mkdir "$made/usual" "$made/other" "$made/libraries"
api=
finish() {
    [[ -z $api ]] || kill "$api" 2>/dev/null || true
    rm -f "$made"/*/*.json "$made"/libraries/* "$made"/api.*
    rmdir "$made"/*/ "$made"
}
trap finish EXIT

# A pod's life against an API on loopback, and what it may refuse. The token must appear nowhere.
token=planted-token-5e3c8b1d70a9
play() {
    export RUNPOD_API_KEY=$token RUNPOD_API_URL=http://127.0.0.1:$port/v2/pods NATS_TOKEN=planted-env-secret
    same "no pod yet" "no pods" "$("$here/pods.sh")"
    same "created" "created: one, id pod0; it costs money until it is stopped" "$("$here/pods.sh" create one --gpu 'NVIDIA B200' --env NATS_TOKEN --run)"
    grep -qF '"NATS_TOKEN":"planted-env-secret"' "$made/api.log" || die "the variable did not arrive: $(<"$made/api.log")"
    same "listed" "pod0" "$("$here/pods.sh" | awk '$2 == "one" { print $1 }')"
    refused "a second of the name" "is called one already" "$here/pods.sh" create one --gpu x --run
    same "one pod was made" 1 "$(grep -c '^POST /v2/pods ' "$made/api.log")"
    same "stopped" "stopped: pod0, now EXITED; its disk costs money until it is removed in the console" "$("$here/pods.sh" stop pod0 --run)"
    refused "nobody to stop" "(404)" "$here/pods.sh" stop pod7 --run
    refused "no capacity" "There are no instances currently available" "$here/pods.sh" create full --gpu x --run
    refused "too many" "too many requests (429); nothing was done" "$here/pods.sh" create limited --gpu x --run
    refused "a failure" "whether it did anything is not known" "$here/pods.sh" create broken --gpu x --run
    RUNPOD_API_KEY=wrong refused "another token" "refuses the token (401)" "$here/pods.sh"
    same "each was asked once" 3 "$(grep -cE '^POST /v2/pods .*"name":"(full|limited|broken)"' "$made/api.log")"
    ! grep -q '^DELETE' "$made/api.log" || die "a pod was removed"
}
if have python3 && have curl && have ps; then
    python3 "$here/testdata/fake_api.py" "$token" "$made/api.log" >"$made/api.port" &
    api=$!
    for _ in {1..100}; do
        [[ ! -s $made/api.port ]] || break
        sleep 0.1
    done
    port=$(<"$made/api.port")
    (play) >"$made/api.said" 2>&1 || die "the API: $(<"$made/api.said")"
    ! grep -qF "$token" "$made/api.said" "$made/api.log" || die "the token is in what was said"
    ! grep -q LEAK "$made/api.log" || die "ps shows the token"
else
    echo "SKIPPED: without python3, curl and ps, create and stop were not tried"
fi

# The search for the driver, in temporary folders.
usual_icd_folders=("$made/usual") other_icd_folders=("$made/other") driver_folders=("$made/libraries")
own_icd_folder=$made/own
mkdir "$own_icd_folder"
linker_cache() { :; }
same "no driver" "" "$(driver_candidates)"
: >"$made/libraries/libEGL_nvidia.so.0"
same "a library without a manifest" "$made/own/nvidia_libEGL.json" "$(driver_candidates)"
grep -q "\"library_path\": \"$made/libraries/libEGL_nvidia.so.0\"" "$made/own/nvidia_libEGL.json" ||
    die "the manifest does not name the library"
echo '{"layers": []}' >"$made/other/nvidia_layers.json"
echo '{"ICD": {}}' >"$made/other/nvidia_icd.json"
same "a manifest elsewhere comes first" "$made/other/nvidia_icd.json" "$(driver_candidates | sed -n 1p)"
echo '{"ICD": {}}' >"$made/usual/nvidia_icd.json"
same "one where the loader looks needs nothing" "-" "$(driver_candidates | sed -n 1p)"
same "what is set stays" "/mine.json" "$(VK_DRIVER_FILES=/mine.json driver_candidates)"
NVIDIA_DRIVER_CAPABILITIES=compute,utility capabilities_fault >/dev/null || die "compute,utility has no Vulkan"
! NVIDIA_DRIVER_CAPABILITIES=compute,graphics capabilities_fault >/dev/null || die "compute,graphics has Vulkan"
# A fake doctor that sees the GPU only through the manifest that start.sh writes.
cat >"$made/libraries/program" <<'PROGRAM'
#!/bin/sh
case ${VK_DRIVER_FILES:-} in
*libEGL*) echo '{"adapters": [{"kind": "software"}, {"kind": "discrete"}]}' ;;
*) echo '{"adapters": [{"kind": "software"}]}' ;;
esac
PROGRAM
chmod +x "$made/libraries/program"
if have python3; then
    find_driver "$made/libraries/program" >/dev/null 2>&1 || die "the manifest that works was not found"
    same "the manifest that works" "$made/own/nvidia_libEGL.json" "${VK_DRIVER_FILES:-}"
fi
echo "runpod: all passed"
