"""Patches of slides as a data set: `SlipstreamDataset.from_slides`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .. import _native
from ._dataset import Sample, SlipstreamDataset
from ._slides import SlideEntry
from ._views import View, Wanted

if TYPE_CHECKING:
    import numpy as np

    Corners = np.ndarray[Any, np.dtype[np.float64]]
    Indices = np.ndarray[Any, np.dtype[np.int64]]


class SlideDataset(SlipstreamDataset):
    """Patches of slides. `SlipstreamDataset.from_slides` makes one.

    A sample is a dict: an image (uint8, (height, width, 3)) under each name of the patches, "image" if there is one; the fields of its
    slide; `index` of the sample, number of the `slide`, and `x`, `y` of the left upper corner of the first patch in pixels of the full
    resolution.

    It has the interface of a map-style data set of torch, pickles, and works in processes that are forked or spawned. Slides are opened
    when they are read, at most `open_slides` of them at a time in a process.
    """

    def __init__(
        self,
        slides: Sequence[SlideEntry],
        want: Wanted,
        slide_views: Sequence[Sequence[View]],
        blocks: Sequence[int],
        slide_of: np.ndarray[Any, np.dtype[np.int32]],
        centres: Corners,
        cache_bytes: int,
        open_slides: int,
        place_fields: Mapping[str, Sequence[Any]] | None = None,
    ) -> None:
        self.name = "slides"
        # No cache is made of slides: the archive is one.
        self.identity = None
        self.decode_images, self.to_pil = True, False
        self.field_types = {name: "image" for name in want.names}
        self.slides = list(slides)
        """Path and fields of each slide."""
        self._want = want
        self._views = [list(of) for of in slide_views]
        self._blocks = list(blocks)
        self._slide_of = slide_of
        self._centres = centres
        self._cache_bytes = cache_bytes
        self._open_slides = open_slides
        self._place_fields = {name: list(values) for name, values in (place_fields or {}).items()}
        self._start()

    def _start(self) -> None:
        self._last_family: int | None = None
        self._patches = _native.Patches(
            [(slide.copy or slide.path, slide.stamp, slide.remote) for slide in self.slides],
            self._slide_of,
            self._centres,
            [[(view.level, view.side) for view in of] for of in self._views],
            list(self._want.sizes),
            cache_bytes=self._cache_bytes,
            open_slides=self._open_slides,
        )

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_patches", "_last_family")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._start()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self)} samples of {len(self.slides)} slides>"

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the patches of a sample."""
        return self._want.names

    @property
    def slide_of(self) -> np.ndarray[Any, np.dtype[np.int32]]:
        """The number of the slide of each sample."""
        return self._slide_of

    @property
    def families(self) -> np.ndarray[Any, np.dtype[np.uint64]]:
        """For each sample a number that samples share which lie in the same family of a bundle, or near one another in another slide."""
        import numpy as np

        block = np.asarray(self._blocks, np.float64)[self._slide_of, None]
        x, y = np.floor(np.maximum(self._centres, 0) / block).astype(np.uint64).T
        families: np.ndarray[Any, np.dtype[np.uint64]] = (self._slide_of.astype(np.uint64) << np.uint64(40)) | (y << np.uint64(20)) | x
        return families

    def corners(self) -> Indices:
        """Left upper corners of the first patch of each sample, (n, 2) in pixels of the full resolution."""
        import numpy as np

        span = np.asarray([of[0].span for of in self._views])[self._slide_of, None]
        corners: Indices = np.rint(self._centres - span / 2).astype(np.int64)
        return corners

    def fields_of(self, samples: Any) -> dict[str, list[Any]]:
        """The fields of some samples: those of their slides, and those of their places, such as "annotation"."""
        slides = [self.slides[number].fields for number in self._slide_of[samples]]
        found = {name: [fields[name] for fields in slides] for name in self.slides[0].fields}
        return found | {name: [values[sample] for sample in samples] for name, values in self._place_fields.items()}

    def field(self, name: str) -> list[Any]:
        """A field of each slide, such as "label"."""
        try:
            return [slide.fields[name] for slide in self.slides]
        except KeyError:
            have = ", ".join(sorted(self.slides[0].fields)) or "none"
            raise KeyError(f"{name!r}: the slides have no such field; they have {have}") from None

    def get_index(self, name: str) -> dict[Any, Indices]:
        """The samples of each value of a field: for `indices=` and `subset`."""
        import numpy as np

        if name in self._place_fields:
            values = self._place_fields[name]
            of_value: dict[Any, list[int]] = {}
            for sample, value in enumerate(values):
                of_value.setdefault(value, []).append(sample)
            return {value: np.asarray(samples, np.int64) for value, samples in of_value.items()}
        of_slide: dict[Any, list[int]] = {}
        for number, value in enumerate(self.field(name)):
            of_slide.setdefault(value, []).append(number)
        return {value: np.flatnonzero(np.isin(self._slide_of, numbers)) for value, numbers in of_slide.items()}

    def subset(self, indices: Any) -> SlideDataset:
        """The data set of some samples, in this order; they are numbered anew."""
        import numpy as np

        at = np.asarray(indices, np.int64)
        if at.size and not (0 <= at.min() and at.max() < len(self)):
            raise IndexError(f"indices are 0 to {len(self) - 1}")
        place_fields = {name: [values[sample] for sample in at] for name, values in self._place_fields.items()}
        return type(self)(
            self.slides,
            self._want,
            self._views,
            self._blocks,
            self._slide_of[at],
            self._centres[at],
            self._cache_bytes,
            self._open_slides,
            place_fields,
        )

    def __len__(self) -> int:
        return len(self._slide_of)

    def raw(self, index: int) -> Sample:
        """A sample: patches are decoded when they are read."""
        return self[index]

    def __getitem__(self, index: int) -> Sample:
        at = index + len(self) if index < 0 else index
        if not 0 <= at < len(self):
            raise IndexError(f"there is no sample {index}: there are {len(self)}")
        slide = int(self._slide_of[at])
        # A neighbour of the sample before is likely to have neighbours after it: then the whole family is worth decoding.
        block = self._blocks[slide]
        family = hash((slide, *(int(centre // block) for centre in self._centres[at])))
        alone, self._last_family = family != self._last_family, family
        images = self._patches.read(int(at), alone=alone)
        span = self._views[slide][0].span
        x, y = (round(float(centre) - span / 2) for centre in self._centres[at])
        sample: Sample = dict(zip(self.names, images, strict=True))
        own = {name: values[at] for name, values in self._place_fields.items()}
        return sample | dict(self.slides[slide].fields) | own | {"index": int(at), "slide": slide, "x": x, "y": y}

    def __getitems__(self, indices: Sequence[int]) -> list[Sample]:
        """Some samples at once: what torch's loader calls for a batch. Those of one family are read one after the other; what they need of bundles at
        addresses is fetched together."""
        import numpy as np

        fetched = self._fetched(indices)
        near = np.argsort(self.families[np.asarray(indices)], kind="stable")
        samples: list[Sample] = [{}] * len(indices)
        for at in near:
            samples[at] = self[int(indices[at])]
        del fetched
        return samples

    def _fetched(self, indices: Any) -> object:
        """What holds the bytes of some samples, where bundles lie at addresses: while it is there they are read without waiting."""
        if all(slide.remote is None for slide in self.slides):
            return None
        return self._patches.fetch([int(index) for index in indices])
