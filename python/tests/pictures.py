"""Pictures for tests, and how far two of them differ."""

import numpy as np

MPP = 0.25
"""Microns per pixel of the slide made here."""


def draw(width: int, height: int) -> np.ndarray:
    """Purple blobs on a bright ground, with fine structure. The same in every run."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    blobs = np.sin(x / 61) + np.sin(y / 47) + np.sin((x + y) / 83)
    fine = 18 * np.sin(x / 3.1) * np.sin(y / 2.7)
    depth = np.clip((blobs - 0.4) * 90, 0, 150)
    inside = depth > 0
    image = np.stack([236 - depth * 0.6 + fine * inside, 230 - depth + fine * inside, 238 - depth * 0.35], axis=-1)
    return np.clip(image, 0, 255).astype(np.uint8)


def halved(image: np.ndarray) -> np.ndarray:
    """The mean of each 2x2 pixels; sizes are rounded up."""
    padded = np.pad(image, ((0, image.shape[0] % 2), (0, image.shape[1] % 2), (0, 0)), mode="edge").astype(np.uint16)
    return ((padded[::2, ::2] + padded[1::2, ::2] + padded[::2, 1::2] + padded[1::2, 1::2] + 2) // 4).astype(np.uint8)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    error = np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2)
    return float("inf") if error == 0 else 10 * np.log10(255**2 / error)
