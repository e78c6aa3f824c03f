"""Streaming folders of litdata: `index.json`, and chunks of samples.

A chunk is a number of samples n, n + 1 offsets, and the samples; a sample is the size of each field and the fields (all numbers uint32, little-endian).
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._errors import DamagedError, UnsupportedFormatError
from ._slides import Path_

if TYPE_CHECKING:
    from ._remote import RemoteFolder

_INDEX = "index.json"

# By the name of litdata's serialiser: a value from its bytes. Images stay as they are.
_VALUES: dict[str, Callable[[bytes], Any]] = {
    "jpeg": bytes,
    "bytes": bytes,
    "str": lambda stored: stored.decode("utf-8"),
    "int": lambda stored: struct.unpack("<q", stored)[0],
    "float": lambda stored: struct.unpack("<d", stored)[0],
    "bool": lambda stored: stored == b"\x01",
}


class LitDataReader:
    """The samples of a streaming folder that `litdata.optimize` wrote, by number, in the order of its chunks: dicts of fields.

    A folder in object storage (`RemoteFolder`) is copied chunk by chunk, each when it is first read.

    Fields are images in JPEG or another format as they are stored, bytes, str, int, float, bool. Raises FileNotFoundError,
    UnsupportedFormatError for other fields, and for folders that are compressed or encrypted, DamagedError.
    """

    def __init__(self, input_dir: Path_ | RemoteFolder) -> None:
        self._remote = None if isinstance(input_dir, (str, os.PathLike)) else input_dir
        self.cache_path = Path(input_dir) if isinstance(input_dir, (str, os.PathLike)) else input_dir.local
        index = self._file(_INDEX)
        text = index.read_bytes()
        try:
            whole = json.loads(text)
            self._chunks = [(str(chunk["filename"]), int(chunk["chunk_size"]), int(chunk["chunk_bytes"])) for chunk in whole["chunks"]]
            config = whole["config"]
            spec = json.loads(config["data_spec"])[1]
            formats = list(config["data_format"])
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise DamagedError(f"{index}: it is no index of litdata ({error!r}); restore it") from error
        for name in ("compression", "encryption"):
            if config.get(name):
                raise UnsupportedFormatError(f"{index}: its {name} is {config[name]!r}; write it again without")
        if spec.get("type") != "builtins.dict" or any(child["type"] is not None for child in spec["children_spec"]):
            raise UnsupportedFormatError(f"{index}: its samples are {spec.get('type')}; write dicts of fields that hold no others")
        names = json.loads(spec["context"])
        if len(names) != len(formats):
            raise DamagedError(f"{index}: it has {len(names)} fields and {len(formats)} formats; restore it")
        self._fields: list[tuple[str, Callable[[bytes], Any]]] = [(str(name), _value(index, name, kind)) for name, kind in zip(names, formats)]
        self._ends: list[int] = []
        for _, size, _ in self._chunks:
            self._ends.append((self._ends[-1] if self._ends else 0) + size)
        self.identity = f"litdata:{self.cache_path.resolve()}:{hashlib.sha256(text).hexdigest()}"
        self.name = self.cache_path.resolve().name if self._remote is None else self._remote.url.rsplit("/", 1)[-1]
        self._chunk = lru_cache(maxsize=4)(self._read_chunk)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._remote or self.cache_path,)

    def presync(self) -> None:
        """Copies all chunks to this machine, where they are in object storage."""
        if self._remote is not None:
            self._remote.sync()

    def _file(self, name: str) -> Path:
        """A file of the folder, copied first where it is in object storage."""
        return self.cache_path / name if self._remote is None else self._remote.fetch(name)

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, index: int) -> dict[str, Any]:
        from bisect import bisect_right

        if not 0 <= index < len(self):
            raise IndexError(f"there is no sample {index}: there are {len(self)}")
        number = bisect_right(self._ends, index)
        at = index - (self._ends[number - 1] if number else 0)
        name, size, _ = self._chunks[number]
        chunk = self._chunk(number)
        first, end = struct.unpack_from("<2I", chunk, 4 + 4 * at)
        sizes_end = first + 4 * len(self._fields)
        if not 4 + 4 * (size + 1) <= first <= sizes_end <= end <= len(chunk):
            raise DamagedError(f"{self.cache_path / name}: sample {at} does not lie in it, or is stored in another way; write it again")
        sizes = struct.unpack_from(f"<{len(self._fields)}I", chunk, first)
        if sizes_end + sum(sizes) != end:
            raise DamagedError(f"{self.cache_path / name}: the fields of sample {at} do not fill it; restore the chunk")
        sample, start = {}, sizes_end
        for (field, value), length in zip(self._fields, sizes, strict=True):
            try:
                sample[field] = value(chunk[start : start + length])
            except (struct.error, UnicodeDecodeError) as error:
                raise DamagedError(f"{self.cache_path / name}: {field!r} of sample {at}: {error}; restore the chunk") from error
            start += length
        return sample

    def _read_chunk(self, number: int) -> bytes:
        name, size, length = self._chunks[number]
        path = self._file(name)
        chunk = path.read_bytes()
        if len(chunk) < 4 + 4 * (size + 1) or struct.unpack_from("<I", chunk)[0] != size:
            raise DamagedError(f"{path}: it does not hold the {size} samples of its {length} bytes; restore it")
        return chunk


def _value(index: Path, name: str, kind: str) -> Callable[[bytes], Any]:
    value = bytes if kind.startswith("image:") else _VALUES.get(kind)
    if value is None:
        known = ", ".join(sorted([*_VALUES, "image"]))
        raise UnsupportedFormatError(f"{index}: the field {name!r} is {kind!r}; of litdata's fields {known} are read")
    return value
