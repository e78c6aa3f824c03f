"""Which slides a data set has, and what is known of each."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

from .._remote_file import is_remote

if TYPE_CHECKING:
    from .._remote_file import RemoteFile

# Of whatever is in a directory, what is taken for a slide: also formats that nothing here reads, whose slides would else be missing without
# a word. Images are taken where they are named.
EXTENSIONS = {
    ".bif", ".btf", ".bundle", ".czi", ".dzi", ".isyntax", ".mrxs", ".ndpi", ".ndpis", ".qptiff", ".scn", ".svs", ".svslide", ".szi",
    ".tf2", ".tf8", ".tif", ".tiff", ".vms", ".vmu", ".vsi", ".zvi",
}  # fmt: skip


@dataclass(frozen=True)
class SlideEntry:
    """A slide, and the fields that all of its samples have."""

    path: str
    """Its path, or its address."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    stamp: tuple[int, int] = (0, 0)
    """Length and time of modification in nanoseconds of the file that is read: a slide that was changed is refused."""
    remote: RemoteFile | None = None
    """A bundle at an address, which is read by ranges, in the version that it was found in."""
    copy: str | None = None
    """The copy of anything else at an address."""


Path_ = Union[str, "os.PathLike[str]"]
Slides = Union[Path_, Iterable[Union[Path_, "tuple[Path_, Any]", Mapping[str, Any]]], Mapping[Path_, Any]]
"""A slide, a directory of slides, a list in a file (.csv, .parquet); paths, pairs of path and label, or mappings with `path` and further
fields; a mapping from path to label. A path may be an address in object storage, such as s3://bucket/prefix."""


def find_slides(directory: Path_) -> list[Path]:
    """The slides, bundles and trees below a directory, by name: files with their extensions, and what `encode` wrote. Directories of DICOM
    files and images are not among them; name those.

    Raises NotADirectoryError, and OSError where a directory cannot be listed.
    """
    root = Path(directory)
    if not root.is_dir():
        raise NotADirectoryError(f"{root}: it is no directory; give one that holds slides")
    found: list[Path] = []

    def refuse(error: OSError) -> None:
        raise error

    for name, folders, files in os.walk(root, onerror=refuse):
        # The tiles of a tree, and the levels below, are no slides.
        folders[:] = sorted(folder for folder in folders if not folder.endswith("_files") and not folder.startswith("."))
        found += [Path(name, file) for file in sorted(files) if Path(file).suffix.lower() in EXTENSIONS and not file.startswith(".")]
    return found


def read_slide_list(path: Path_, *, column: str = "path", base: Path_ | None = None) -> list[dict[str, Any]]:
    """The rows of a CSV or Parquet file (the latter by pyarrow): `column` has paths and addresses, relative ones from `base`, by default the file's
    directory; the other columns become fields. Numbers of a CSV become int or float.

    Raises ValueError where the column is not there; OSError.
    """
    path = Path(path)
    if path.suffix.lower() == ".parquet":
        try:
            # Installed by those who have such files.
            import pyarrow.parquet  # type: ignore[import-not-found,unused-ignore]
        except ImportError as error:
            raise ImportError(f"{path}: Parquet is read by pyarrow; pip install pyarrow, or give a CSV file") from error
        rows: list[dict[str, Any]] = pyarrow.parquet.read_table(path).to_pylist()
    else:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [{name: _value(text) for name, text in row.items()} for row in csv.DictReader(file)]
    for number, row in enumerate(rows, 1):
        if not row.get(column):
            raise ValueError(f"{path}: row {number} has no {column!r}; it has {', '.join(map(str, row))}")
        listed = str(row.pop(column))
        if is_remote(base) and "://" not in listed and not listed.startswith("/"):
            row["path"] = f"{base}/{listed}"
        else:
            row["path"] = listed if "://" in listed else str((path.parent if base is None or is_remote(base) else Path(base)) / listed)
    return rows


def _value(text: Any) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except (TypeError, ValueError):
            pass
    return text


def entries(slides: Slides, storage_options: Mapping[str, Any] | None = None) -> list[SlideEntry]:
    """The slides of a data set, with their stamps. Those at addresses are still to be reached."""
    # It knows this module.
    from ._addresses import slides_at

    listed = slides_at(str(slides), storage_options) if is_remote(slides) else _listed(slides)
    found = [_entry(os.fspath(path), fields) for path, fields in listed]
    if not found:
        raise ValueError(f"{slides!r}: no slides here; give slides, bundles, trees, or a directory that holds some")
    names = set(found[0].fields)
    for entry in found:
        if set(entry.fields) != names:
            raise ValueError(f"{entry.path}: its fields are {sorted(entry.fields)}, those of the first slide {sorted(names)}")
    return found


def _listed(slides: Slides) -> list[tuple[Path_, dict[str, Any]]]:
    if isinstance(slides, (str, os.PathLike)):
        path = Path(slides)
        if path.suffix.lower() in (".csv", ".parquet"):
            return [_split(row) for row in read_slide_list(path)]
        if path.is_dir() and not _is_slide(path):
            return [(found, {}) for found in find_slides(path)]
        return [(path, {})]
    if isinstance(slides, Mapping):
        return [(path, {"label": label}) for path, label in slides.items()]
    listed: list[tuple[Path_, dict[str, Any]]] = []
    for item in slides:
        if isinstance(item, Mapping):
            listed.append(_split(item))
        elif isinstance(item, Sequence) and not isinstance(item, str):
            of, label = item
            listed.append((of, {"label": label}))
        else:
            listed.append((item, {}))
    return listed


def _is_slide(path: Path) -> bool:
    """Whether a directory is one slide: of DICOM files, or what `encode` wrote."""
    if (path / "residual_packs" / "residuals.bundle").is_file():
        return True
    return any(file.suffix.lower() in (".dcm", ".dicom") for file in path.iterdir())


def _split(row: Mapping[str, Any]) -> tuple[Path_, dict[str, Any]]:
    if "path" not in row:
        raise ValueError(f"a slide has no 'path': it has {sorted(row)}")
    return row["path"], {str(name): value for name, value in row.items() if name != "path"}


def _entry(path: str, fields: Mapping[str, Any]) -> SlideEntry:
    if taken := {"image", "index", "slide", "x", "y"} & set(fields):
        raise ValueError(f"{path}: the field {sorted(taken)[0]!r} is one of the loader's own; call it something else")
    return SlideEntry(path, fields) if is_remote(path) else SlideEntry(path, fields, stamp_of(path))


def stamp_of(path: Path_) -> tuple[int, int]:
    """Length and time of modification of a file."""
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns
