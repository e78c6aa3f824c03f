#!/usr/bin/env bash
# Tests of this folder that need no network, no token and no GPU: pods.sh against answers written by hand, start.sh's search
# for the driver in temporary folders, and a check that nothing here deletes recursively.
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
unset ORIGAMI_JSON_TOOL
RUNPOD_API_URL=https://pods.invalid refused "no token" "RUNPOD_API_KEY is not set" "$here/pods.sh"
RUNPOD_API_KEY=x RUNPOD_API_URL=http://pods.invalid refused "in the clear" "must begin with https://" "$here/pods.sh"

# The search for the driver, in temporary folders.
made=$(mktemp -d)
mkdir "$made/usual" "$made/other" "$made/libraries"
trap 'rm -f "$made"/*/*.json "$made"/libraries/*; rmdir "$made"/*/ "$made"' EXIT
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
