"""Against openslide-python: the names of its interface, and its pixels and properties."""

import inspect

import numpy as np
import openslide
import pytest
from pictures import psnr

import origami



@pytest.fixture(params=["slide_path", "demo_slide"])
def path(request: pytest.FixtureRequest):
    return request.getfixturevalue(request.param)


def test_the_interface_of_a_slide_is_there() -> None:
    theirs = {name for name in dir(openslide.OpenSlide) if not name.startswith("_")} - {"set_cache"}
    assert theirs <= set(dir(origami.Slide))
    for name in ("read_region", "get_thumbnail", "get_best_level_for_downsample"):
        own = list(inspect.signature(getattr(origami.Slide, name)).parameters)
        assert own[: len(inspect.signature(getattr(openslide.OpenSlide, name)).parameters)] == list(
            inspect.signature(getattr(openslide.OpenSlide, name)).parameters
        )
    names = {name for name in dir(openslide) if name.startswith("PROPERTY_NAME_")}
    assert all(getattr(origami, name) == getattr(openslide, name) for name in names)


def test_properties_and_levels_are_equal(path) -> None:
    own, theirs = origami.open_slide(path), openslide.OpenSlide(path)
    assert own.dimensions == theirs.dimensions
    assert own.level_count == theirs.level_count
    assert own.level_dimensions == theirs.level_dimensions
    assert own.level_downsamples == pytest.approx(theirs.level_downsamples, rel=1e-12)
    for name, value in own.properties.items():
        if name.startswith("openslide.") and name in theirs.properties and name != openslide.PROPERTY_NAME_VENDOR:
            assert float(value) == pytest.approx(float(theirs.properties[name]), rel=1e-9), name
    for name in (openslide.PROPERTY_NAME_MPP_X, openslide.PROPERTY_NAME_MPP_Y, openslide.PROPERTY_NAME_OBJECTIVE_POWER):
        assert (name in own.properties) == (name in theirs.properties), name
    for at in (0.1, 1, 2, 4.5, 1000):
        assert own.get_best_level_for_downsample(at) == theirs.get_best_level_for_downsample(at)


def test_level_0_has_the_same_pixels(path) -> None:
    own, theirs = origami.open_slide(path), openslide.OpenSlide(path)
    width, height = own.dimensions
    for x, y, w, h in [(0, 0, 300, 300), (511, 700, 257, 129), (width - 100, height - 50, 200, 100), (-20, -30, 60, 60)]:
        assert np.array_equal(np.asarray(own.read_region((x, y), 0, (w, h))), np.asarray(theirs.read_region((x, y), 0, (w, h))))


def test_a_thumbnail_is_the_same(path) -> None:
    own, theirs = (np.asarray(slide.get_thumbnail((256, 256))) for slide in (origami.open_slide(path), openslide.OpenSlide(path)))
    assert own.shape == theirs.shape and psnr(own, theirs) > 40


def test_a_bundle_of_the_slide_is_within_the_loss_of_the_codec(demo_slide, demo_bundle) -> None:
    own, theirs = origami.open_slide(demo_bundle), openslide.OpenSlide(demo_slide)
    assert own.dimensions == theirs.dimensions
    for name in (openslide.PROPERTY_NAME_MPP_X, openslide.PROPERTY_NAME_OBJECTIVE_POWER):
        assert float(own.properties[name]) == float(theirs.properties[name])
    assert own.properties[openslide.PROPERTY_NAME_VENDOR] == "aperio"
    for x, y in [(0, 0), (700, 900), (1500, 2000)]:
        ours, reference = (np.asarray(slide.read_region((x, y), 0, (512, 512)).convert("RGB")) for slide in (own, theirs))
        assert psnr(ours, reference) > 28, (x, y)


def test_associated_images_are_the_same(demo_slide, work) -> None:
    own, theirs = origami.open_slide(demo_slide), openslide.OpenSlide(demo_slide)
    assert set(own.associated_images) == set(theirs.associated_images)
    for name, image in theirs.associated_images.items():
        assert own.associated_images[name].size == image.size
        assert np.array_equal(np.asarray(own.associated_images[name]), np.asarray(image)), name
    kept = sorted(own.associated_images)[:1]
    bundle = origami.Slide(origami.encode(demo_slide, work / "associated", keep_associated=kept).bundle)
    assert list(bundle.associated_images) == kept
    assert np.array_equal(np.asarray(bundle.associated_images[kept[0]]), np.asarray(own.associated_images[kept[0]]))
    with pytest.raises(KeyError):
        bundle.associated_images["none"]
