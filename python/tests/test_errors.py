"""What can go wrong is an exception of the right type, with the file and the place."""

import errno

import pytest

import origami


def test_a_missing_file_is_a_file_not_found_error(tmp_path) -> None:
    path = tmp_path / "none.bundle"
    with pytest.raises(FileNotFoundError, match="check the path") as caught:
        origami.Slide(path)
    assert isinstance(caught.value, origami.OrigamiError)
    assert (caught.value.path, caught.value.errno) == (str(path), errno.ENOENT)


def test_a_damaged_bundle_is_named_with_its_place(bundle_path, tmp_path) -> None:
    damaged = tmp_path / "damaged.bundle"
    bytes_ = bytearray(bundle_path.read_bytes())
    bytes_[70] ^= 1
    damaged.write_bytes(bytes_)
    with pytest.raises(origami.DamagedError, match="damaged.bundle") as caught:
        origami.Slide(damaged)
    assert caught.value.path == str(damaged) and caught.value.place
    assert isinstance(caught.value, ValueError)


def test_damage_in_a_family_is_found_when_it_is_read_and_the_slide_lives_on(bundle_path, tmp_path) -> None:
    damaged = tmp_path / "damaged.bundle"
    bytes_ = bytearray(bundle_path.read_bytes())
    bytes_[len(bytes_) // 2] ^= 255
    damaged.write_bytes(bytes_)
    slide = origami.Slide(damaged)
    width, height = slide.dimensions
    good = bad = 0
    for y in range(0, height, 1024):
        for x in range(0, width, 1024):
            try:
                slide.read_region((x, y), 0, (8, 8))
                good += 1
            except origami.DamagedError as error:
                assert error.place
                bad += 1
    assert good > 0 and bad <= 1
    assert slide.read_region((0, 0), slide.level_count - 1, (8, 8)).size == (8, 8)


def test_an_unknown_format_is_refused_with_what_is_read(tmp_path) -> None:
    (tmp_path / "a.svs").write_bytes(b"no slide at all")
    with pytest.raises(origami.OpenSlideUnsupportedFormatError, match="TIFF"):
        origami.open_slide(tmp_path / "a.svs")


def test_parameters_are_checked_before_anything_is_written(slide_path, tmp_path) -> None:
    for wrong in ({"preset": "best"}, {"quality": 0}, {"preset": "lossless", "quality": 50}, {"tile_metadata": "drop"}):
        with pytest.raises(ValueError):
            origami.encode(slide_path, tmp_path / "out", **wrong)
    with pytest.raises(ValueError, match="format"):
        origami.decode(slide_path, tmp_path / "out", format="gif")
    assert not (tmp_path / "out").exists()


def test_a_bundle_is_not_replaced_unasked(slide_path, bundle_path) -> None:
    before = bundle_path.stat().st_mtime_ns
    with pytest.raises(FileExistsError, match="overwrite=True"):
        origami.encode(slide_path, bundle_path.parent.parent)
    assert bundle_path.stat().st_mtime_ns == before
