"""Copies of what lies in object storage: kept on this machine, fetched again when it changes there.

Storage is reached through fsspec (`s3://` by s3fs), with its options. A copy is whole: no part of a file is read from far away.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from ._cache import cache_directory
from ._slides import Path_

_LISTING = ".origami-sync.json"
_LOCK = ".origami-sync.lock"


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
    and ETag or time of modification, is not fetched; what was copied and is gone there is removed. A copy that was killed leaves nothing under the name of a
    file. Of several processes one copies, and the others wait for it.

    storage_options: of fsspec's file system, such as {"anon": True} or {"endpoint_url": ...}.
    Raises FileNotFoundError where there are no objects; what fsspec raises.
    """
    fs, root = _file_system(remote_dir, storage_options)
    found = {path: entry for path, entry in fs.find(root, detail=True).items() if entry.get("type", "file") == "file" and not path.endswith("/")}
    if not found:
        raise FileNotFoundError(f"{remote_dir}: no objects there; check the bucket and the prefix")
    local = Path(local_dir) if local_dir is not None else cache_directory() / "remote" / _digest(remote_dir.rstrip("/"))
    local.mkdir(parents=True, exist_ok=True)
    now = {_relative(path, root, local): entry for path, entry in found.items()}
    with _alone(local):
        before = _read_listing(local)
        for name in before.keys() - now.keys():
            (local / name).unlink(missing_ok=True)
        done = {name: version for name, version in before.items() if name in now}

        def fetch(item: tuple[str, Mapping[str, Any]]) -> None:
            name, entry = item
            if not _is_copy(local / name, done.get(name), entry):
                _fetch(fs, entry, local / name)
                done[name] = _version(entry)

        try:
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(fetch, now.items()))
        finally:
            # What came before an error need not come again.
            _write_listing(local, done)
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
        with _alone(parent):
            entry = fs.info(root)
            if not _is_copy(parent / name, _read_listing(parent).get(name), entry):
                _fetch(fs, entry, parent / name)
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
    if not _is_below(name):
        raise ValueError(f"{path}: an object of this name cannot be copied to {local}; rename it")
    return "/".join(PurePosixPath(name).parts)


def _is_below(name: str) -> bool:
    """Whether it names a file below a directory, and none of this module's own."""
    parts = PurePosixPath(name).parts
    return bool(parts) and parts not in ((_LISTING,), (_LOCK,)) and not any(part in ("..", "/") or "\\" in part or "\0" in part for part in parts)


def _version(entry: Mapping[str, Any]) -> list[str]:
    stamp = next((entry[name] for name in ("ETag", "etag", "LastModified", "mtime", "created") if entry.get(name) is not None), "")
    return [str(entry["size"]), str(stamp)]


def _is_copy(local: Path, version: list[str] | None, entry: Mapping[str, Any]) -> bool:
    """Whether a file is the copy of an object as it is now."""
    return version == _version(entry) and local.is_file() and local.stat().st_size == int(entry["size"])


def _fetch(fs: Any, entry: Mapping[str, Any], local: Path) -> None:
    remote, size = str(entry["name"]), int(entry["size"])
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


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """No other process copies into it meanwhile: a slide that was opened must not be replaced by itself."""
    try:
        import fcntl
    except ImportError:
        # Systems without it have no forks of a training run either.
        yield
        return
    with open(directory / _LOCK, "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _read_listing(directory: Path) -> dict[str, list[str]]:
    try:
        listing = json.loads((directory / _LISTING).read_text("utf-8"))
        return {name: version for name, version in listing.items() if _is_below(name)} if isinstance(listing, dict) else {}
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
