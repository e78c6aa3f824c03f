"""Differences between L0 as decoded and the source, on 8-bit RGB: error, structure and colour. The slow ones: perceptual.py.

All take (height, width, 3) u8 arrays of equal shape. Y, Cb and Cr are BT.601 full range, computed from RGB in floats and not
rounded, for every codec alike.
"""

import math

import numpy as np
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import structural_similarity

YCBCR = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32)
LOSSLESS_DB = 99.0
NAMES = (
    "y_psnr", "cb_psnr", "cr_psnr", "rgb_psnr", "ssim_y", "ssim_rgb", "ms_ssim", "vif",
    "delta_e_2000_mean", "delta_e_2000_p95", "ssimulacra2",
)  # fmt: skip


def ycbcr(rgb: np.ndarray) -> np.ndarray:
    """(height, width, 3) f32: Y 0 to 255, Cb and Cr -127.5 to 127.5."""
    return rgb.astype(np.float32) @ YCBCR.T


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Decibels for a peak of 255; LOSSLESS_DB where equal."""
    error = float(np.mean(np.square(a.astype(np.float64) - b.astype(np.float64))))
    return min(10 * math.log10(255**2 / error), LOSSLESS_DB) if error > 0 else LOSSLESS_DB


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Wang et al. 2004: Gaussian window of 11 pixels, sigma 1.5, at full resolution; mean over channels, if there are any."""
    return float(
        structural_similarity(
            a.astype(np.float32), b.astype(np.float32), data_range=255, gaussian_weights=True, sigma=1.5,
            use_sample_covariance=False, channel_axis=2 if a.ndim == 3 else None,
        )
    )  # fmt: skip


def delta_e_2000(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """CIE Delta E 2000 of every pixel, both taken as sRGB under D65."""
    return deltaE_ciede2000(rgb2lab(a.astype(np.float32) / 255), rgb2lab(b.astype(np.float32) / 255))


def fast_metrics(source: np.ndarray, decoded: np.ndarray) -> dict[str, float]:
    """Everything that takes about a second a megapixel."""
    a, b = ycbcr(source), ycbcr(decoded)
    colour = delta_e_2000(source, decoded)
    return {
        "y_psnr": psnr(a[..., 0], b[..., 0]),
        "cb_psnr": psnr(a[..., 1], b[..., 1]),
        "cr_psnr": psnr(a[..., 2], b[..., 2]),
        "rgb_psnr": psnr(source, decoded),
        "ssim_y": ssim(a[..., 0], b[..., 0]),
        "ssim_rgb": ssim(source, decoded),
        "delta_e_2000_mean": float(colour.mean()),
        "delta_e_2000_p95": float(np.percentile(colour, 95)),
    }
