"""Metrics on arrays whose answer is known."""

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000

from origami_evals.metrics import LOSSLESS_DB, NAMES, delta_e_2000, fast_metrics, psnr, ssim, ycbcr
from origami_evals.perceptual import ms_ssim, slow_metrics, ssimulacra2, vif
from origami_evals.words import scaled, told


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """Blobs of colour, 192 x 208."""
    y, x = np.mgrid[:192, :208]
    planes = [128 + 90 * np.sin(x / a) * np.cos(y / b) for a, b in ((7, 11), (13, 9), (21, 5))]
    return np.clip(np.stack(planes, 2), 0, 255).astype(np.uint8)


def noisy(picture: np.ndarray, sigma: float) -> np.ndarray:
    noise = np.random.default_rng(1).normal(0, sigma, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def test_psnr_of_a_known_error():
    a = np.full((10, 10), 100, np.uint8)
    assert psnr(a, a + 5) == pytest.approx(20 * np.log10(255 / 5))
    assert psnr(a, a) == LOSSLESS_DB


def test_ycbcr_of_primaries():
    colours = np.array([[[255, 255, 255], [0, 0, 0], [255, 0, 0], [0, 0, 255]]], np.uint8)
    expected = [[255, 0, 0], [0, 0, 0], [76.245, -43.03, 127.5], [29.07, 127.5, -20.74]]
    assert ycbcr(colours)[0] == pytest.approx(np.array(expected), abs=0.02)


def test_equal_pictures_are_perfect(picture):
    found = fast_metrics(picture, picture) | slow_metrics(picture, picture)
    assert set(found) == set(NAMES)
    assert found["y_psnr"] == found["rgb_psnr"] == LOSSLESS_DB
    for name in ("ssim_y", "ssim_rgb", "ms_ssim", "vif"):
        assert found[name] == pytest.approx(1, abs=1e-4)
    assert found["delta_e_2000_mean"] == found["delta_e_2000_p95"] == 0
    assert found["ssimulacra2"] == pytest.approx(100, abs=0.5)


def test_more_noise_is_worse_by_every_metric(picture):
    little, much = (fast_metrics(picture, p) | slow_metrics(picture, p) for p in (noisy(picture, 3), noisy(picture, 12)))
    for name in NAMES:
        assert scaled(name, little[name]) > scaled(name, much[name]), name


def test_ssim_of_constant_planes_is_that_of_their_means():
    a, b, c1 = np.full((32, 32), 100.0), np.full((32, 32), 150.0), (0.01 * 255) ** 2
    expected = (2 * 100 * 150 + c1) / (100**2 + 150**2 + c1)
    assert ssim(a, b) == pytest.approx(expected, rel=1e-4)


def test_delta_e_of_a_published_pair():
    """The first of the test pairs of Sharma, Wu and Dalal (2005)."""
    assert deltaE_ciede2000([50, 2.6772, -79.7751], [50, 0, -82.7485]) == pytest.approx(2.0425, abs=1e-4)


def test_delta_e_of_neighbouring_greys():
    a, b = np.full((2, 2, 3), 119, np.uint8), np.full((2, 2, 3), 122, np.uint8)
    assert delta_e_2000(a, b).mean() == pytest.approx(1.2, abs=0.15)


def test_ms_ssim_needs_five_scales(picture):
    small = ycbcr(picture)[:100, :100, 0]
    assert ms_ssim(small, small) is None


def test_vif_of_a_plane_with_less_contrast_is_below_one(picture):
    plane = ycbcr(picture)[..., 0]
    assert 0 < vif(plane, plane * 0.5 + 64) < 1
    assert vif(plane, np.full_like(plane, plane.mean())) < 0.01


def test_ssimulacra2_falls(picture):
    assert ssimulacra2(picture, noisy(picture, 2)) > ssimulacra2(picture, noisy(picture, 20))


@pytest.mark.parametrize(("metric", "value"), [("ssim_y", 0.93), ("delta_e_2000_mean", 2.5), ("y_psnr", 38.0)])
def test_scales_go_back(metric, value):
    assert told(metric, scaled(metric, value)) == pytest.approx(value)
