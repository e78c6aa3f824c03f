"""Copies of what lies in object storage: kept on this machine, fetched again when it changes there.

Storage is reached through fsspec (`s3://` by s3fs), with its options. A copy is whole. `_remote_file.py` reads parts of a file from far away.
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

from .._remote_file import file_system, version_of
from ._cache import cache_directory
from ._slides import Path_

# Files of a slide beside the one that names it: what follows its name there, without the extension.
_BESIDE = {".dzi": "_files", ".mrxs": ""}
_LISTING = ".origami-sync.json"
_LOCK = ".origami-sync.lock"


def sync_s3_dataset(
    remote_dir: str,
    local_dir: Path_ | None = None,
    *,
    cache_dir: Path_ | None = None,
    storage_options: Mapping[str, Any] | None = None,
    workers: int = 8,
) -> Path:
    """Copies all objects below a prefix into a directory, by default one in `cache_dir` (SLIPSTREAM_CACHE_DIR), and returns it. What is there already and is unchanged, by size
    and ETag or time of modification, is not fetched; what was copied and is gone there is removed. A copy that was killed leaves nothing under the name of a
    file. Of several processes one copies, and the others wait for it.

    storage_options: of fsspec's file system, such as {"anon": True} or {"endpoint_url": ...}.
    Raises FileNotFoundError where there are no objects; what fsspec raises.
    """
    fs, root = file_system(remote_dir, storage_options)
    found = {path: entry for path, entry in fs.find(root, detail=True).items() if entry.get("type", "file") == "file" and not path.endswith("/")}
    if not found:
        raise FileNotFoundError(f"{remote_dir}: no objects there; check the bucket and the prefix")
    local = _directory(remote_dir, local_dir, cache_dir)
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
                done[name] = version_of(entry)

        try:
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(fetch, now.items()))
        finally:
            # What came before an error need not come again.
            _write_listing(local, done)
    return local


presync_s3 = sync_s3_dataset


class RemoteFolder:
    """A directory in object storage, whose files are copied when they are first asked for in a process, to where `sync_s3_dataset` copies all of them. What
    is there already and is unchanged is not fetched."""

    def __init__(
        self,
        url: str,
        local_dir: Path_ | None = None,
        *,
        cache_dir: Path_ | None = None,
        storage_options: Mapping[str, Any] | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self.local = _directory(url, local_dir, cache_dir)
        self._options = dict(storage_options or {})
        self._known: set[str] = set()

    def __reduce__(self) -> tuple[Any, ...]:
        return _folder, (self.url, self.local, self._options)

    def fetch(self, name: str) -> Path:
        """The copy of a file. Raises FileNotFoundError; ValueError for a name that leaves the directory; what fsspec raises."""
        if not _is_below(name):
            raise ValueError(f"{self.url}: its file {name!r} cannot be copied to {self.local}; write the folder again")
        path = self.local / name
        if name not in self._known:
            fs, root = file_system(self.url, self._options)
            entry = fs.info(f"{root}/{name}")
            self.local.mkdir(parents=True, exist_ok=True)
            with _alone(self.local):
                listing = _read_listing(self.local)
                if not _is_copy(path, listing.get(name), entry):
                    _fetch(fs, entry, path)
                    _write_listing(self.local, {**listing, name: version_of(entry)})
            self._known.add(name)
        return path

    def sync(self) -> None:
        """Copies all files."""
        sync_s3_dataset(self.url, self.local, storage_options=self._options)


def _folder(url: str, local: Path, options: Mapping[str, Any]) -> RemoteFolder:
    return RemoteFolder(url, local, storage_options=options)


def _directory(url: str, local_dir: Path_ | None, cache_dir: Path_ | None) -> Path:
    """Where the copies of a prefix lie."""
    if local_dir is not None:
        return Path(local_dir)
    return (Path(cache_dir) if cache_dir is not None else cache_directory() / "remote") / _digest(url.rstrip("/"))


def local_copy(url: str, *, storage_options: Mapping[str, Any] | None = None, cache_dir: Path_ | None = None) -> Path:
    """The copy of one object, with what belongs to it as tiles to a `.dzi`; or of all below it where it is a directory, such as a set of DICOM files."""
    fs, root = file_system(url, storage_options)
    cache = Path(cache_dir) if cache_dir is not None else cache_directory() / "remote"
    if fs.isfile(root):
        name = PurePosixPath(root).name
        parent = cache / _digest(url)
        parent.mkdir(parents=True, exist_ok=True)
        with _alone(parent):
            entry = fs.info(root)
            if not _is_copy(parent / name, _read_listing(parent).get(name), entry):
                _fetch(fs, entry, parent / name)
                _write_listing(parent, {name: version_of(entry)})
        stem, extension = os.path.splitext(url)
        if (beside := _BESIDE.get(extension.lower())) is not None:
            sync_s3_dataset(stem + beside, parent / (PurePosixPath(name).stem + beside), storage_options=storage_options)
        return parent / name
    return sync_s3_dataset(url, cache / _digest(url) / (PurePosixPath(root).name or "root"), storage_options=storage_options)


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


def _is_copy(local: Path, version: list[str] | None, entry: Mapping[str, Any]) -> bool:
    """Whether a file is the copy of an object as it is now."""
    return version == version_of(entry) and local.is_file() and local.stat().st_size == int(entry["size"])


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
