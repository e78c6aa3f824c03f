#!/usr/bin/env bash
# Everything that a release consists of, from the commit that is checked out, in one folder: program, symbols, Debian package, crate, wheel, licences,
# SBOM, provenance, checksums, signatures. Nothing is published: that is done by hand, after a look at the folder.
#
#   scripts/release.sh [--out FOLDER] [--target TRIPLE] [--profile dev] [--features LIST] [--reproduce] [--trial]
#
#   --out        default target/release-files; must not be there
#   --target     build for another processor: aarch64-unknown-linux-gnu, with Debian's cross compiler; tried under qemu. Package, wheel and crate are
#                left to a machine of that kind
#   --profile    cargo's profile: dist, or another to try the script without waiting for it: release, dev
#   --features   others than nats,rocksdb, of which RocksDB takes most of the time: for a trial
#   --reproduce  build the commit once more in another folder and compare the program byte for byte
#   --trial      go on where the tree has changes, the changelog has no heading of the version, or files of it are missing
#
# RELEASE_GPG_KEY names the key that signs the checksums; without it they are not signed, and the script says so. What cannot be made here is SKIPPED;
# what is made and wrong fails.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The newest symbols of glibc and of GCC's C++ library that the program may need: Ubuntu 22.04 and Debian 12 have them, and what is newer.
max_glibc=2.35
max_glibcxx=3.4.30
# Largest stripped program, in bytes.
max_bytes=30000000
features=nats,rocksdb
out=$target_dir/release-files profile=dist reproduce=0 trial=0 triple=$(host_triple)
while (($#)); do
    case $1 in
    --out) out=${2:?--out needs a folder}; shift ;;
    --target) triple=${2:?--target needs a triple}; shift ;;
    --features) features=${2:?--features needs a list}; shift ;;
    --profile) profile=${2:?--profile needs a name}; shift ;;
    --reproduce) reproduce=1 ;;
    --trial) trial=1 ;;
    *) die "unknown argument '$1'; usage: scripts/release.sh [--out FOLDER] [--target TRIPLE] [--profile dev] [--features LIST] [--reproduce] [--trial]" ;;
    esac
    shift
done
[[ ! -e $out ]] || die "$out is there already"
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
[[ -d tests/versions/$version ]] || unless_trial "tests/versions has no files of $version: scripts/versions.sh BINARY writes them"
[[ $(sed -n 's/^version = "\(.*\)"/\1/p' python/Cargo.toml | head -n 1) == "$version" ]] || die "python/Cargo.toml has another version"
echo "$version, $commit"
scripts/npm-files.sh
mkdir -p "$out"

# What differs for another processor: cargo's flags and folder, the tools, what runs the program.
cross=() folder=. objcopy=objcopy objdump=objdump runner=()
if [[ $triple != "$(host_triple)" ]]; then
    [[ $triple == aarch64-unknown-linux-gnu ]] || die "no cross compiler is known for $triple"
    gcc=aarch64-linux-gnu
    have "$gcc-g++" || die "there is no $gcc-g++ (apt install g++-$gcc)"
    has_rust_target "$triple" || die "no standard library for $triple (rustup target add $triple)"
    cross=(--target "$triple") folder=$triple objcopy=$gcc-objcopy objdump=$gcc-objdump
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=$gcc-gcc
    # The headers that RocksDB's bindings are made of.
    export BINDGEN_EXTRA_CLANG_ARGS_aarch64_unknown_linux_gnu="-isystem /usr/$gcc/include"
    if emulator=$(qemu_aarch64); then runner=("$emulator" -L "/usr/$gcc"); fi
fi

# in_build FOLDER TARGET COMMAND...: runs it in FOLDER with the environment of a build, so that no path of this machine gets into what is built.
in_build() {
    local home=${CARGO_HOME:-$HOME/.cargo} sysroot pair map='' flags=''
    sysroot=$(rustc --print sysroot)
    # Of several that match, compilers take the last.
    for pair in "$1=/origami" "$home=/cargo" "$sysroot=/rust" "$2=/target"; do
        map+=" --remap-path-prefix=$pair" flags+=" -ffile-prefix-map=$pair"
    done
    (cd "$1" && CARGO_TARGET_DIR=$2 CARGO_INCREMENTAL=0 RUSTFLAGS="${RUSTFLAGS:-}$map" CFLAGS="${CFLAGS:-}$flags" CXXFLAGS="${CXXFLAGS:-}$flags" "${@:3}")
}
# built FOLDER TARGET: builds the sources in FOLDER into TARGET; prints the path of the program.
built() {
    in_build "$1" "$2" cargo build --locked --profile "$profile" --features "$features" "${cross[@]}" >&2
    if [[ $profile == dev ]]; then echo "$2/$folder/debug/origami"; else echo "$2/$folder/$profile/origami"; fi
}
# newest FILE NAME: the newest version of a symbol of GLIBC or GLIBCXX that it needs.
newest() { "$objdump" -T "$1" | grep -o "\b$2_[0-9.]*" | sed "s/$2_//" | sort -Vu | tail -n 1; }
# no_newer NAME IS AT_MOST
no_newer() { [[ $(printf '%s\n' "$2" "$3" | sort -V | tail -n 1) == "$3" ]] || unless_trial "the program needs $1 $2: build it on a system with $3"; }

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
for path in "$root/" "${CARGO_HOME:-$HOME/.cargo}/" "$target_dir/"; do
    ! grep -aqF "$path" "$out/origami" || unless_trial "the program holds the path $path of this machine"
done
if [[ ${#cross[@]} == 0 || ${#runner[@]} != 0 ]]; then
    run() { "${runner[@]}" "$out/origami" "$@"; }
    try=$(mktemp -d)
    run --version
    run bench slide "$try/slide.png" --size 700x500 >/dev/null
    run encode --quiet --image "$try/slide.png" --out "$try/one"
    run verify --deep --quiet "$try/one"
    rm -r "$try"
    echo "it encodes a picture and verifies what it wrote"
else
    skipped "a run of the program: there is no qemu-aarch64 (apt install qemu-user)"
fi

if [[ $reproduce == 1 ]]; then
    step "the same commit in another folder"
    other=$(mktemp -d)
    trap 'rm -rf "$other"' EXIT
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
    if python3 -m venv --help >/dev/null 2>&1; then
        python_with "the wheel" "$target_dir/python/build" maturin==1.16.0
        CARGO_TARGET_DIR=$target_dir "$target_dir/python/build/venv/bin/maturin" build --locked --quiet --manifest-path python/Cargo.toml \
            --profile "$profile" --compatibility "manylinux_${max_glibc/./_}" --out "$out"
        wheel=$(find "$out" -name 'origami_wsi-*.whl')
        python3 scripts/wheel_program.py "$wheel" "$out/origami"
        scripts/wheel.sh "$wheel"
    else
        skipped "the wheel: python3 has no venv (apt install python3-venv)"
    fi

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
    "command": "cargo build --locked --profile $profile --features $features${cross[*]:+ ${cross[*]}}", "glibc": "$glibc", "glibcxx": "$glibcxx",
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
