"""Encoded images for benches, and ffcv's loader on them."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from PIL import Image


def images(count: int) -> list[dict[str, Any]]:
    """JPEGs of 500 x 375 pixels in 4:2:0 with the detail of photographs, the size of ImageNet's."""
    random = np.random.default_rng(3)
    made = []
    for number in range(count):
        layers = [
            np.asarray(Image.fromarray(random.integers(0, 256, (side * 3 // 4, side, 3), np.uint8)).resize((500, 375), Image.Resampling.BICUBIC), float)
            for side in (8, 40, 160)
        ]
        picture = np.clip(0.6 * layers[0] + 0.25 * layers[1] + 0.15 * layers[2], 0, 255).astype(np.uint8)
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=90, subsampling=2)
        made.append({"image": file.getvalue(), "label": number})
    return made


class Source:
    """Samples as ffcv writes them."""

    def __init__(self, samples: list[dict[str, Any]]) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, at: int) -> tuple[Any, int]:
        return Image.open(io.BytesIO(self.samples[at]["image"])), self.samples[at]["label"]


def ffcv_file(path: Path, samples: list[dict[str, Any]], workers: int) -> tuple[Path, Callable[[int], float]]:
    """A .beton with these images as JPEGs of quality 90, written by ffcv, and the images a second of its loader."""
    from ffcv import DatasetWriter
    from ffcv.fields import IntField, RGBImageField
    from ffcv.fields.rgb_image import RandomResizedCropRGBImageDecoder
    from ffcv.loader import Loader, OrderOption

    DatasetWriter(str(path), {"image": RGBImageField(write_mode="jpg", jpeg_quality=90), "label": IntField()}).from_indexed_dataset(Source(samples))
    stages = {"image": [RandomResizedCropRGBImageDecoder((224, 224))]}
    loader = Loader(str(path), batch_size=256, num_workers=workers, order=OrderOption.RANDOM, pipelines=stages, drop_last=False)
    # Its code is compiled by the first pass.
    for _ in loader:
        pass

    def run(_: int) -> float:
        start = perf_counter()
        count = sum(len(batch[0]) for batch in loader)
        return count / (perf_counter() - start)

    return path, run
