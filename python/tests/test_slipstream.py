"""Patches of slides: that they are the right ones, in the right order, once each, in every way of running."""

import multiprocessing
import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pictures import MPP, halved, psnr
from PIL import Image
from reading import total

import origami
from origami.slipstream import SlipstreamBags, SlipstreamDataset, SlipstreamLoader, find_slides, read_slide_list, tissue_mask


@pytest.fixture(scope="session")
def slides(slide_path: Path, bundle_path: Path, tree_path: Path) -> dict[Path, str]:
    return {bundle_path: "a", slide_path: "b", tree_path: "a"}


@pytest.fixture(scope="session")
def dataset(slides: dict[Path, str]) -> SlipstreamDataset:
    return SlipstreamDataset.from_slides(slides, size=200)


def order(loader: SlipstreamLoader) -> list[int]:
    return [int(index) for batch in loader for index in batch["indices"]]


def test_a_sample_is_the_region_of_its_slide(dataset: SlipstreamDataset) -> None:
    assert len(dataset) == 3 * (2501 // 200) * (1803 // 200)
    for index in range(0, len(dataset), 37):
        sample = dataset[index]
        slide = origami.Slide(dataset.slides[sample["slide"]].path)
        want = slide.read_region((sample["x"], sample["y"]), 0, (200, 200), as_array=True)
        assert np.array_equal(sample["image"], want), index
        assert sample["index"] == index and sample["label"] == dataset.slides[sample["slide"]].fields["label"]
        assert (sample["x"], sample["y"]) == tuple(dataset.corners()[index])
    assert np.array_equal(dataset[-1]["image"], dataset[len(dataset) - 1]["image"])
    with pytest.raises(IndexError):
        dataset[len(dataset)]


def test_samples_at_once_are_those_one_by_one(dataset: SlipstreamDataset) -> None:
    indices = [5, 200, 6, 5, 111]
    for index, sample in zip(indices, dataset.__getitems__(indices), strict=True):
        assert sample["index"] == index and np.array_equal(sample["image"], dataset[index]["image"])


@pytest.mark.parametrize("shuffle", ["family", "sample", "none"])
def test_an_epoch_has_every_sample_once_with_its_own_pixels(dataset: SlipstreamDataset, shuffle: str) -> None:
    loader = SlipstreamLoader(dataset, 7, num_workers=3, shuffle=shuffle, seed=5, buffer=40)
    for epoch in range(2):
        seen = []
        batches = 0
        for batch in loader:
            batches += 1
            assert batch["image"].shape[1:] == (3, 200, 200) and batch["image"].dtype == np.uint8
            at = int(batch["indices"][-1])
            sample = dataset[at]
            assert np.array_equal(batch["image"][-1].transpose(1, 2, 0), sample["image"])
            assert (batch["label"][-1], batch["x"][-1], batch["y"][-1], batch["slide"][-1]) == tuple(
                sample[name] for name in ("label", "x", "y", "slide")
            )
            seen += batch["indices"].tolist()
        assert batches == len(loader) == -(-len(dataset) // 7)
        assert sorted(seen) == list(range(len(dataset)))
        assert loader.epoch == epoch + 1


def test_an_order_depends_on_seed_and_epoch_alone(dataset: SlipstreamDataset) -> None:
    def of(seed: int, epoch: int, threads: int) -> list[int]:
        loader = SlipstreamLoader(dataset, 16, seed=seed, num_workers=threads)
        loader.set_epoch(epoch)
        return order(loader)

    first = of(1, 0, 1)
    assert of(1, 0, 4) == first
    assert of(1, 1, 1) != first and of(2, 0, 1) != first


def splitmix(numbers: list[int]) -> Iterator[int]:
    """The generator of `loader/order.rs`."""
    mask = 2**64 - 1

    def mixed(state: int) -> int:
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & mask
        return state ^ (state >> 31)

    state = 0x5851F42D4C957F2D
    for number in numbers:
        state = mixed(((state ^ number) + 0x9E3779B97F4A7C15) & mask)
    while True:
        state = (state + 0x9E3779B97F4A7C15) & mask
        yield mixed(state)


def test_an_order_is_the_same_in_every_version(dataset: SlipstreamDataset) -> None:
    numbers = splitmix([1, 6, 1, 0])
    want = list(range(len(dataset)))
    for last in range(len(want) - 1, 0, -1):
        # Lemire's method rejects nothing that small.
        at = next(numbers) * (last + 1) >> 64
        want[last], want[at] = want[at], want[last]
    loader = SlipstreamLoader(dataset, 16, seed=1, shuffle="sample")
    loader.set_epoch(6)
    assert loader.order().tolist() == want


def test_families_stay_near_one_another(dataset: SlipstreamDataset) -> None:
    loader = SlipstreamLoader(dataset, 8, buffer=60)
    families = dataset.families
    loader_order = loader.order()
    for start in range(0, len(loader_order) - 60, 60):
        window = loader_order[start : start + 60]
        # Families of 25 samples, and some that are cut by the edge of the slide.
        assert len(np.unique(families[window])) <= 12
    assert len(np.unique(families)) == 18
    assert not np.array_equal(np.sort(families[loader_order]), families[loader_order]), "and are mixed"


@pytest.mark.parametrize("shuffle", ["family", "sample", "none"])
@pytest.mark.parametrize("ranks", [2, 3, 7])
def test_ranks_share_an_epoch_evenly(dataset: SlipstreamDataset, shuffle: str, ranks: int) -> None:
    own = [SlipstreamLoader(dataset, 8, shuffle=shuffle, buffer=20, distributed=(rank, ranks)) for rank in range(ranks)]
    shares = [loader.order().tolist() for loader in own]
    assert {len(share) for share in shares} == {-(-len(dataset) // ranks)}
    together = sorted(sum(shares, []))
    assert set(together) == set(range(len(dataset)))
    assert len(together) - len(dataset) < ranks


def test_ranks_come_from_the_environment(dataset: SlipstreamDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    explicit = SlipstreamLoader(dataset, 8, distributed=(1, 2))
    assert np.array_equal(SlipstreamLoader(dataset, 8).order(), explicit.order())


@pytest.mark.parametrize("shuffle", ["family", "sample"])
def test_a_run_goes_on_in_the_middle_of_an_epoch(dataset: SlipstreamDataset, shuffle: str) -> None:
    def loader() -> SlipstreamLoader:
        made = SlipstreamLoader(dataset, 10, seed=3, shuffle=shuffle, num_workers=2)
        made.set_epoch(4)
        return made

    whole = order(loader()) + order(loader_at(loader(), {"seed": 3, "epoch": 5, "position": 0}))
    for stop in (1, 9, len(loader()) - 1, len(loader())):
        first = loader()
        seen = []
        for number, batch in enumerate(first, 1):
            seen += batch["indices"].tolist()
            state = first.state_dict()
            if number == stop:
                break
        second = loader_at(loader(), pickle.loads(pickle.dumps(state)))
        rest = order(second)
        if second.epoch == 5:
            rest += order(second)
        assert seen + rest == whole, stop
    with pytest.raises(ValueError, match="seed"):
        loader().load_state_dict({"seed": 4, "epoch": 0, "position": 0})


def loader_at(loader: SlipstreamLoader, state: dict[str, int]) -> SlipstreamLoader:
    loader.load_state_dict(state)
    return loader


def test_indices_and_fields_choose_samples(dataset: SlipstreamDataset) -> None:
    index = dataset.get_index("label")
    assert {name: len(of) for name, of in index.items()} == {"a": 2 * len(dataset) // 3, "b": len(dataset) // 3}
    loader = SlipstreamLoader(dataset, 16, indices=index["b"])
    assert sorted(order(loader)) == index["b"].tolist()
    part = dataset.subset(index["b"][::-1])
    assert np.array_equal(part[0]["image"], dataset[int(index["b"][-1])]["image"]) and part[0]["label"] == "b"
    with pytest.raises(IndexError):
        SlipstreamLoader(dataset, 16, indices=[len(dataset)])
    with pytest.raises(KeyError, match="they have label"):
        dataset.get_index("grade")


def test_a_last_batch_that_is_not_full_can_be_left_out(dataset: SlipstreamDataset) -> None:
    loader = SlipstreamLoader(dataset, 50, drop_last=True, shuffle="none")
    assert [len(batch["indices"]) for batch in loader] == [50] * (len(dataset) // 50) == [50] * len(loader)


def test_a_pass_can_be_left_and_begun_again(dataset: SlipstreamDataset) -> None:
    loader = SlipstreamLoader(dataset, 4, num_workers=4, seed=9)
    first = next(iter(loader))["indices"].tolist()
    loader.set_epoch(0)
    assert order(loader)[:4] == first


def test_microns_per_pixel_choose_level_and_side(bundle_path: Path, slide_path: Path, image: np.ndarray) -> None:
    names = {"fine": MPP, "half": 2 * MPP, "between": 1.5 * MPP, "far": 8 * MPP}
    dataset = SlipstreamDataset.from_slides([slide_path, bundle_path], size=128, target_mpp=names, count=3, seed=1)
    assert dataset.names == tuple(names)
    for index in range(len(dataset)):
        sample = dataset[index]
        centre = np.array([sample["x"], sample["y"]]) + 64
        for name, mpp in names.items():
            side = round(128 * mpp / MPP)
            x, y = np.rint(centre - side / 2).astype(int)
            window = np.full((side, side, 3), 255, np.uint8)
            rows, columns = (slice(max(at, 0), min(at + side, most)) for at, most in ((y, image.shape[0]), (x, image.shape[1])))
            window[rows.start - y : rows.stop - y, columns.start - x : columns.stop - x] = image[rows, columns]
            want = np.asarray(Image.fromarray(window).resize((128, 128), Image.Resampling.LANCZOS))
            assert psnr(sample[name], want) > 25, (index, name)
    by_power = SlipstreamDataset.from_slides(bundle_path, size=64, level=1)
    assert np.array_equal(by_power[0]["image"], origami.Slide(bundle_path).read_region((0, 0), 1, (64, 64), as_array=True))
    assert psnr(by_power[0]["image"], halved(image)[:64, :64]) > 30


def test_a_resolution_that_a_slide_lacks_is_refused(bundle_path: Path, work: Path, image: np.ndarray) -> None:
    with pytest.raises(ValueError, match="finer than its full resolution"):
        SlipstreamDataset.from_slides(bundle_path, target_mpp=0.1)
    with pytest.raises(ValueError, match="does not say its magnification"):
        SlipstreamDataset.from_slides(bundle_path, magnification=20)
    Image.fromarray(image[:300, :300]).save(work / "plain.png")
    with pytest.raises(ValueError, match="microns per pixel"):
        SlipstreamDataset.from_slides(work / "plain.png", target_mpp=1.0)
    with pytest.raises(ValueError, match="no level 9"):
        SlipstreamDataset.from_slides(bundle_path, level=9)
    with pytest.raises(ValueError, match="no patch of 5000"):
        SlipstreamDataset.from_slides(bundle_path, size=5000)
    for wrong in ({"size": 0}, {"stride": 0}, {"count": 0}, {"tissue": 2}, {"level": 1, "target_mpp": 1.0}, {"stride": 9, "count": 3}):
        with pytest.raises(ValueError):
            SlipstreamDataset.from_slides(bundle_path, **wrong)


@pytest.fixture(scope="session")
def section(work: Path) -> tuple[Path, np.ndarray]:
    """A section on glass, and where it lies."""
    noise = np.random.default_rng(7)
    y, x = np.mgrid[0:1200, 0:1500]
    truth = ((x - 700) / 420) ** 2 + ((y - 560) / 300) ** 2 < 1
    glass = 242 + noise.integers(-3, 4, (1200, 1500, 3))
    tissue = np.array([172, 96, 158]) + noise.integers(-40, 41, (1200, 1500, 3))
    picture = np.where(truth[..., None], tissue, glass).astype(np.uint8)
    Image.fromarray(picture).save(work / "section.png")
    return origami.encode(work / "section.png", work / "section").bundle, truth


@pytest.mark.parametrize("feature", ["saturation", "darkness"])
def test_tissue_is_found_and_glass_is_left_out(section: tuple[Path, np.ndarray], work: Path, feature: str) -> None:
    bundle, truth = section
    for path, downsample in [(bundle, 8), (bundle, 5), (work / "section.png", 32)]:
        found = tissue_mask(origami.Slide(path), feature=feature, downsample=downsample)
        step = round(found.downsample)
        assert found.mask.shape == tuple(-(-side // step) for side in truth.shape)
        centres = truth[step // 2 :: step, step // 2 :: step]
        part = found.mask[: centres.shape[0], : centres.shape[1]]
        assert np.mean(part == centres) > 0.97, (path, downsample)
    dataset = SlipstreamDataset.from_slides(bundle, size=100, tissue=0.6, tissue_feature=feature)
    parts = {(x, y): np.mean(truth[y : y + 100, x : x + 100]) for x in range(0, 1401, 100) for y in range(0, 1101, 100)}
    chosen = {tuple(corner) for corner in dataset.corners().tolist()}
    assert {corner for corner, part in parts.items() if part > 0.7} <= chosen <= {corner for corner, part in parts.items() if part > 0.5}
    everywhere = tissue_mask(origami.Slide(bundle), feature=feature)
    by_hand = SlipstreamDataset.from_slides(bundle, size=100, tissue=0.6, masks=lambda slide: everywhere)
    assert {tuple(corner) for corner in by_hand.corners().tolist()} == chosen


def test_glass_alone_has_no_tissue(work: Path) -> None:
    noise = np.random.default_rng(1).integers(240, 246, (600, 700, 3), np.uint8)
    Image.fromarray(noise).save(work / "glass.png")
    assert not tissue_mask(origami.Slide(work / "glass.png"), downsample=4).mask.any()


def test_random_places_are_inside_and_the_same_again(bundle_path: Path) -> None:
    def corners(seed: int) -> np.ndarray:
        return SlipstreamDataset.from_slides(bundle_path, size=64, count=50, seed=seed, tissue=0.5).corners()

    assert np.array_equal(corners(1), corners(1)) and not np.array_equal(corners(1), corners(2))
    assert (corners(1) >= 0).all() and (corners(1) + 64 <= (2501, 1803)).all()


def test_places_can_be_given(bundle_path: Path) -> None:
    given = {bundle_path: [(10, 20), (1500, 900)]}
    for coordinates in (given, lambda slide: np.array(given[bundle_path])):
        dataset = SlipstreamDataset.from_slides(bundle_path, size=32, coordinates=coordinates)
        assert dataset.corners().tolist() == [[10, 20], [1500, 900]]
    with pytest.raises(ValueError, match="not among the slides"):
        SlipstreamDataset.from_slides(bundle_path, coordinates={"other": [(0, 0)]})


def test_slides_come_from_lists_and_directories(bundle_path: Path, slide_path: Path, tmp_path: Path) -> None:
    table = tmp_path / "slides.csv"
    table.write_text(f"path,label,weight\n{slide_path},tumour,0.5\n{bundle_path},normal,2\n")
    dataset = SlipstreamDataset.from_slides(table, size=512)
    assert dataset.field("label") == ["tumour", "normal"] and dataset.field("weight") == [0.5, 2]
    batch = next(iter(SlipstreamLoader(dataset, 4, shuffle="none")))
    assert batch["weight"].tolist() == [0.5] * 4 and batch["label"] == ["tumour"] * 4
    (tmp_path / "no.csv").write_text("file\nx.svs\n")
    with pytest.raises(ValueError, match="has no 'path'"):
        read_slide_list(tmp_path / "no.csv")
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "b.tif").symlink_to(slide_path)
    (tmp_path / "s" / "a.bundle").symlink_to(bundle_path)
    (tmp_path / "s" / "notes.txt").write_text("")
    assert [path.name for path in find_slides(tmp_path / "s")] == ["a.bundle", "b.tif"]
    assert len(SlipstreamDataset.from_slides(tmp_path / "s", size=512).slides) == 2
    with pytest.raises(ValueError, match="no slides here"):
        SlipstreamDataset.from_slides([])
    with pytest.raises(FileNotFoundError):
        SlipstreamDataset.from_slides(tmp_path / "missing.svs")
    with pytest.raises(ValueError, match="its fields are"):
        SlipstreamDataset.from_slides([{"path": slide_path, "label": 1}, {"path": bundle_path}])


def test_bags_hold_patches_of_one_slide(dataset: SlipstreamDataset) -> None:
    bags = SlipstreamBags(dataset, 20, seed=2)
    assert len(bags) == 3
    for bag in (bags[0], bags[-1]):
        assert bag["image"].shape == (20, 200, 200, 3)
        assert len(set(bag["index"].tolist())) == 20 and set(dataset.slide_of[bag["index"]]) == {bag["slide"]}
        assert np.array_equal(bag["image"][3], dataset[int(bag["index"][3])]["image"])
    again = SlipstreamBags(dataset, 20, seed=2)
    assert np.array_equal(again[0]["index"], bags[0]["index"])
    again.set_epoch(1)
    assert not np.array_equal(again[0]["index"], bags[0]["index"])
    few = SlipstreamBags(dataset.subset([0, 1, 2]), 7)
    assert sorted(set(few[0]["index"].tolist())) == [0, 1, 2] and len(few[0]["index"]) == 7


def test_a_damaged_family_is_an_error_of_its_batch(bundle_path: Path, tmp_path: Path) -> None:
    content = bytearray(bundle_path.read_bytes())
    content[len(content) // 2] ^= 255
    (tmp_path / "damaged.bundle").write_bytes(content)
    dataset = SlipstreamDataset.from_slides(tmp_path / "damaged.bundle", size=256)
    with pytest.raises(origami.DamagedError, match="damaged.bundle"):
        order(SlipstreamLoader(dataset, 4, num_workers=2))


def test_a_slide_that_was_changed_is_refused(bundle_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.bundle"
    path.write_bytes(bundle_path.read_bytes())
    dataset = SlipstreamDataset.from_slides(path, size=256)
    path.write_bytes(bundle_path.read_bytes()[:-1])
    with pytest.raises(origami.OrigamiError, match="changed"):
        dataset[0]


def test_fewer_slides_are_open_than_there_are(dataset: SlipstreamDataset, slides: dict[Path, str]) -> None:
    narrow = SlipstreamDataset.from_slides(slides, size=200, open_slides=1, cache_bytes=16 << 20)
    loader = SlipstreamLoader(narrow, 16, num_workers=2, shuffle="sample", layout="hwc")
    for batch, _ in zip(loader, range(3), strict=False):
        for index, image in zip(batch["indices"], batch["image"], strict=True):
            assert np.array_equal(image, dataset[int(index)]["image"])


def _open_below(directory: Path) -> int:
    """Files of this process that are open and lie in a directory."""
    found = 0
    for handle in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{handle}").startswith(str(directory))
        except FileNotFoundError:
            # It was closed meanwhile.
            pass
    return found


def test_no_more_slides_are_open_than_are_allowed(bundle_path: Path, tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"{number}.bundle").hardlink_to(bundle_path)
    threads, allowed = 2, 3
    dataset = SlipstreamDataset.from_slides(tmp_path, size=64, count=60, open_slides=allowed, cache_bytes=16 << 20)
    most = 0
    for _ in SlipstreamLoader(dataset, 8, num_workers=threads, shuffle="sample"):
        most = max(most, _open_below(tmp_path))
    assert 1 <= most <= allowed + threads, "a thread may hold one that is closed meanwhile"


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_data_set_works_in_processes(dataset: SlipstreamDataset, method: str) -> None:
    indices = [[0, 5, 150], [7, 8, 230]]
    want = [total(dataset, part) for part in indices]
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.starmap_async(total, [(dataset, part) for part in indices]).get(timeout=60) == want


def test_a_pickle_is_small_and_gives_the_same(dataset: SlipstreamDataset) -> None:
    pickled = pickle.dumps(dataset)
    assert len(pickled) < 40 * len(dataset) + 4000
    assert np.array_equal(pickle.loads(pickled)[11]["image"], dataset[11]["image"])
