"""Deep Zoom arithmetic: sizes of levels, tiles of a level, the levels below an image. Knows no codec."""

from collections.abc import Iterator

import numpy as np
from PIL import Image

TILE_PX = 256


def level_sizes(width_px: int, height_px: int) -> dict[int, tuple[int, int]]:
    """Width and height of every level by its Deep Zoom number, the largest (full size) first, down to 1 x 1 at 0."""
    top = max(width_px - 1, height_px - 1).bit_length()
    sizes = {}
    for level in range(top, -1, -1):
        sizes[level] = (width_px, height_px)
        width_px, height_px = (width_px + 1) // 2, (height_px + 1) // 2
    return sizes


def pyramid(rgb: np.ndarray) -> dict[int, np.ndarray]:
    """Every level of `rgb` (height, width, 3; u8), each from the one above by Pillow's Lanczos (a = 3, widened to 2x)."""
    sizes = level_sizes(rgb.shape[1], rgb.shape[0])
    levels, picture = {}, Image.fromarray(rgb)
    for level, size in sizes.items():
        if picture.size != size:
            picture = picture.resize(size, Image.Resampling.LANCZOS)
        levels[level] = np.asarray(picture)
    return levels


def tiles(rgb: np.ndarray, tile_px: int = TILE_PX) -> Iterator[tuple[int, int, np.ndarray]]:
    """Left, top and contiguous pixels of every tile, row by row; overlap 0; those at the right and bottom may be smaller."""
    height_px, width_px = rgb.shape[:2]
    for top in range(0, height_px, tile_px):
        for left in range(0, width_px, tile_px):
            yield left, top, np.ascontiguousarray(rgb[top : top + tile_px, left : left + tile_px])
