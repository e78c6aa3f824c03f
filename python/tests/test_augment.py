"""What augmentations and statistics do without torch."""

import re
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pictures import draw

import origami.slipstream as slipstream
from origami.slipstream import OptimizedCache, SlipstreamDataset, compute_normalization_stats

try:
    import torch  # noqa: F401

    HAS_TORCH = True
except ImportError:
    HAS_TORCH = False


def test_every_name_is_there() -> None:
    missing = [name for name in slipstream.__all__ if not hasattr(slipstream, name)]
    assert not missing and slipstream.__all__ == sorted(slipstream.__all__)
    assert sum(name.startswith("Random") for name in slipstream.__all__) >= 27


def test_the_other_name_of_the_package_has_the_same() -> None:
    import visionlab.slipstream as other

    assert other.__all__ == slipstream.__all__
    assert all(getattr(other, name) is getattr(slipstream, name) for name in slipstream.__all__)


def test_every_name_is_in_the_documents() -> None:
    page = (Path(__file__).parents[2] / "docs" / "python-api.md").read_text("utf-8")
    named = set(re.findall(r"`([A-Za-z_]\w*)", page))
    assert not set(slipstream.__all__) - named
    stages = page[page.index("## Batch augmentations") : page.index("**What decides the numbers.**")]
    classes = {name for name in re.findall(r"`([A-Z][A-Za-z]*)`", stages) if name != "ColorJitter"}
    assert not classes - set(slipstream.__all__)


def test_torch_is_imported_by_those_who_use_it() -> None:
    code = "import sys, origami.slipstream; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.skipif(HAS_TORCH, reason="SKIPPED: torch is installed")
def test_without_torch_the_package_to_install_is_named() -> None:
    for stage in (slipstream.ToFloat(), slipstream.ToTorchImage(), slipstream.ToDevice("cpu")):
        with pytest.raises(ImportError, match=r"pip install 'origami-wsi\[torch\]'"):
            stage(np.zeros((1, 3, 4, 4), np.uint8))


def test_parameters_are_checked_without_torch() -> None:
    wrong = [
        lambda: slipstream.RandomBrightness((2, 1)),
        lambda: slipstream.RandomHue(0.7),
        lambda: slipstream.RandomGaussianBlur(4),
        lambda: slipstream.RandomPosterize(9),
        lambda: slipstream.RandomZoom((0.5, 1)),
        lambda: slipstream.RandomErasing(p=1.5),
        lambda: slipstream.RandomAffine(translate=(2, 0)),
        lambda: slipstream.Normalize((0.5,) * 3, (0.1, 0.0, 0.1)),
        lambda: slipstream.RandomRotate(10, seed=-1),
        lambda: slipstream.multicrop(global_crops=0),
    ]
    for make in wrong:
        with pytest.raises(ValueError):
            make()


def encoded(number: int) -> bytes:
    file = BytesIO()
    Image.fromarray(draw(60 + number, 40)).save(file, "PNG")
    return file.getvalue()


def test_statistics_are_those_of_all_pixels(tmp_path: Path, bundle_path: Path) -> None:
    samples = [{"image": encoded(number), "label": number} for number in range(7)]
    dataset = SlipstreamDataset(samples, identity="statistics")
    every = np.concatenate([draw(60 + number, 40).reshape(-1, 3) for number in range(7)]) / 255
    for source in (dataset, OptimizedCache.build(dataset, tmp_path)):
        mean, std = compute_normalization_stats(source)
        assert np.allclose(mean, every.mean(0), atol=1e-12) and np.allclose(std, every.std(0), atol=1e-12)
    some = compute_normalization_stats(dataset, indices=[2], threads=1)
    assert np.allclose(some.mean, draw(62, 40).reshape(-1, 3).mean(0) / 255)
    patches = SlipstreamDataset.from_slides(bundle_path, size=300)
    pixels = np.concatenate([patches[at]["image"].reshape(-1, 3) for at in range(len(patches))]) / 255
    assert np.allclose(compute_normalization_stats(patches).std, pixels.std(0))
    with pytest.raises(ValueError, match="no pixels"):
        compute_normalization_stats(dataset, indices=[])
    with pytest.raises(ValueError, match="the images are image"):
        compute_normalization_stats(dataset, field="label")
