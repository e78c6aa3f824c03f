"""Old names of stages, which warn, and other names under which things of this package were known."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ._dataset import Sample, SlipstreamDataset
from ._ffcv import FFCVFileReader
from ._slides import Path_
from ._stages import (
    DecodeCenterCrop,
    DecodeDirectRandomResizedCrop,
    DecodeMultiRandomResizedCrop,
    DecodeRandomResizedCrop,
    DecodeResizeCrop,
    DecodeUniformMultiRandomResizedCrop,
)

OLD_STAGES: dict[str, type[Any]] = {
    "CenterCrop": DecodeCenterCrop,
    "RandomResizedCrop": DecodeRandomResizedCrop,
    "DirectRandomResizedCrop": DecodeDirectRandomResizedCrop,
    "ResizeCrop": DecodeResizeCrop,
    "MultiRandomResizedCrop": DecodeMultiRandomResizedCrop,
    "MultiCropRandomResizedCrop": DecodeUniformMultiRandomResizedCrop,
}
"""What the old names of stages stand for."""


def old_stage(name: str) -> type[Any]:
    """The stage of an old name, with a DeprecationWarning. Raises AttributeError for other names."""
    if name not in OLD_STAGES:
        raise AttributeError(f"module 'origami.slipstream' has no attribute {name!r}")
    stage = OLD_STAGES[name]
    warnings.warn(f"origami.slipstream.{name} is called {stage.__name__}; use that name", DeprecationWarning, stacklevel=3)
    return stage


class FFCVFileDataset(SlipstreamDataset):
    """The samples of a `.beton` file: `SlipstreamDataset(FFCVFileReader(path))`, with the arguments of both."""

    def __init__(
        self,
        path: Path_,
        *,
        parse_json: bool = False,
        storage_options: Mapping[str, Any] | None = None,
        cache_dir: Path_ | None = None,
        decode_images: bool = False,
        to_pil: bool = False,
    ) -> None:
        reader = FFCVFileReader(path, parse_json=parse_json, storage_options=storage_options, cache_dir=cache_dir)
        super().__init__(reader, cache_dir=cache_dir, decode_images=decode_images, to_pil=to_pil)


class FFCVStyleDataset:
    """Any data set with samples as ffcv gives them: tuples of the values in the order of the fields."""

    def __init__(self, dataset: SlipstreamDataset) -> None:
        self.dataset = dataset
        self.fields = tuple(dataset.field_types)
        """The names of the values."""

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        sample: Sample = self.dataset[index]
        return tuple(sample[field] for field in self.fields)


def ensure_lightning_symlink_on_cluster(target: Path_ | None = None, *, home: Path_ | None = None) -> Path | None:
    """On a Slurm cluster makes `~/.lightning` a link to `target`, so that what litdata keeps there does not fill a small home directory.

    target: by default `.lightning` in the directory that SCRATCH names; it is made. home: another home directory.
    Returns the target; None outside of a cluster (SLURM_JOB_ID is not set), or where SCRATCH is not set either. A link that is there stays.
    Raises FileExistsError where `~/.lightning` is a directory of its own.
    """
    if "SLURM_JOB_ID" not in os.environ:
        return None
    if target is None:
        if "SCRATCH" not in os.environ:
            return None
        target = Path(os.environ["SCRATCH"]) / ".lightning"
    place, link = Path(target), Path(home or Path.home()) / ".lightning"
    place.mkdir(parents=True, exist_ok=True)
    if link.is_symlink():
        return link.resolve()
    if link.exists():
        raise FileExistsError(f"{link} is a directory of its own; move what it holds to {place} and remove it")
    try:
        link.symlink_to(place, target_is_directory=True)
    except FileExistsError:
        # Another process of the job was faster.
        return link.resolve()
    return place
