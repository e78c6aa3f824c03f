"""Nuclei by thresholds and watershed, and how two segmentations agree. Plain on purpose: what moves is the picture, not a model."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.filters import gaussian, threshold_otsu
from skimage.segmentation import watershed

from .stains import unmixed

SMOOTHING_UM = 0.5
SEED_DISTANCE_UM = 3.0
SMALLEST_UM2 = 12.0
MATCH_IOU = 0.5
# Mean DAB of a nucleus, on scikit-image's scale, from which it counts as positive.
DAB_POSITIVE = 0.03


@dataclass(frozen=True)
class Nuclei:
    """`labels`: (height, width) i32, 0 is background, 1 to `count` nuclei. `areas_px`, `dab`: of each, in this order."""

    labels: np.ndarray
    areas_px: np.ndarray
    dab: np.ndarray

    @property
    def count(self) -> int:
        return len(self.areas_px)

    @property
    def positive(self) -> float:
        """Part of the nuclei that DAB has stained, 0 to 1."""
        return float((self.dab > DAB_POSITIVE).mean()) if self.count else 0.0


def find_nuclei(rgb: np.ndarray, um_per_px: float) -> Nuclei:
    """Otsu on smoothed haematoxylin plus DAB, split by a watershed of the distance to the edge, small ones dropped."""
    stains = unmixed(rgb)
    stain = gaussian(stains[..., 0] + stains[..., 2], SMOOTHING_UM / um_per_px)
    mask = ndimage.binary_fill_holes(ndimage.binary_opening(stain > threshold_otsu(stain), iterations=2))
    distance = gaussian(ndimage.distance_transform_edt(mask), SMOOTHING_UM / um_per_px)
    seeds = peak_local_max(distance, min_distance=max(round(SEED_DISTANCE_UM / um_per_px), 1), labels=ndimage.label(mask)[0])
    markers = np.zeros(mask.shape, np.int32)
    markers[tuple(seeds.T)] = np.arange(1, len(seeds) + 1)
    labels = watershed(-distance, markers, mask=mask)
    areas = np.bincount(labels.ravel(), minlength=len(seeds) + 1)
    areas[0] = 0
    kept = np.flatnonzero(areas * um_per_px**2 >= SMALLEST_UM2)
    renumbered = np.zeros(len(areas), np.int32)
    renumbered[kept] = np.arange(1, len(kept) + 1)
    labels = renumbered[labels]
    dab = ndimage.mean(stains[..., 2], labels, np.arange(1, len(kept) + 1)) if len(kept) else np.zeros(0)
    return Nuclei(labels, areas[kept], np.asarray(dab))


@dataclass(frozen=True)
class Agreement:
    """Of a segmentation with another: F1 of pairs with IoU of at least MATCH_IOU, and the median relative change of their areas."""

    f1: float
    area_error: float
    pairs: int


def agreement(a: Nuclei, b: Nuclei) -> Agreement:
    """Pairs are unique, because two nuclei that share half of their union overlap no third one by half."""
    if a.count == 0 or b.count == 0:
        return Agreement(float(a.count == b.count), 0.0, 0)
    joint = np.bincount(a.labels.ravel().astype(np.int64) * (b.count + 1) + b.labels.ravel(), minlength=(a.count + 1) * (b.count + 1))
    common = joint.reshape(a.count + 1, b.count + 1)[1:, 1:]
    of_a, of_b = np.nonzero(common)
    shared = common[of_a, of_b]
    iou = shared / (a.areas_px[of_a] + b.areas_px[of_b] - shared)
    matched = iou > MATCH_IOU
    change = np.abs(b.areas_px[of_b[matched]] / a.areas_px[of_a[matched]] - 1)
    pairs = int(matched.sum())
    return Agreement(2 * pairs / (a.count + b.count), float(np.median(change)) if pairs else 0.0, pairs)
