"""Inputs, made in code: an image that looks a little like tissue, as a tiled pyramid, a bundle at each preset, and a tree."""

import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from pictures import MPP, draw, halved

import origami

@pytest.fixture(scope="session")
def image() -> np.ndarray:
    """The pixels of the slide: odd sizes, several families, and families that end in the middle."""
    return draw(2501, 1803)


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("origami")


@pytest.fixture(scope="session")
def slide_path(image: np.ndarray, work: Path) -> Path:
    """A tiled TIFF with levels, which OpenSlide reads as well."""
    path = work / "slide.tif"
    options = {"tile": (240, 240), "compression": "zlib", "photometric": "rgb"}
    per_cm = 10_000 / MPP
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(image, resolution=(per_cm, per_cm), resolutionunit="CENTIMETER", metadata=None, **options)
        level = image
        for _ in range(2):
            level = halved(level)
            tiff.write(level, subfiletype=1, metadata=None, **options)
    return path


@pytest.fixture(scope="session")
def bundle_path(slide_path: Path, work: Path) -> Path:
    return origami.encode(slide_path, work / "balanced").bundle


@pytest.fixture(scope="session")
def tree_path(bundle_path: Path, work: Path) -> Path:
    return origami.decode(bundle_path, work / "tree", format="png")


@pytest.fixture(scope="session")
def lossless_path(work: Path, image: np.ndarray) -> Path:
    """A bundle of the original tiles of a tree of JPEGs."""
    Image.fromarray(image).save(work / "for-lossless.png")
    rough = origami.encode(work / "for-lossless.png", work / "for-lossless", preset="balanced").bundle
    tree = origami.decode(rough, work / "jpeg-tree", quality=90)
    return origami.encode(tree, work / "lossless", preset="lossless").bundle


@pytest.fixture(scope="session")
def demo_slide() -> Path:
    """CMU-1-Small-Region, a real slide under CC0."""
    path = Path(os.environ.get("ORIGAMI_DEMO_SLIDE", ""))
    if not path.is_file():
        pytest.skip("SKIPPED: no real slide; scripts/setup.sh puts it into target/demo")
    return path


@pytest.fixture(scope="session")
def demo_bundle(demo_slide: Path, work: Path) -> Path:
    return origami.encode(demo_slide, work / "demo").bundle
