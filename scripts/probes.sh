# What a machine has, for scripts/setup.sh. Sourced after lib.sh, never run. Each function tries the thing itself, because
# a file of the right name proves little: it may belong to another architecture, to a compiler without headers, or to a
# library of which only half is installed.
# shellcheck shell=bash

# Where the programs below are compiled.
probe_folder=$(mktemp -d)
remove_probes() {
    rm -f "$probe_folder"/*
    rmdir "$probe_folder"
}
trap remove_probes EXIT

# compiles COMPILER SUFFIX [FLAG...]: whether it makes a program of the source on standard input; leaves the program as
# probe_folder/program. COMPILER may be several words, as in CC="ccache gcc".
compiles() {
    local compiler source=$probe_folder/source.$2
    read -ra compiler <<<"$1"
    cat >"$source"
    "${compiler[@]}" "$source" -o "$probe_folder/program" "${@:3}" >/dev/null 2>&1
}

# has_c: a C compiler with the C library's headers. Debian's gcc does not bring them.
has_c() {
    compiles "${CC:-cc}" c <<'C'
#include <stdio.h>
int main(void) { return puts("") < 0; }
C
}

# has_cxx: a C++ compiler with its standard library.
has_cxx() {
    compiles "${CXX:-c++}" cc <<'CXX'
#include <vector>
int main() { return std::vector<int>(1)[0]; }
CXX
}

# has_c_aarch64: the cross compiler with the target's C library.
has_c_aarch64() {
    compiles aarch64-linux-gnu-gcc c <<'C'
#include <stdio.h>
int main(void) { return puts("") < 0; }
C
}

# has_python: Python with what the tests use of its library, and with venv and the pip that venv installs. Debian has
# python3-minimal without most of the library, and python3 without the two.
has_python() { runs python3 -c 'import ensurepip, json, select, urllib.request, venv, zlib; ensurepip.version()'; }

# has_software_vulkan: a Vulkan driver that needs no GPU, Mesa's llvmpipe. Its manifest names the library, which may be
# one of another architecture.
has_software_vulkan() {
    local manifest library
    while read -r manifest; do
        library=$(sed -n 's/.*"library_path": *"\([^"]*\)".*/\1/p' "$manifest")
        # With a slash in it, it is a path, relative to the manifest; without, a name for the dynamic linker.
        case $library in
        /*) ;;
        */*) library=${manifest%/*}/$library ;;
        esac
        [[ -z $library ]] || ! has_library "$library" || return 0
    done < <(compgen -G '/usr/share/vulkan/icd.d/lvp_icd*.json'; compgen -G '/etc/vulkan/icd.d/lvp_icd*.json')
    return 1
}

# --- libclang ------------------------------------------------------------------------------------------------------

# RocksDB's build script reads C headers with bindgen, which opens libclang at run time. The crate clang-sys chooses the
# library, as the next three functions do: of all files that match, the one of the highest version.

# libclang_in FOLDER: files in it that clang-sys takes for libclang.
libclang_in() {
    local pattern file
    for pattern in libclang.so 'libclang-*.so' 'libclang.so.*' 'libclang-*.so.*'; do
        for file in "$1"/$pattern; do
            # libclang-cpp is another library.
            [[ ! -e $file || ${file##*/} == *-cpp.* ]] || printf '%s\n' "$file"
        done
    done
}

# libclang_files: all of them, in the order of clang-sys's search. LIBCLANG_PATH, a folder or a file, replaces the search.
libclang_files() {
    local file folder folders=() llvm variable
    if [[ -n ${LIBCLANG_PATH+set} ]]; then
        if [[ -f $LIBCLANG_PATH ]]; then
            while read -r file; do
                [[ ${file##*/} != "${LIBCLANG_PATH##*/}" ]] || printf '%s\n' "$file"
            done < <(libclang_in "$(dirname "$LIBCLANG_PATH")")
        else
            libclang_in "$LIBCLANG_PATH"
        fi
        return
    fi
    llvm=$("${LLVM_CONFIG_PATH:-llvm-config}" --prefix 2>/dev/null) && folders+=("$llvm"/{bin,lib,lib64})
    for variable in "${LD_LIBRARY_PATH:-}" "${LIBRARY_PATH:-}"; do
        mapfile -t -d : -O ${#folders[@]} folders < <(printf %s "$variable")
    done
    # Only folders that have such a file: there are thousands of others.
    mapfile -t -O ${#folders[@]} folders < <(for folder in '/usr/local/llvm*/lib*' '/usr/local/lib*/*/*' \
        '/usr/local/lib*/*' '/usr/local/lib*' '/usr/lib*/*/*' '/usr/lib*/*' '/usr/lib*'; do
        compgen -G "$folder/libclang[.-]*" | sed 's|/[^/]*$||' | uniq
    done)
    for folder in "${folders[@]}"; do libclang_in "$folder"; done
}

# libclang_file: the one that is chosen; prints nothing where there is none.
libclang_file() {
    local file name part version class wanted=2
    [[ $(getconf LONG_BIT) == 64 ]] || wanted=1
    while read -r file; do
        # The fifth byte of an ELF file says whether it is of 32 (1) or 64 (2) bits.
        class=$(head -c 5 "$file" | od -A n -t u1)
        [[ $class =~ ^\ *127\ +69\ +76\ +70\ +$wanted$ ]] || continue
        # The version in the name as clang-sys cuts it out: "libclang-14.so.1" loses its last three characters too.
        name=${file##*/} version=
        case $name in
        libclang.so.*) name=${name#libclang.so.} ;;
        libclang-*) name=${name#libclang-} name=${name%???} ;;
        *) name= ;;
        esac
        for part in ${name//./ }; do
            [[ $part =~ ^[0-9]+$ ]] || part=0
            version+=$(printf %09d "$((10#$part))")
        done
        printf '%s %s\n' "$version" "$file"
    done < <(libclang_files) | LC_ALL=C sort -s -r -k 1,1 | sed -n '1s/^[0-9]* //p'
}

# has_libclang: whether bindgen can work: the chosen library opens and finds its own headers, stddef.h among them, which
# Debian has in another package.
has_libclang() {
    local library header=$probe_folder/header.h
    library=$(libclang_file)
    [[ -n $library ]] || return 1
    printf '#include <stdarg.h>\n#include <stddef.h>\n#include <stdint.h>\n#include <stdio.h>\n' >"$header"
    compiles "${CC:-cc}" c -ldl <<'C' || return 1
#include <dlfcn.h>
int main(int count, char **arguments) {
    void *library = count == 3 ? dlopen(arguments[1], RTLD_NOW) : 0;
    if (!library) return 1;
    void *(*index)(int, int) = dlsym(library, "clang_createIndex");
    void *(*parse)(void *, const char *, const char *const *, int, void *, unsigned, unsigned) =
        dlsym(library, "clang_parseTranslationUnit");
    unsigned (*faults)(void *) = dlsym(library, "clang_getNumDiagnostics");
    if (!index || !parse || !faults) return 1;
    void *unit = parse(index(0, 0), arguments[2], 0, 0, 0, 0, 0);
    return !unit || faults(unit) != 0;
}
C
    runs "$probe_folder/program" "$library" "$header"
}

# libclang_package: what to install where has_libclang fails. A library that is there and of the highest version is
# chosen even after libclang-dev has brought an older one that is whole: it is that library whose headers are missing.
libclang_package() {
    local library
    library=$(libclang_file)
    [[ -z $library ]] || library=$(readlink -f "$library")
    if [[ ${library##*/} =~ ^libclang-([0-9]+) ]]; then
        echo "libclang-common-${BASH_REMATCH[1]}-dev|libclang-dev"
    else
        echo libclang-dev
    fi
}
