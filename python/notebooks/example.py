"""What the notebooks read: a slide, a folder of images cut from it, and a way to show batches."""

import os
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

import origami
from origami.slipstream import SlipstreamDataset


def work() -> Path:
    """Where the notebooks write: ORIGAMI_NOTEBOOK_WORK, else a directory beside them."""
    path = Path(os.environ.get("ORIGAMI_NOTEBOOK_WORK", "notebook-work"))
    path.mkdir(parents=True, exist_ok=True)
    return path


def slide() -> Path:
    """The slide that ORIGAMI_DEMO_SLIDE names (scripts/setup.sh fetches one), else one that is drawn here."""
    given = os.environ.get("ORIGAMI_DEMO_SLIDE", "")
    if Path(given).is_file():
        return Path(given)
    path = work() / "drawn.png"
    if not path.exists():
        y, x = np.mgrid[0:1800, 0:2400].astype(float)
        tissue = ((x - 1200) / 1000) ** 2 + ((y - 900) / 700) ** 2 < 1
        nuclei = (np.sin(x / 9) * np.sin(y / 8) > 0.6) & (np.sin(x / 150) + np.sin(y / 130) > -0.4)
        noise = np.random.default_rng(1).normal(0, 7, (1800, 2400, 1))
        colours = np.where(nuclei[..., None], [105, 70, 150], [226, 160, 200])
        Image.fromarray((np.where(tissue[..., None], colours, 244) + noise).clip(0, 255).astype(np.uint8)).save(path)
    return path


def bundle() -> Path:
    """The slide, encoded."""
    out = work() / "slide"
    made = out / "residual_packs" / "residuals.bundle"
    return made if made.exists() else origami.encode(slide(), out).bundle


def image_folder() -> Path:
    """Images of two classes, cut from tissue: the paler half, and the darker one."""
    root = work() / "images"
    if not root.exists():
        patches = SlipstreamDataset.from_slides(bundle(), size=320, count=24, seed=1, tissue=0.7, tissue_feature="absorbance")
        images = [patches[number]["image"] for number in range(len(patches))]
        middle = np.median([image.mean() for image in images])
        for number, image in enumerate(images):
            path = root / ("pale" if image.mean() > middle else "dark") / f"{number:02}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            # Of different shapes, as photographs are.
            Image.fromarray(image[: 320 - 4 * (number % 10)]).save(path, quality=92)
    return root


def show(images: Any, titles: Any = (), columns: int = 8, scale: float = 1.6) -> None:
    """A batch as a sheet: (batch, 3, height, width) or (batch, height, width, 3), bytes or floats from 0 to 1."""
    pictures = [np.asarray(image) for image in images]
    pictures = [image.transpose(1, 2, 0) if image.shape[0] == 3 else image for image in pictures]
    rows = -(-len(pictures) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(scale * columns, scale * 1.12 * rows), squeeze=False)
    for axis in axes.ravel():
        axis.axis("off")
    for number, (axis, picture) in enumerate(zip(axes.ravel(), pictures, strict=False)):
        axis.imshow(picture)
        if number < len(titles):
            axis.set_title(str(titles[number]), fontsize=8)
    figure.tight_layout(pad=0.3)
    plt.show()
