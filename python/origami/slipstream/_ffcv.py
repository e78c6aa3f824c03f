"""Files of FFCV (`.beton`), read without ffcv: version 2 of its layout.

A header; a description of each field; a table with a row for each sample; the data that rows point to; and a table of where data lies, in the order in
which it was written.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._errors import DamagedError, UnsupportedFormatError
from .._remote_file import is_remote
from ._slides import Path_

if TYPE_CHECKING:
    import numpy as np

_HEADER = [("version", "<u2"), ("num_fields", "<u2"), ("page_size", "<u4"), ("num_samples", "<u8"), ("alloc_table_ptr", "<u8")]
_FIELD = [("type_id", "u1"), ("name", "u1", 16), ("arguments", "u1", 1024)]
_ALLOCATION = [("sample_id", "<u8"), ("ptr", "<u8"), ("size", "<u8")]
_POINTER = [("ptr", "<u8"), ("size", "<u8")]

# By the number of a field's type: its name, and its part of a row.
_TYPES: dict[int, tuple[str, Any]] = {
    0: ("float", "<f8"),
    1: ("int", "<i8"),
    2: ("image", [("mode", "u1"), ("width", "<u2"), ("height", "<u2"), ("ptr", "<u8")]),
    3: ("bytes", _POINTER),
    5: ("json", _POINTER),
}
_OTHERS = {4: "NDArrayField", 6: "TorchTensorField", 255: "a field of the writer's own"}
_JPEG, _RAW = 0, 1
_MAX_FIELDS = 1024


class FFCVFileReader:
    """The samples of a `.beton` file by number: dicts of fields.

    RGBImageField gives a JPEG as it is stored, and PNG where pixels are stored; IntField int, FloatField float, BytesField bytes, JSONField what it
    holds, as JSON in str where `parse_json` is not given. A file at an address (`s3://`) is copied to `cache_dir` first, by default below
    SLIPSTREAM_CACHE_DIR, unless a copy of what is there now exists; `storage_options` are those of fsspec. Raises FileNotFoundError, UnsupportedFormatError for
    other fields, DamagedError.
    """

    def __init__(
        self,
        path: Path_,
        *,
        parse_json: bool = False,
        storage_options: Mapping[str, Any] | None = None,
        cache_dir: Path_ | None = None,
    ) -> None:
        import numpy as np

        if is_remote(path):
            # It knows the cache, which knows data sets.
            from ._remote import local_copy

            path = local_copy(str(path), storage_options=storage_options, cache_dir=cache_dir)
        self.cache_path = Path(path)
        self._parse_json = parse_json
        size = self.cache_path.stat().st_size
        if size < np.dtype(_HEADER, align=True).itemsize:
            raise DamagedError(f"{self.cache_path}: it has {size} bytes, less than a header; it is no .beton")
        self._file = np.memmap(self.cache_path, np.uint8, "r")
        header = self._table(0, 1, np.dtype(_HEADER, align=True), "the header")[0]
        if header["version"] != 2 or not 1 <= header["num_fields"] <= _MAX_FIELDS:
            found = f"version {header['version']} with {header['num_fields']} fields"
            raise UnsupportedFormatError(f"{self.cache_path}: it is no .beton of version 2 (it says {found})")
        at = header.nbytes
        described = self._table(at, int(header["num_fields"]), np.dtype(_FIELD, align=True), "the fields")
        self._names = [self._name(field) for field in described]
        self._kinds = [self._kind(field, name) for field, name in zip(described, self._names, strict=True)]
        # Fields are aligned within a row; the parts of an image's field are not aligned within it.
        row = np.dtype([(f"f{number}", np.dtype(layout)) for number, (_, layout) in enumerate(self._kinds)], align=True)
        self._rows = self._table(at + described.nbytes, int(header["num_samples"]), row, "the samples")
        # In the order of writing, by pages: sorted by place, so that what lies at a place is found.
        start, entry = int(header["alloc_table_ptr"]), np.dtype(_ALLOCATION)
        count = (size - start) // entry.itemsize if start <= size else 0
        allocations = self._table(start, max(count, 0), entry, "the table of data")
        order = np.argsort(allocations["ptr"], kind="stable")
        self._places, self._sizes = allocations["ptr"][order], allocations["size"][order]
        status = os.stat(self.cache_path)
        self.identity = f"ffcv:{self.cache_path.resolve()}:{status.st_size}:{status.st_mtime_ns}:{parse_json}"
        self.name = self.cache_path.stem
        kinds = {"image": "ImageBytes", "json": "str"}
        self.field_types = {name: kinds.get(kind, kind) for name, (kind, _) in zip(self._names, self._kinds, strict=True)}
        """The type of each field; of JSON that is parsed it is "str" all the same."""

    def __reduce__(self) -> tuple[Any, ...]:
        from functools import partial

        return partial(type(self), parse_json=self._parse_json), (self.cache_path,)

    def _table(self, at: int, count: int, row: np.dtype[Any], what: str) -> np.ndarray[Any, Any]:
        end = at + count * row.itemsize
        if end > len(self._file):
            raise DamagedError(f"{self.cache_path}: {what} would end at byte {end} of {len(self._file)}; copy the file again")
        return self._file[at:end].view(row)

    def _name(self, field: Any) -> str:
        return str(field["name"].tobytes().rstrip(b"\0").decode("ascii", "replace"))

    def _kind(self, field: Any, name: str) -> tuple[str, Any]:
        number = int(field["type_id"])
        if number not in _TYPES:
            other = _OTHERS.get(number, f"of the unknown type {number}")
            raise UnsupportedFormatError(f"{self.cache_path}: the field {name!r} is {other}; RGBImage, Int, Float, JSON and Bytes are read")
        return _TYPES[number]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        if not 0 <= index < len(self):
            raise IndexError(f"there is no sample {index}: there are {len(self)}")
        row = self._rows[index]
        cells = (row[f"f{number}"] for number in range(len(self._names)))
        return {name: self._value(kind, cell, name, index) for name, (kind, _), cell in zip(self._names, self._kinds, cells, strict=True)}

    def read_all_fields(self) -> dict[str, Any]:
        """All values of the fields of numbers, as arrays."""
        import numpy as np

        numbers = (number for number, (kind, _) in enumerate(self._kinds) if kind in ("int", "float"))
        return {self._names[number]: np.asarray(self._rows[f"f{number}"]) for number in numbers}

    def _value(self, kind: str, cell: Any, name: str, index: int) -> Any:
        if kind in ("int", "float"):
            return cell.item()
        if kind == "image":
            return self._image(cell, name, index)
        stored = self._data(int(cell["ptr"]), int(cell["size"]), name, index)
        if kind == "bytes":
            return stored
        text = stored.split(b"\0", 1)[0].decode("utf-8")
        return json.loads(text) if self._parse_json else text

    def _image(self, cell: Any, name: str, index: int) -> bytes:
        import numpy as np

        place, width, height = int(cell["ptr"]), int(cell["width"]), int(cell["height"])
        if cell["mode"] == _RAW:
            from PIL import Image

            pixels = np.frombuffer(self._data(place, 3 * width * height, name, index), np.uint8).reshape(height, width, 3)
            png = BytesIO()
            Image.fromarray(pixels).save(png, "PNG", compress_level=1)
            return png.getvalue()
        at = int(np.searchsorted(self._places, place))
        if cell["mode"] != _JPEG or at == len(self._places) or self._places[at] != place:
            raise DamagedError(f"{self.cache_path}: {name!r} of sample {index} is at byte {place}, where no image lies; copy the file again")
        return self._data(place, int(self._sizes[at]), name, index)

    def _data(self, place: int, size: int, name: str, index: int) -> bytes:
        if place + size > len(self._file):
            raise DamagedError(f"{self.cache_path}: {name!r} of sample {index} would end at byte {place + size} of {len(self._file)}")
        return self._file[place : place + size].tobytes()
