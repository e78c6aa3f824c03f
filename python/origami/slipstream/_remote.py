"""Copies of what lies in object storage: kept on this machine, fetched again when it changes there.

Storage is reached through fsspec (`s3://` by s3fs), with its options. A copy is whole: no part of a file is read from far away.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any

from ._cache import cache_directory
from ._slides import Path_

_LISTING = ".origami-sync.json"


def is_remote(path: Any) -> bool:
    """Whether it is an address such as s3://bucket/key, and not a path."""
    return isinstance(path, str) and "://" in path and not path.startswith("file://")


def sync_s3_dataset(
    remote_dir: str,
    local_dir: Path_ | None = None,
    *,
    storage_options: Mapping[str, Any] | None = None,
    workers: int = 8,
) -> Path:
    """Copies all objects below a prefix into a directory, in the cache directory by default, and returns it. What is there already and is unchanged, by size
    and ETag or time of modification, is not fetched; what is gone there stays here. A copy that was killed leaves nothing under the name of a file.

    storage_options: of fsspec's file system, such as {"anon": True} or {"endpoint_url": ...}.
    Raises FileNotFoundError where there are no objects; what fsspec raises.
    """
    fs, root = _file_system(remote_dir, storage_options)
    found = {path: entry for path, entry in fs.find(root, detail=True).items() if entry.get("type", "file") == "file" and not path.endswith("/")}
    if not found:
        raise FileNotFoundError(f"{remote_dir}: no objects there; check the bucket and the prefix")
    local = Path(local_dir) if local_dir is not None else cache_directory() / "remote" / _digest(remote_dir.rstrip("/"))
    local.mkdir(parents=True, exist_ok=True)
    before = _read_listing(local)
    now = {_relative(path, root, local): (path, _version(entry)) for path, entry in found.items()}
    stale = [name for name, (_, version) in now.items() if before.get(name) != version or not (local / name).is_file()]
    done: dict[str, list[str]] = {}

    def fetch(name: str) -> None:
        path, version = now[name]
        _fetch(fs, path, local / name, int(found[path]["size"]))
        done[name] = version

    try:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(fetch, stale))
    finally:
        # What came before an error need not come again.
        _write_listing(local, before | done)
    return local


presync_s3 = sync_s3_dataset


def local_copy(url: str, *, storage_options: Mapping[str, Any] | None = None, cache_dir: Path_ | None = None) -> Path:
    """The copy of one object, or of all below it where it is a directory, such as a tree or a set of DICOM files."""
    fs, root = _file_system(url, storage_options)
    cache = Path(cache_dir) if cache_dir is not None else cache_directory() / "remote"
    if fs.isfile(root):
        name = PurePosixPath(root).name
        parent = cache / _digest(url)
        parent.mkdir(parents=True, exist_ok=True)
        entry = fs.info(root)
        if _read_listing(parent).get(name) != _version(entry) or not (parent / name).is_file():
            _fetch(fs, root, parent / name, int(entry["size"]))
            _write_listing(parent, {name: _version(entry)})
        return parent / name
    return sync_s3_dataset(url, cache / _digest(url) / (PurePosixPath(root).name or "root"), storage_options=storage_options)


def _file_system(url: str, options: Mapping[str, Any] | None) -> tuple[Any, str]:
    try:
        # Installed by those who have objects in storage.
        import fsspec  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError as error:
        raise ImportError(f"{url}: storage is reached through fsspec, which is not installed: pip install 'origami-wsi[s3]'") from error
    fs, root = fsspec.core.url_to_fs(url, **dict(options or {}))
    # What it listed before may be gone.
    fs.invalidate_cache()
    return fs, str(root).rstrip("/")


def _relative(path: str, root: str, local: Path) -> str:
    """The name of a copy, which lies below its directory whatever the object is called."""
    name = path[len(root) :].lstrip("/") if path.startswith(root) else path
    parts = PurePosixPath(name).parts
    if not parts or any(part in ("..", "/", "") or "\\" in part or "\0" in part for part in parts) or parts == (_LISTING,):
        raise ValueError(f"{path}: an object of this name cannot be copied to {local}; rename it")
    return "/".join(parts)


def _version(entry: Mapping[str, Any]) -> list[str]:
    stamp = next((entry[name] for name in ("ETag", "etag", "LastModified", "mtime", "created") if entry.get(name) is not None), "")
    return [str(entry["size"]), str(stamp)]


def _fetch(fs: Any, remote: str, local: Path, size: int) -> None:
    local.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(prefix=f".{local.name}.", dir=local.parent)
    os.close(handle)
    try:
        fs.get_file(remote, part)
        got = os.stat(part).st_size
        if got != size:
            raise OSError(f"{remote}: {got} of {size} bytes came; try again")
        os.replace(part, local)
    except BaseException:
        os.unlink(part)
        raise


def _read_listing(directory: Path) -> dict[str, list[str]]:
    try:
        listing = json.loads((directory / _LISTING).read_text("utf-8"))
        return listing if isinstance(listing, dict) else {}
    except (FileNotFoundError, ValueError):
        # Nothing is known of what is there: it is fetched again.
        return {}


def _write_listing(directory: Path, listing: Mapping[str, list[str]]) -> None:
    handle, part = tempfile.mkstemp(prefix=_LISTING, dir=directory)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(listing, file)
    os.replace(part, directory / _LISTING)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
