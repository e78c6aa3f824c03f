#!/usr/bin/env bash
# A wheel with the program in it, as users have it: installed in a new environment without a compiler, `origami` is on its path, encodes a slide, and the
# package of Python reads what it wrote. Then in bare systems of Debian 12 and 13: installed, and used to encode, serve and look at a slide.
#
#   scripts/wheel.sh WHEEL [RELEASE...]      RELEASE: bookworm, trixie
#
# The bare systems need root, debootstrap and mirrors of Debian and of Python's packages; what cannot be done is SKIPPED. Pictures of the slide in
# Chromium are in target/package.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/roots.sh
. scripts/roots.sh

(($# >= 1)) || die "usage: scripts/wheel.sh WHEEL [RELEASE...]"
wheel=$(realpath "$1")
releases=("${@:2}")
[[ ${#releases[@]} != 0 ]] || releases=(bookworm trixie)
begin_trial
python3 -m venv "$work/venv" || { skipped "the wheel: python3 has no venv (apt install python3-venv)"; exit 0; }
# installed WHEEL PIP...: fails where other packages could not be fetched. A wheel that does not fit the system ends the script.
installed() {
    local options=(install --quiet --disable-pip-version-check)
    "${@:2}" "${options[@]}" "$1" && return
    "${@:2}" "${options[@]}" --no-deps "$1" || die "the wheel cannot be installed"
    return 1
}
PATH=$work/venv/bin installed "$wheel" "$work/venv/bin/pip" || { skipped "the wheel: what it needs of other packages could not be fetched"; exit 0; }
(
    cd "$work"
    export PATH=$work/venv/bin:/usr/bin:/bin
    [[ $(command -v origami) == "$work/venv/bin/origami" ]] || die "origami is not on the path of the environment"
    origami --version
    origami bench slide slide.png --size 700x500 >/dev/null
    origami encode --quiet --image slide.png --out one
    python3 - <<'END_OF_PYTHON'
import origami

with origami.open_slide("one") as slide:
    assert slide.dimensions == (700, 500), slide.dimensions
    assert slide.read_region((100, 100), 0, (64, 64), as_array=True).shape == (64, 64, 3)
END_OF_PYTHON
)
echo "$(basename "$wheel"): $(stat --format=%s "$wheel") bytes; the program is on the path, and Python reads what it wrote"

why=$(no_roots) && { skipped "the wheel in bare systems: $why"; exit 0; }
# shellcheck disable=SC2034 # for roots.sh
binary=$work/venv/bin/origami
for name in "${releases[@]}"; do
    step "the wheel in a bare system, $name"
    root_of=$work/$name
    bare_root "$name" "$root_of" || { skipped "the wheel in $name: no mirror of Debian has it"; continue; }
    cp "$wheel" "$root_of/root/"
    began=$SECONDS
    if ! inside "$root_of" apt-get update -qq || ! inside "$root_of" apt-get install -y -qq --no-install-recommends python3-venv >"$work/said" 2>&1; then
        skipped "the wheel in $name: apt could not fetch python3-venv"
        rm -rf --one-file-system "${root_of:?}"
        continue
    fi
    index_of_pip "$root_of"
    inside "$root_of" python3 -m venv /root/venv
    if ! installed "/root/$(basename "$wheel")" inside "$root_of" /root/venv/bin/pip; then
        skipped "the wheel in $name: what it needs of other packages could not be fetched"
    else
        echo "installed by pip, with python3-venv by apt: $((SECONDS - began)) s"
        began=$SECONDS
        used "$root_of" "wheel-$name" '. /root/venv/bin/activate'
        echo "encoded, served, shown and compared: $((SECONDS - began)) s"
    fi
    rm -rf --one-file-system "${root_of:?}"
done
