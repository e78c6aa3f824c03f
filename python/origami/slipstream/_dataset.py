"""Data sets of images with fields, from any source."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .. import _native
from .._slide import Slide
from ._slides import Path_, Slides
from ._tissue import Feature, TissueMask
from ._views import PerView

if TYPE_CHECKING:
    import numpy as np

    from ._annotations import Annotations
    from ._litdata import LitDataReader
    from ._slide_dataset import SlideDataset

Sample = dict[str, Any]

# What torchvision's ImageFolder takes for images.
_IMAGES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


class Source(Protocol):
    """Samples by number: what a data set reads."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> Mapping[str, Any]: ...


class SlipstreamDataset:
    """Samples of images with fields, each a dict. `from_slides` makes patches of slides, `from_imagefolder` and `from_huggingface` read
    encoded images, and so does this class itself:

    source: a sequence or map of dicts by number, or any iterable of dicts, which is read into memory. All samples have the same fields.
        A field is an encoded image (JPEG or PNG, as bytes), bytes, str, int, float or bool; `field_types` says which was found in the
        first sample ("ImageBytes", "bytes", "str", "int", "float").
    input_dir, remote_dir: instead of a source, a streaming folder of litdata on this machine, or the prefix of one in object storage, whose chunks are copied
        to `local_dir` (by default below `cache_dir`) when they are read, with `storage_options` as of fsspec; `presync` copies all of them at once.
    cache_dir: where its caches and copies are made, by default SLIPSTREAM_CACHE_DIR.
    identity, name: which data this is, and the name of its cache: caches of the same identity are the same. An identity is needed to make a cache.
        Readers (`FFCVFileReader`, `LitDataReader`) know both.
    decode_images: samples have images as arrays (uint8, (height, width, 3)); with to_pil as Pillow's. Otherwise as they are stored.

    It has the interface of a map-style data set of torch. Raises TypeError for a field that is none of these.
    """

    def __init__(
        self,
        source: Source | Iterable[Mapping[str, Any]] | None = None,
        *,
        input_dir: Path_ | None = None,
        remote_dir: str | None = None,
        local_dir: Path_ | None = None,
        cache_dir: Path_ | None = None,
        storage_options: Mapping[str, Any] | None = None,
        identity: str | None = None,
        name: str | None = None,
        decode_images: bool = False,
        to_pil: bool = False,
    ) -> None:
        if sum(of is not None for of in (source, input_dir, remote_dir)) != 1:
            raise ValueError("source, input_dir, remote_dir: give one of them")
        if source is None:
            source = _litdata(input_dir, remote_dir, local_dir, cache_dir, storage_options)
        given: Any = source
        self._source: Any = given if hasattr(given, "__getitem__") and hasattr(given, "__len__") else list(given)
        if len(self._source) == 0:
            raise ValueError("the source has no samples")
        self.name = name or str(getattr(source, "name", "dataset"))
        found: str | None = identity or getattr(source, "identity", None)
        self.identity = found
        self.cache_dir = cache_dir
        self.decode_images = decode_images or to_pil
        self.to_pil = to_pil
        self.field_types = {field: field_type(field, value) for field, value in self._source[0].items()}
        """The type of each field."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}: {len(self)} samples>"

    def __len__(self) -> int:
        return len(self._source)

    def presync(self) -> None:
        """Copies all of a data set in object storage to this machine. Of others nothing is left to do."""
        if (presync := getattr(self._source, "presync", None)) is not None:
            presync()

    def raw(self, index: int) -> Sample:
        """A sample as it is stored."""
        if not 0 <= index < len(self):
            raise IndexError(f"there is no sample {index}: there are {len(self)}")
        sample = dict(self._source[index])
        if sample.keys() != self.field_types.keys():
            raise ValueError(f"sample {index} has the fields {sorted(sample)}, the first one {sorted(self.field_types)}")
        return sample

    def __getitem__(self, index: int) -> Sample:
        sample = self.raw(index + len(self) if index < 0 else index)
        if self.decode_images:
            for field, kind in self.field_types.items():
                if kind == "ImageBytes":
                    sample[field] = self._decoded(sample[field])
        return sample

    def _decoded(self, image: bytes) -> Any:
        array = _native.decode_image(image)
        if not self.to_pil:
            return array
        from PIL import Image

        return Image.fromarray(array)

    @classmethod
    def from_slides(
        cls,
        slides: Slides,
        *,
        size: int | Mapping[str, int] = 256,
        level: PerView = None,
        target_mpp: PerView = None,
        magnification: PerView = None,
        tolerance: float = 0.02,
        stride: float | None = None,
        count: int | None = None,
        coordinates: Mapping[Path_, Any] | Callable[[Slide], Any] | None = None,
        annotations: Annotations | None = None,
        annotated: float = 0.5,
        unannotated: str | None = None,
        tissue: float | None = None,
        tissue_feature: Feature = "saturation",
        masks: Callable[[Slide], TissueMask] | None = None,
        save_masks: bool | Path_ = False,
        seed: int = 0,
        cache_bytes: int = 512 << 20,
        open_slides: int = 16,
        threads: int | None = None,
        storage_options: Mapping[str, Any] | None = None,
    ) -> SlideDataset:
        """Patches of slides: bundles, trees, SVS, TIFF, DICOM and what else `Slide` opens.

        slides: a slide; a directory of slides; a CSV or Parquet file with a column `path`, whose other columns become fields; a list of
            paths, of pairs of path and label, or of mappings with `path` and further fields; a mapping from path to label. Each may
            be an address (`s3://bucket/prefix`), with `storage_options` as of fsspec: bundles there are read by ranges, in the version that they have
            now; other slides are copied when they are looked at here.
        size: side of the patches in pixels.
        level, target_mpp, magnification: their resolution: a level of the slide (0 by default), microns per pixel, or the objective's
            power. A mapping from names to values gives each sample one patch a name, all with the same centre.
        tolerance: part by which a level may differ from that without being resampled; else the codec's Lanczos kernel resamples.
        stride: a grid of patches inside the slide, so many pixels of the (first) patch apart; `size` by default.
        count: instead of a grid, so many patches a slide at random places that `seed` decides.
        coordinates: instead of both, left upper corners of the first patch in pixels of the full resolution, (n, 2): by path, or from a
            function of the open slide; or `Places`, as `clam_coordinates` gives them.
        annotations: regions of the slides, as `read_annotations` reads them of GeoJSON. Samples have a field `annotation`, the class that covers most of
            the first patch, if that is at least the part `annotated` of it. Other patches are of the class `unannotated`, or left out where it is None.
        tissue: the least part of the first patch that is tissue, 0 to 1. `tissue_feature` tells it from glass; `masks` makes the mask of a
            slide instead. `save_masks` keeps masks beside the slides, or in a directory, and takes them from there: see `saved_tissue_mask`.
        cache_bytes: memory for decoded pixels, in each process.
        threads: for looking at slides here; one a core by default.

        Raises ValueError for arguments that cannot be, a slide without the resolution that is asked for, or no sample at all; FileNotFoundError;
        what `Slide` raises.
        """
        from ._slide_choice import of_slides

        return of_slides(
            slides,
            size=size,
            level=level,
            target_mpp=target_mpp,
            magnification=magnification,
            tolerance=tolerance,
            stride=stride,
            count=count,
            coordinates=coordinates,
            annotations=annotations,
            annotated=annotated,
            unannotated=unannotated,
            tissue=tissue,
            tissue_feature=tissue_feature,
            masks=masks,
            save_masks=save_masks,
            seed=seed,
            cache_bytes=cache_bytes,
            open_slides=open_slides,
            threads=threads,
            storage_options=storage_options,
        )

    @classmethod
    def from_imagefolder(cls, root: Path_, *, decode_images: bool = False, to_pil: bool = False) -> SlipstreamDataset:
        """A directory with one directory for each class, as torchvision's ImageFolder reads it, in the same order: `image`, `label` (the
        number of the class in order of names) and `path` (from `root`). `class_names` of the source are its classes.

        Raises FileNotFoundError where there is no class, or a class has no image.
        """
        return cls(ImageFolder(root), decode_images=decode_images, to_pil=to_pil)

    @classmethod
    def from_huggingface(
        cls, dataset: Any, *, name: str | None = None, decode_images: bool = False, to_pil: bool = False
    ) -> SlipstreamDataset:
        """A split of a `datasets.Dataset`. Images that it holds as files stay as they are; others become PNG."""
        return cls(HuggingFace(dataset), name=name, decode_images=decode_images, to_pil=to_pil)

    @classmethod
    def from_litdata(
        cls,
        input_dir: Path_ | None = None,
        *,
        remote_dir: str | None = None,
        local_dir: Path_ | None = None,
        cache_dir: Path_ | None = None,
        storage_options: Mapping[str, Any] | None = None,
        decode_images: bool = False,
        to_pil: bool = False,
    ) -> SlipstreamDataset:
        """A streaming folder that `litdata.optimize` wrote: see `LitDataReader`, and the arguments of this class."""
        source = _litdata(input_dir, remote_dir, local_dir, cache_dir, storage_options)
        return cls(source, cache_dir=cache_dir, decode_images=decode_images, to_pil=to_pil)


def _litdata(
    input_dir: Path_ | None,
    remote_dir: str | None,
    local_dir: Path_ | None,
    cache_dir: Path_ | None,
    storage_options: Mapping[str, Any] | None,
) -> LitDataReader:
    """The reader of a streaming folder, on this machine or in object storage."""
    from .._remote_file import is_remote
    from ._litdata import LitDataReader
    from ._remote import RemoteFolder

    if is_remote(input_dir):
        input_dir, remote_dir = None, str(input_dir)
    if (input_dir is None) == (remote_dir is None):
        raise ValueError("input_dir, remote_dir: give one of them")
    if remote_dir is None:
        return LitDataReader(Path(input_dir or ""))
    return LitDataReader(RemoteFolder(remote_dir, local_dir, cache_dir=cache_dir, storage_options=storage_options))


def field_type(field: str, value: Any) -> str:
    """The type of a field by a value of it."""
    import numpy as np

    if isinstance(value, (bytes, bytearray, memoryview)):
        start = bytes(value[:8])
        return "ImageBytes" if start.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")) else "bytes"
    if isinstance(value, str):
        return "str"
    if isinstance(value, (bool, int, np.integer, np.bool_)):
        return "int"
    if isinstance(value, (float, np.floating)):
        return "float"
    raise TypeError(f"the field {field!r} is a {type(value).__name__}: give bytes, str, int or float, and images as JPEG or PNG")


class ImageFolder:
    """The source of `from_imagefolder`."""

    def __init__(self, root: Path_) -> None:
        self.root = Path(root)
        self.class_names = sorted(entry.name for entry in os.scandir(self.root) if entry.is_dir())
        if not self.class_names:
            raise FileNotFoundError(f"{root}: it has no directories, one for each class")
        self._samples: list[tuple[str, int]] = []
        listing = hashlib.sha256()
        for label, name in enumerate(self.class_names):
            before = len(self._samples)
            for folder, _, files in sorted(os.walk(self.root / name, followlinks=True)):
                for file in sorted(files):
                    if not file.lower().endswith(_IMAGES):
                        continue
                    path = os.path.join(folder, file)
                    status = os.stat(path)
                    listing.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
                    self._samples.append((os.path.relpath(path, self.root), label))
            if len(self._samples) == before:
                raise FileNotFoundError(f"{self.root / name}: it holds no image ({', '.join(_IMAGES)})")
        self.identity = f"imagefolder:{self.root.resolve()}:{listing.hexdigest()}"
        self.name = self.root.resolve().name

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> Sample:
        path, label = self._samples[index]
        return {"image": (self.root / path).read_bytes(), "label": label, "path": path}


class HuggingFace:
    """The source of `from_huggingface`."""

    def __init__(self, dataset: Any) -> None:
        import datasets  # type: ignore[import-not-found,unused-ignore]

        images = [name for name, kind in dataset.features.items() if isinstance(kind, datasets.Image)]
        for name in images:
            dataset = dataset.cast_column(name, datasets.Image(decode=False))
        self._dataset, self._images = dataset, images
        # A hash of the data and of what was done to it.
        self.identity = f"huggingface:{dataset._fingerprint}"
        self.name = "huggingface"

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int) -> Sample:
        sample = dict(self._dataset[index])
        for name in self._images:
            stored = sample[name]
            sample[name] = stored["bytes"] if stored["bytes"] is not None else Path(stored["path"]).read_bytes()
            if field_type(name, sample[name]) != "ImageBytes":
                sample[name] = _as_png(sample[name])
        return sample


def _as_png(image: bytes) -> bytes:
    from PIL import Image

    png = BytesIO()
    Image.open(BytesIO(image)).convert("RGB").save(png, "PNG")
    return png.getvalue()
