"""Slides at addresses: which there are, and how each is read: bundles by ranges, others through a copy."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from .._errors import MissingFileError
from .._remote_file import bundle_at, file_system
from .._slide import Slide
from ._remote import local_copy
from ._slides import EXTENSIONS, SlideEntry, read_slide_list, stamp_of

# Directories that are listed at once.
_AT_ONCE = 16


def slides_at(url: str, storage_options: Mapping[str, Any] | None) -> list[tuple[str, dict[str, Any]]]:
    """The slides at an address, each with its fields: of a list in a file its rows, of a prefix what lies below, else the address itself.

    Below a prefix are slides what `find_slides` takes for some below a directory, in the same order.
    Raises MissingFileError where there is nothing.
    """
    if _extension(url) in (".csv", ".parquet"):
        rows = read_slide_list(local_copy(url, storage_options=storage_options), base=url.rsplit("/", 1)[0])
        return [(str(row.pop("path")), row) for row in rows]
    fs, root = file_system(url, storage_options)
    try:
        if fs.info(root).get("type", "file") == "file":
            return [(url, {})]
        found = _below(fs, root)
    except FileNotFoundError as error:
        raise MissingFileError(f"{url}: there is nothing; check the address") from error
    files = [PurePosixPath(name) for name in found]
    if "residual_packs/residuals.bundle" in found or any(len(file.parts) == 1 and file.suffix.lower() in (".dcm", ".dicom") for file in files):
        return [(url, {})]
    slides = sorted((file.parent.parts, file.name) for file in files if file.suffix.lower() in EXTENSIONS)
    return [("/".join((url.rstrip("/"), *folder, file)), {}) for folder, file in slides]


def _below(fs: Any, root: str) -> list[str]:
    """The paths of the files below a directory, from there; without those of trees, and without hidden ones."""
    found = []
    folders = [root]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        while folders:
            listed = [entry for entries in pool.map(lambda folder: fs.ls(folder, detail=True), folders) for entry in entries]
            folders = []
            for entry in listed:
                path = str(entry["name"]).rstrip("/")
                name = path.rsplit("/", 1)[-1]
                if path == root or name.startswith("."):
                    continue
                if entry.get("type") != "directory":
                    found.append(path[len(root) :].lstrip("/"))
                elif not name.endswith("_files"):
                    folders.append(path)
    return found


def reached(entry: SlideEntry, storage_options: Mapping[str, Any] | None) -> SlideEntry:
    """A slide at an address, as it is read from here: a bundle by ranges, anything else through a copy, which is made now unless there is one."""
    if (bundle := bundle_at(entry.path, storage_options)) is not None:
        return replace(entry, remote=bundle)
    copy = local_copy(entry.path, storage_options=storage_options)
    return replace(entry, copy=str(copy), stamp=stamp_of(copy))


def opened(entry: SlideEntry, cache_bytes: int) -> Slide:
    """The slide of an entry that was reached."""
    if entry.remote is not None:
        return Slide._of_remote(entry.remote, cache_bytes)
    return Slide(entry.copy or entry.path, cache_bytes=cache_bytes)


def _extension(url: str) -> str:
    return PurePosixPath(url.split("?", 1)[0]).suffix.lower()
