"""Stains as optical density: unmixing with fixed vectors, and the vectors that the pixels themselves suggest.

Optical density is -log10 of transmitted light, Beer-Lambert, per channel; 255 is taken as clear glass. Knows no nuclei.
"""

import numpy as np
from skimage.color import rgb2hed

FAINT_OD = 0.15
EXTREME_PERCENTILE = 1.0


def optical_density(rgb: np.ndarray) -> np.ndarray:
    """(height, width, 3) f64, 0 to 2.41."""
    return -np.log10(np.maximum(rgb.astype(np.float64), 1) / 255)


def unmixed(rgb: np.ndarray) -> np.ndarray:
    """Haematoxylin, eosin and DAB by the vectors of Ruifrok and Johnston (2001): (height, width, 3), f64, of scikit-image's scale."""
    return rgb2hed(rgb)


def stain_vectors(rgb: np.ndarray) -> np.ndarray | None:
    """Two unit vectors of optical density, the bluer stain first: (2, 3). Macenko et al. (2009); None where there is too little stain."""
    density = optical_density(rgb).reshape(-1, 3)
    density = density[(density > FAINT_OD).all(axis=1)]
    if len(density) < 1000:
        return None
    _, vectors = np.linalg.eigh(np.cov(density.T))
    plane = vectors[:, [2, 1]] * np.where(vectors[:, [2, 1]].sum(axis=0) < 0, -1, 1)
    projected = density @ plane
    angles = np.arctan2(projected[:, 1], projected[:, 0])
    ends = np.percentile(angles, [EXTREME_PERCENTILE, 100 - EXTREME_PERCENTILE])
    found = np.stack([plane @ (np.cos(angle), np.sin(angle)) for angle in ends])
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return found[np.argsort(-found[:, 0])]


def angle_deg(a: np.ndarray, b: np.ndarray) -> float:
    """Largest angle between vectors of the same row, degrees."""
    return float(np.degrees(np.arccos(np.clip((a * b).sum(axis=1), -1, 1))).max())


def density_error(a: np.ndarray, b: np.ndarray) -> float:
    """Mean absolute difference of optical density over all channels, where the first is not glass."""
    first, second = optical_density(a), optical_density(b)
    stained = (first > FAINT_OD).any(axis=2)
    return float(np.abs(first - second)[stained].mean()) if stained.any() else 0.0
