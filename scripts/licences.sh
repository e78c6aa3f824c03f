#!/usr/bin/env bash
# Licences and sources of all dependencies, without cargo-deny: every package of the graph (all features, all targets)
# must offer terms within the `allow` list of deny.toml, and come from the one registry.
#
#   scripts/licences.sh             checks this crate and those in its workspace
#   scripts/licences.sh --vendor    only the pins in vendor/README.md against Cargo.lock
#   scripts/licences.sh --selftest  checks the checker
#   scripts/licences.sh --advisories   known faults of dependencies, by cargo-deny, and its database as `cargo deny fetch db` left it; SKIPPED where
#                                      either is not there
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# allowed: the list in deny.toml, one licence a line.
allowed() {
    awk '/^\[/ { inside = ($0 == "[licenses]") }
         inside && /^allow *= *\[/ { listing = 1 }
         listing { line = $0; sub(/#.*/, "", line)
                   while (match(line, /"[^"]*"/)) { print substr(line, RSTART + 1, RLENGTH - 2)
                                                    line = substr(line, RSTART + RLENGTH) } }
         listing && /\]/ { exit }' deny.toml
}

# refused ALLOWED: reads `package|expression` lines, prints those whose SPDX expression cannot be met by the licences in
# the file ALLOWED. `A/B` is the old way to write `A OR B`. What does not parse is refused.
refused() {
    awk -F'|' '
        FNR == NR { allow[$0] = 1; next }
        function alternatives(   met) {        # terms, any of which will do
            met = all_of()
            while (token[at] == "OR") { at++; if (all_of()) met = 1 }
            return met
        }
        function all_of(   met) {              # terms, all of which bind
            met = single()
            while (token[at] == "AND") { at++; if (!single()) met = 0 }
            return met
        }
        function single(   met, name) {
            if (token[at] == "(") {
                at++
                met = alternatives()
                if (token[at] == ")") at++; else broken = 1
                return met
            }
            name = token[at++]
            if (name == "" || name ~ /^(AND|OR|WITH|\))$/) { broken = 1; return 0 }
            if (token[at] == "WITH") { name = name " WITH " token[at + 1]; at += 2 }
            return name in allow
        }
        {
            spaced = $2
            gsub(/\//, " OR ", spaced); gsub(/\(/, " ( ", spaced); gsub(/\)/, " ) ", spaced)
            split("", token)
            count = split(spaced, token, " ")
            at = 1; broken = 0
            met = alternatives()
            if (!met || broken || at != count + 1) print "  " $1 ": " ($2 == "" ? "no licence named" : $2)
        }' "$1" -
}

# A checker that accepts everything looks like one that found nothing: what it must tell apart.
selftest() {
    local want expression got wrong=0
    local list=(MIT Apache-2.0 'Apache-2.0 WITH LLVM-exception' Unicode-3.0 Zlib)
    while IFS='|' read -r want expression; do
        got=accept
        [[ -z $(printf 'package|%s\n' "$expression" | refused <(printf '%s\n' "${list[@]}")) ]] || got=refuse
        [[ $got == "$want" ]] && continue
        printf '  should %s: "%s"\n' "$want" "$expression"
        wrong=$((wrong + 1))
    done <<'CASES'
accept|MIT
accept|MIT OR Apache-2.0
accept|MIT/Apache-2.0
accept|GPL-3.0-only OR MIT
accept|(MIT OR Apache-2.0) AND Unicode-3.0
accept|Apache-2.0 WITH LLVM-exception OR GPL-2.0
accept|Zlib OR GPL-3.0 AND AGPL-3.0
refuse|
refuse|GPL-3.0-only
refuse|AGPL-3.0-or-later
refuse|MIT AND GPL-3.0-or-later
refuse|(MIT OR Apache-2.0) AND LGPL-2.1
refuse|(MIT AND GPL-2.0) OR AGPL-3.0
refuse|MIT WITH GPL-exception
refuse|MIT OR
refuse|(MIT
refuse|MIT Apache-2.0
refuse|mit
CASES
    [[ $wrong == 0 ]] || die "the licence checker is wrong in $wrong cases"
}

check_licences() {
    local packages bad
    packages=$(cargo tree --locked --workspace --all-features --target all --edges normal,build,dev --prefix none --format '{p}|{l}' |
        sed '/^$/d; s/ (\*)$//; s/^\([^ |]* [^ |]*\)[^|]*|/\1|/' | sort -u)
    [[ -n $packages ]] || die "cargo tree lists no package"
    bad=$(printf '%s\n' "$packages" | refused <(allowed))
    [[ -z $bad ]] || die "licences outside the allow list of deny.toml:"$'\n'"$bad"
    printf 'licences: %s packages within the allow list of deny.toml\n' "$(wc -l <<<"$packages")"
}

# Path dependencies have no source line; git dependencies and a second registry have one of their own.
check_sources() {
    local sources
    sources=$(sed -n 's/^source = "\(.*\)"$/\1/p' Cargo.lock | sort -u)
    [[ $(wc -l <<<"$sources") == 1 && ($sources == registry+* || -z $sources) ]] ||
        die "dependencies from more than one registry:"$'\n'"$sources"
}

# The notices in vendor/ are for exact packages: each row names the crate, its version and its sum.
check_vendor() {
    local locked row rows=0
    locked=$(awk -F'"' '/^name/ { name = $2 } /^version/ { version = $2 }
                        /^checksum/ { print name, version, $2 }' Cargo.lock)
    while read -r row; do
        rows=$((rows + 1))
        grep -Fqx "$row" <<<"$locked" ||
            die "not in Cargo.lock: $row (vendor/README.md); update the row and the notice it names"
    done < <(awk -F' *[|] *' '$6 ~ /^`[0-9a-f]+`$/ { gsub(/`/, ""); print $5, $6 }' vendor/README.md)
    [[ $rows != 0 ]] || die "vendor/README.md has no row that can be read"
}

check_advisories() {
    have cargo-deny || { skipped "known faults of dependencies: there is no cargo-deny (ORIGAMI_SETUP_DENY=1 scripts/setup.sh installs it)"; return; }
    compgen -G "${CARGO_HOME:-$HOME/.cargo}/advisory-dbs/*/" >/dev/null ||
        { skipped "known faults of dependencies: there is no database of them (cargo deny fetch db)"; return; }
    cargo deny --locked --offline --workspace --all-features check advisories
}

[[ -n $(allowed) ]] || die "no licence list found in deny.toml"
case ${1:-} in
'')
    selftest
    check_licences
    check_sources
    check_vendor
    ;;
--vendor) check_vendor ;;
--selftest) selftest ;;
--advisories) check_advisories ;;
*) die "unknown argument '$1'; usage: scripts/licences.sh [--vendor | --selftest | --advisories]" ;;
esac
