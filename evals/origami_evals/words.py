"""How metrics are called and scaled: titles for tables and plots, and a scale on which more is better and steps are even."""

import math

TITLES = {
    "y_psnr": "Y-PSNR",
    "cb_psnr": "Cb-PSNR",
    "cr_psnr": "Cr-PSNR",
    "rgb_psnr": "RGB-PSNR",
    "ssim_y": "SSIM (Y)",
    "ssim_rgb": "SSIM (RGB)",
    "ms_ssim": "MS-SSIM (Y)",
    "vif": "VIF (Y)",
    "delta_e_2000_mean": "Delta E 2000",
    "delta_e_2000_p95": "Delta E 2000 p95",
    "ssimulacra2": "SSIMULACRA 2",
}
SIMILARITIES = {"ssim_y", "ssim_rgb", "ms_ssim"}
LOWER_IS_BETTER = {"delta_e_2000_mean", "delta_e_2000_p95"}


def scaled(metric: str, value: float | None) -> float | None:
    """What curves are interpolated over: similarities as -10 log10(1 - value), differences negative, the rest as it is."""
    if value is None:
        return None
    if metric in SIMILARITIES:
        return -10 * math.log10(max(1 - value, 1e-10))
    return -value if metric in LOWER_IS_BETTER else value


def told(metric: str, quality: float) -> float:
    """The metric's own value again."""
    if metric in SIMILARITIES:
        return 1 - 10 ** (-quality / 10)
    return -quality if metric in LOWER_IS_BETTER else quality
