"""Nuclei and stains on drawn tissue, where the answer is known."""

import numpy as np
import pytest
from skimage.color import hed2rgb

from origami_evals.nuclei import Nuclei, agreement, find_nuclei
from origami_evals.stains import angle_deg, density_error, optical_density, stain_vectors

CENTRES = [(y, x) for y in range(30, 240, 40) for x in range(30, 240, 40)]


def tissue(stain: int = 0) -> np.ndarray:
    """36 round nuclei of radius 10 px on pale eosin: (256, 256, 3), u8. `stain`: 0 haematoxylin, 2 DAB."""
    y, x = np.mgrid[:256, :256]
    hed = np.zeros((256, 256, 3))
    hed[..., 1] = 0.03 + 0.01 * np.sin(x / 5)
    for cy, cx in CENTRES:
        hed[(y - cy) ** 2 + (x - cx) ** 2 <= 100, stain] = 0.15
    return (np.clip(hed2rgb(hed), 0, 1) * 255).astype(np.uint8)


def test_every_nucleus_is_found_once():
    found = find_nuclei(tissue(), 0.25)
    assert found.count == len(CENTRES)
    assert np.median(found.areas_px) == pytest.approx(np.pi * 100, rel=0.15)
    assert found.positive == 0


def test_dab_makes_them_positive():
    found = find_nuclei(tissue(2), 0.25)
    assert (found.count, found.positive) == (len(CENTRES), 1)


def test_the_same_picture_agrees_with_itself():
    found = find_nuclei(tissue(), 0.25)
    assert agreement(found, found) == type(agreement(found, found))(1.0, 0.0, len(CENTRES))


def test_a_lost_nucleus_costs_f1():
    whole, rgb = tissue(), tissue()
    rgb[:50, :50] = rgb[0, 128]
    there, lost = find_nuclei(whole, 0.25), find_nuclei(rgb, 0.25)
    assert lost.count == len(CENTRES) - 1
    assert agreement(there, lost).f1 == pytest.approx(2 * 35 / 71)


def test_no_nuclei_agree_with_none_and_with_nothing_else():
    none = Nuclei(np.zeros((256, 256), np.int32), np.zeros(0, int), np.zeros(0))
    assert agreement(none, none).f1 == 1
    assert agreement(none, find_nuclei(tissue(), 0.25)).f1 == 0


def test_stain_vectors_are_those_drawn():
    rng = np.random.default_rng(3)
    true = np.array([[0.65, 0.70, 0.29], [0.27, 0.86, 0.43]])
    true /= np.linalg.norm(true, axis=1, keepdims=True)
    amounts = rng.uniform(0, 1, (200, 200, 2)) + np.array([0.3, 0.3])
    amounts[:100, :, 0] *= 0.05
    amounts[100:, :, 1] *= 0.05
    rgb = np.round(255 * 10 ** -(amounts @ true)).astype(np.uint8)
    assert angle_deg(stain_vectors(rgb), true) < 4


def test_glass_has_no_stain_vectors():
    assert stain_vectors(np.full((100, 100, 3), 250, np.uint8)) is None


def test_optical_density():
    assert optical_density(np.array([[[255, 26, 0]]], np.uint8))[0, 0] == pytest.approx([0, 0.9916, 2.4065], abs=1e-3)
    grey = np.full((4, 4, 3), 128, np.uint8)
    assert density_error(grey, grey) == 0
    assert density_error(grey, grey // 2) == pytest.approx(np.log10(2))
