"""The images that are judged: what a folder holds, each in the variants that its past as a JPEG allows.

Classes: `aligned` shares the 8 x 8 grid of the JPEG its pixels come from; `unaligned` is the same shifted by (3, 5);
`reduced` is the same, reduced 2x, which is nearly as good as a lossless original; `lossless` has never been a JPEG, as far
as its pixels tell; `slide` is a whole slide with its glass. Knows nothing of codecs and metrics.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from .deepzoom import read_finest

SHIFT_PX = (3, 5)
GRID_CONTRAST = 0.05
# Files of the development set that are no tissue: judged as they are only.
NOT_TISSUE = {"bmng-bluemarble", "clic-7e499613", "kodak-8", "kodak-23"}
# The whole slide of the development set: the only one with its glass.
WHOLE_SLIDES = {"CMU-1-Small-Region"}
SUFFIXES = {".svs", ".tif", ".tiff", ".png", ".jpg", ".jpeg", ".dzi"}

Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True)
class Variant:
    """One image to be judged. `rgb`: (height, width, 3), u8, full range sRGB as stored."""

    name: str
    image_class: str
    source: str
    tissue: bool
    rgb: np.ndarray

    @property
    def pixels(self) -> int:
        return self.rgb.shape[0] * self.rgb.shape[1]

    def digest(self) -> str:
        return digest_of(self.rgb)


def digest_of(rgb: np.ndarray) -> str:
    """Hash of the shape and bytes of an array, 32 hex digits."""
    return hashlib.blake2b(repr(rgb.shape).encode() + np.ascontiguousarray(rgb).tobytes(), digest_size=16).hexdigest()


def read_rgb(path: Path) -> np.ndarray:
    """The full-size pixels of a slide, image or Deep Zoom tree: (height, width, 3), u8."""
    if path.suffix == ".dzi":
        return read_finest(path)
    if path.suffix in {".svs", ".tif", ".tiff"}:
        return np.ascontiguousarray(tifffile.imread(path)[..., :3])
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def luma(rgb: np.ndarray) -> np.ndarray:
    """BT.601 full range luma, f32, 0 to 255, not rounded."""
    return rgb.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)


def grid_of(rgb: np.ndarray) -> tuple[int, int] | None:
    """Left and top offset (0 to 7) of the 8 x 8 grid of an earlier JPEG, or None where steps are alike at all offsets.

    A step counts by how much it exceeds its neighbours' mean; clipped, so that one long edge is not taken for a grid.
    """
    plane, offsets = luma(rgb[: 8 * 256, : 8 * 256]), []
    for axis in (1, 0):
        steps = np.abs(np.diff(np.moveaxis(plane, axis, 1), axis=1))
        excess = np.clip(steps[:, 1:-1] - (steps[:, :-2] + steps[:, 2:]) / 2, -8, 8).mean(axis=0) / max(steps.mean(), 0.01)
        by_phase = np.array([np.median(excess[phase::8]) for phase in range(8)])
        phase = int(by_phase.argmax())
        if by_phase[phase] - np.median(by_phase) < GRID_CONTRAST:
            return None
        offsets.append((phase + 2) % 8)
    return offsets[0], offsets[1]


def busiest_window(rgb: np.ndarray, side_px: int) -> tuple[int, int]:
    """Left and top, multiples of 16, of the window with the least glass (luma above 225); of equals the one nearest the centre."""
    height_px, width_px = rgb.shape[:2]
    filled = np.pad(np.cumsum(np.cumsum(luma(rgb) < 225, 0, dtype=np.int64), 1), ((1, 0), (1, 0)))
    best = None
    for top in range(0, max(height_px - side_px, 0) + 1, 16):
        for left in range(0, max(width_px - side_px, 0) + 1, 16):
            bottom, right = min(top + side_px, height_px), min(left + side_px, width_px)
            count = filled[bottom, right] - filled[top, right] - filled[bottom, left] + filled[top, left]
            far = abs(top + bottom - height_px) + abs(left + right - width_px)
            best = max(best or (-1, 0, 0, 0), (int(count), -far, left, top))
    return best[2], best[3]


def reduced(rgb: np.ndarray) -> np.ndarray:
    """Half the size, rounded down, by Pillow's Lanczos: what JPEG left in the pixels is mostly gone."""
    even = rgb[: rgb.shape[0] // 2 * 2, : rgb.shape[1] // 2 * 2]
    return np.asarray(Image.fromarray(even).resize((even.shape[1] // 2, even.shape[0] // 2), Image.Resampling.LANCZOS))


def cropped(rgb: np.ndarray, side_px: int | None, shift: tuple[int, int] = (0, 0)) -> np.ndarray:
    """The busiest window moved by `shift`, or with `side_px` None all that lies right and below of `shift`."""
    if side_px is None or max(rgb.shape[:2]) <= side_px:
        return np.ascontiguousarray(rgb[shift[1] :, shift[0] :])
    left, top = busiest_window(rgb[: rgb.shape[0] - 8, : rgb.shape[1] - 8], side_px)
    left, top = left + shift[0], top + shift[1]
    return np.ascontiguousarray(rgb[top : top + side_px, left : left + side_px])


def files_of(folder: Path) -> list[Path]:
    """Slides, images and trees below `folder`, sorted; tiles of trees, and a TIFF beside a PNG of the same name, left out."""
    found = [p for p in sorted(folder.rglob("*")) if p.suffix.lower() in SUFFIXES]
    found = [p for p in found if not any(part.endswith("_files") for part in p.parts)]
    pictures = {p.stem for p in found if p.suffix == ".png"}
    return [p for p in found if p.suffix not in {".tif", ".tiff"} or p.name.split(".")[0] not in pictures]


def variants_of(path: Path, side_px: int | None) -> Iterator[Variant]:
    """Every variant of a file, at most `side_px` a side unless that is None; whole slides stay whole."""
    rgb, stem = read_rgb(path), path.stem
    name, tissue = stem.lower(), stem not in NOT_TISSUE

    def variant(image_class: str, pixels: np.ndarray) -> Variant:
        return Variant(f"{name}_{image_class}", image_class, path.name, tissue, pixels)

    grid = grid_of(rgb)
    if grid is not None:
        rgb = rgb[grid[1] :, grid[0] :]
        yield variant("aligned", cropped(rgb, side_px))
    elif path.suffix in {".png", ".tif", ".tiff"}:
        yield variant("lossless", cropped(rgb, side_px))
        return
    if tissue:
        yield variant("unaligned", cropped(rgb, side_px, SHIFT_PX))
        yield variant("reduced", cropped(reduced(rgb), side_px))
    if stem in WHOLE_SLIDES:
        yield variant("slide", rgb)
