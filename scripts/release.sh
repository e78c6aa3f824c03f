#!/usr/bin/env bash
# Everything that a release consists of, from the commit that is checked out, in one folder: program, symbols, Debian package, crate, wheel, licences,
# SBOM, provenance, checksums, signatures. Nothing is published: that is done by hand, after a look at the folder.
#
#   scripts/release.sh [--out FOLDER] [--target TRIPLE] [--same-as PROGRAM] [--profile dev] [--features LIST] [--reproduce] [--trial]
#
#   --out        default target/release-files; must not be there. It is FOLDER.part until all of it is made
#   --target     build for another processor: aarch64-unknown-linux-gnu, with Debian's cross compiler; tried under qemu. Package, wheel and crate are
#                left to a machine of that kind
#   --same-as    a program of the same commit that this machine runs, with --target: what both encode must have the same bytes
#   --profile    cargo's profile: dist, or another to try the script without waiting for it: release, dev
#   --features   others than nats,rocksdb, of which RocksDB takes most of the time: for a trial
#   --reproduce  build the commit once more in another folder and compare the program byte for byte
#   --trial      go on where the tree has changes, the changelog has no heading of the version or entries of none, or files of it are missing
#
# RELEASE_GPG_KEY names the key that signs the checksums; without it they are not signed, and the script says so. What cannot be made here is SKIPPED;
# what is made and wrong fails.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The newest symbols of glibc and of GCC's C++ library that the program may need: Ubuntu 22.04 and Debian 12 have them, and what is newer.
max_glibc=2.35
max_glibcxx=3.4.30
# Largest stripped program, in bytes: what it has, and a little. packaging/README.md says what it is made of.
max_bytes=43000000
features=nats,rocksdb
out=$target_dir/release-files profile=dist reproduce=0 trial=0 same_as='' triple=$(host_triple)
while (($#)); do
    case $1 in
    --out) out=${2:?--out needs a folder}; shift ;;
    --target) triple=${2:?--target needs a triple}; shift ;;
    --same-as) same_as=$(realpath "${2:?--same-as needs a program}"); shift ;;
    --features) features=${2:?--features needs a list}; shift ;;
    --profile) profile=${2:?--profile needs a name}; shift ;;
    --reproduce) reproduce=1 ;;
    --trial) trial=1 ;;
    *) die "unknown argument '$1'; usage: scripts/release.sh [--out FOLDER] [--target TRIPLE] [--same-as PROGRAM] [--profile dev] [--features LIST] [--reproduce] [--trial]" ;;
    esac
    shift
done
[[ ! -e $out ]] || die "$out is there already"
finished=$(realpath -m "$out")
# What a release that fails leaves, to look at. The next one begins anew.
out=$finished.part
[[ $features == nats,rocksdb || $trial == 1 ]] || die "a release has the features nats,rocksdb: others are for --trial"
# unless_trial TEXT: what keeps this from being a release.
unless_trial() { if [[ $trial == 1 ]]; then warn "$1"; else die "$1"; fi; }

step "the commit"
commit=$(git rev-parse HEAD)
version=$(sed -n '/^\[package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
[[ -z $(git status --porcelain) ]] || unless_trial "the working tree has changes: a release is a commit"
grep -q "^## \[$version\]" CHANGELOG.md || unless_trial "CHANGELOG.md has no heading ## [$version]"
! sed -n '/^## \[Unreleased\]/,/^## \[[0-9]/p' CHANGELOG.md | grep '^- ' >/dev/null ||
    unless_trial "CHANGELOG.md has entries under [Unreleased]: put them under a version, and that version into Cargo.toml"
[[ -d tests/versions/$version ]] || unless_trial "tests/versions has no files of $version: scripts/versions.sh BINARY writes them"
[[ $(sed -n 's/^version = "\(.*\)"/\1/p' python/Cargo.toml | head -n 1) == "$version" ]] || die "python/Cargo.toml has another version"
echo "$version, $commit"
scripts/npm-files.sh
rm -rf "${out:?}"
mkdir -p "$out"

# What differs for another processor: cargo's flags and folder, the tools, what runs the program.
cross=() folder=. objcopy=objcopy objdump=objdump c_compiler=${CC:-cc} cross_environment=() runner=()
if [[ $triple != "$(host_triple)" ]]; then
    [[ $triple == aarch64-unknown-linux-gnu ]] || die "no cross compiler is known for $triple"
    gcc=aarch64-linux-gnu
    have "$gcc-g++" || die "there is no $gcc-g++ (apt install g++-$gcc)"
    has_rust_target "$triple" || die "no standard library for $triple (rustup target add $triple)"
    cross=(--target "$triple") folder=$triple objcopy=$gcc-objcopy objdump=$gcc-objdump c_compiler=$gcc-gcc
    # The second is for the headers that RocksDB's bindings are made of.
    cross_environment=("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=$gcc-gcc"
        "BINDGEN_EXTRA_CLANG_ARGS_aarch64_unknown_linux_gnu=-isystem /usr/$gcc/include")
    export "${cross_environment[@]}"
    if emulator=$(qemu_aarch64); then runner=("$emulator" -L "/usr/$gcc"); fi
fi

# remaps OPTION SOURCES HOME SYSROOT TARGET: that option of a compiler for each of the folders. Of several that match, compilers take the last.
remaps() { printf " $1=%s" "$2=/origami" "$3=/cargo" "$4=/rust" "$5=/target"; }
# in_build FOLDER TARGET COMMAND...: runs it in FOLDER with the environment of a build, so that no path of this machine gets into what is built.
in_build() {
    local sysroot folders
    sysroot=$(rustc --print sysroot)
    folders=("$1" "${CARGO_HOME:-$HOME/.cargo}" "$sysroot" "$2")
    (cd "$1" && CARGO_TARGET_DIR=$2 CARGO_INCREMENTAL=0 RUSTFLAGS="${RUSTFLAGS:-}$(remaps --remap-path-prefix "${folders[@]}")" \
        CFLAGS="${CFLAGS:-}$(remaps -ffile-prefix-map "${folders[@]}")" CXXFLAGS="${CXXFLAGS:-}$(remaps -ffile-prefix-map "${folders[@]}")" "${@:3}")
}
build=(cargo build --locked --profile "$profile" --features "$features" "${cross[@]}")
# built FOLDER TARGET: builds the sources in FOLDER into TARGET; prints the path of the program.
built() {
    in_build "$1" "$2" "${build[@]}" >&2
    if [[ $profile == dev ]]; then echo "$2/$folder/debug/origami"; else echo "$2/$folder/$profile/origami"; fi
}
# newest FILE NAME: the newest version of a symbol of GLIBC or GLIBCXX that it needs.
newest() { "$objdump" -T "$1" | grep -o "\b$2_[0-9.]*" | sed "s/$2_//" | sort -Vu | tail -n 1; }
# no_newer NAME IS AT_MOST
no_newer() { [[ $(printf '%s\n' "$2" "$3" | sort -V | tail -n 1) == "$3" ]] || unless_trial "the program needs $1 $2: build it on a system with $3"; }
# no_paths_in WHAT FILE...: no file, and no file in a folder, may hold a path of this machine.
no_paths_in() {
    local path found
    for path in "$root/" "${CARGO_HOME:-$HOME/.cargo}/" "$target_dir/"; do
        found=$(grep -rlaF -e "$path" "${@:2}" | head -n 3 || true)
        [[ -z $found ]] || unless_trial "$1 holds the path $path of this machine: ${found//$'\n'/, }"
    done
}

work=$(mktemp -d)
trap 'rm -rf "${work:?}"' EXIT
step "the program, with $features"
binary=$(built "$root" "$target_dir")
name=origami-$version-$triple
cp "$binary" "$out/origami"
# Names of functions and lines go to a file beside it, which debuggers find by its build id.
"$objcopy" --only-keep-debug --compress-debug-sections "$out/origami" "$out/$name.debug"
"$objcopy" --strip-all --add-gnu-debuglink="$out/$name.debug" "$out/origami"
bytes=$(stat --format=%s "$out/origami")
glibc=$(newest "$out/origami" GLIBC) glibcxx=$(newest "$out/origami" GLIBCXX)
echo "$bytes bytes, symbols beside it $(stat --format=%s "$out/$name.debug"), glibc $glibc, GLIBCXX $glibcxx"
((bytes <= max_bytes)) || unless_trial "the program has $bytes bytes, more than $max_bytes"
no_newer glibc "$glibc" "$max_glibc"
no_newer GLIBCXX "$glibcxx" "$max_glibcxx"
no_paths_in "the program" "$out/origami"
if [[ ${#cross[@]} == 0 || ${#runner[@]} != 0 ]]; then
    run() { "${runner[@]}" "$out/origami" "$@"; }
    run --version
    run bench slide "$work/slide.png" --size 700x500 >/dev/null
    run encode --quiet --image "$work/slide.png" --out "$work/one"
    run verify --deep --quiet "$work/one"
    echo "it encodes a picture and verifies what it wrote"
    if [[ -n $same_as ]]; then
        printf '#!/bin/sh\nexec %s "$@"\n' "${runner[*]} $out/origami" >"$work/emulated"
        chmod +x "$work/emulated"
        for side in "$work/emulated" "$same_as"; do
            scripts/bundles.sh "$side" "$work/slide.png" "$work/bundles-${side##*/}" >"$work/${side##*/}.sums"
        done
        diff "$work/emulated.sums" "$work/${same_as##*/}.sums" || die "this program and $same_as encode different bytes"
        echo "it encodes the same bytes as $same_as"
    elif [[ ${#cross[@]} != 0 ]]; then
        skipped "the same bytes on both processors: no program of this machine is named (--same-as)"
    fi
else
    skipped "a run of the program: there is no qemu-aarch64 (apt install qemu-user)"
fi

if [[ $reproduce == 1 ]]; then
    step "the same commit in another folder"
    other=$work/other
    # A checkout: the program holds the commit that it was built from.
    git clone --quiet --no-checkout "$root" "$other"
    git -C "$other" checkout --quiet --detach "$commit"
    for part in openseadragon rbush roboto; do
        cp -r "vendor/$part" "$other/vendor/"
    done
    again=$(built "$other" "$other/target")
    cp "$again" "$other/origami"
    "$objcopy" --strip-all "$other/origami"
    cp "$out/origami" "$other/first"
    # It names the file with the symbols, with a checksum.
    "$objcopy" --remove-section=.gnu_debuglink "$other/first"
    cmp "$other/first" "$other/origami" || die "the second build has other bytes"
    echo "the same bytes"
else
    skipped "the second build: it was not asked for (--reproduce)"
fi

# What is made of the program on a machine that runs it.
if [[ ${#cross[@]} == 0 ]]; then
    step "Debian package"
    scripts/package.sh "$out/origami" "$out"

    step "wheel"
    # In a shell of its own: where there is no environment of Python, that one ends and the rest is made.
    (
        python_with "the wheel" "$target_dir/python/build" maturin==1.16.0
        in_build "$root" "$target_dir" "$target_dir/python/build/venv/bin/maturin" build --locked --quiet --manifest-path python/Cargo.toml \
            --profile "$profile" --compatibility "manylinux_${max_glibc/./_}" --out "$out"
        wheel=$(find "$out" -name 'origami_wsi-*.whl')
        python3 -m zipfile -e "$wheel" "$work/wheel"
        no_paths_in "the wheel" "$work/wheel"
        python3 scripts/wheel_program.py "$wheel" "$out/origami"
        scripts/wheel.sh "$wheel"
    )

    step "crate"
    cargo package --locked --no-verify --allow-dirty --quiet
    crate=$out/origami-$version.crate
    cp "$target_dir/package/origami-$version.crate" "$crate"
    echo "$crate: $(stat --format=%s "$crate") bytes, $(tar -tzf "$crate" | wc -l) files"
    in_build "$root" "$target_dir" scripts/crate.sh "$crate" --profile "$profile" --features "$features"
else
    skipped "Debian package, wheel and crate: they are made on a machine that is $triple"
fi

step "licences"
scripts/licences.sh --advisories
python3 scripts/third_party.py "$features" "$triple" "$out/third-party.txt"
cp LICENSE-APACHE LICENSE-MIT CHANGELOG.md "$out/"

step "SBOM"
cyclonedx=0.5.9
if [[ $("$target_dir/tools/bin/cargo-cyclonedx" cyclonedx --version 2>/dev/null) != *"$cyclonedx"* ]]; then
    env -u CARGO_TARGET_DIR CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug --root "$target_dir/tools" "cargo-cyclonedx@$cyclonedx" || true
fi
if [[ -x $target_dir/tools/bin/cargo-cyclonedx ]]; then
    "$target_dir/tools/bin/cargo-cyclonedx" cyclonedx --manifest-path Cargo.toml --format json --features "$features" --target "$triple" \
        --override-filename sbom --quiet
    # It names this package by the folder that it lies in.
    sed "s#path+file://$root#path+file:///origami#g" sbom.json >"$out/origami-$version.cdx.json"
    rm sbom.json
    # Of the other members of the workspace it writes one as well.
    rm -f python/sbom.json fuzz/sbom.json
else
    skipped "the SBOM: cargo-cyclonedx cannot be built here"
fi

step "provenance"
# As commands of a shell in the sources: the paths of the machine are variables in there.
# shellcheck disable=SC2016
folders=('$PWD' '${CARGO_HOME:-$HOME/.cargo}' '$(rustc --print sysroot)' '$CARGO_TARGET_DIR')
said=("CARGO_INCREMENTAL=0" "SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH" "RUSTFLAGS=${RUSTFLAGS:-}$(remaps --remap-path-prefix "${folders[@]}")"
    "CFLAGS=${CFLAGS:-}$(remaps -ffile-prefix-map "${folders[@]}")" "CXXFLAGS=${CXXFLAGS:-}$(remaps -ffile-prefix-map "${folders[@]}")"
    "${cross_environment[@]}")
# CC may have words before and after the program.
read -ra compiler <<<"$c_compiler"
compiler_version=$("${compiler[@]}" --version | sed -n 1p)
python3 scripts/provenance.py "$out/provenance.json" version="$version" commit="$commit" commit_time="$SOURCE_DATE_EPOCH" target="$triple" \
    c_compiler="$compiler_version" command="${build[*]}" glibc="$glibc" glibcxx="$glibcxx" "${said[@]/#/environment.}"

step "checksums"
mv "$out/origami" "$out/$name"
no_paths_in "the release" "$out"
(cd "$out" && sha256sum -- * >SHA256SUMS && cat SHA256SUMS)
if [[ -n ${RELEASE_GPG_KEY:-} ]]; then
    gpg --batch --local-user "$RELEASE_GPG_KEY" --armor --detach-sign "$out/SHA256SUMS"
else
    skipped "signatures: RELEASE_GPG_KEY names no key"
fi
lacking=()
for kind in .deb .whl .crate .cdx.json; do
    [[ ${#cross[@]} != 0 && $kind != .cdx.json ]] || compgen -G "$out/*$kind" >/dev/null || lacking+=("$kind")
done
[[ ${#lacking[@]} == 0 ]] || skipped "a whole release: there is no ${lacking[*]} in it, for the reasons above"
mv "$out" "$finished"
echo "$finished: $(find "$finished" -type f | wc -l) files. Publish them by hand: tag the commit v$version, upload the folder, cargo publish."
