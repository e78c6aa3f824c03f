"""The slow metrics: MS-SSIM, VIF and SSIMULACRA 2.

MS-SSIM and VIF are written here from the papers; SSIMULACRA 2 is the PyPI package of that name. LPIPS is not here: its
packages download the weights of the network behind it from elsewhere.
"""

import io

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter
from ssimulacra2 import compute_ssimulacra2

from .metrics import ycbcr

SLOW_NAMES = ("ms_ssim", "vif", "ssimulacra2")
MS_SSIM_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
VIF_NOISE = 2.0
TINY = 1e-10


def blurred(plane: np.ndarray, sigma: float, radius: int) -> np.ndarray:
    """`plane` under a Gaussian window, only where the window lies inside."""
    return gaussian_filter(plane, sigma, radius=radius, mode="nearest")[radius:-radius, radius:-radius]


def moments(a: np.ndarray, b: np.ndarray, sigma: float, radius: int) -> tuple[np.ndarray, ...]:
    """Local means of both, variances of both, covariance."""
    mean_a, mean_b = blurred(a, sigma, radius), blurred(b, sigma, radius)
    var_a = np.maximum(blurred(a * a, sigma, radius) - mean_a**2, 0)
    var_b = np.maximum(blurred(b * b, sigma, radius) - mean_b**2, 0)
    return mean_a, mean_b, var_a, var_b, blurred(a * b, sigma, radius) - mean_a * mean_b


def ms_ssim(a: np.ndarray, b: np.ndarray) -> float | None:
    """Wang, Simoncelli, Bovik 2003, of two planes 0 to 255: five scales, halved by 2 x 2 means. None below 176 pixels a side."""
    if min(a.shape) < 176:
        return None
    c1, c2, result = (0.01 * 255) ** 2, (0.03 * 255) ** 2, 1.0
    for scale, weight in enumerate(MS_SSIM_WEIGHTS):
        mean_a, mean_b, var_a, var_b, cov = moments(a, b, 1.5, 5)
        value = ((2 * cov + c2) / (var_a + var_b + c2)).astype(np.float64)
        if scale == len(MS_SSIM_WEIGHTS) - 1:
            value = value * (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
        result *= max(float(value.mean()), 0.0) ** weight
        a, b = halved(a), halved(b)
    return result


def halved(plane: np.ndarray) -> np.ndarray:
    """2 x 2 means; an odd last row or column is dropped."""
    plane = plane[: plane.shape[0] // 2 * 2, : plane.shape[1] // 2 * 2]
    return (plane[::2, ::2] + plane[1::2, ::2] + plane[::2, 1::2] + plane[1::2, 1::2]) / 4


def vif(reference: np.ndarray, distorted: np.ndarray) -> float:
    """Sheikh and Bovik 2006 in the pixel domain, of two planes 0 to 255: four scales, windows of 17, 9, 5 and 3 pixels."""
    kept = carried = 0.0
    for scale in range(4):
        radius = 2 ** (3 - scale)
        sigma = (2 * radius + 1) / 5
        if scale > 0:
            reference = blurred(reference, sigma, radius)[::2, ::2]
            distorted = blurred(distorted, sigma, radius)[::2, ::2]
        _, _, var_r, var_d, cov = moments(reference, distorted, sigma, radius)
        gain = cov / (var_r + TINY)
        noise = var_d - gain * cov
        gain, noise = np.where(var_r < TINY, 0, gain), np.where(var_r < TINY, var_d, noise)
        noise = np.where(gain < 0, var_d, noise)
        gain, noise = np.maximum(gain, 0), np.maximum(noise, TINY)
        carried += float(np.log2(1 + gain**2 * var_r / (noise + VIF_NOISE)).sum(dtype=np.float64))
        kept += float(np.log2(1 + var_r / VIF_NOISE).sum(dtype=np.float64))
    return carried / kept if kept > 0 else 1.0


def ssimulacra2(source: np.ndarray, decoded: np.ndarray) -> float:
    """SSIMULACRA 2 of two (height, width, 3) u8 arrays: 100 is the same, 90 hardly told apart, 70 good, 50 fair."""
    files = []
    for pixels in (source, decoded):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG", compress_level=0)
        file.seek(0)
        files.append(file)
    return float(compute_ssimulacra2(*files))


def slow_metrics(source: np.ndarray, decoded: np.ndarray) -> dict[str, float | None]:
    """What takes several seconds a megapixel. MS-SSIM and VIF are of luma."""
    a, b = ycbcr(source)[..., 0], ycbcr(decoded)[..., 0]
    return {"ms_ssim": ms_ssim(a, b), "vif": vif(a, b), "ssimulacra2": ssimulacra2(source, decoded)}
