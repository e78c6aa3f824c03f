"""Encoded images: their cache, the raw layer, decode stages."""

import os
import pickle
import random
import signal
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pictures import draw

import origami
from origami.slipstream import (
    DecodeCenterCrop,
    DecodeDirectRandomResizedCrop,
    DecodeMultiRandomResizedCrop,
    DecodeRandomResizedCrop,
    DecodeResizeCrop,
    DecodeUniformMultiRandomResizedCrop,
    OptimizedCache,
    PrefetchingDataLoader,
    SlipstreamDataset,
    SlipstreamLoader,
    estimate_rejection_fallback_rate,
    write_index,
)

SIZES = [(320, 200), (199, 301), (64, 64), (257, 40), (333, 222), (90, 120)]


@pytest.fixture(scope="session")
def folder(work: Path) -> Path:
    """Images of different sizes and kinds in three classes."""
    root = work / "images"
    for number in range(24):
        width, height = SIZES[number % len(SIZES)]
        picture = Image.fromarray(np.roll(draw(width, height), 31 * number, axis=1))
        path = root / f"class {number % 3}" / f"{number:02}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if number % 8 == 3:
            picture.save(path.with_suffix(".png"))
        elif number % 8 == 5:
            picture.convert("L").save(path.with_suffix(".JPEG"), quality=90)
        else:
            picture.save(path.with_suffix(".jpg"), quality=90, subsampling=number % 3)
    (root / "class 0" / "notes.txt").write_text("no image")
    return root


@pytest.fixture(scope="session")
def dataset(folder: Path) -> SlipstreamDataset:
    return SlipstreamDataset.from_imagefolder(folder)


@pytest.fixture(scope="session")
def cache(dataset: SlipstreamDataset, work: Path) -> OptimizedCache:
    return OptimizedCache.build(dataset, work / "caches")


def pixels(dataset: SlipstreamDataset, index: int) -> Image.Image:
    return Image.open(BytesIO(dataset[index]["image"])).convert("RGB")


def test_an_image_folder_is_read_in_the_order_of_its_names(dataset: SlipstreamDataset, folder: Path) -> None:
    want = [(label, path) for label in range(3) for path in sorted((folder / f"class {label}").iterdir()) if path.suffix != ".txt"]
    assert [(sample["label"], folder / sample["path"]) for sample in map(dataset.__getitem__, range(len(dataset)))] == want
    assert dataset.field_types == {"image": "ImageBytes", "label": "int", "path": "str"}
    decoded = SlipstreamDataset.from_imagefolder(folder, decode_images=True)
    pil = SlipstreamDataset.from_imagefolder(folder, to_pil=True)
    for index in range(len(dataset)):
        assert np.array_equal(decoded[index]["image"], np.asarray(pixels(dataset, index))), "as Pillow decodes it"
        assert pil[index]["image"].size == pixels(dataset, index).size
    with pytest.raises(FileNotFoundError, match="one for each class"):
        SlipstreamDataset.from_imagefolder(folder / "class 0")


def test_any_dicts_are_a_data_set(tmp_path: Path) -> None:
    dataset = SlipstreamDataset(({"name": f"n{i}", "value": i / 2, "raw": bytes([i] * i)} for i in range(5)), identity="mine", name="dicts")
    cache = OptimizedCache.build(dataset, tmp_path)
    assert [cache[i] for i in range(5)] == [{"name": f"n{i}", "value": i / 2, "raw": bytes([i] * i)} for i in range(5)]
    assert cache.field_types == {"name": "str", "value": "float", "raw": "bytes"}
    with pytest.raises(TypeError, match="'x' is a list"):
        SlipstreamDataset([{"x": [1]}])
    with pytest.raises(ValueError, match="identity"):
        OptimizedCache.build(SlipstreamDataset([{"x": 1}]), tmp_path)
    mixed = SlipstreamDataset([{"x": 1}, {"x": "one"}], identity="mixed")
    with pytest.raises(TypeError, match="sample 1"):
        OptimizedCache.build(mixed, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [cache.cache_path.name], "nothing half-written stays"


def test_a_cache_has_every_byte_and_field(dataset: SlipstreamDataset, cache: OptimizedCache) -> None:
    assert len(cache) == len(dataset)
    for index in range(len(dataset)):
        assert cache[index] == dataset[index]
        width, height = pixels(dataset, index).size
        place = cache.places("image")[index]
        assert (place["width"], place["height"]) == (width, height)
    assert cache[-1] == dataset[-1]
    again = pickle.loads(pickle.dumps(cache))
    assert again[3] == cache[3]
    assert cache.read_all_fields()["label"].tolist() == [dataset[i]["label"] for i in range(len(dataset))]


def test_a_cache_is_found_by_its_contents(dataset: SlipstreamDataset, cache: OptimizedCache, work: Path, folder: Path) -> None:
    name, digits = cache.cache_path.name.removesuffix(".slipstream").rsplit("-", 1)
    assert name == "images" and len(digits) == 8 and int(digits, 16) >= 0
    written = (cache.cache_path / "cache.json").stat().st_mtime_ns
    same = OptimizedCache.build(SlipstreamDataset.from_imagefolder(folder), work / "caches")
    assert same.cache_path == cache.cache_path and (same.cache_path / "cache.json").stat().st_mtime_ns == written
    assert OptimizedCache.load(cache.cache_path)[0] == cache[0]
    other = SlipstreamDataset([{"x": 1}], identity="other", name="images")
    assert OptimizedCache.build(other, work / "caches").cache_path != cache.cache_path


def test_a_cache_that_was_cut_is_refused_and_built_again(dataset: SlipstreamDataset, tmp_path: Path) -> None:
    path = OptimizedCache.build(dataset, tmp_path).cache_path
    with (path / "image.bin").open("r+b") as file:
        file.truncate(100)
    with pytest.raises(origami.DamagedError, match="build the cache again"):
        OptimizedCache.load(path)
    assert OptimizedCache.build(dataset, tmp_path)[0] == dataset[0]


def test_a_killed_build_leaves_a_whole_cache_or_none(dataset: SlipstreamDataset, folder: Path, tmp_path: Path) -> None:
    code = f"""
from origami.slipstream import *
dataset = SlipstreamDataset.from_imagefolder({str(folder)!r})
print("ready", flush=True)
OptimizedCache.build(dataset, {str(tmp_path)!r})
"""
    moments = random.Random(3)
    for _ in range(int(os.environ.get("ORIGAMI_KILLS", "8"))):
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
            time.sleep(moments.uniform(0, 0.12))
            process.send_signal(signal.SIGKILL)
        for path in tmp_path.glob("images-*.slipstream"):
            cache = OptimizedCache.load(path)
            assert all(cache[index] == dataset[index] for index in range(len(dataset)))
    assert OptimizedCache.build(dataset, tmp_path)[5] == dataset[5]


def test_an_index_names_the_samples_of_each_value(cache: OptimizedCache) -> None:
    without = cache.get_index("label")
    write_index(cache, fields=["label", "path"])
    assert (cache.cache_path / "label_index.npy").is_file()
    index = cache.get_index("label")
    labels = cache.read_all_fields()["label"]
    assert {value: samples.tolist() for value, samples in index.items()} == {value: np.flatnonzero(labels == value).tolist() for value in range(3)}
    assert {value: samples.tolist() for value, samples in without.items()} == {value: samples.tolist() for value, samples in index.items()}
    assert all(samples.tolist() == [cache.read_all_fields()["path"].index(path)] for path, samples in cache.get_index("path").items())
    with pytest.raises(KeyError):
        write_index(cache, fields=["image"])
    (cache.cache_path / "label_index.npy").write_bytes((cache.cache_path / "path_index.npy").read_bytes()[:-30])
    with pytest.raises((origami.DamagedError, ValueError)):
        cache.get_index("label")
    write_index(cache, fields=["label"])


def test_the_raw_layer_gives_the_bytes_as_they_are(dataset: SlipstreamDataset, cache: OptimizedCache) -> None:
    seen = []
    kept = []
    for batch in PrefetchingDataLoader(cache, 5, num_workers=3, shuffle="sample", seed=4):
        assert set(batch) == {"data", "sizes", "heights", "widths", "indices", "label", "path"}
        for row, size, height, width, index, label in zip(
            *(batch[name] for name in ("data", "sizes", "heights", "widths", "indices", "label")), strict=True
        ):
            sample = dataset[int(index)]
            assert row[:size].tobytes() == sample["image"] and not row[size:].any()
            assert (width, height) == pixels(dataset, int(index)).size and label == sample["label"]
            seen.append(int(index))
        kept.append((batch["data"], batch["data"].copy()))
    assert sorted(seen) == list(range(len(dataset)))
    assert all(np.array_equal(data, copy) for data, copy in kept), "a batch that is kept stays as it was"


def crops(cache: OptimizedCache, stage, **options) -> dict[int, np.ndarray]:
    loader = SlipstreamLoader(cache, 7, pipelines={"image": [stage]}, layout="hwc", **options)
    return {int(index): image for batch in loader for index, image in zip(batch["indices"], batch["image"], strict=True)}


def test_a_centre_crop_is_the_middle_with_black_around_it(dataset: SlipstreamDataset, cache: OptimizedCache) -> None:
    for size in (64, 100, 225):
        for index, got in crops(cache, DecodeCenterCrop(size)).items():
            image = np.asarray(pixels(dataset, index))
            height, width = image.shape[:2]
            left, top = max(size - width, 0) // 2, max(size - height, 0) // 2
            padded = np.pad(image, ((top, max(size - height - top, 0)), (left, max(size - width - left, 0)), (0, 0)))
            y, x = round((padded.shape[0] - size) / 2), round((padded.shape[1] - size) / 2)
            assert np.array_equal(got, padded[y : y + size, x : x + size]), (size, index)


def near(got: np.ndarray, want: np.ndarray) -> bool:
    """Within rounding of two bilinear resamplings."""
    difference = np.abs(got.astype(int) - want.astype(int))
    return difference.max() <= 2 and difference.mean() < 0.6


def test_a_resized_crop_is_that_of_pillow(dataset: SlipstreamDataset, cache: OptimizedCache) -> None:
    for index, got in crops(cache, DecodeResizeCrop(80, 64)).items():
        image = pixels(dataset, index)
        width, height = image.size
        size = (80, int(80 * height / width)) if width <= height else (int(80 * width / height), 80)
        resized = np.asarray(image.resize(size, Image.Resampling.BILINEAR))
        y, x = round((size[1] - 64) / 2), round((size[0] - 64) / 2)
        assert near(got, resized[y : y + 64, x : x + 64]), index


@pytest.mark.parametrize("stage", [DecodeRandomResizedCrop(72, seed=5), DecodeDirectRandomResizedCrop(72, seed=5)])
def test_a_random_crop_is_its_part_of_the_image(dataset: SlipstreamDataset, cache: OptimizedCache, stage) -> None:
    loader_epoch = 0
    for index, got in crops(cache, stage).items():
        image = pixels(dataset, index)
        ((x, y, width, height),) = stage.parts(image.size, epoch=loader_epoch, sample=index)
        want = image.crop((x, y, x + width, y + height)).resize((72, 72), Image.Resampling.BILINEAR)
        assert near(got, np.asarray(want)), index


@pytest.mark.parametrize("kind", [DecodeRandomResizedCrop, DecodeDirectRandomResizedCrop])
def test_random_parts_lie_inside_and_keep_to_their_ranges(kind) -> None:
    stage = kind(10, scale=(0.2, 0.7), ratio=(0.5, 2.0), seed=1)
    for size in [(400, 300), (100, 500), (37, 41)]:
        found = [stage.parts(size, epoch=epoch, sample=3)[0] for epoch in range(400)]
        x, y, width, height = np.array(found).T
        assert (x >= 0).all() and (y >= 0).all() and (x + width <= size[0]).all() and (y + height <= size[1]).all()
        area = width * height / (size[0] * size[1])
        ratio = width / height
        # Sides are whole pixels.
        assert area.max() < 0.75 and ratio.min() > 0.44 and ratio.max() < 2.2
        if size != (100, 500):
            assert area.min() > 0.17 and np.ptp(area) > 0.3 and np.ptp(x) > size[0] / 3
    assert stage.parts((400, 300)) != kind(10, scale=(0.2, 0.7), seed=2).parts((400, 300))


def test_crops_depend_on_seed_epoch_and_sample_alone(cache: OptimizedCache) -> None:
    stage = DecodeRandomResizedCrop(40)
    first = crops(cache, stage, seed=1, num_workers=1)
    for options in ({"num_workers": 4}, {"shuffle": "none"}, {"distributed": (0, 1)}):
        again = crops(cache, stage, seed=1, **options)
        assert all(np.array_equal(first[index], again[index]) for index in first)
    assert not all(np.array_equal(first[index], image) for index, image in crops(cache, stage, seed=2).items())
    loader = SlipstreamLoader(cache, 7, crop_size=40, seed=1, shuffle="none", layout="hwc")
    epochs = [np.concatenate([batch["image"] for batch in loader]) for _ in range(2)]
    assert not np.array_equal(*epochs), "another epoch has other crops"
    assert np.array_equal(epochs[0], np.stack([first[index] for index in range(len(cache))]))


def test_several_crops_of_one_decode_have_names(cache: OptimizedCache) -> None:
    stage = DecodeMultiRandomResizedCrop(
        {
            "global_0": {"size": 48, "scale": (0.5, 1.0), "seed": 9},
            "global_1": {"size": 48, "scale": (0.5, 1.0)},
            "local_0": {"size": 24, "scale": (0.05, 0.2), "seed": 9},
        }
    )
    for size in [(300, 200), (123, 457)]:
        for epoch in range(30):
            first, other, local = (np.array(part) for part in stage.parts(size, epoch=epoch, sample=2))
            centre = [part[:2] + part[2:] / 2 for part in (first, local)]
            assert np.abs(centre[0] - centre[1]).max() <= 1, "yoked crops share a centre"
    assert stage.parts((300, 200))[0] != stage.parts((300, 200))[1]
    batch = next(iter(SlipstreamLoader(cache, 4, pipelines={"image": [stage]})))
    assert {name: batch[name].shape for name in ("global_0", "global_1", "local_0")} == {
        "global_0": (4, 3, 48, 48),
        "global_1": (4, 3, 48, 48),
        "local_0": (4, 3, 24, 24),
    }
    uniform = DecodeUniformMultiRandomResizedCrop(3, 20)
    batch = next(iter(SlipstreamLoader(cache, 4, pipelines={"image": [uniform]})))
    assert [image.shape for image in batch["image"]] == [(4, 3, 20, 20)] * 3
    assert not np.array_equal(batch["image"][0], batch["image"][1])


def test_pipelines_share_a_decode_and_end_in_functions(cache: OptimizedCache) -> None:
    pipelines = {"image": [[DecodeCenterCrop(32), lambda images: images.astype(np.float32) / 255], [DecodeResizeCrop(40, 32)]]}
    for batch in SlipstreamLoader(cache, 6, pipelines=pipelines, shuffle="none"):
        one, two = batch["image"]
        assert (one.dtype, two.dtype, one.shape, two.shape) == (np.float32, np.uint8, (6, 3, 32, 32), (6, 3, 32, 32))
        assert one.max() <= 1 and batch["label"].tolist() == [cache[int(index)]["label"] for index in batch["indices"]]
    for wrong in ({"image": []}, {"image": [len]}, {"label": [DecodeCenterCrop(3)]}, {"image": [DecodeCenterCrop(3), DecodeCenterCrop(3)]}):
        with pytest.raises(ValueError, match="pipelines"):
            SlipstreamLoader(cache, 6, pipelines=wrong)
    with pytest.raises(ValueError, match="give one"):
        SlipstreamLoader(cache, 6)
    with pytest.raises(ValueError, match="scale"):
        list(SlipstreamLoader(cache, 6, pipelines={"image": [DecodeRandomResizedCrop(9, scale=(0.5, 0.1))]}))


def test_planes_are_the_same_pixels(cache: OptimizedCache) -> None:
    for stage in (DecodeCenterCrop(50), DecodeResizeCrop(60, 50), DecodeRandomResizedCrop(50)):
        planes, pixels_ = (
            np.concatenate([batch["image"] for batch in SlipstreamLoader(cache, 8, pipelines={"image": [stage]}, layout=layout)])
            for layout in ("chw", "hwc")
        )
        assert np.array_equal(planes.transpose(0, 2, 3, 1), pixels_)


def test_a_loader_of_encoded_images_makes_its_cache(dataset: SlipstreamDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPSTREAM_CACHE_DIR", str(tmp_path))
    loader = SlipstreamLoader(dataset, 8, crop_size=32, crop_mode="center")
    assert sum(len(batch["image"]) for batch in loader) == len(dataset)
    assert len(list(tmp_path.glob("images-*.slipstream"))) == 1


def test_damaged_images_are_named(tmp_path: Path, dataset: SlipstreamDataset) -> None:
    good = dataset[0]["image"]
    cut = SlipstreamDataset([{"image": good}, {"image": good[: len(good) // 2]}], identity="cut", name="cut")
    cache = OptimizedCache.build(cut, tmp_path)
    with pytest.raises(origami.OrigamiError, match="image 1"):
        list(SlipstreamLoader(cache, 2, crop_size=16))
    no_image = SlipstreamDataset([{"image": good}, {"image": b"\xff\xd8\xff"}], identity="none", name="none")
    with pytest.raises(origami.DamagedError, match="sample 1"):
        OptimizedCache.build(no_image, tmp_path)


def test_a_rate_of_fallbacks_is_known() -> None:
    assert estimate_rejection_fallback_rate([(224, 224)], draws=300) < 0.02
    # A stripe has no room for the ratio at most areas.
    assert estimate_rejection_fallback_rate([(1000, 30)], draws=300) > 0.5
