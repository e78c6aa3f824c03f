"""A lossless encode takes the sources that the program takes, as it takes them."""

import os
from pathlib import Path

import numpy as np
import pytest
from pictures import MPP, draw, write_svs

import origami


def tile_side(path: Path) -> int:
    return int(origami.Slide(path).properties["openslide.level[0].tile-width"])


def equal_at_full_resolution(bundle: Path, source: Path) -> bool:
    with origami.Slide(bundle) as ours, origami.Slide(source) as theirs:
        size = ours.dimensions
        assert size == theirs.dimensions
        return np.array_equal(ours.read_region((0, 0), 0, size, as_array=True), theirs.read_region((0, 0), 0, size, as_array=True))


def test_a_slide_of_aperio_keeps_its_tiles_and_their_size(tmp_path) -> None:
    # Whole tiles: those at an edge are cropped, and their chroma then ends there.
    write_svs(tmp_path / "slide.svs", draw(1200, 960), 240)
    assert origami.detect_format(tmp_path / "slide.svs") == "aperio", "a format that OpenSlide is asked for first"
    bundle = origami.encode(tmp_path / "slide.svs", tmp_path / "kept", preset="lossless").bundle
    assert tile_side(bundle) == 240
    assert equal_at_full_resolution(bundle, tmp_path / "slide.svs")
    assert float(origami.Slide(bundle).properties[origami.PROPERTY_NAME_MPP_X]) == MPP
    coded = origami.encode(tmp_path / "slide.svs", tmp_path / "coded").bundle
    assert tile_side(coded) == 256, "other presets make tiles of their own"


def test_a_tile_size_that_contradicts_the_source_is_refused(tmp_path, tree_path) -> None:
    write_svs(tmp_path / "slide.svs", draw(600, 500), 240)
    with pytest.raises(origami.ParameterError, match="240"):
        origami.encode(tmp_path / "slide.svs", tmp_path / "out", preset="lossless", tile=256)
    with pytest.raises(origami.OrigamiError, match="its tiles are of 256 pixels"):
        origami.encode(tree_path, tmp_path / "out", tile=240)
    assert not (tmp_path / "out").exists()
    assert origami.encode(tree_path, tmp_path / "out", tile=256).bundle.exists()


def test_what_is_no_slide_has_the_same_error_in_encode_and_in_open(tmp_path) -> None:
    (tmp_path / "a.svs").write_bytes(b"no slide at all")
    for preset in ("balanced", "lossless"):
        with pytest.raises(origami.UnsupportedFormatError):
            origami.encode(tmp_path / "a.svs", tmp_path / "out", preset=preset)


@pytest.mark.parametrize(("name", "side"), [("CMU-1-Small-Region.svs", 240), ("OS-1-detail.ome.tif", 512)])
def test_development_slides_are_kept(name: str, side: int, tmp_path) -> None:
    source = Path(os.environ.get("ORIGAMI_TEST_DATA", "")) / "dev" / name
    if not source.exists():
        pytest.skip("SKIPPED: ORIGAMI_TEST_DATA names no folder with the development slides")
    bundle = origami.encode(source, tmp_path / "out", preset="lossless").bundle
    assert tile_side(bundle) == side
    assert equal_at_full_resolution(bundle, source)
