"""A file at an address, of which ranges of bytes are read."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from . import _native
from ._errors import MissingFileError, OrigamiError

# Reads at once of a file system that does not do that itself.
_AT_ONCE = 8


class RemoteFile:
    """A file at an address that fsspec knows, pinned to a version: the one that it has now, or `version`. Pickles hold the address, the options and the
    version; a process that was forked connects again.

    Raises MissingFileError where there is none; what fsspec raises.
    """

    def __init__(self, url: str, storage_options: Mapping[str, Any] | None = None, version: Sequence[str] | None = None) -> None:
        self.url = url
        self._options = dict(storage_options or {})
        self._process: int | None = None
        self.version = list(version) if version is not None else self._version()
        self.size = int(self.version[0])

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.url, self._options, self.version)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def place(self) -> tuple[Any, str]:
        """Its file system, and the path in it."""
        if self._process != os.getpid():
            # Connections do not survive a fork.
            self._fs, self._path = file_system(self.url, self._options)
            self._process = os.getpid()
        return self._fs, self._path

    def _version(self) -> list[str]:
        fs, path = self.place()
        # What it listed before may be gone.
        fs.invalidate_cache()
        try:
            return version_of(fs.info(path))
        except FileNotFoundError as error:
            raise MissingFileError(f"{self.url}: there is no such object; check the address") from error

    def check(self) -> None:
        """Raises OrigamiError where it has another version now."""
        if self._version() != self.version:
            raise OrigamiError(f"{self.url}: it was changed after it was opened; open it again")

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` to `end`, all of them. Raises OSError."""
        fs, path = self.place()
        found = bytes(fs.cat_file(path, start=start, end=end))
        if len(found) != end - start:
            raise OSError(f"{self.url}: {len(found)} of the {end - start} bytes from {start} came; try again")
        return found


def read_together(files: Sequence[RemoteFile], ranges: Sequence[tuple[int, int]]) -> list[bytes | None]:
    """A range of each file, all of them side by side; None for what did not come."""
    systems: dict[int, tuple[Any, list[int]]] = {}
    for number, file in enumerate(files):
        fs, _ = file.place()
        systems.setdefault(id(fs), (fs, []))[1].append(number)
    found: list[bytes | None] = [None] * len(files)
    for fs, numbers in systems.values():
        if getattr(fs, "async_impl", False):
            paths, starts, ends = ([*of] for of in zip(*((files[number].place()[1], *ranges[number]) for number in numbers), strict=True))
            answers: list[Any] = fs.cat_ranges(paths, starts, ends, on_error="return")
        else:
            with ThreadPoolExecutor(min(_AT_ONCE, len(numbers))) as pool:
                answers = list(pool.map(_read, [files[number] for number in numbers], [ranges[number] for number in numbers]))
        for number, answer in zip(numbers, answers, strict=True):
            start, end = ranges[number]
            if isinstance(answer, (bytes, bytearray, memoryview)) and len(answer) == end - start:
                found[number] = bytes(answer)
    return found


def _read(file: RemoteFile, span: tuple[int, int]) -> bytes | None:
    try:
        return file.read(*span)
    except Exception:
        # Whoever reads it learns of the error.
        return None


def bundle_at(url: str, storage_options: Mapping[str, Any] | None = None) -> RemoteFile | None:
    """The bundle at an address, or in the directory there that `encode` wrote; None for anything else."""
    fs, root = file_system(url, storage_options)
    for below in ("", "/residual_packs/residuals.bundle", "/residuals.bundle"):
        try:
            entry = fs.info(root + below)
        except FileNotFoundError:
            continue
        if entry.get("type", "file") != "file":
            continue
        file = RemoteFile(url.rstrip("/") + below, storage_options, version_of(entry))
        # A damaged one of that name says so when it is opened.
        is_one = file.url.endswith(".bundle") or _native.Slide.is_bundle(file.read(0, min(file.size, 16)))
        return file if is_one else None
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
