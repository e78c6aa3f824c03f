"""Batches that are ready for training: decoded, cropped, read ahead by threads of Rust."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Union

from .. import _native
from ._cache import OptimizedCache
from ._cache_yuv import build_yuv420_cache
from ._dataset import SlipstreamDataset
from ._passes import Batch, Passes, Shuffle, column
from ._slide_dataset import SlideDataset
from ._slides import Path_
from ._stages import DecodeCenterCrop, DecodeRandomResizedCrop, DecodeStage, ImageFormat, MultiCropPipeline
from ._yuv import YUV420, WholeStage

if TYPE_CHECKING:
    import numpy as np

Pipeline = Sequence[Union[DecodeStage, Callable[[Any], Any]]]
Pipelines = Mapping[str, Union[Pipeline, Sequence[Pipeline]]]

# L0 and L1 of a family of tiles of 256 pixels, in RGB.
_FAMILY_BYTES = 3 * (1024 * 1024 + 512 * 512)
# What is kept of a family, for each pixel of L0: L2 (3/16), the residual in 4:2:0 (3/2) and, where patches are read of it, L1 in 4:4:4 (3/4).
_KEPT_BYTES = 3 / 16 + 3 / 2 + 3 / 4


class SlipstreamLoader(Passes):
    """Batches of images, read ahead by threads without the interpreter's lock.

    dataset: patches of slides (`SlipstreamDataset.from_slides`), a cache, or a data set of encoded images, whose cache is built first where it
        is not there (in `cache_dir`).
    num_workers: threads; one a core by default. Processes are not needed.
    pipelines: for a field of images its stages: a list that begins with a decode stage, whose other stages are functions of a batch; or
        several such lists, which share one decode, and whose results are a list. Patches of slides have no decode stage.
    crop_size, crop_mode: instead of pipelines, every image field by DecodeRandomResizedCrop ("random") or DecodeCenterCrop ("center").
    image_format: of a cache that is made for this loader: "jpeg" (default: files as they are) or "yuv420": planes of Y, U and V, decoded already, which
        take more room and less time. Pipelines may say it as well, by `set_image_format`.
    layout: "chw" (default) or "hwc": where the channels of a batch are.
    device: None for numpy; else a torch device, to which arrays of numbers and images go as tensors, before the functions of pipelines.
    seed: decides all orders and crops, with the epoch.
    shuffle: "sample" puts samples into any order; "family" (default for slides) puts families into any order and mixes the samples of many in
        a buffer, so that each is decoded once; "none" keeps the order of the data set.
    buffer: samples that "family" mixes; by default as many as lie in the families that half of the data set's `cache_bytes` holds.
    indices: the samples to read, by default all.
    distributed: rank and number of ranks; by default those of torch.distributed where it is in use, else of the environment variables
        RANK and WORLD_SIZE, which torchrun sets. Every rank gets equally many samples: where that does not come out even, some get one
        sample twice.
    drop_last: leave a last batch out that is not full.
    prefetch: batches in memory.
    cache_dir: where a cache is made that is not there, by default the data set's.
    presync_s3: copies a data set in object storage as a whole, by several threads, before its cache is built; else each chunk is copied when it is read.

    A batch is a dict: images as uint8, (batch, 3, height, width); for each other field an array, or a list where values are no numbers; `indices`
    of the samples; of patches also `slide`, `x`, `y` as in a sample. Arrays are the caller's own; `torch.from_numpy` shares their memory.

    Each pass is one epoch, and the next pass the next one, unless `set_epoch` says another. The order depends on seed and epoch alone.
    `state_dict` holds the place in an epoch, after the batches that were taken; `load_state_dict` goes on from there.
    """

    def __init__(
        self,
        dataset: SlipstreamDataset | OptimizedCache,
        batch_size: int,
        *,
        num_workers: int | None = None,
        pipelines: Pipelines | None = None,
        crop_size: int | None = None,
        crop_mode: Literal["random", "center"] = "random",
        image_format: ImageFormat | None = None,
        layout: Literal["chw", "hwc"] = "chw",
        device: Any = None,
        seed: int = 0,
        shuffle: Shuffle | None = None,
        buffer: int | None = None,
        indices: Any = None,
        distributed: tuple[int, int] | None = None,
        drop_last: bool = False,
        prefetch: int = 3,
        cache_dir: Path_ | None = None,
        presync_s3: bool = False,
    ) -> None:
        if layout not in ("chw", "hwc"):
            raise ValueError(f"layout {layout!r}: choose chw or hwc")
        self.dataset = dataset
        self._planes = layout == "chw"
        self._device = device
        is_slides = isinstance(dataset, SlideDataset)
        self._reader: _SlideReader | _CacheReader
        if isinstance(dataset, SlideDataset):
            if crop_size is not None:
                raise ValueError("crop_size: patches have the size of their data set; leave it out")
            self._reader = _SlideReader(dataset, dict(pipelines or {}))
        else:
            if presync_s3 and isinstance(dataset, SlipstreamDataset):
                dataset.presync()
            cache = _cache_of(dataset, image_format or _format_of(pipelines), cache_dir)
            self._reader = _CacheReader(cache, pipelines, crop_size, crop_mode)
        super().__init__(
            len(dataset),
            self._reader.families(),
            batch_size,
            num_workers=num_workers,
            seed=seed,
            shuffle=shuffle or ("family" if is_slides else "sample"),
            buffer=self._reader.buffer(batch_size) if buffer is None else buffer,
            indices=indices,
            distributed=distributed,
            drop_last=drop_last,
            prefetch=prefetch,
        )

    def _batches(self, order: np.ndarray[Any, np.dtype[np.int64]], epoch: int) -> Iterator[tuple[int, Batch]]:
        yield from self._reader.batches(self, order, epoch)

    def _placed(self, value: Any) -> Any:
        """An array, or several, on the device that was asked for."""
        import numpy as np

        if isinstance(value, YUV420):
            return YUV420(*map(self._placed, value))
        if isinstance(value, list) and value and isinstance(value[0], (YUV420, np.ndarray)):
            return [self._placed(image) for image in value]
        if self._device is None or isinstance(value, list):
            return value
        # Installed by those who train with it.
        import torch  # type: ignore[import-not-found,unused-ignore]

        return torch.from_numpy(value).to(self._device, non_blocking=True)


class _SlideReader:
    """Patches of slides."""

    def __init__(self, dataset: SlideDataset, pipelines: dict[str, Any]) -> None:
        if unknown := set(pipelines) - set(dataset.names):
            raise ValueError(f"pipelines: {sorted(unknown)[0]!r} is no image; they are {', '.join(dataset.names)}")
        if any(not callable(stage) for stages in pipelines.values() for stage in stages):
            raise ValueError("pipelines: patches of slides are decoded already; their stages are functions of a batch")
        self._dataset = dataset
        self._pipelines = pipelines

    def families(self) -> np.ndarray[Any, np.dtype[np.uint64]]:
        return self._dataset.families

    def buffer(self, batch_size: int) -> int:
        """Samples in the families that half of the memory for them holds."""
        import numpy as np

        families = max(self._dataset._cache_bytes * 3 // 8 // _FAMILY_BYTES, 1)
        return max(batch_size, round(families * len(self._dataset) / max(len(np.unique(self._dataset.families)), 1)))

    def _fits(self, families: np.ndarray[Any, np.dtype[np.uint64]]) -> bool:
        """Whether the memory for decoded pixels holds all families: then each is decoded once, whatever the order."""
        import numpy as np

        slides = (np.unique(families) >> np.uint64(40)).astype(np.int64)
        sides = np.asarray(self._dataset._blocks, np.float64)[slides]
        return bool((sides**2).sum() * _KEPT_BYTES <= self._dataset._cache_bytes)

    def batches(self, loader: SlipstreamLoader, order: Any, epoch: int) -> Iterator[tuple[int, Batch]]:
        dataset, corners = self._dataset, self._dataset.corners()
        alone = loader._shuffle == "sample" and not self._fits(loader._families)
        stream = dataset._patches.stream(order, loader._reading, alone=alone, planes=loader._planes)
        for samples, images in stream:
            slide_of = dataset.slide_of[samples]
            batch: Batch = {}
            for name, image in zip(dataset.names, images, strict=True):
                batch[name] = _through(self._pipelines.get(name, ()), loader._placed(image))
            for name, values in dataset.fields_of(samples).items():
                batch[name] = loader._placed(column(values))
            x, y = corners[samples].T.copy()
            batch |= {name: loader._placed(value) for name, value in (("slide", slide_of), ("x", x), ("y", y))}
            yield len(samples), batch | {"indices": samples}


class _CacheReader:
    """Images of a cache."""

    def __init__(
        self, cache: OptimizedCache, pipelines: Pipelines | None, crop_size: int | None, crop_mode: Literal["random", "center"]
    ) -> None:
        images = [field for field, kind in cache.field_types.items() if kind == "ImageBytes"]
        if (pipelines is None) == (crop_size is None):
            raise ValueError("pipelines, crop_size: give one of them")
        if crop_size is not None:
            if crop_mode not in ("random", "center"):
                raise ValueError(f"crop_mode {crop_mode!r}: choose random or center")
            stage = DecodeRandomResizedCrop(crop_size) if crop_mode == "random" else DecodeCenterCrop(crop_size)
            pipelines = {field: [stage] for field in images}
        self._cache = cache
        self._pipelines: dict[str, tuple[bool, list[tuple[DecodeStage, list[Callable[[Any], Any]]]]]] = {}
        for field, given in (pipelines or {}).items():
            if field not in images:
                raise ValueError(f"pipelines: {field!r} is no image; they are {', '.join(images) or 'none'}")
            several = bool(given) and all(isinstance(stages, (list, tuple)) for stages in given)
            lists: Any = given if several else [given]
            self._pipelines[field] = several, [_pipeline(field, stages) for stages in lists]
            _only_whole(field, self._pipelines[field][1])
        self._columns = {
            field: values for field, values in cache.read_all_fields().items() if field not in self._pipelines
        }

    def families(self) -> np.ndarray[Any, np.dtype[np.uint64]]:
        """Samples that lie side by side in the cache: so many that a disk reads them at once."""
        import numpy as np

        return np.arange(len(self._cache), dtype=np.uint64) // np.uint64(64)

    def buffer(self, batch_size: int) -> int:
        return 64 * batch_size

    def batches(self, loader: SlipstreamLoader, order: Any, epoch: int) -> Iterator[tuple[int, Batch]]:
        streams = {field: self._stream(field, loader, order, epoch) for field in self._pipelines}
        for parts in zip(*streams.values(), strict=True):
            samples = parts[0][0]
            batch: Batch = {}
            for (field, (several, pipelines)), (_, images) in zip(self._pipelines.items(), parts, strict=True):
                rest = iter(images)
                made = []
                for stage, functions in pipelines:
                    if isinstance(stage, WholeStage):
                        places = self._cache.places(field)[samples]
                        output = stage.batch(next(rest), places["height"], places["width"], loader._planes)
                        made.append(_through(functions, loader._placed(output), is_one=True))
                        continue
                    output = stage.output([loader._placed(next(rest)) for _ in stage.crops(loader.seed)])
                    made.append(_through(functions, output))
                _put(batch, field, made if several else made[0])
            for field, values in self._columns.items():
                chosen = [values[sample] for sample in samples] if isinstance(values, list) else values[samples]
                batch[field] = loader._placed(chosen)
            yield len(samples), batch | {"indices": samples}

    def _stream(self, field: str, loader: SlipstreamLoader, order: Any, epoch: int) -> _native.BatchStream:
        """The images of a field for the decode stages of its pipelines."""
        blobs, stages = self._cache.blobs(field), [stage for stage, _ in self._pipelines[field][1]]
        whole = stages[0]
        if isinstance(whole, WholeStage):
            places = self._cache.places(field)
            longest = max(whole.bytes_of(height, width) for height, width in {*zip(places["height"].tolist(), places["width"].tolist(), strict=True)})
            return blobs.whole(order, loader._reading, form=whole.form, bytes=longest, planes=loader._planes)
        crops = [crop for stage in stages for crop in stage.crops(loader.seed)]
        return blobs.crops(order, loader._reading, crops=crops, epoch=epoch, planes=loader._planes)


def _format_of(pipelines: Pipelines | None) -> ImageFormat | None:
    """The format that the stages of pipelines ask for."""
    found = set()
    for given in (pipelines or {}).values():
        for stages in [given, *(stages for stages in given if isinstance(stages, (list, tuple)))]:
            found |= {stage.image_format for stage in stages if isinstance(stage, DecodeStage) and stage.image_format is not None}
    if len(found) > 1:
        raise ValueError("pipelines: their stages ask for images as jpeg and as yuv420; give image_format")
    return found.pop() if found else None


def _cache_of(dataset: SlipstreamDataset | OptimizedCache, image_format: ImageFormat | None, cache_dir: Path_ | None) -> OptimizedCache:
    """The cache of a data set in this format; a cache as it is, where no other format is asked for."""
    if not isinstance(dataset, OptimizedCache):
        return OptimizedCache.build(dataset, cache_dir, image_format=image_format or "jpeg")
    if image_format in (None, dataset.image_format):
        return dataset
    if image_format == "jpeg":
        raise ValueError(f"image_format: the images of {dataset.cache_path.name} are planes; give the data set or its cache of files")
    return build_yuv420_cache(dataset, cache_dir)


def _pipeline(field: str, stages: Any) -> tuple[DecodeStage, list[Callable[[Any], Any]]]:
    if not stages or not isinstance(stages[0], DecodeStage):
        raise ValueError(f"pipelines: that of {field!r} begins with a decode stage, such as DecodeRandomResizedCrop")
    if any(isinstance(stage, DecodeStage) or not callable(stage) for stage in stages[1:]):
        raise ValueError(f"pipelines: what follows the decode stage of {field!r} are functions of a batch")
    return stages[0], list(stages[1:])


def _only_whole(field: str, pipelines: Sequence[tuple[DecodeStage, Any]]) -> None:
    """Checks that a stage of whole images stands alone: their decode is another one."""
    if len(pipelines) > 1 and any(isinstance(stage, WholeStage) for stage, _ in pipelines):
        raise ValueError(f"pipelines: {field!r} has several, and one gives whole images; whole images are a pipeline alone")


def _through(functions: Sequence[Callable[[Any], Any]], images: Any, *, is_one: bool = False) -> Any:
    """A batch through the functions of a pipeline; each of several crops by itself, but for the chains of a MultiCropPipeline."""
    for function in functions:
        if isinstance(function, MultiCropPipeline) or is_one or not isinstance(images, (dict, list)):
            images = function(images)
        elif isinstance(images, dict):
            images = {name: function(batch) for name, batch in images.items()}
        else:
            images = [function(batch) for batch in images]
    return images


def _put(batch: Batch, field: str, value: Any) -> None:
    """Named crops stand in the batch by their names."""
    if not isinstance(value, dict):
        batch[field] = value
        return
    if taken := set(value) & set(batch):
        raise ValueError(f"the crop {sorted(taken)[0]!r} has the name of a field; call it something else")
    batch.update(value)
