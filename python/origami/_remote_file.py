"""A file at an address, of which ranges of bytes are read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from . import _native
from ._errors import MissingFileError, OrigamiError


class RemoteFile:
    """A file at an address that fsspec knows, pinned to the version that it has now. Pickles hold the address, the options and the version; a process
    that was forked connects again.

    Raises MissingFileError where there is none; OrigamiError where it is another version than `expected`; what fsspec raises.
    """

    def __init__(self, url: str, storage_options: Mapping[str, Any] | None = None, expected: list[str] | None = None) -> None:
        self.url = url
        self._options = dict(storage_options or {})
        self._connect()
        try:
            info = self._fs.info(self._path)
        except FileNotFoundError as error:
            raise MissingFileError(f"{url}: there is no such object; check the address") from error
        self.version = version_of(info)
        self.size = int(info["size"])
        if expected is not None and expected != self.version:
            raise OrigamiError(f"{url}: it was changed after it was opened; open it again")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.url, self._options, self.version)

    def _connect(self) -> None:
        self._fs, self._path = file_system(self.url, self._options)
        self._process = os.getpid()

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` to `end`, all of them. Raises OSError."""
        if self._process != os.getpid():
            # Connections do not survive a fork.
            self._connect()
        found = bytes(self._fs.cat_file(self._path, start=start, end=end))
        if len(found) != end - start:
            raise OSError(f"{self.url}: {len(found)} of the {end - start} bytes from {start} came; it may have been changed, open it again")
        return found


def bundle_at(url: str, storage_options: Mapping[str, Any] | None = None) -> RemoteFile | None:
    """The bundle at an address, or in the directory there that `encode` wrote; None for anything else."""
    fs, root = file_system(url, storage_options)
    for below in ("", "/residual_packs/residuals.bundle", "/residuals.bundle"):
        if fs.isfile(root + below):
            file = RemoteFile(url.rstrip("/") + below, storage_options)
            return file if _native.Slide.is_bundle(file.read(0, min(file.size, 16))) else None
    return None


def file_system(url: str, options: Mapping[str, Any] | None) -> tuple[Any, str]:
    """The file system of an address, and the path in it."""
    try:
        # Installed by those who have objects in storage.
        import fsspec  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError as error:
        raise ImportError(f"{url}: storage is reached through fsspec, which is not installed: pip install 'origami-wsi[s3]'") from error
    fs, root = fsspec.core.url_to_fs(url, **dict(options or {}))
    # What it listed before may be gone.
    fs.invalidate_cache()
    return fs, str(root).rstrip("/")


def is_remote(path: Any) -> bool:
    """Whether it is an address such as s3://bucket/key, and not a path."""
    return isinstance(path, str) and "://" in path and not path.startswith("file://")


def version_of(entry: Mapping[str, Any]) -> list[str]:
    """What tells a version of an object from others: its size, and its ETag or its time."""
    stamp = next((entry[name] for name in ("ETag", "etag", "LastModified", "mtime", "created") if entry.get(name) is not None), "")
    return [str(entry["size"]), str(stamp)]
