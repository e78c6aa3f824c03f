"""The sources of the book, and the links of the built one. scripts/book.sh runs it.

    book.py prepare FOLDER    a copy of the repository's pages, in its layout: docs/, and what a page of the book links to outside of it
    book.py check FOLDER      every link of the pages in FOLDER leads to a file in it, and to an anchor where it names one
"""

import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"\]\(([^)\s]+)\)")
# Pages that include another page: the links in it are those of the other's place.
INCLUDE = re.compile(r"^\{\{#include (.+)\}\}$", re.MULTILINE)


def without_code(text):
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))


def in_text(text, change):
    """A page with a change of everything that is not code."""
    parts = re.split(r"(^```.*?^```|`[^`\n]*`)", text, flags=re.MULTILINE | re.DOTALL)
    return "".join(part if part.startswith("`") else change(part) for part in parts)


def as_chapter(target):
    """A README is the index of its folder in the book; mdBook renames the page and not the links to it."""
    return re.sub(r"(^|/)README\.md(?=$|#)", r"\1index.md", target)


def chapter(page, target):
    """A link of a page as the book has it. A folder is its README here: there is no list of its files."""
    if target.endswith("/") and (page.parent / target / "README.md").is_file():
        target += "README.md"
    return target if urlsplit(target).scheme else as_chapter(target)


def linked(page):
    """Files of the repository that a page links to."""
    for target in LINK.findall(without_code(page.read_text())):
        parts = urlsplit(target)
        if parts.scheme or not parts.path:
            continue
        path = (page.parent / unquote(parts.path)).resolve()
        if path.is_dir() and (path / "README.md").is_file():
            path = path / "README.md"
        if path.is_file() and path.is_relative_to(ROOT):
            yield path


def pictures():
    return [path for end in ("jpg", "png", "svg") for path in (ROOT / "docs").glob(f"*.{end}")]


def title(page):
    match = re.search(r"^# (.+)$", page.read_text(), re.MULTILINE)
    return match[1].strip() if match else page.name


def prepare(folder):
    """In the layout of the repository all links between its files hold."""
    pages = sorted((ROOT / "docs").glob("*.md"))
    pages = [page for page in pages if page.name not in ("SUMMARY.md", "architecture.md", "contributing.md")]
    pages += [ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md"]
    others, more = set(), []
    queue = list(pages)
    while queue:
        for path in linked(queue.pop()):
            if path.suffix == ".md" and path not in pages and path not in more and path.parent != ROOT / "docs":
                more.append(path)
                queue.append(path)
            elif path.suffix != ".md":
                others.add(path)
    source = folder / "src"
    for path in {*pages, *more, *others, *pictures()}:
        copy = source / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".md":
            copy.with_name(as_chapter(path.name)).write_text(in_text(path.read_text(), lambda text: LINK.sub(lambda m: f"]({chapter(path, m[1])})", text)))
        else:
            shutil.copy(path, copy)
    summary = (ROOT / "docs" / "SUMMARY.md").read_text()
    summary = summary.replace("(architecture.md)", "(../ARCHITECTURE.md)").replace("(contributing.md)", "(../CONTRIBUTING.md)")
    summary = re.sub(r"\]\((?!\.\./)([^)]+)\)", r"](docs/\1)", summary).replace("](../", "](")
    # The first chapter is the page of the book's address.
    summary = summary.replace("[ORIGAMI](docs/README.md)", "[ORIGAMI](README.md)\n[The documents](docs/README.md)")
    more = [page for page in more if page != ROOT / "README.md"]
    chapters = "".join(f"- [{title(page)}]({page.relative_to(ROOT)})\n" for page in sorted(more))
    summary = f"{summary}\n# Of the repository\n\n{chapters}"
    (source / "SUMMARY.md").write_text(LINK.sub(lambda m: f"]({as_chapter(m[1])})", summary))
    (folder / "docs").mkdir(exist_ok=True)
    shutil.copy(ROOT / "docs" / "book.css", folder / "docs")
    (folder / "book.toml").write_text((ROOT / "book.toml").read_text().replace('src = "docs"', 'src = "src"'))
    print(f"{len(pages) + len(more)} pages, {len(others)} other files")


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.links, self.anchors = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "id" or (name == "name" and tag == "a"):
                self.anchors.add(value)
            elif name in ("href", "src") and value and tag in ("a", "img", "script", "link", "iframe"):
                self.links.append(value)


def check(folder):
    folder = folder.resolve()
    files = sorted(folder.rglob("*.html"))
    # The print page has the others' anchors under other names; the page of what is missing has links from the root.
    files = [file for file in files if file.name not in ("print.html", "404.html", "toc.html")]
    pages = {file: Page(file.read_text()) for file in files}
    wrong, links = [], 0
    for file, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            links += 1
            path = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            if path.is_dir():
                path = path / "index.html"
            if not path.is_file() or not path.is_relative_to(folder):
                wrong.append(f"{file.relative_to(folder)}: {link} leads to no file")
            elif parts.fragment and path in pages and unquote(parts.fragment) not in pages[path].anchors:
                wrong.append(f"{file.relative_to(folder)}: {link} leads to no anchor")
    print("\n".join(wrong) or f"{len(files)} pages, {links} links, all of which lead somewhere")
    return bool(wrong)


if __name__ == "__main__":
    what, place = sys.argv[1], Path(sys.argv[2])
    sys.exit(prepare(place) if what == "prepare" else check(place))
