"""The tile source under large_image itself. Run by scripts/loader-long.sh."""

from pathlib import Path

import large_image
import numpy as np
import pytest
import tifffile
from large_image.exceptions import TileSourceError, TileSourceFileNotFoundError
from PIL import Image
from pictures import MPP, draw, halved, psnr

import origami
from origami.large_image import OrigamiTileSource

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return draw(1700, 1300)


@pytest.fixture(scope="module")
def slide(picture: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pyramid whose levels are four apart, as scanners write them."""
    path = tmp_path_factory.mktemp("large") / "slide.tif"
    per_cm = 10_000 / MPP
    with tifffile.TiffWriter(path) as tiff:
        options = {"tile": (240, 240), "compression": "zlib", "photometric": "rgb", "metadata": None}
        tiff.write(picture, resolution=(per_cm, per_cm), resolutionunit="CENTIMETER", **options)
        tiff.write(halved(halved(picture)), subfiletype=1, **options)
    return path


@pytest.fixture(scope="module")
def bundle(slide: Path) -> Path:
    return origami.encode(slide, slide.parent / "bundle").bundle


def test_bundles_are_opened_by_it(bundle: Path, picture: np.ndarray) -> None:
    source = large_image.open(str(bundle))
    assert source.name == "origami" and isinstance(source, OrigamiTileSource)
    found = source.getMetadata()
    assert (found["sizeX"], found["sizeY"], found["tileWidth"], found["levels"]) == (1700, 1300, 256, 4)
    assert abs(found["mm_x"] - MPP / 1000) < 1e-9 and abs(found["magnification"] - 10 / MPP) < 1e-6
    region, _ = source.getRegion(region={"left": 300, "top": 200, "width": 700, "height": 500}, format=large_image.constants.TILE_FORMAT_NUMPY)
    with origami.open_slide(bundle) as opened:
        assert np.array_equal(region[..., :3], opened.read_region((300, 200), 0, (700, 500), as_array=True))
    assert psnr(region[..., :3], picture[200:700, 300:1000]) > 28


def test_every_tile_shows_its_part_of_the_slide(bundle: Path, slide: Path, picture: np.ndarray) -> None:
    for path in (bundle, slide):
        source = OrigamiTileSource(str(path))
        level = picture
        for z in range(source.levels - 1, -1, -1):
            padded = np.full((-(-level.shape[0] // source.tileHeight) * source.tileHeight, -(-level.shape[1] // source.tileWidth) * source.tileWidth, 3), 255, np.uint8)
            padded[: level.shape[0], : level.shape[1]] = level
            for y in range(padded.shape[0] // source.tileHeight):
                for x in range(padded.shape[1] // source.tileWidth):
                    tile = source.getTile(x, y, z, numpyAllowed="always")[..., :3]
                    h, w = min(source.tileHeight, level.shape[0] - y * source.tileHeight), min(source.tileWidth, level.shape[1] - x * source.tileWidth)
                    top, left = y * source.tileHeight, x * source.tileWidth
                    # Not the last rows and columns of a level, of which half a pixel may lie outside.
                    part = slice(0, max(h - 1, 1)), slice(0, max(w - 1, 1))
                    assert psnr(tile[part], padded[top : top + h, left : left + w][part]) > 24, (path.name, z, x, y)
            level = halved(level)
    thumbnail, _ = large_image.open(str(bundle)).getThumbnail(width=200, height=200, format=large_image.constants.TILE_FORMAT_NUMPY)
    small = np.asarray(Image.fromarray(picture).resize(thumbnail.shape[1::-1], Image.Resampling.BOX))
    assert psnr(thumbnail[..., :3], small) > 24


def test_iterating_gives_the_whole_slide(bundle: Path) -> None:
    covered = np.zeros((1300, 1700), np.uint8)
    for tile in large_image.open(str(bundle)).tileIterator(format=large_image.constants.TILE_FORMAT_NUMPY):
        covered[tile["y"] : tile["y"] + tile["height"], tile["x"] : tile["x"] + tile["width"]] += 1
    assert (covered == 1).all()


def test_what_it_cannot_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "text.bundle").write_text("no bundle")
    assert not OrigamiTileSource.canRead(str(tmp_path / "text.bundle"))
    assert not OrigamiTileSource.canRead({"no": "path"})
    with pytest.raises(TileSourceError):
        OrigamiTileSource(str(tmp_path / "text.bundle"))
    with pytest.raises(TileSourceFileNotFoundError):
        OrigamiTileSource(str(tmp_path / "none.bundle"))
