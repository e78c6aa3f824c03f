"""Levels, tiles, trees and the variants of an image."""

import numpy as np
import pytest
from PIL import Image

from origami_evals.baselines import CODECS, code_pyramid
from origami_evals.deepzoom import read_finest
from origami_evals.images import busiest_window, cropped, files_of, grid_of, reduced
from origami_evals.levels import level_sizes, pyramid, tiles


def texture(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    noise = np.random.default_rng(2).normal(0, 9, (height, width, 3))
    base = 130 + 60 * np.sin(x / 9) * np.cos(y / 7)
    return np.clip(base[..., None] + noise, 0, 255).astype(np.uint8)


def test_sizes_halve_rounding_up_to_one_pixel():
    assert level_sizes(5, 3) == {3: (5, 3), 2: (3, 2), 1: (2, 1), 0: (1, 1)}
    assert level_sizes(1, 1) == {0: (1, 1)}
    assert level_sizes(2220, 2967)[12] == (2220, 2967)
    assert max(level_sizes(1024, 1024)) == 10
    assert max(level_sizes(1025, 1)) == 11


def test_levels_have_these_sizes_and_the_same_mean():
    rgb = texture(77, 131)
    levels = pyramid(rgb)
    assert {level: p.shape[1::-1] for level, p in levels.items()} == level_sizes(131, 77)
    assert levels[max(levels) - 1].mean() == pytest.approx(rgb.mean(), abs=1)


def test_tiles_cover_everything_once():
    rgb = texture(300, 520)
    seen = np.zeros(rgb.shape[:2], int)
    for left, top, tile in tiles(rgb):
        assert (tile == rgb[top : top + 256, left : left + 256]).all()
        seen[top : top + tile.shape[0], left : left + tile.shape[1]] += 1
    assert (seen == 1).all()


@pytest.mark.parametrize("overlap", [0, 1, 3])
def test_a_tree_with_overlap_is_put_together_again(tmp_path, overlap):
    rgb, tile_px = texture(70, 90), 32
    level = max(level_sizes(90, 70))
    folder = tmp_path / "slide_files" / str(level)
    folder.mkdir(parents=True)
    for row, top in enumerate(range(0, 70, tile_px)):
        for column, left in enumerate(range(0, 90, tile_px)):
            y, x = max(top - overlap, 0), max(left - overlap, 0)
            Image.fromarray(rgb[y : top + tile_px + overlap, x : left + tile_px + overlap]).save(folder / f"{column}_{row}.png")
    (tmp_path / "slide.dzi").write_text(
        f'<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" TileSize="{tile_px}" Overlap="{overlap}" Format="png">'
        '<Size Width="90" Height="70"/></Image>'
    )
    assert (read_finest(tmp_path / "slide.dzi") == rgb).all()
    assert files_of(tmp_path) == [tmp_path / "slide.dzi"]


def test_the_grid_of_a_jpeg_is_found_wherever_it_begins():
    jpeg = CODECS["jpeg420"]
    rgb = jpeg.decode(jpeg.encode(texture(512, 512), 40))
    assert grid_of(rgb) == (0, 0)
    assert grid_of(rgb[2:, 5:]) == (3, 6)
    assert grid_of(texture(512, 512)) is None


def test_the_window_leaves_glass_out_and_keeps_the_grid():
    rgb = np.full((400, 600, 3), 250, np.uint8)
    rgb[200:330, 300:430] = 90
    left, top = busiest_window(rgb, 160)
    assert left % 16 == 0 and top % 16 == 0
    assert left <= 300 and left + 160 >= 430 and top <= 200 and top + 160 >= 330
    assert cropped(rgb, 160, (3, 5)).shape == (160, 160, 3)
    assert reduced(rgb).shape == (200, 300, 3)


@pytest.mark.parametrize("name", list(CODECS))
def test_every_codec_comes_back_alike_at_odd_sizes(name):
    codec = CODECS[name]
    rgb = np.asarray(Image.fromarray(texture(40, 70)).resize((301, 263), Image.Resampling.BICUBIC))
    coded = code_pyramid(rgb, codec, codec.quick_qualities[-1])
    assert coded.finest.shape == rgb.shape
    assert np.abs(coded.finest.astype(int) - rgb).mean() < 6
    assert set(coded.bytes_by_level) == set(level_sizes(301, 263)) and coded.tiles == 4 + 9
