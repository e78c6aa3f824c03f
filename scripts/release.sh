#!/usr/bin/env bash
# Everything that a release consists of, from the commit that is checked out, in one folder: program, symbols, Debian package, crate, wheel, licences,
# SBOM, provenance, checksums, signatures. Nothing is published: that is done by hand, after a look at the folder.
#
#   scripts/release.sh [--out FOLDER] [--profile dev] [--reproduce] [--trial]
#
#   --out        default target/release-files; must not be there
#   --profile    cargo's profile: release, or dev to try the script without waiting for an optimised build
#   --reproduce  build the commit once more in another folder and compare the program byte for byte
#   --trial      go on where the tree has changes, the changelog has no heading of the version, or files of it are missing
#
# RELEASE_GPG_KEY names the key that signs the checksums; without it they are not signed, and the script says so. What cannot be made here is SKIPPED;
# what is made and wrong fails.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The oldest glibc that the program may need: Debian 12 has this one.
max_glibc=2.36
# Largest stripped program, in bytes.
max_bytes=30000000
features=nats,rocksdb
out=$target_dir/release-files profile=release reproduce=0 trial=0
while (($#)); do
    case $1 in
    --out) out=${2:?--out needs a folder}; shift ;;
    --profile) profile=${2:?--profile needs a name}; shift ;;
    --reproduce) reproduce=1 ;;
    --trial) trial=1 ;;
    *) die "unknown argument '$1'; usage: scripts/release.sh [--out FOLDER] [--profile dev] [--reproduce] [--trial]" ;;
    esac
    shift
done
[[ ! -e $out ]] || die "$out is there already"
# unless_trial TEXT: what keeps this from being a release.
unless_trial() { if [[ $trial == 1 ]]; then warn "$1"; else die "$1"; fi; }

step "the commit"
commit=$(git rev-parse HEAD)
version=$(sed -n '/^\[package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
[[ -z $(git status --porcelain) ]] || unless_trial "the working tree has changes: a release is a commit"
grep -q "^## \[$version\]" CHANGELOG.md || unless_trial "CHANGELOG.md has no heading ## [$version]"
[[ -d tests/versions/$version ]] || unless_trial "tests/versions has no files of $version: scripts/versions.sh BINARY writes them"
[[ $(sed -n 's/^version = "\(.*\)"/\1/p' python/Cargo.toml | head -n 1) == "$version" ]] || die "python/Cargo.toml has another version"
echo "$version, $commit"
scripts/npm-files.sh
mkdir -p "$out"

triple=$(host_triple)
# built FOLDER: builds the sources in FOLDER; prints the path of the program. No path of this machine is in it.
built() {
    local home=${CARGO_HOME:-$HOME/.cargo} target=$1/target
    [[ $1 != "$root" ]] || target=$target_dir
    local map="--remap-path-prefix=$1=/origami --remap-path-prefix=$home=/cargo --remap-path-prefix=$target=/target"
    local flags="-ffile-prefix-map=$1=/origami -ffile-prefix-map=$home=/cargo -ffile-prefix-map=$target=/target"
    (cd "$1" && CARGO_TARGET_DIR=$target CARGO_INCREMENTAL=0 RUSTFLAGS="${RUSTFLAGS:-} $map" CFLAGS="${CFLAGS:-} $flags" \
        CXXFLAGS="${CXXFLAGS:-} $flags" cargo build --locked --profile "$profile" --features "$features") >&2
    if [[ $profile == dev ]]; then echo "$target/debug/origami"; else echo "$target/$profile/origami"; fi
}
# glibc_of FILE: the newest version of a symbol of glibc that it needs.
glibc_of() { objdump -T "$1" | grep -o 'GLIBC_[0-9.]*' | sed 's/GLIBC_//' | sort -Vu | tail -n 1; }

step "the program, with $features"
binary=$(built "$root")
name=origami-$version-$triple
cp "$binary" "$out/origami"
# Names of functions and lines go to a file beside it, which debuggers find by its build id.
objcopy --only-keep-debug --compress-debug-sections "$out/origami" "$out/$name.debug"
objcopy --strip-all --add-gnu-debuglink="$out/$name.debug" "$out/origami"
"$out/origami" --version
bytes=$(stat --format=%s "$out/origami")
needed=$(glibc_of "$out/origami")
echo "$bytes bytes, symbols beside it $(stat --format=%s "$out/$name.debug"), glibc $needed"
((bytes <= max_bytes)) || unless_trial "the program has $bytes bytes, more than $max_bytes"
[[ $(printf '%s\n' "$needed" "$max_glibc" | sort -V | tail -n 1) == "$max_glibc" ]] ||
    unless_trial "the program needs glibc $needed: build it on a system with $max_glibc, which is Debian 12"
! grep -aqF "$root/" "$out/origami" || unless_trial "the program holds the path of this folder"

if [[ $reproduce == 1 ]]; then
    step "the same commit in another folder"
    other=$(mktemp -d)
    trap 'rm -rf "$other"' EXIT
    git archive "$commit" | tar -x -C "$other"
    for folder in openseadragon rbush roboto; do
        cp -r "vendor/$folder" "$other/vendor/"
    done
    git -C "$other" init --quiet
    again=$(built "$other")
    cp "$again" "$other/origami"
    objcopy --strip-all "$other/origami"
    cp "$out/origami" "$other/first"
    objcopy --remove-section=.gnu_debuglink "$other/first"
    objcopy --remove-section=.gnu_debuglink "$other/origami"
    cmp "$other/first" "$other/origami" || die "the second build has other bytes"
    echo "the same bytes"
else
    skipped "the second build: it was not asked for (--reproduce)"
fi

step "Debian package"
scripts/package.sh "$out/origami" "$out"

step "crate"
cargo package --locked --no-verify --allow-dirty --quiet
cp "$target_dir/package/origami-$version.crate" "$out/"
tar -tzf "$out/origami-$version.crate" | grep -q "vendor/openseadragon/openseadragon.min.js" || die "the crate has not the viewer's files"

step "wheel"
if python3 -m venv --help >/dev/null 2>&1; then
    python_with "the wheel" "$target_dir/python/build" maturin==1.16.0
    CARGO_TARGET_DIR=$target_dir "$target_dir/python/build/venv/bin/maturin" build --locked --quiet --manifest-path python/Cargo.toml \
        --profile "$profile" --out "$out"
else
    skipped "the wheel: python3 has no venv (apt install python3-venv)"
fi

step "licences"
python3 scripts/third_party.py "$features" "$triple" "$out/third-party.txt"
cp LICENSE-APACHE LICENSE-MIT CHANGELOG.md "$out/"

step "SBOM"
cyclonedx=0.5.9
if [[ $("$target_dir/tools/bin/cargo-cyclonedx" cyclonedx --version 2>/dev/null) != *"$cyclonedx"* ]]; then
    env -u CARGO_TARGET_DIR cargo install --quiet --locked --debug --root "$target_dir/tools" "cargo-cyclonedx@$cyclonedx" || true
fi
if [[ -x $target_dir/tools/bin/cargo-cyclonedx ]]; then
    "$target_dir/tools/bin/cargo-cyclonedx" cyclonedx --manifest-path Cargo.toml --format json --features "$features" --target "$triple" \
        --override-filename sbom --quiet
    mv sbom.json "$out/origami-$version.cdx.json"
    rm -f python/sbom.json
else
    skipped "the SBOM: cargo-cyclonedx cannot be built here"
fi

step "provenance"
python3 - "$out/provenance.json" <<END_OF_PYTHON
import hashlib, json, subprocess, sys
run = lambda *command: subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
json.dump({
    "version": "$version", "commit": "$commit", "commit_time": int("$SOURCE_DATE_EPOCH"), "target": "$triple",
    "toolchain": run("rustc", "--version", "--verbose").splitlines(), "c_compiler": run("cc", "--version").splitlines()[0],
    "lock_file_sha256": hashlib.sha256(open("Cargo.lock", "rb").read()).hexdigest(),
    "command": "cargo build --locked --profile $profile --features $features", "glibc": "$needed",
}, open(sys.argv[1], "w"), indent=1)
END_OF_PYTHON

step "checksums"
mv "$out/origami" "$out/$name"
(cd "$out" && sha256sum -- * >SHA256SUMS && cat SHA256SUMS)
if [[ -n ${RELEASE_GPG_KEY:-} ]]; then
    gpg --batch --local-user "$RELEASE_GPG_KEY" --armor --detach-sign "$out/SHA256SUMS"
else
    skipped "signatures: RELEASE_GPG_KEY names no key"
fi
echo "$out: $(find "$out" -type f | wc -l) files. Publish them by hand: tag the commit v$version, upload the folder, cargo publish."
