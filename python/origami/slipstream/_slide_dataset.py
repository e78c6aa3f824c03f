"""Patches of slides as a data set: `SlipstreamDataset.from_slides`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from .. import _native
from .._slide import Slide
from ._dataset import Sample, SlipstreamDataset
from ._slides import Path_, SlideEntry, Slides, entries
from ._tissue import Feature, TissueMask, tissue_mask
from ._views import PerView, View, Wanted, views, wanted

if TYPE_CHECKING:
    import numpy as np

    Corners = np.ndarray[Any, np.dtype[np.float64]]
    Indices = np.ndarray[Any, np.dtype[np.int64]]

# A random place is tried so often before a slide is said to have too little tissue.
_TRIES = 200
# What is read together of slides that are no bundles, in pixels of the full resolution.
_NEIGHBOURHOOD = 1024


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
        self._start()

    def _start(self) -> None:
        self._last_family: int | None = None
        self._patches = _native.Patches(
            [(slide.path, slide.stamp) for slide in self.slides],
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
        return type(self)(
            self.slides, self._want, self._views, self._blocks, self._slide_of[at], self._centres[at], self._cache_bytes, self._open_slides
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
        return sample | dict(self.slides[slide].fields) | {"index": int(at), "slide": slide, "x": x, "y": y}

    def __getitems__(self, indices: Sequence[int]) -> list[Sample]:
        """Some samples at once: what torch's loader calls for a batch. Those of one family are read one after the other."""
        import numpy as np

        near = np.argsort(self.families[np.asarray(indices)], kind="stable")
        samples: list[Sample] = [{}] * len(indices)
        for at in near:
            samples[at] = self[int(indices[at])]
        return samples


def of_slides(
    slides: Slides,
    *,
    size: int | Mapping[str, int],
    level: PerView,
    target_mpp: PerView,
    magnification: PerView,
    tolerance: float,
    stride: float | None,
    count: int | None,
    coordinates: Mapping[Path_, Any] | Callable[[Slide], Any] | None,
    tissue: float | None,
    tissue_feature: Feature,
    masks: Callable[[Slide], TissueMask] | None,
    seed: int,
    cache_bytes: int,
    open_slides: int,
    threads: int | None,
) -> SlideDataset:
    """What `SlipstreamDataset.from_slides` does, with its arguments."""
    import numpy as np

    want = wanted(size, level, target_mpp, magnification, tolerance)
    if sum(given is not None for given in (stride, count, coordinates)) > 1:
        raise ValueError("stride, count, coordinates: give one of them")
    if stride is not None and not stride > 0:
        raise ValueError(f"stride {stride}: it is more than 0 pixels")
    if count is not None and count < 1:
        raise ValueError(f"count {count}: it is at least 1")
    if tissue is not None and not 0 <= tissue <= 1:
        raise ValueError(f"tissue {tissue}: it is a part, 0 to 1")
    if tissue is None and masks is not None:
        raise ValueError("masks: give tissue as well, the least part of a patch that is tissue")
    listed = entries(slides)
    by_path = {os.fspath(path): corners for path, corners in coordinates.items()} if isinstance(coordinates, Mapping) else None
    if by_path is not None and (unknown := set(by_path) - {entry.path for entry in listed}):
        raise ValueError(f"coordinates: {sorted(unknown)[0]} is not among the slides")

    def look(item: tuple[int, SlideEntry]) -> tuple[list[View], int, Corners]:
        number, entry = item
        with Slide(entry.path, cache_bytes=64 << 20) as slide:
            of = views(slide, want)
            mask = None
            if tissue is not None:
                mask = masks(slide) if masks is not None else tissue_mask(slide, feature=tissue_feature)
            accept = _accept(mask, tissue, of[0].span)
            if coordinates is not None:
                corners = coordinates(slide) if callable(coordinates) else (by_path or {}).get(entry.path, np.empty((0, 2)))
                centres = _corners(corners, entry.path) + of[0].span / 2
                centres = centres[accept(centres)]
            elif count is not None:
                centres = _at_random(slide, of[0].span, count, [seed, number], accept)
            else:
                step = of[0].span * (1 if stride is None else stride / want.sizes[0])
                centres = _grid(slide, of[0].span, step)
                centres = centres[accept(centres)]
            tile = slide._native.tile
            is_bundle = slide._native.kind == "bundle" and tile is not None
            return of, 4 * tile[0] if is_bundle and tile is not None else _NEIGHBOURHOOD, centres

    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        looked = list(pool.map(look, enumerate(listed)))
    slide_of = np.repeat(np.arange(len(listed), dtype=np.int32), [len(centres) for _, _, centres in looked])
    centres = np.ascontiguousarray(np.concatenate([centres for _, _, centres in looked]), np.float64)
    if len(centres) == 0:
        raise ValueError(f"no patch of {want.sizes[0]} pixels lies in any of the {len(listed)} slides, or has so much tissue")
    return SlideDataset(listed, want, [of for of, _, _ in looked], [block for _, block, _ in looked], slide_of, centres, cache_bytes, open_slides)


def _accept(mask: TissueMask | None, least: float | None, span: float) -> Callable[[Corners], np.ndarray[Any, np.dtype[np.bool_]]]:
    """Which patches have enough tissue."""
    import numpy as np

    if mask is None or least is None:
        return lambda centres: np.ones(len(centres), np.bool_)
    return lambda centres: mask.fraction(centres, span) >= least


def _corners(corners: Any, path: str) -> Corners:
    import numpy as np

    found = np.asarray(corners, np.float64).reshape(-1, 2) if np.size(corners) == 0 else np.asarray(corners, np.float64)
    if found.ndim != 2 or found.shape[1] != 2 or not np.isfinite(found).all():
        raise ValueError(f"{path}: its coordinates have the shape {found.shape}; give pairs of numbers, (n, 2)")
    return found


def _grid(slide: Slide, span: float, step: float) -> Corners:
    """Centres of the patches of a grid that lie inside the slide, row by row."""
    import numpy as np

    # What rounding adds to a span must not cost a row.
    counts = [int((side - span) / step + 1e-6) + 1 if side >= span else 0 for side in slide.dimensions]
    x, y = np.meshgrid(*(np.arange(count) * step for count in counts))
    return np.stack([x.ravel(), y.ravel()], axis=1) + span / 2


def _at_random(
    slide: Slide, span: float, count: int, numbers: list[int], accept: Callable[[Corners], np.ndarray[Any, np.dtype[np.bool_]]]
) -> Corners:
    """Centres at random places inside the slide that `numbers` decide; fewer where hardly any has enough tissue."""
    import numpy as np

    room = np.asarray(slide.dimensions, np.float64) - span
    found = np.empty((0, 2))
    for turn in range(_TRIES if (room >= 0).all() else 0):
        drawn = _native.draw([*numbers, turn], 2 * count).reshape(-1, 2)
        centres = np.floor(drawn * (room + 1)) + span / 2
        found = np.concatenate([found, centres[accept(centres)]])[:count]
        if len(found) == count:
            break
    return found
