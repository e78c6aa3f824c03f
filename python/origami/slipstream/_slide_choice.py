"""What `SlipstreamDataset.from_slides` means: which patches of which slides."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .. import _native
from .._remote_file import is_remote
from .._slide import Slide
from ._addresses import opened, reached
from ._annotations import Annotations, annotations_of, classes_of_patches
from ._places import Places
from ._slide_dataset import SlideDataset
from ._slides import Path_, SlideEntry, Slides, entries
from ._tissue import Feature, TissueMask, saved_tissue_mask, tissue_mask
from ._views import PerView, View, Wanted, views, wanted

if TYPE_CHECKING:
    import numpy as np

    Corners = np.ndarray[Any, np.dtype[np.float64]]
    Accept = Callable[[Corners], np.ndarray[Any, np.dtype[np.bool_]]]

# A random place is tried so often before a slide is said to have too little tissue.
_TRIES = 200
# What is read together of slides that are no bundles, in pixels of the full resolution.
_NEIGHBOURHOOD = 1024
# Slides at addresses that are looked at at once: most of the time is waited.
_WAITING = 16


@dataclass(frozen=True)
class _Choice:
    """Where the patches of a slide are, as the arguments of `from_slides` say."""

    want: Wanted
    stride: float | None
    count: int | None
    coordinates: Callable[[Slide], Any] | Mapping[str, Any] | None
    annotations: Annotations | None
    annotated: float
    unannotated: str | None
    tissue: float | None
    mask: Callable[[Slide], TissueMask]
    seed: int
    storage_options: Mapping[str, Any] | None

    def check(self) -> None:
        """That they can be."""
        if sum(given is not None for given in (self.stride, self.count, self.coordinates)) > 1:
            raise ValueError("stride, count, coordinates: give one of them")
        if self.stride is not None and not self.stride > 0:
            raise ValueError(f"stride {self.stride}: it is more than 0 pixels")
        if self.count is not None and self.count < 1:
            raise ValueError(f"count {self.count}: it is at least 1")
        if self.tissue is not None and not 0 <= self.tissue <= 1:
            raise ValueError(f"tissue {self.tissue}: it is a part, 0 to 1")
        if not 0 <= self.annotated <= 1:
            raise ValueError(f"annotated {self.annotated}: it is a part, 0 to 1")
        if self.annotations is None and self.unannotated is not None:
            raise ValueError("unannotated: give annotations as well")

    def look(self, number: int, entry: SlideEntry) -> _Looked:
        """At a slide."""
        if is_remote(entry.path):
            entry = reached(entry, self.storage_options)
        with opened(entry, 64 << 20) as slide:
            of = views(slide, self.want)
            span = of[0].span
            mask = None if self.tissue is None else self.mask(slide)
            accept = _accept(mask, self.tissue, span)
            places = self._places(slide, entry, span, [self.seed, number], accept)
            if self.annotations is not None:
                regions = annotations_of(self.annotations, slide, entry.path)
                classes = classes_of_patches(regions, slide.dimensions, places.centres, span, self.annotated)
                classes = [self.unannotated if name is None else name for name in classes]
                places = _where(Places(places.centres, {**places.fields, "annotation": classes}), [name is not None for name in classes])
            tile = slide._native.tile
            is_bundle = slide._native.kind == "bundle" and tile is not None
            return _Looked(entry, of, 4 * tile[0] if is_bundle and tile is not None else _NEIGHBOURHOOD, places)

    def _places(self, slide: Slide, entry: SlideEntry, span: float, numbers: list[int], accept: Accept) -> Places:
        import numpy as np

        if self.coordinates is not None:
            given = self.coordinates(slide) if callable(self.coordinates) else self.coordinates.get(entry.path, np.empty((0, 2)))
            places = given if isinstance(given, Places) else Places(_corners(given, entry.path) + span / 2)
            return _where(places, accept(places.centres))
        if self.count is not None:
            return Places(_at_random(slide, span, self.count, numbers, accept))
        step = span * (1 if self.stride is None else self.stride / self.want.sizes[0])
        centres = _grid(slide, span, step)
        return Places(centres[accept(centres)])


@dataclass(frozen=True)
class _Looked:
    """What is known of a slide after a look at it."""

    entry: SlideEntry
    views: list[View]
    block: int
    places: Places


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
    annotations: Annotations | None,
    annotated: float,
    unannotated: str | None,
    tissue: float | None,
    tissue_feature: Feature,
    masks: Callable[[Slide], TissueMask] | None,
    save_masks: bool | Path_,
    seed: int,
    cache_bytes: int,
    open_slides: int,
    threads: int | None,
    storage_options: Mapping[str, Any] | None,
) -> SlideDataset:
    """What `SlipstreamDataset.from_slides` does, with its arguments."""
    import numpy as np

    want = wanted(size, level, target_mpp, magnification, tolerance)
    if tissue is None and (masks is not None or save_masks is not False):
        raise ValueError("masks, save_masks: give tissue as well, the least part of a patch that is tissue")
    if masks is not None and save_masks is not False:
        raise ValueError("masks, save_masks: give one of them; TissueMask.save keeps a mask of your own")

    def mask(slide: Slide) -> TissueMask:
        if masks is not None:
            return masks(slide)
        if save_masks is False:
            return tissue_mask(slide, feature=tissue_feature)
        return saved_tissue_mask(slide, feature=tissue_feature, directory=None if save_masks is True else save_masks)

    by_path = {os.fspath(path): corners for path, corners in coordinates.items()} if isinstance(coordinates, Mapping) else coordinates
    choice = _Choice(want, stride, count, by_path, annotations, annotated, unannotated, tissue, mask, seed, storage_options)
    choice.check()
    found = entries(slides, storage_options)
    if isinstance(by_path, Mapping) and (unknown := set(by_path) - {entry.path for entry in found}):
        raise ValueError(f"coordinates: {sorted(unknown)[0]} is not among the slides")
    waits = any(is_remote(entry.path) for entry in found)
    with ThreadPoolExecutor(threads or max(os.cpu_count() or 1, _WAITING * waits)) as pool:
        looked = list(pool.map(choice.look, range(len(found)), found))
    listed = [of.entry for of in looked]
    slide_of = np.repeat(np.arange(len(listed), dtype=np.int32), [len(of.places.centres) for of in looked])
    centres = np.ascontiguousarray(np.concatenate([of.places.centres for of in looked]), np.float64)
    if len(centres) == 0:
        also = " or lies in an annotation" if annotations is not None else ""
        raise ValueError(f"no patch of {want.sizes[0]} pixels lies in any of the {len(listed)} slides, or has so much tissue{also}")
    place_fields = _place_fields([of.places for of in looked], listed)
    blocks = [of.block for of in looked]
    return SlideDataset(listed, want, [of.views for of in looked], blocks, slide_of, centres, cache_bytes, open_slides, place_fields)


def _place_fields(places: Sequence[Places], listed: Sequence[SlideEntry]) -> dict[str, list[Any]]:
    """Those of all slides together. Slides without places need not have any."""
    some = [(of, entry) for of, entry in zip(places, listed, strict=True) if len(of.centres)]
    names = set(some[0][0].fields)
    for of, entry in some:
        if set(of.fields) != names:
            raise ValueError(f"{entry.path}: its places have the fields {sorted(of.fields)}, those of the first slide {sorted(names)}")
        if taken := names & ({"image", "index", "slide", "x", "y"} | set(entry.fields)):
            raise ValueError(f"{entry.path}: the field {sorted(taken)[0]!r} of its places has the name of another; call it something else")
    return {name: [value for of, _ in some for value in of.fields[name]] for name in sorted(names)}


def _where(places: Places, chosen: Any) -> Places:
    """Those that are chosen."""
    import numpy as np

    at = np.flatnonzero(np.asarray(chosen, np.bool_))
    return Places(places.centres[at], {name: [values[number] for number in at] for name, values in places.fields.items()})


def _accept(mask: TissueMask | None, least: float | None, span: float) -> Accept:
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


def _at_random(slide: Slide, span: float, count: int, numbers: list[int], accept: Accept) -> Corners:
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
