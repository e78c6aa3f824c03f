"""`Slide` over each kind of source, against the pixels that went in."""

import numpy as np
import pytest
from PIL import Image
from pictures import MPP, halved, psnr

import origami


@pytest.fixture(params=["slide_path", "bundle_path", "tree_path", "lossless_path"])
def slide(request: pytest.FixtureRequest) -> origami.Slide:
    with origami.Slide(request.getfixturevalue(request.param)) as slide:
        yield slide


def test_every_level_has_the_pixels_of_the_image(slide: origami.Slide, image: np.ndarray) -> None:
    exact = slide.properties["origami.kind"] == "slide"
    level_image = image
    for level, (width, height) in enumerate(slide.level_dimensions):
        assert (width, height) == (level_image.shape[1], level_image.shape[0])
        assert slide.level_downsamples[level] == pytest.approx(2**level, rel=1e-3)
        got = slide.read_region((0, 0), level, (width, height), as_array=True)
        if exact:
            assert np.array_equal(got, level_image)
        else:
            assert psnr(got, level_image) > 30, f"level {level}"
        level_image = halved(level_image)
    assert slide.level_count >= 3


def test_a_region_is_the_same_part_of_the_whole(slide: origami.Slide) -> None:
    for level, (width, height) in enumerate(slide.level_dimensions):
        whole = slide.read_region((0, 0), level, (width, height), as_array=True)
        for x, y, w, h in [(0, 0, 1, 1), (37, 19, 101, 77), (width - 5, height - 3, 5, 3), (width // 2, 0, 3, height)]:
            scale = slide.level_downsamples[level]
            at = (round(x * scale), round(y * scale))
            part = slide.read_region(at, level, (w, h), as_array=True)
            rows, columns = min(h, height - y), min(w, width - x)
            assert np.array_equal(part[:rows, :columns], whole[y : y + rows, x : x + columns]), (level, x, y)
            alone = slide._native.read_rgb(*at, level, w, h, alone=True)
            assert np.array_equal(alone, part), (level, x, y)


def test_beyond_the_slide_it_is_transparent_or_white(slide: origami.Slide) -> None:
    width, height = slide.dimensions
    whole = slide.read_region((0, 0), 0, (width, height), as_array=True)
    image = slide.read_region((-10, -20), 0, (64, 64))
    assert (image.mode, image.size) == ("RGBA", (64, 64))
    samples = np.asarray(image)
    assert np.all(samples[:20] == 0) and np.all(samples[:, :10] == 0)
    assert np.all(samples[20:, 10:, 3] == 255)
    assert np.array_equal(samples[20:, 10:, :3], whole[:44, :54])
    beyond = slide.read_region((width - 8, height - 8), 0, (16, 16), as_array=True)
    assert np.all(beyond[8:] == 255) and np.array_equal(beyond[:8, :8], whole[-8:, -8:])
    assert not np.asarray(slide.read_region((2**40, 0), 0, (4, 4))).any()
    assert slide.read_region((0, 0), 0, (0, 5)).size == (0, 5)


def test_an_array_is_writable_and_gives_dlpack(slide: origami.Slide) -> None:
    samples = slide.read_region((0, 0), 0, (32, 16), as_array=True)
    assert samples.shape == (16, 32, 3) and samples.dtype == np.uint8
    before = samples.copy()
    shared = np.from_dlpack(samples)
    samples[...] = 255 - samples
    assert np.array_equal(shared, 255 - before)
    assert np.array_equal(slide.read_region((0, 0), 0, (32, 16), as_array=True), before), "the cache is not what was given out"


def test_what_is_not_there_is_refused(slide: origami.Slide) -> None:
    with pytest.raises(IndexError, match="no level 99"):
        slide.read_region((0, 0), 99, (1, 1))
    with pytest.raises(IndexError):
        slide.read_region((0, 0), -1, (1, 1))
    with pytest.raises(ValueError, match="width and height"):
        slide.read_region((0, 0), 0, (-1, 1))
    with pytest.raises(MemoryError):
        slide.read_region((0, 0), 0, (2**31 - 1, 2**31 - 1), as_array=True)


def test_properties_have_the_names_of_openslide(slide: origami.Slide) -> None:
    found = slide.properties
    if slide._native.kind != "slide" or found[origami.PROPERTY_NAME_VENDOR] != "tiff":
        assert found[origami.PROPERTY_NAME_VENDOR]
    assert found["openslide.level-count"] == str(slide.level_count)
    assert (int(found["openslide.level[1].width"]), int(found["openslide.level[1].height"])) == slide.level_dimensions[1]
    assert float(found["openslide.level[1].downsample"]) == slide.level_downsamples[1]
    assert int(found["openslide.level[0].tile-width"]) in (240, 256)


def test_resolution_passes_through_encode_and_decode(slide_path, bundle_path, tree_path) -> None:
    for path in (slide_path, bundle_path, tree_path):
        found = origami.Slide(path).properties
        assert float(found[origami.PROPERTY_NAME_MPP_X]) == pytest.approx(MPP)
        assert float(found[origami.PROPERTY_NAME_MPP_Y]) == pytest.approx(MPP)


def test_a_thumbnail_shows_the_whole_slide(slide: origami.Slide, image: np.ndarray) -> None:
    thumbnail = slide.get_thumbnail((200, 200))
    assert thumbnail.mode == "RGB" and thumbnail.size == (200, 144)
    want = Image.fromarray(image).resize(thumbnail.size, Image.Resampling.BOX)
    assert psnr(np.asarray(thumbnail), np.asarray(want)) > 25


def test_the_best_level_is_the_coarsest_that_is_fine_enough(slide: origami.Slide) -> None:
    assert [slide.get_best_level_for_downsample(at) for at in (0.5, 1, 1.9, 2.01, 3.9)] == [0, 0, 0, 1, 1]


def test_a_closed_slide_says_so(bundle_path) -> None:
    with origami.open_slide(bundle_path) as slide:
        assert slide.level_count
    with pytest.raises(ValueError, match="closed"):
        slide.read_region((0, 0), 0, (1, 1))
    slide.close()


def test_formats_are_named(slide_path, bundle_path, tree_path, work) -> None:
    assert origami.detect_format(bundle_path) == "bundle"
    assert origami.detect_format(bundle_path.parent.parent) == "bundle", "the directory that encode wrote"
    assert origami.Slide.detect_format(tree_path) == "tree"
    assert origami.detect_format(tree_path.parent) == "tree"
    assert origami.detect_format(slide_path) == "tiff"
    (work / "text.txt").write_text("no slide")
    assert origami.detect_format(work / "text.txt") is None
    with pytest.raises(FileNotFoundError):
        origami.detect_format(work / "missing")


def test_a_picture_is_a_slide(work, image) -> None:
    Image.fromarray(image[:90, :120]).save(work / "small.png")
    slide = origami.Slide(work / "small.png")
    assert (slide.level_dimensions, dict(slide.associated_images)) == (((120, 90),), {})
    assert np.array_equal(slide.read_region((3, 4), 0, (50, 60), as_array=True), image[4:64, 3:53])
    with pytest.raises(origami.OrigamiError, match="raise cache_bytes"):
        origami.Slide(work / "small.png", cache_bytes=1000)


def test_a_colour_profile_is_kept(work, image) -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(image[:600, :700]).save(work / "profile.png", icc_profile=profile)
    bundle = origami.encode(work / "profile.png", work / "profile").bundle
    slide = origami.Slide(bundle)
    assert slide.icc_profile == profile
    assert slide.properties["openslide.icc-size"] == str(len(profile))
    assert ImageCms.getProfileDescription(slide.color_profile).strip()
    assert slide.get_thumbnail((20, 20)).info["icc_profile"] == profile
