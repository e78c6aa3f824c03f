"""Reads the finest level of a Deep Zoom tree into one array."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
from PIL import Image

from .levels import level_sizes


def read_finest(dzi: Path) -> np.ndarray:
    """L0 of the tree that `dzi` describes: (height, width, 3), u8. Overlapping pixels are taken from the later tile's own side."""
    root = ElementTree.parse(dzi).getroot()
    space = {"dz": root.tag.split("}")[0].strip("{")}
    size = root.find("dz:Size", space)
    width_px, height_px = int(size.get("Width")), int(size.get("Height"))
    tile_px, overlap_px, suffix = int(root.get("TileSize")), int(root.get("Overlap")), root.get("Format")
    folder = dzi.with_name(dzi.stem + "_files") / str(max(level_sizes(width_px, height_px)))
    rgb = np.empty((height_px, width_px, 3), np.uint8)
    for row, top in enumerate(range(0, height_px, tile_px)):
        for column, left in enumerate(range(0, width_px, tile_px)):
            with Image.open(folder / f"{column}_{row}.{suffix}") as tile:
                pixels = np.asarray(tile.convert("RGB"))
            skip_x, skip_y = overlap_px * (column > 0), overlap_px * (row > 0)
            inner = pixels[skip_y : skip_y + tile_px, skip_x : skip_x + tile_px]
            height, width = min(tile_px, height_px - top), min(tile_px, width_px - left)
            rgb[top : top + height, left : left + width] = inner[:height, :width]
    return rgb
