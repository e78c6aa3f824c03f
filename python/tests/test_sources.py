"""Where patches come from: annotations, kept masks, places, pools of slides, addresses."""

import json
import multiprocessing
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pictures import draw
from reading import read, read_inherited

import origami
from origami.slipstream import (
    Places,
    SlidePool,
    SlipstreamBags,
    SlipstreamDataset,
    SlipstreamLoader,
    TissueMask,
    read_annotations,
    saved_tissue_mask,
    sync_s3_dataset,
    tissue_mask,
)

SIZE = (2501, 1803)


def box(left: float, top: float, right: float, bottom: float) -> list[list[float]]:
    return [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]


def feature(geometry: dict[str, Any], name: str | None) -> dict[str, Any]:
    """As QuPath 0.5 writes it."""
    classification = {} if name is None else {"classification": {"name": name, "color": [200, 0, 0]}}
    return {"type": "Feature", "id": "7f2c", "geometry": geometry, "properties": {"objectType": "annotation", **classification}}


@pytest.fixture
def geojson(tmp_path: Path) -> Path:
    """A tumour with a hole in which an island lies, a stroma beside it, and a point."""
    rings = [box(200, 200, 1400, 1400), box(600, 600, 1000, 1000)]
    features = [
        feature({"type": "MultiPolygon", "coordinates": [rings, [box(700, 700, 900, 900)]]}, "Tumor"),
        feature({"type": "Polygon", "coordinates": [box(1400, 200, 2200, 1400)]}, "Stroma"),
        feature({"type": "Polygon", "coordinates": [box(0, 1600, 100, 1700)]}, None),
        feature({"type": "Point", "coordinates": [5, 5]}, "Mitosis"),
    ]
    path = tmp_path / "slide.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


@pytest.mark.filterwarnings("ignore:.*no polygons")
def test_holes_and_islands_are_where_they_are(geojson: Path) -> None:
    tumour, stroma, unnamed = read_annotations(geojson)
    assert (tumour.name, stroma.name, unnamed.name) == ("Tumor", "Stroma", "unclassified")
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]] + 0.5
    inside = lambda left, top, right, bottom: (x > left) & (x < right) & (y > top) & (y < bottom)  # noqa: E731
    want = (inside(200, 200, 1400, 1400) & ~inside(600, 600, 1000, 1000)) | inside(700, 700, 900, 900)
    got = tumour.mask(SIZE, 1.0).mask
    # Pixels on a border may be on either side.
    assert got.shape == want.shape and np.mean(got != want) < 0.004
    coarse = tumour.mask(SIZE, 10.0)
    assert abs(coarse.mask.sum() * 100 / want.sum() - 1) < 0.05


@pytest.mark.filterwarnings("ignore:.*no polygons")
def test_patches_have_the_class_of_most_of_their_area(geojson: Path, bundle_path: Path) -> None:
    given = {bundle_path: geojson}
    dataset = SlipstreamDataset.from_slides(bundle_path, size=200, annotations=given)
    classes = {tuple(corner): name for corner, name in zip(dataset.corners().tolist(), dataset.fields_of(range(len(dataset)))["annotation"], strict=True)}

    def part(corner: tuple[int, int], *boxes: tuple[int, int, int, int]) -> float:
        x, y = corner
        return sum(max(0, min(x + 200, right) - max(x, left)) * max(0, min(y + 200, bottom) - max(y, top)) for left, top, right, bottom in boxes) / 40000

    for x in range(0, 2301, 200):
        for y in range(0, 1601, 200):
            tumour = part((x, y), (200, 200, 1400, 1400)) - part((x, y), (600, 600, 1000, 1000)) + part((x, y), (700, 700, 900, 900))
            stroma = part((x, y), (1400, 200, 2200, 1400))
            if abs(max(tumour, stroma) - 0.5) > 0.05:
                want = None if max(tumour, stroma) < 0.5 else "Tumor" if tumour > stroma else "Stroma"
                assert classes.get((x, y)) == want, (x, y, tumour, stroma)
    assert dataset[0]["annotation"] == dataset.fields_of([0])["annotation"][0]
    batch = next(iter(SlipstreamLoader(dataset, 8)))
    assert batch["annotation"] == [dataset[int(index)]["annotation"] for index in batch["indices"]]
    stroma_only = dataset.subset(dataset.get_index("annotation")["Stroma"])
    assert set(stroma_only.fields_of(range(len(stroma_only)))["annotation"]) == {"Stroma"}
    everywhere = SlipstreamDataset.from_slides(bundle_path, size=200, annotations=given, unannotated="other")
    assert len(everywhere) == 12 * 9 and set(everywhere.get_index("annotation")) == {"Tumor", "Stroma", "other"}
    bag = SlipstreamBags(everywhere, 10)[0]
    assert bag["annotation"] == everywhere.fields_of(bag["index"])["annotation"]
    whole = SlipstreamDataset.from_slides(bundle_path, size=200, annotations=given, annotated=1.0)
    assert len(whole) < len(dataset)


def test_annotations_come_from_a_directory_by_the_name_of_the_slide(geojson: Path, slide_path: Path) -> None:
    with pytest.warns(UserWarning, match="1 of 4 annotations are no polygons"):
        dataset = SlipstreamDataset.from_slides(slide_path, size=200, annotations=geojson.parent)
    assert set(dataset.get_index("annotation")) == {"Tumor", "Stroma"}
    with pytest.raises(ValueError, match="or lies in an annotation"):
        SlipstreamDataset.from_slides(slide_path, annotations=lambda slide: [])


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "3",
        '{"features": 3}',
        '[{"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 0]]]}}]',
        '[{"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [9, 9], [0, 9]]]}}]',
        '[{"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [[[0, 0], ["a", 0], [9, 9], [0, 0]]]}}]',
        '[{"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1e300, 0], [9, 9], [0, 0]]]}}]',
        '[{"type": "Feature", "geometry": {"type": "Circle"}}]',
        '[{"geometry": null}]',
    ],
)
def test_what_is_no_geojson_is_refused_by_name(text: str, tmp_path: Path) -> None:
    (tmp_path / "bad.geojson").write_text(text)
    with pytest.raises(ValueError, match=r"bad\.geojson"):
        read_annotations(tmp_path / "bad.geojson")


def test_places_keep_their_middles_and_fields(bundle_path: Path) -> None:
    centres = np.array([[300.0, 400.0], [1000.0, 900.0], [50.0, 60.0]])
    given = Places(centres, {"grade": [1, 2, 3]})
    for size in (64, 100):
        dataset = SlipstreamDataset.from_slides(bundle_path, size=size, coordinates=lambda slide: given)
        assert np.array_equal(dataset.corners() + size // 2, centres)
        assert next(iter(SlipstreamLoader(dataset, 3, shuffle="none")))["grade"].tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match="a value each"):
        SlipstreamDataset.from_slides(bundle_path, coordinates=lambda slide: Places(centres, {"grade": [1]}))
    with pytest.raises(ValueError, match="'slide' of its places"):
        SlipstreamDataset.from_slides(bundle_path, coordinates=lambda slide: Places(centres, {"slide": [1, 2, 3]}))


@pytest.fixture(scope="module")
def nearly_all_tissue(work: Path) -> tuple[Path, np.ndarray]:
    """Of which Otsu's threshold takes the paler half for glass."""
    noise = np.random.default_rng(3)
    y, x = np.mgrid[0:800, 0:1000]
    truth = (x - 40) ** 2 + (y - 40) ** 2 > 90**2
    dark = np.where((x > 500)[..., None], [120, 50, 120], [214, 178, 208])
    picture = np.where(truth[..., None], dark, 244) + noise.integers(-3, 4, (800, 1000, 3))
    Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(work / "full.png")
    return origami.encode(work / "full.png", work / "full").bundle, truth


def test_absorbance_holds_where_otsu_splits_tissue(nearly_all_tissue: tuple[Path, np.ndarray], work: Path) -> None:
    bundle, truth = nearly_all_tissue
    for path, downsample in ((bundle, 8.0), (bundle, 5.0), (work / "full.png", 16.0)):
        found = tissue_mask(origami.Slide(path), feature="absorbance", downsample=downsample)
        step = round(found.downsample)
        assert found.mask.shape == tuple(-(-side // step) for side in truth.shape)
        middles = truth[step // 2 :: step, step // 2 :: step]
        agrees = found.mask[: middles.shape[0], : middles.shape[1]] == middles
        assert agrees.mean() > 0.98, (path, downsample)
    otsu = tissue_mask(origami.Slide(bundle), downsample=8)
    assert otsu.mask.mean() < 0.6
    Image.fromarray(np.random.default_rng(1).integers(240, 246, (600, 700, 3), np.uint8)).save(work / "only-glass.png")
    assert not tissue_mask(origami.Slide(work / "only-glass.png"), feature="absorbance", downsample=4).mask.any()
    with pytest.raises(ValueError, match="downsample"):
        tissue_mask(origami.Slide(bundle), feature="absorbance", downsample=0)


def test_masks_are_kept_for_the_slide_that_they_are_of(bundle_path: Path, slide_path: Path, image: np.ndarray, tmp_path: Path) -> None:
    copy = tmp_path / "slide.tif"
    shutil.copy(slide_path, copy)
    first = saved_tissue_mask(origami.Slide(copy))
    file = tmp_path / "slide.tif.tissue.npz"
    written = file.stat().st_mtime_ns
    again = saved_tissue_mask(origami.Slide(copy))
    assert np.array_equal(first.mask, again.mask) and first.downsample == again.downsample and file.stat().st_mtime_ns == written
    # What is there is what counts.
    identity = str(np.load(file)["identity"])
    TissueMask(~first.mask, first.downsample).save(file, identity=identity)
    assert np.array_equal(saved_tissue_mask(origami.Slide(copy)).mask, ~first.mask)
    # Made in another way, damaged, of another slide: made anew.
    assert not np.array_equal(saved_tissue_mask(origami.Slide(copy), feature="darkness").mask, ~first.mask)
    assert np.array_equal(saved_tissue_mask(origami.Slide(copy)).mask, first.mask)
    whole = file.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], b"PK" + whole[2:60]):
        file.write_bytes(damaged)
        assert np.array_equal(saved_tissue_mask(origami.Slide(copy)).mask, first.mask)
    TissueMask(~first.mask, first.downsample).save(file, identity=identity)
    Image.fromarray(image[:, ::-1]).save(copy)
    assert not np.array_equal(saved_tissue_mask(origami.Slide(copy)).mask, ~first.mask)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["slide.tif", "slide.tif.tissue.npz"]
    # In a directory of their own; the bundle is known by its content.
    masks = tmp_path / "masks"
    for _ in range(2):
        dataset = SlipstreamDataset.from_slides(bundle_path, size=200, tissue=0.5, save_masks=masks)
        assert len(dataset) == len(SlipstreamDataset.from_slides(bundle_path, size=200, tissue=0.5))
        (kept,) = masks.iterdir()
    assert str(np.load(kept)["identity"]).startswith("content:")
    with pytest.raises(ValueError, match="give tissue as well"):
        SlipstreamDataset.from_slides(bundle_path, save_masks=True)


@pytest.fixture(scope="module")
def many(work: Path) -> SlipstreamDataset:
    """Nine slides of one to nine rows of six patches."""
    for number in range(9):
        Image.fromarray(draw(300, 50 * (number + 1))).save(work / f"pool-{number}.png")
    return SlipstreamDataset.from_slides([work / f"pool-{number}.png" for number in range(9)], size=50)


@pytest.mark.parametrize(("open_slides", "visit"), [(3, 5), (1, 100), (20, 1), (2, 7)])
def test_a_pool_has_few_slides_open_and_every_sample_once(many: SlipstreamDataset, open_slides: int, visit: int) -> None:
    loader = SlipstreamLoader(many, 4, shuffle=SlidePool(open_slides, visit), seed=2)
    order = loader.order()
    assert sorted(order) == list(range(len(many)))
    slide = many.slide_of[order]
    # Cut into groups of visits: none has more slides, nor more patches of one.
    at = 0
    seen: dict[int, int] = {}
    while at < len(order):
        end, counts = at, {}
        while end < len(order):
            counts[slide[end]] = counts.get(slide[end], 0) + 1
            if len(counts) > open_slides or counts[slide[end]] > visit:
                break
            end += 1
        assert end > at
        for number in set(slide[at:end].tolist()):
            seen[number] = seen.get(number, 0) + 1
        at = end
    if visit < 54 and open_slides < 9:
        assert max(seen.values()) > 1, "large slides are visited again"
    loader.set_epoch(1)
    assert not np.array_equal(loader.order(), order)
    shares = [SlipstreamLoader(many, 4, shuffle=SlidePool(open_slides, visit), distributed=(rank, 4)).order() for rank in range(4)]
    assert len({len(share) for share in shares}) == 1 and set(np.concatenate(shares)) == set(range(len(many)))


def test_a_pool_goes_on_in_the_middle(many: SlipstreamDataset) -> None:
    def loader() -> SlipstreamLoader:
        return SlipstreamLoader(many, 8, shuffle=SlidePool(2, 6), seed=7)

    whole = [index for batch in loader() for index in batch["indices"].tolist()]
    first = loader()
    for batch in first:
        break
    second = loader()
    second.load_state_dict(first.state_dict())
    assert batch["indices"].tolist() + [index for batch in second for index in batch["indices"].tolist()] == whole
    with pytest.raises(ValueError, match="at least 1"):
        SlidePool(0)


@pytest.fixture
def storage() -> Any:
    fsspec = pytest.importorskip("fsspec", reason="SKIPPED: fsspec is not installed")
    fs = fsspec.filesystem("memory")
    fs.store.clear()
    yield fs
    fs.store.clear()


def test_prefixes_are_copied_once(storage: Any, slide_path: Path, bundle_path: Path, tmp_path: Path) -> None:
    storage.pipe("/bucket/set/a.tif", slide_path.read_bytes())
    storage.pipe("/bucket/set/deep/b.bundle", bundle_path.read_bytes())
    storage.pipe("/bucket/set/notes.txt", b"hello")
    storage.pipe("/bucket/settings/other.tif", b"not below the prefix")
    local = sync_s3_dataset("memory://bucket/set", tmp_path / "copy")
    assert sorted(str(path.relative_to(local)) for path in local.rglob("*") if path.is_file() and not path.name.startswith(".")) == [
        "a.tif",
        "deep/b.bundle",
        "notes.txt",
    ]
    assert (local / "a.tif").read_bytes() == slide_path.read_bytes()
    before = {path: path.stat().st_mtime_ns for path in local.rglob("*.*")}
    storage.pipe("/bucket/set/notes.txt", b"hello again")
    sync_s3_dataset("memory://bucket/set/", tmp_path / "copy")
    assert (local / "notes.txt").read_bytes() == b"hello again"
    assert (local / "a.tif").stat().st_mtime_ns == before[local / "a.tif"]
    # Gone there and here; cut short here.
    storage.rm("/bucket/set/notes.txt")
    (local / "mine.txt").write_text("not copied")
    (local / "a.tif").write_bytes(b"short")
    sync_s3_dataset("memory://bucket/set", tmp_path / "copy")
    assert (local / "a.tif").read_bytes() == slide_path.read_bytes()
    assert not (local / "notes.txt").exists() and (local / "mine.txt").exists()
    with pytest.raises(FileNotFoundError, match="no objects there"):
        sync_s3_dataset("memory://bucket/none", tmp_path / "none")


def test_slides_are_opened_at_addresses(storage: Any, slide_path: Path, bundle_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPSTREAM_CACHE_DIR", str(tmp_path / "cache"))
    storage.pipe("/bucket/a.tif", slide_path.read_bytes())
    storage.pipe("/bucket/b.bundle", bundle_path.read_bytes())
    with origami.open_slide("memory://bucket/a.tif") as slide, origami.open_slide(slide_path) as local:
        assert np.array_equal(slide.read_region((9, 9), 0, (50, 50), as_array=True), local.read_region((9, 9), 0, (50, 50), as_array=True))
    with origami.open_slide(f"file://{slide_path}") as slide:
        assert slide.dimensions == SIZE
    dataset = SlipstreamDataset.from_slides({"memory://bucket/b.bundle": 1}, size=500)
    assert len(dataset) == 15 and dataset[0]["label"] == 1
    assert len(SlipstreamDataset.from_slides("memory://bucket", size=500)) == 30
    with pytest.raises(FileNotFoundError):
        origami.open_slide("memory://bucket/none.tif")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_bundle_at_an_address_is_read_by_ranges(storage: Any, bundle_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPSTREAM_CACHE_DIR", str(tmp_path / "cache"))
    whole = bundle_path.read_bytes()
    storage.pipe("/bucket/slide/residual_packs/residuals.bundle", whole)
    fetched = []
    cat_file = type(storage).cat_file

    def counted(fs: Any, path: str, start: int | None = None, end: int | None = None, **more: Any) -> bytes:
        found: bytes = cat_file(fs, path, start=start, end=end, **more)
        fetched.append(len(found))
        return found

    monkeypatch.setattr(type(storage), "cat_file", counted)
    with origami.open_slide("memory://bucket/slide") as far, origami.open_slide(bundle_path) as near:
        for level, (width, height) in enumerate(near.level_dimensions):
            size = (min(width, 200), min(height, 200))
            assert np.array_equal(far.read_region((90, 80), level, size, as_array=True), near.read_region((90, 80), level, size, as_array=True))
        # The beginning, one of six families, and tiles of small levels.
        assert sum(fetched) < len(whole), "a corner of the slide was read"
        assert far.properties == near.properties
        assert read(pickle.loads(pickle.dumps(far))) == read(near)
        child = multiprocessing.get_context("fork").Process(target=read_inherited, args=(far,))
        child.start()
        child.join(60)
        assert child.exitcode == 0
        pickled = pickle.dumps(far)
        storage.pipe("/bucket/slide/residual_packs/residuals.bundle", whole[:-1])
        with pytest.raises(origami.OrigamiError, match="changed after it was opened"):
            pickle.loads(pickled)
    assert not (tmp_path / "cache").exists(), "nothing was copied"
    with pytest.raises(origami.DamagedError):
        origami.open_slide("memory://bucket/slide")


def test_an_object_that_is_gone_is_an_error_of_the_read(storage: Any, bundle_path: Path) -> None:
    storage.pipe("/bucket/b.bundle", bundle_path.read_bytes())
    with origami.open_slide("memory://bucket/b.bundle") as slide:
        storage.rm("/bucket/b.bundle")
        with pytest.raises(FileNotFoundError, match="b.bundle"):
            read(slide)


@pytest.mark.parametrize("name", ["../../escape.tif", "a\\..\\b.tif"])
def test_names_of_objects_stay_below_their_directory(storage: Any, name: str, tmp_path: Path) -> None:
    storage.store[f"/bucket/set/{name}"] = storage.open("/bucket/set/x", "wb")
    with pytest.raises(ValueError, match="rename it"):
        sync_s3_dataset("memory://bucket/set", tmp_path / "copy")
    assert not (tmp_path / "escape.tif").exists()
