"""A store far away: objects in memory behind an asynchronous file system, which counts requests and can make them take time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, ClassVar

import fsspec
from fsspec.asyn import AsyncFileSystem


class Far(AsyncFileSystem):  # type: ignore[misc]
    """`far://`. It opens with the option `key="secret"` alone."""

    protocol = "far"
    objects: ClassVar[dict[str, tuple[bytes, str]]] = {}
    """Bytes and ETag by path."""
    requests: ClassVar[list[tuple[str, str, int]]] = []
    """What was asked for, of which path, and how many bytes came."""
    seconds: ClassVar[float] = 0.0
    """Time of a request."""
    seconds_per_byte: ClassVar[float] = 0.0
    under_way: ClassVar[int] = 0
    most_under_way: ClassVar[int] = 0

    def __init__(self, *args: Any, key: str = "", **more: Any) -> None:
        super().__init__(*args, **more)
        self.key = key

    @classmethod
    def put(cls, path: str, data: bytes) -> None:
        """Puts an object, of a version that it never had."""
        cls.objects[path] = (data, f"etag-{len(cls.requests)}-{id(data)}-{len(cls.objects)}-{cls.objects.get(path, (b'', ''))[1]}")

    @classmethod
    def start(cls) -> None:
        """Counts from here."""
        cls.requests.clear()
        cls.most_under_way = 0

    @classmethod
    def reads(cls, path: str = "") -> list[int]:
        """The bytes of each read of objects whose path ends so."""
        return [size for kind, name, size in cls.requests if kind == "read" and name.endswith(path)]

    async def _request(self, kind: str, path: str, size: int = 0) -> None:
        if self.key != "secret":
            raise PermissionError(f"{path}: the key is wrong")
        type(self).under_way += 1
        type(self).most_under_way = max(self.most_under_way, self.under_way)
        await asyncio.sleep(self.seconds + size * self.seconds_per_byte)
        type(self).under_way -= 1
        self.requests.append((kind, path, size))

    def _entries(self, folder: str) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for path, (data, etag) in self.objects.items():
            if path.startswith(folder + "/"):
                name = folder + "/" + path[len(folder) + 1 :].split("/", 1)[0]
                is_file = name == path
                found[name] = {"name": name, "size": len(data), "ETag": etag, "type": "file"} if is_file else {"name": name, "size": 0, "type": "directory"}
        return found

    async def _info(self, path: str, **_: Any) -> dict[str, Any]:
        path = self._strip_protocol(path)
        await self._request("info", path)
        if path in self.objects:
            data, etag = self.objects[path]
            return {"name": path, "size": len(data), "ETag": etag, "type": "file"}
        if self._entries(path):
            return {"name": path, "size": 0, "type": "directory"}
        raise FileNotFoundError(path)

    async def _ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        path = self._strip_protocol(path)
        await self._request("list", path)
        found = self._entries(path)
        if not found:
            raise FileNotFoundError(path)
        return list(found.values()) if detail else list(found)

    async def _cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        path = self._strip_protocol(path)
        if path not in self.objects:
            await self._request("read", path)
            raise FileNotFoundError(path)
        found = self.objects[path][0][start:end]
        await self._request("read", path, len(found))
        return found

    async def _get_file(self, rpath: str, lpath: str, **_: Any) -> None:
        Path(lpath).write_bytes(await self._cat_file(rpath))


fsspec.register_implementation("far", Far, clobber=True)
