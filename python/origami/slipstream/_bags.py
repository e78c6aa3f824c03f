"""Bags for multiple-instance learning: a slide is a sample, of so many patches."""

from __future__ import annotations

from typing import Any

from .. import _native
from ._dataset import Sample
from ._slide_dataset import SlideDataset


class SlipstreamBags:
    """Bags of `patches` patches, one for each slide of a data set that has any. It is a map-style data set itself.

    A bag has, for each name of the patches, an array (patches, height, width, 3); the fields of its slide; lists of those of its places; `index` of its samples in the
    data set; the number of the `slide`. Seed, epoch and slide decide which they are. Of a slide with fewer patches some come again.
    """

    def __init__(self, dataset: SlideDataset, patches: int, *, seed: int = 0) -> None:
        import numpy as np

        if patches < 1:
            raise ValueError(f"patches {patches}: it is at least 1")
        self.dataset = dataset
        self.patches = patches
        self.seed = seed
        self._epoch = 0
        self._slides = np.unique(dataset.slide_of)

    def set_epoch(self, epoch: int) -> None:
        """Draws other patches."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._slides)

    def __getitem__(self, index: int) -> Sample:
        import numpy as np

        if not -len(self) <= index < len(self):
            raise IndexError(f"there is no bag {index}: there are {len(self)}")
        slide = int(self._slides[index])
        own = np.flatnonzero(self.dataset.slide_of == slide)
        any_order = own[np.argsort(_native.draw([self.seed, self._epoch, slide], len(own)), kind="stable")]
        # Near one another, so that each family is decoded once.
        taken = np.resize(any_order, self.patches)
        taken = taken[np.argsort(self.dataset.families[taken], kind="stable")]
        fetched = self.dataset._fetched(taken)
        samples = [self.dataset._patches.read(int(sample), alone=False) for sample in taken]
        bag: Sample = {name: np.stack(images) for name, images in zip(self.dataset.names, zip(*samples, strict=True), strict=True)}
        del fetched
        of_slide = self.dataset.slides[slide].fields
        of_places = {name: values for name, values in self.dataset.fields_of(taken).items() if name not in of_slide}
        return bag | dict(of_slide) | of_places | {"index": taken, "slide": slide}
