#!/usr/bin/env bash
# The documents as a book in target/book/html, with mdBook. Pages outside of docs/ that a page links to are part of it. Then every link and every
# anchor of the built pages is looked up: what leads nowhere fails.
#
#   scripts/book.sh
#
# mdBook is compiled once into target/tools, without its server: a minute and a half of processor time. Where it cannot be had the script says SKIPPED.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

version=0.5.4
mdbook=$target_dir/tools/bin/mdbook

if [[ $("$mdbook" --version 2>/dev/null) != "mdbook v$version" ]]; then
    step "mdBook $version"
    # Without optimisation it builds the book in seconds as well, and is compiled in half the time.
    env -u CARGO_TARGET_DIR CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug --no-default-features --features search --root "$target_dir/tools" \
        "mdbook@$version" || { skipped "the book: mdBook cannot be built here"; exit 0; }
fi

step "the book"
rm -rf "$target_dir/book/source" "$target_dir/book/html"
python3 scripts/book.py prepare "$target_dir/book/source"
"$mdbook" build --dest-dir "$target_dir/book/html" "$target_dir/book/source"
python3 scripts/book.py check "$target_dir/book/html"
