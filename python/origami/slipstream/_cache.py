"""The optimised cache: the samples of a data set in few files, from which loaders read without the interpreter's lock.

A cache is a directory `{name}-{id}.slipstream`. Of each field it has `{field}.npy`, and for bytes `{field}.bin`, in which they lie one after the
other; `{field}.npy` then says where, and of images also how large they are. `cache.json` says what it is and how long its files are.
It is written under another name, synced and renamed: what stands under its name is whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from .. import _native
from .._errors import DamagedError
from ._cache_index import index_of, read_index
from ._dataset import Sample, SlipstreamDataset, field_type
from ._slides import Path_
from ._stages import ImageFormat

if TYPE_CHECKING:
    import numpy as np

FORMAT = "slipstream-v1"
MANIFEST = "cache.json"
_VERSION = 1

_BYTES = ("ImageBytes", "bytes", "str")
_PLACE = [("offset", "<u8"), ("size", "<u8"), ("height", "<u4"), ("width", "<u4")]


def cache_directory() -> Path:
    """Where caches are made: SLIPSTREAM_CACHE_DIR, else `origami/slipstream` in the user's cache directory."""
    if given := os.environ.get("SLIPSTREAM_CACHE_DIR"):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "origami" / "slipstream"


class OptimizedCache:
    """A cache that was built. `build` makes one, `load` opens it.

    `field_types` has the type of each field, `cache_path` the directory. A sample by number is a dict, with bytes as they are stored.
    """

    def __init__(self, path: Path_) -> None:
        import numpy as np

        self.cache_path = Path(path)
        manifest = _manifest(self.cache_path)
        self.field_types: dict[str, str] = manifest["fields"]
        self.identity: str = manifest["identity"]
        self.image_format: ImageFormat = manifest.get("image_format", "jpeg")
        """How images are stored: as files, or as planes of Y, U and V."""
        self._count: int = manifest["samples"]
        self._columns: dict[str, Any] = {}
        self._bytes: dict[str, Any] = {}
        for field, kind in self.field_types.items():
            column = np.load(self.cache_path / f"{field}.npy", mmap_mode="r", allow_pickle=False)
            if len(column) != self._count:
                raise DamagedError(f"{self.cache_path}: {field}.npy has {len(column)} of {self._count} samples; build the cache again")
            self._columns[field] = column
            if kind in _BYTES:
                path = self.cache_path / f"{field}.bin"
                # An empty file cannot be mapped.
                self._bytes[field] = np.memmap(path, np.uint8, "r") if path.stat().st_size else np.empty(0, np.uint8)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.cache_path,)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.cache_path.name}: {self._count} samples>"

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Sample:
        at = index + self._count if index < 0 else index
        if not 0 <= at < self._count:
            raise IndexError(f"there is no sample {index}: there are {self._count}")
        return {field: self._value(field, at) for field in self.field_types}

    def _value(self, field: str, at: int) -> Any:
        entry = self._columns[field][at]
        if field not in self._bytes:
            return entry.item()
        value = self._bytes[field][int(entry["offset"]) : int(entry["offset"]) + int(entry["size"])].tobytes()
        return value.decode() if self.field_types[field] == "str" else value

    def read_all_fields(self) -> dict[str, Any]:
        """All values of the fields that are no bytes: numbers as arrays, str as lists."""
        import numpy as np

        found: dict[str, Any] = {}
        for field, kind in self.field_types.items():
            if kind == "str":
                found[field] = [self._value(field, at) for at in range(self._count)]
            elif kind not in _BYTES:
                found[field] = np.asarray(self._columns[field])
        return found

    def image_field(self, field: str | None = None) -> str:
        """The field of images; `field` where there are several."""
        images = [name for name, kind in self.field_types.items() if kind == "ImageBytes"]
        if field is None and len(images) == 1:
            return images[0]
        if field not in images or field is None:
            raise ValueError(f"field {field!r}: the images of {self.cache_path.name} are {', '.join(images) or 'none'}; choose one of them")
        return field

    def places(self, field: str) -> np.ndarray[Any, Any]:
        """Of a field of bytes: `offset`, `size` and, of images, `height` and `width` of each sample."""
        import numpy as np

        return np.asarray(self._columns[field])

    def blobs(self, field: str) -> _native.Blobs:
        """A field of bytes for the threads of a loader."""
        import numpy as np

        places = self.places(field)
        offsets, sizes = (np.ascontiguousarray(places[name]) for name in ("offset", "size"))
        are_planes = self.image_format == "yuv420" and self.field_types[field] == "ImageBytes"
        planes = list(zip(places["width"].tolist(), places["height"].tolist(), strict=True)) if are_planes else None
        return _native.Blobs(os.fspath(self.cache_path / f"{field}.bin"), offsets, sizes, planes)

    def get_index(self, field: str) -> dict[Any, np.ndarray[Any, np.dtype[np.int64]]]:
        """The samples of each value of a field: from `{field}_index.npy` where `write_index` wrote it, else made now."""
        if field not in self.field_types or self.field_types[field] in ("ImageBytes", "bytes"):
            raise KeyError(f"{field!r}: {self.cache_path.name} has no such field of numbers or str")
        path = self.cache_path / f"{field}_index.npy"
        return read_index(path, self._count) if path.exists() else index_of(self.read_all_fields()[field])

    @classmethod
    def load(cls, path: Path_) -> OptimizedCache:
        """Opens a cache. Raises FileNotFoundError, and DamagedError where a file of it is not as long as it was."""
        return cls(path)

    @classmethod
    def build(
        cls,
        dataset: SlipstreamDataset,
        directory: Path_ | None = None,
        *,
        image_format: ImageFormat = "jpeg",
        progress: Callable[[int, int], object] | None = None,
    ) -> OptimizedCache:
        """The cache of a data set in a directory (by default the data set's `cache_dir`, else `cache_directory()`): the one that is there, else built now.

        Its name is that of the data set and 8 hexadecimal digits of the SHA-256 of its identity, its version and the format. A build that was
        killed leaves nothing under that name. image_format: "yuv420" stores images as planes of Y, U and V, decoded already.
        """
        path = path_of(dataset, directory, image_format)
        parent = path.parent
        try:
            found = cls(path)
            # Eight digits may be those of other data.
            same = found.identity == dataset.identity and found.image_format == image_format and len(found) == len(dataset)
            if same and found.field_types == dataset.field_types:
                return found
        except (FileNotFoundError, DamagedError):
            pass
        parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=parent))
        try:
            _write(dataset, part, image_format, progress)
            _publish(part, path)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        return cls(path)


def path_of(dataset: SlipstreamDataset, directory: Path_ | None, image_format: ImageFormat) -> Path:
    """Where the cache of a data set lies."""
    if dataset.identity is None:
        raise ValueError(f"{dataset!r}: a cache needs to know which data it is of; give the data set an identity")
    if image_format not in ("jpeg", "yuv420"):
        raise ValueError(f"image_format {image_format!r}: choose jpeg or yuv420")
    text = f"{dataset.identity}:{_VERSION}:{FORMAT}" + ("" if image_format == "jpeg" else f":{image_format}")
    digits = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    directory = dataset.cache_dir if directory is None else directory
    parent = Path(directory) if directory is not None else cache_directory()
    return parent / f"{dataset.name}-{digits}.slipstream"


def _manifest(path: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((path / MANIFEST).read_text("utf-8"))
    if manifest.get("format") != FORMAT:
        raise DamagedError(f"{path}: its format is {manifest.get('format')!r}, {FORMAT!r} is read; build the cache again")
    for file, size in manifest["files"].items():
        found = (path / file).stat().st_size
        if found != size:
            raise DamagedError(f"{path / file}: it has {found} bytes, and was written with {size}; build the cache again")
    return manifest


def _write(dataset: SlipstreamDataset, part: Path, image_format: ImageFormat, progress: Callable[[int, int], object] | None) -> None:
    import numpy as np

    columns: dict[str, list[Any]] = {field: [] for field in dataset.field_types}
    files = {field: (part / f"{field}.bin").open("wb") for field, kind in dataset.field_types.items() if kind in _BYTES}
    try:
        offsets = dict.fromkeys(files, 0)
        for number, sample in enumerate(_samples(dataset)):
            for field, value in sample.items():
                if field in files:
                    stored = value.encode() if isinstance(value, str) else bytes(value)
                    size = _height_and_width(dataset, field, stored, number)
                    if image_format == "yuv420" and dataset.field_types[field] == "ImageBytes":
                        stored = _planes(field, stored, number)
                    files[field].write(stored)
                    columns[field].append((offsets[field], len(stored), *size))
                    offsets[field] += len(stored)
                else:
                    columns[field].append(value)
            if progress is not None:
                progress(number + 1, len(dataset))
        for file in files.values():
            sync(file)
    finally:
        for file in files.values():
            file.close()
    for field, kind in dataset.field_types.items():
        column = np.array(columns[field], _PLACE if kind in _BYTES else {"int": np.int64, "float": np.float64}[kind])
        with (part / f"{field}.npy").open("wb") as file:
            np.save(file, column, allow_pickle=False)
            sync(file)
    sizes = {entry.name: entry.stat().st_size for entry in os.scandir(part)}
    manifest = {
        "format": FORMAT,
        "identity": dataset.identity,
        "image_format": image_format,
        "samples": len(dataset),
        "fields": dataset.field_types,
        "files": sizes,
    }
    with (part / MANIFEST).open("wb") as file:
        file.write(json.dumps(manifest, indent=1).encode())
        sync(file)


def _samples(dataset: SlipstreamDataset) -> Iterator[Sample]:
    """All samples, each with fields of the types of the first."""
    for number in range(len(dataset)):
        sample = dataset.raw(number)
        for field, value in sample.items():
            if (kind := field_type(field, value)) != dataset.field_types[field]:
                raise TypeError(f"sample {number}: {field!r} is {kind}, that of the first sample {dataset.field_types[field]}")
        yield sample


def _height_and_width(dataset: SlipstreamDataset, field: str, stored: bytes, number: int) -> tuple[int, int]:
    if dataset.field_types[field] != "ImageBytes":
        return 0, 0
    try:
        width, height = _native.image_size(stored)
    except ValueError as error:
        raise DamagedError(f"sample {number}: {field!r} cannot be decoded: {error}") from error
    return height, width


def _planes(field: str, stored: bytes, number: int) -> bytes:
    try:
        return _native.image_to_yuv420(stored).tobytes()
    except ValueError as error:
        raise DamagedError(f"sample {number}: {field!r} cannot be decoded: {error}") from error


def sync(file: IO[Any]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _publish(part: Path, path: Path) -> None:
    """Gives a whole cache its name, in place of what is there."""
    _sync_directory(part)
    os.chmod(part, 0o777 & ~_umask())
    old = Path(f"{part}.old")
    if path.exists():
        os.rename(path, old)
    os.rename(part, path)
    _sync_directory(path.parent)
    shutil.rmtree(old, ignore_errors=True)


def _umask() -> int:
    """The process's, which a directory for temporary files does not have."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
