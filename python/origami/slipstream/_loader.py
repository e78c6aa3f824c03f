"""Batches that are ready for training: decoded, cropped, read ahead by threads of Rust."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Union

from ._cache import OptimizedCache
from ._dataset import SlipstreamDataset
from ._passes import Batch, Passes, Shuffle, column
from ._slide_dataset import SlideDataset
from ._slides import Path_
from ._stages import DecodeCenterCrop, DecodeRandomResizedCrop, DecodeStage

if TYPE_CHECKING:
    import numpy as np

Pipeline = Sequence[Union[DecodeStage, Callable[[Any], Any]]]
Pipelines = Mapping[str, Union[Pipeline, Sequence[Pipeline]]]

# L0 and L1 of a family of tiles of 256 pixels, in RGB.
_FAMILY_BYTES = 3 * (1024 * 1024 + 512 * 512)


class SlipstreamLoader(Passes):
    """Batches of images, read ahead by threads without the interpreter's lock.

    dataset: patches of slides (`SlipstreamDataset.from_slides`), a cache, or a data set of encoded images, whose cache is built first where it
        is not there (in `cache_dir`).
    num_workers: threads; one a core by default. Processes are not needed.
    pipelines: for a field of images its stages: a list that begins with a decode stage, whose other stages are functions of a batch; or
        several such lists, which share one decode, and whose results are a list. Patches of slides have no decode stage.
    crop_size, crop_mode: instead of pipelines, every image field by DecodeRandomResizedCrop ("random") or DecodeCenterCrop ("center").
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
            cache = dataset if isinstance(dataset, OptimizedCache) else OptimizedCache.build(dataset, cache_dir)
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
        """An array on the device that was asked for."""
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

    def batches(self, loader: SlipstreamLoader, order: Any, epoch: int) -> Iterator[tuple[int, Batch]]:
        dataset, corners = self._dataset, self._dataset.corners()
        stream = dataset._patches.stream(order, loader._reading, alone=loader._shuffle == "sample", planes=loader._planes)
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
        streams = {}
        for field, (_, pipelines) in self._pipelines.items():
            crops = [crop for stage, _ in pipelines for crop in stage.crops(loader.seed)]
            streams[field] = self._cache.blobs(field).crops(order, loader._reading, crops=crops, epoch=epoch, planes=loader._planes)
        for parts in zip(*streams.values(), strict=True):
            samples = parts[0][0]
            batch: Batch = {}
            for (field, (several, pipelines)), (_, images) in zip(self._pipelines.items(), parts, strict=True):
                placed = iter([loader._placed(image) for image in images])
                made = []
                for stage, functions in pipelines:
                    output = stage.output([next(placed) for _ in stage.crops(loader.seed)])
                    made.append(_through(functions, output))
                _put(batch, field, made if several else made[0])
            for field, values in self._columns.items():
                chosen = [values[sample] for sample in samples] if isinstance(values, list) else values[samples]
                batch[field] = loader._placed(chosen)
            yield len(samples), batch | {"indices": samples}


def _pipeline(field: str, stages: Any) -> tuple[DecodeStage, list[Callable[[Any], Any]]]:
    if not stages or not isinstance(stages[0], DecodeStage):
        raise ValueError(f"pipelines: that of {field!r} begins with a decode stage, such as DecodeRandomResizedCrop")
    if any(isinstance(stage, DecodeStage) or not callable(stage) for stage in stages[1:]):
        raise ValueError(f"pipelines: what follows the decode stage of {field!r} are functions of a batch")
    return stages[0], list(stages[1:])


def _through(functions: Sequence[Callable[[Any], Any]], images: Any) -> Any:
    """A batch through the functions of a pipeline; each of several crops by itself."""
    if isinstance(images, dict):
        return {name: _through(functions, batch) for name, batch in images.items()}
    if isinstance(images, list):
        return [_through(functions, batch) for batch in images]
    for function in functions:
        images = function(images)
    return images


def _put(batch: Batch, field: str, value: Any) -> None:
    """Named crops stand in the batch by their names."""
    if not isinstance(value, dict):
        batch[field] = value
        return
    if taken := set(value) & set(batch):
        raise ValueError(f"the crop {sorted(taken)[0]!r} has the name of a field; call it something else")
    batch.update(value)
