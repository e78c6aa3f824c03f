"""Stages of whole images and of planes, the cache of planes, decoders of batches, and every name of the interface."""

import importlib
import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pictures import draw

from origami import slipstream
from origami.slipstream import (
    YUV420,
    CenterCropYUV,
    CPUDecoder,
    DecodeCenterCrop,
    DecodeMultiRandomResizedCrop,
    DecodeOnly,
    DecodeRandomResizedCrop,
    DecodeResizeCrop,
    DecodeUniformMultiRandomResizedCrop,
    DecodeYUVFullRes,
    DecodeYUVPlanes,
    FFCVStyleDataset,
    MultiCropPipeline,
    NumbaBatchDecoder,
    OptimizedCache,
    PrefetchingDataLoader,
    RandomResizedCropYUV,
    SlipstreamDataset,
    SlipstreamLoader,
    YUV420NumbaBatchDecoder,
    build_yuv420_cache,
    ensure_lightning_symlink_on_cluster,
    load_yuv420_cache,
)

SIZES = [(120, 80), (91, 133), (64, 64), (75, 40)]


def picture(number: int, mode: str, size: tuple[int, int], subsampling: int) -> bytes:
    file = io.BytesIO()
    image = Image.fromarray(np.roll(draw(*size), 17 * number, axis=1))
    if mode == "PNG":
        image.save(file, mode)
    else:
        (image.convert("L") if mode == "L" else image).save(file, "JPEG", quality=92, subsampling=subsampling)
    return file.getvalue()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> OptimizedCache:
    """Images of different sizes, kinds and chroma."""
    samples = [
        {"image": picture(number, ("RGB", "L", "PNG", "RGB")[number % 4], SIZES[number % 3], number % 3), "label": number} for number in range(14)
    ]
    return OptimizedCache.build(SlipstreamDataset(samples, identity="stages"), tmp_path_factory.mktemp("caches"))


@pytest.fixture(scope="module")
def alike(tmp_path_factory: pytest.TempPathFactory) -> OptimizedCache:
    """JPEGs in 4:2:0 of one size."""
    samples = [{"image": picture(number, "RGB", (90, 66), 2)} for number in range(9)]
    return OptimizedCache.build(SlipstreamDataset(samples, identity="alike"), tmp_path_factory.mktemp("caches"))


def shown(stored: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(stored)).convert("RGB"))


def ycc_of(stored: bytes) -> np.ndarray:
    """YCbCr as libjpeg has it, with chroma enlarged; of a PNG, and of gray, by Pillow's arithmetic."""
    image = Image.open(io.BytesIO(stored))
    if image.format == "JPEG" and image.mode == "RGB":
        image.draft("YCbCr", image.size)
    return np.asarray(image.convert("YCbCr"))


def planes_of(stored: bytes) -> YUV420:
    """The same with chroma reduced again."""
    full = ycc_of(stored)
    padded = np.pad(full, ((0, full.shape[0] % 2), (0, full.shape[1] % 2), (0, 0)), mode="edge").astype(float)
    half = (padded[::2, ::2] + padded[1::2, ::2] + padded[::2, 1::2] + padded[1::2, 1::2]) / 4
    return YUV420(full[..., 0], half[..., 1], half[..., 2])


def test_whole_images_are_lists_where_sizes_differ_and_arrays_where_not(cache: OptimizedCache, alike: OptimizedCache) -> None:
    for batch in SlipstreamLoader(cache, 5, pipelines={"image": [DecodeOnly()]}, shuffle="none"):
        assert isinstance(batch["image"], list)
        for image, sample in zip(batch["image"], batch["indices"], strict=True):
            assert np.array_equal(image.transpose(1, 2, 0), shown(cache[int(sample)]["image"]))
    (batch,) = SlipstreamLoader(alike, 9, pipelines={"image": [DecodeOnly(), lambda images: images + 0]}, layout="hwc", shuffle="none")
    assert batch["image"].shape == (9, 66, 90, 3)
    assert all(np.array_equal(image, shown(alike[at]["image"])) for at, image in enumerate(batch["image"]))


def test_planes_are_those_of_the_image(cache: OptimizedCache) -> None:
    (batch,) = SlipstreamLoader(cache, 14, pipelines={"image": [DecodeYUVPlanes()]}, shuffle="none")
    (full,) = SlipstreamLoader(cache, 14, pipelines={"image": [DecodeYUVFullRes()]}, shuffle="none")
    for at, (got, enlarged) in enumerate(zip(batch["image"], full["image"], strict=True)):
        stored = cache[at]["image"]
        want = planes_of(stored)
        assert np.abs(got.y.astype(int) - want.y).max() <= (1 if stored[:4] == b"\x89PNG" else 0), at
        # Pillow enlarged what was stored in 4:2:0, so its chroma is that of a filter applied to it: the bound is that of an edge.
        for mine, theirs in zip(got[1:], want[1:], strict=True):
            assert mine.shape == theirs.shape
            assert np.abs(mine - theirs).mean() < 1.5 and np.abs(mine - theirs).max() < 24, at
        assert np.array_equal(enlarged[0], got.y) and enlarged.shape == (3, *got.y.shape)
        assert np.abs(enlarged.transpose(1, 2, 0) - ycc_of(stored).astype(int)).mean() < 1.5, at


def test_a_cache_of_planes_gives_the_crops_of_the_cache_of_files(cache: OptimizedCache, alike: OptimizedCache) -> None:
    planes = build_yuv420_cache(alike)
    assert planes.image_format == "yuv420" and planes.cache_path.parent == alike.cache_path.parent and planes.cache_path != alike.cache_path
    assert load_yuv420_cache(alike).cache_path == load_yuv420_cache(planes.cache_path).cache_path == planes.cache_path
    assert planes.places("image")["size"].tolist() == [90 * 66 + 2 * 45 * 33] * 9
    for stage in (DecodeCenterCrop(60), DecodeCenterCrop(80), DecodeResizeCrop(50, 40), DecodeRandomResizedCrop(48, seed=3)):
        of_files = SlipstreamLoader(alike, 9, pipelines={"image": [stage]}, shuffle="none")
        of_planes = SlipstreamLoader(alike, 9, pipelines={"image": [stage]}, image_format="yuv420", shuffle="none")
        for want, got in zip(of_files, of_planes, strict=True):
            difference = np.abs(want["image"].astype(int) - got["image"])
            # The planes are the JPEG's own; what differs is the rounding of enlarged chroma.
            assert difference.max() <= 4 and difference.mean() < 0.6, stage
    # Chroma that was not at half size is reduced, which shows at edges.
    for want, got in zip(
        SlipstreamLoader(cache, 14, pipelines={"image": [DecodeCenterCrop(60)]}, shuffle="none"),
        SlipstreamLoader(build_yuv420_cache(cache), 14, pipelines={"image": [DecodeCenterCrop(60)]}, shuffle="none"),
        strict=True,
    ):
        assert np.abs(want["image"].astype(int) - got["image"]).mean() < 2
    with pytest.raises(FileNotFoundError):
        load_yuv420_cache(SlipstreamDataset([{"image": picture(0, "RGB", (20, 20), 2)}], identity="none"), alike.cache_path.parent)
    with pytest.raises(ValueError, match="are files"):
        load_yuv420_cache(alike.cache_path)


def test_pipelines_say_the_format_of_their_cache(alike: OptimizedCache) -> None:
    stage = DecodeRandomResizedCrop(32)
    stage.set_image_format("yuv420")
    loader = SlipstreamLoader(alike, 4, pipelines={"image": [stage]})
    assert loader._reader._cache.image_format == "yuv420"
    with pytest.raises(ValueError, match="jpeg or yuv420"):
        stage.set_image_format("webp")  # type: ignore[arg-type]
    other = DecodeCenterCrop(32)
    other.set_image_format("jpeg")
    with pytest.raises(ValueError, match="ask for images"):
        SlipstreamLoader(alike, 4, pipelines={"image": [[stage], [other]]})


@pytest.mark.parametrize("of", ["files", "planes"])
def test_crops_of_planes_are_those_of_rgb(alike: OptimizedCache, of: str) -> None:
    source = alike if of == "files" else build_yuv420_cache(alike)

    def one(stage: object) -> object:
        (batch,) = SlipstreamLoader(source, 9, pipelines={"image": [stage]}, shuffle="none", layout="hwc")
        return batch["image"]

    whole, image = one(DecodeYUVPlanes()), (90, 66)
    # The corner is rounded to the grid of chroma: (25, 13) to (24, 12).
    middle = one(CenterCropYUV(40))
    assert isinstance(middle, YUV420) and np.array_equal(middle.y, whole.y[:, 12:52, 24:64])
    assert np.array_equal(middle.u, whole.u[:, 6:26, 12:32]) and np.array_equal(middle.v, whole.v[:, 6:26, 12:32])
    around = one(CenterCropYUV(100))
    assert np.array_equal(around.y[:, 16:82, 4:94], whole.y) and np.array_equal(around.v[:, 8:41, 2:47], whole.v)
    assert not around.y[:, :16].any() and (around.u[:, 41:] == 128).all()
    stage = RandomResizedCropYUV(32, seed=5)
    made = one(stage)
    for at in range(9):
        ((x, y, width, height),) = DecodeRandomResizedCrop(32, seed=5).parts(image, sample=at)
        x, y, right, bottom = x // 2 * 2, y // 2 * 2, min(x // 2 * 2 + width + width % 2, 90), min(y // 2 * 2 + height + height % 2, 66)
        for got, plane, factor in ((made.y, whole.y, 1), (made.u, whole.u, 2), (made.v, whole.v, 2)):
            part = Image.fromarray(plane[at, y // factor : -(-bottom // factor), x // factor : -(-right // factor)])
            want = np.asarray(part.resize((32 // factor, 32 // factor), Image.Resampling.BILINEAR)).astype(int)
            assert np.abs(got[at] - want).max() <= 1, (at, factor)
    with pytest.raises(ValueError, match="its side is even"):
        one(CenterCropYUV(33))
    with pytest.raises(ValueError, match="pipeline alone"):
        SlipstreamLoader(alike, 9, pipelines={"image": [[DecodeOnly()], [DecodeCenterCrop(8)]]})


def test_a_chain_for_each_crop(alike: OptimizedCache) -> None:
    named = DecodeMultiRandomResizedCrop({"a": {"size": 16}, "b": {"size": 8}})
    plain = next(iter(SlipstreamLoader(alike, 9, pipelines={"image": [named]}, shuffle="none")))
    chains = MultiCropPipeline({"a": [lambda images: images.astype(np.float32), lambda images: images / 2]})
    batch = next(iter(SlipstreamLoader(alike, 9, pipelines={"image": [named, chains]}, shuffle="none")))
    assert np.array_equal(batch["a"], plain["a"] / np.float32(2)) and np.array_equal(batch["b"], plain["b"])
    listed = [DecodeUniformMultiRandomResizedCrop(2, 8), MultiCropPipeline({1: [lambda images: images[:, :1]]})]
    first, second = next(iter(SlipstreamLoader(alike, 9, pipelines={"image": listed})))["image"]
    assert first.shape == (9, 3, 8, 8) and second.shape == (9, 1, 8, 8)
    with pytest.raises(KeyError, match="'c'"):
        next(iter(SlipstreamLoader(alike, 9, pipelines={"image": [named, MultiCropPipeline({"c": []})]})))
    own = DecodeCenterCrop(4)
    MultiCropPipeline({"a": [own]}).set_image_format("yuv420")
    assert own.image_format == "yuv420"


@pytest.mark.parametrize("decoder", [CPUDecoder(2), NumbaBatchDecoder(), YUV420NumbaBatchDecoder()])
def test_decoders_of_batches_are_the_stages(cache: OptimizedCache, decoder: CPUDecoder) -> None:
    source = build_yuv420_cache(cache) if decoder.image_format == "yuv420" else cache
    (raw,) = PrefetchingDataLoader(source, 14)
    batch = tuple(raw[name] for name in ("data", "sizes", "heights", "widths"))

    def stage(of: object) -> dict[str, np.ndarray]:
        (made,) = SlipstreamLoader(source, 14, pipelines={"image": [of]}, shuffle="none", layout="hwc")
        return made

    images = decoder.decode_batch(*batch)
    assert all(np.array_equal(*pair) for pair in zip(images, stage(DecodeOnly())["image"], strict=True))
    buffer = np.zeros((14, 140, 130, 3), np.uint8)
    assert decoder.decode_batch_to_buffer(*batch, buffer) is buffer
    assert np.array_equal(buffer[1, :133, :91], images[1]) and not buffer[1, 133:].any()
    assert np.array_equal(decoder.decode_batch_center_crop(*batch, 50), stage(DecodeCenterCrop(50))["image"])
    assert np.array_equal(decoder.decode_batch_resize_crop(*batch, 60, 50), stage(DecodeResizeCrop(60, 50))["image"])
    crops = decoder.decode_batch_random_crop(*batch, 24, seed=9)
    assert np.array_equal(crops, stage(DecodeRandomResizedCrop(24, seed=9))["image"])
    assert np.array_equal(decoder.hwc_to_chw(crops), crops.transpose(0, 3, 1, 2))
    named = {"a": {"size": 16, "seed": 1}, "b": {"size": 8, "seed": 1}}
    several, want = decoder.decode_batch_multi_crop(*batch, named), stage(DecodeMultiRandomResizedCrop(named))
    assert all(np.array_equal(several[name], want[name]) for name in named)
    with pytest.raises(ValueError, match="a buffer for images of 20x20"):
        decoder.decode_batch_to_buffer(*batch, np.zeros((14, 20, 20, 3), np.uint8))
    with pytest.raises(ValueError, match="in a row of"):
        decoder.decode_batch(batch[0], batch[1] + 10**6, *batch[2:])


def test_samples_as_tuples() -> None:
    dataset = FFCVStyleDataset(SlipstreamDataset([{"image": b"\xff\xd8\xff", "label": 3}, {"image": b"\xff\xd8\xff", "label": 4}]))
    assert len(dataset) == 2 and dataset.fields == ("image", "label") and dataset[1] == (b"\xff\xd8\xff", 4)


def test_the_link_of_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.delenv("SCRATCH", raising=False)
    home = tmp_path / "home"
    home.mkdir()
    assert ensure_lightning_symlink_on_cluster(tmp_path / "large", home=home) is None
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert ensure_lightning_symlink_on_cluster(home=home) is None and not (home / ".lightning").exists()
    monkeypatch.setenv("SCRATCH", str(tmp_path / "large"))
    for _ in range(2):
        assert ensure_lightning_symlink_on_cluster(home=home) == (tmp_path / "large" / ".lightning")
    (home / ".lightning" / "chunk").write_text("x")
    assert (tmp_path / "large" / ".lightning" / "chunk").read_text() == "x"
    other = tmp_path / "other"
    (other / ".lightning").mkdir(parents=True)
    with pytest.raises(FileExistsError, match="directory of its own"):
        ensure_lightning_symlink_on_cluster(home=other)


NAMES = """
    PrefetchingDataLoader SlipstreamLoader SlipstreamDataset OptimizedCache write_index build_yuv420_cache load_yuv420_cache
    DecodeOnly DecodeCenterCrop DecodeResizeCrop DecodeRandomResizedCrop DecodeDirectRandomResizedCrop DecodeMultiRandomResizedCrop
    DecodeUniformMultiRandomResizedCrop DecodeYUVFullRes DecodeYUVPlanes CenterCropYUV RandomResizedCropYUV MultiCropPipeline BatchTransform
    estimate_rejection_fallback_rate FFCVFileReader FFCVFileDataset FFCVStyleDataset ensure_lightning_symlink_on_cluster
    NumbaBatchDecoder YUV420NumbaBatchDecoder CPUDecoder GPUDecoder
""".split()
AUGMENTATIONS = """
    Compose RandomApply MultiSample ToTorchImage ToDevice ToFloat ToFloatDiv Normalize NormalizeLGN IMAGENET_MEAN IMAGENET_STD
    compute_normalization_stats supervised_train supervised_val make_train_pipeline make_val_pipeline simclr byol multicrop sync_s3_dataset
""".split()
OLD = {
    "CenterCrop": "DecodeCenterCrop",
    "RandomResizedCrop": "DecodeRandomResizedCrop",
    "DirectRandomResizedCrop": "DecodeDirectRandomResizedCrop",
    "ResizeCrop": "DecodeResizeCrop",
    "MultiRandomResizedCrop": "DecodeMultiRandomResizedCrop",
    "MultiCropRandomResizedCrop": "DecodeUniformMultiRandomResizedCrop",
}


@pytest.mark.parametrize("package", ["origami.slipstream", "visionlab.slipstream"])
def test_every_name_of_the_interface_is_there(package: str) -> None:
    module = importlib.import_module(package)
    assert [name for name in NAMES if not hasattr(module, name) or name not in module.__all__] == []
    for old, new in OLD.items():
        with pytest.warns(DeprecationWarning, match=f"is called {new}"):
            assert getattr(module, old) is getattr(slipstream, new)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(AttributeError, match="NoSuchThing"):
            module.NoSuchThing  # noqa: B018


def test_every_method_of_the_interface_is_there() -> None:
    methods = {
        SlipstreamDataset: "from_litdata from_imagefolder from_huggingface from_slides",
        OptimizedCache: "build load get_index read_all_fields field_types cache_path",
        SlipstreamLoader: "set_epoch state_dict load_state_dict",
        slipstream.FFCVFileReader: "read_all_fields",
        CPUDecoder: "decode_batch decode_batch_to_buffer decode_batch_center_crop decode_batch_random_crop decode_batch_resize_crop "
        "decode_batch_multi_crop hwc_to_chw",
    }
    for of, names in methods.items():
        own = {*dir(of), "cache_path", "field_types"}
        assert [name for name in names.split() if name not in own] == [], of
    stages = [name for name in NAMES if name.startswith("Decode") or name.endswith("YUV")]
    assert all(callable(getattr(getattr(slipstream, name), "set_image_format", None)) for name in [*stages, "MultiCropPipeline"])
    assert all(issubclass(getattr(slipstream, name), CPUDecoder) for name in NAMES if name.endswith("Decoder"))


def test_every_name_of_the_augmentations_is_there() -> None:
    assert [name for name in AUGMENTATIONS if name not in slipstream.__all__ or not hasattr(slipstream, name)] == []
