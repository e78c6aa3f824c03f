"""Places of patches that come from elsewhere, with what is known of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._slide import Slide
from ._slides import Path_

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Places:
    """Places in a slide, for `from_slides(coordinates=...)`."""

    centres: np.ndarray[Any, np.dtype[np.float64]]
    """Middles of the patches, (n, 2) in pixels of the full resolution: patches of any size stand around them."""
    fields: Mapping[str, list[Any]] = field(default_factory=dict)
    """Further fields, with a value for each place."""

    def __post_init__(self) -> None:
        import numpy as np

        centres = np.asarray(self.centres, np.float64)
        if centres.ndim != 2 or centres.shape[1] != 2 or not np.isfinite(centres).all():
            raise ValueError(f"centres have the shape {centres.shape}; give pairs of numbers, (n, 2)")
        if wrong := [name for name, values in self.fields.items() if len(values) != len(centres)]:
            raise ValueError(f"the field {wrong[0]!r} of {len(centres)} places has {len(self.fields[wrong[0]])} values; give a value each")
        object.__setattr__(self, "centres", centres)


def clam_coordinates(patches: Path_, *, missing: bool = False) -> Callable[[Slide], Places]:
    """Coordinates as CLAM writes them, for `from_slides(coordinates=...)`: a directory with `{slide}.h5` for each slide, or one such file.

    A file has `coords`, left upper corners in pixels of the full resolution, with the attributes `patch_size` and `patch_level`. The middles of CLAM's
    patches are kept, whatever the size of ours. With `missing` slides without a file have no patches; else they are an error. Read by h5py.

    Raises FileNotFoundError, ValueError for a file that is none of CLAM's.
    """
    root = Path(patches)

    def of(slide: Slide) -> Places:
        import numpy as np

        path = root
        if root.is_dir():
            path = root / f"{slide_name(slide)}.h5"
            if missing and not path.exists():
                return Places(np.empty((0, 2)))
        return _read_clam(path, slide)

    return of


def slide_name(slide: Slide) -> str:
    """The name that files which belong to a slide begin with: that of its file without the extension; of what `encode` wrote that of the directory."""
    path = Path(slide._native.path)
    if path.name == "residuals.bundle" and path.parent.name == "residual_packs":
        return path.parent.parent.name
    return path.stem


def _read_clam(path: Path, slide: Slide) -> Places:
    import numpy as np

    try:
        # Installed by those who have such files.
        import h5py  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError as error:
        raise ImportError(f"{path}: HDF5 is read by h5py, which is not installed: pip install 'origami-wsi[hdf5]'") from error
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no coordinates of {slide._native.path}; make them, or leave the slide out")
    with h5py.File(path, "r") as file:
        coords = file.get("coords")
        if coords is None or len(coords.shape) != 2 or coords.shape[1] != 2:
            raise ValueError(f"{path}: it has no 'coords' of shape (n, 2); give a file that CLAM wrote")
        lacking = [name for name in ("patch_size", "patch_level") if name not in coords.attrs]
        if lacking:
            raise ValueError(f"{path}: 'coords' does not say its {lacking[0]}; write it as an attribute, as CLAM does")
        level, size = int(coords.attrs["patch_level"]), float(coords.attrs["patch_size"])
        corners = np.asarray(coords, np.float64)
    if not 0 <= level < slide.level_count:
        raise ValueError(f"{path}: its patches are of level {level}; {slide._native.path} has {slide.level_count} levels")
    centres = corners + size * slide.level_downsamples[level] / 2
    width, height = slide.dimensions
    if len(centres) and not ((centres >= 0).all() and (centres <= (width, height)).all()):
        raise ValueError(f"{path}: some of its patches lie outside of {slide._native.path}, {width} x {height} pixels; it is of another slide")
    return Places(centres)
