"""Data sets of slides at addresses: bundles are read by ranges, side by side."""

import multiprocessing
import pickle
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fsspec", reason="SKIPPED: fsspec is not installed")

from far import Far
from reading import total

import origami
from origami.slipstream import SlipstreamBags, SlipstreamDataset, SlipstreamLoader, find_slides

OPTIONS = {"key": "secret"}
# Families of the bundle of the tests.
FAMILIES = 6


@pytest.fixture
def far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Far]]:
    monkeypatch.setenv("SLIPSTREAM_CACHE_DIR", str(tmp_path / "cache"))
    Far.objects.clear()
    Far.seconds = 0.0
    Far.start()
    yield Far
    Far.objects.clear()


@pytest.fixture
def cohort(far: type[Far], bundle_path: Path, slide_path: Path, tree_path: Path, tmp_path: Path) -> Path:
    """A directory with what a prefix may hold, and the same at far://bucket/cohort."""
    root = tmp_path / "cohort"
    files = {
        "b.bundle": bundle_path,
        "a/residual_packs/residuals.bundle": bundle_path,
        "a/deep/slide.tif": slide_path,
        "notes.txt": Path(__file__),
        ".hidden/c.bundle": bundle_path,
        "tree/slide.dzi": tree_path,
    }
    tiles = tree_path.with_name(tree_path.stem + "_files")
    files |= {f"tree/slide_files/{file.relative_to(tiles)}": file for file in tiles.rglob("*.*")}
    for name, source in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(source.read_bytes())
        far.put(f"bucket/cohort/{name}", source.read_bytes())
    return root


def far_dataset(where: Any = "far://bucket/cohort", **more: Any) -> Any:
    return SlipstreamDataset.from_slides(where, size=256, storage_options=OPTIONS, **more)


def pixels(dataset: Any, **more: Any) -> dict[int, bytes]:
    loader = SlipstreamLoader(dataset, 8, num_workers=2, **more)
    return {int(index): image.tobytes() for batch in loader for index, image in zip(batch["indices"], batch["image"], strict=True)}


def test_a_prefix_has_the_slides_of_a_directory_and_bundles_are_not_copied(cohort: Path, far: type[Far], tmp_path: Path) -> None:
    near = SlipstreamDataset.from_slides(cohort, size=256)
    dataset = far_dataset()
    names = [str(path.relative_to(cohort)) for path in find_slides(cohort)]
    assert names == ["b.bundle", "a/deep/slide.tif", "a/residual_packs/residuals.bundle", "tree/slide.dzi"]
    assert [entry.path for entry in dataset.slides] == [f"far://bucket/cohort/{name}" for name in names]
    copied = {path.name for path in (tmp_path / "cache").rglob("*") if path.is_file() and not path.name.startswith(".")}
    assert "slide.tif" in copied and "slide.dzi" in copied and not {"b.bundle", "residuals.bundle"} & copied
    # Tiles of trees are not listed one directory after the other to find slides among them.
    assert not [path for kind, path, _ in far.requests if kind == "list" and path.startswith("bucket/cohort/.hidden")]
    assert pixels(dataset) == pixels(near)
    with pytest.raises(PermissionError):
        SlipstreamDataset.from_slides("far://bucket/cohort", size=256)
    with pytest.raises(FileNotFoundError, match="far://bucket/none"):
        far_dataset("far://bucket/none")


def test_one_slide_a_list_and_labels_at_addresses(cohort: Path, far: type[Far]) -> None:
    far.put("bucket/cohort/list.csv", b"path,label\nb.bundle,1\nfar://bucket/cohort/a/deep/slide.tif,2\n")
    listed = far_dataset("far://bucket/cohort/list.csv")
    assert [entry.path for entry in listed.slides] == ["far://bucket/cohort/b.bundle", "far://bucket/cohort/a/deep/slide.tif"]
    assert listed.field("label") == [1, 2] and listed.slides[0].remote is not None and listed.slides[1].copy is not None
    # What encode wrote, by its directory; places by the address.
    corners = {"far://bucket/cohort/a": [(10, 20), (700, 300)]}
    whole = far_dataset({"far://bucket/cohort/a": "tumour", "far://bucket/cohort/b.bundle": "normal"}, coordinates=corners)
    assert len(whole) == 2 and whole[0]["label"] == "tumour" and (whole[1]["x"], whole[1]["y"]) == (700, 300)


@pytest.mark.parametrize("preset", ["balanced", "lossless"])
@pytest.mark.parametrize(("shuffle", "view"), [("family", {}), ("sample", {"cache_bytes": 1 << 20}), ("none", {"level": {"a": 0, "b": 1, "c": 3}})])
def test_batches_are_fetched_side_by_side(
    far: type[Far], bundle_path: Path, lossless_path: Path, preset: str, shuffle: Any, view: dict[str, Any]
) -> None:
    path = bundle_path if preset == "balanced" else lossless_path
    for name in ("a", "b"):
        far.put(f"bucket/{name}.bundle", path.read_bytes())
    wanted = {"count": 40, "seed": 3, **view}
    near = SlipstreamDataset.from_slides([path, path], size=200, **wanted)
    dataset = SlipstreamDataset.from_slides(["far://bucket/a.bundle", "far://bucket/b.bundle"], size=200, storage_options=OPTIONS, **wanted)
    far.start()
    loaders = [SlipstreamLoader(of, 80, num_workers=2, shuffle=shuffle, prefetch=1) for of in (near, dataset)]
    (here,), (there,) = (list(loader) for loader in loaders)
    for name in here.keys():
        assert np.array_equal(here[name], there[name]), name
    if preset == "balanced":
        # The families of a bundle follow one another: they come in one request, both bundles at once.
        assert far.most_under_way >= 2 and len(far.reads(".bundle")) <= 2 * 4
    else:
        # Payload tables first, then the tiles that are needed.
        assert far.most_under_way >= 8 and len(far.reads(".bundle")) <= 80


def test_each_family_is_fetched_once_an_epoch(far: type[Far], bundle_path: Path) -> None:
    far.put("bucket/a.bundle", bundle_path.read_bytes())
    dataset = far_dataset("far://bucket/a.bundle", stride=100)
    assert len(np.unique(dataset.families)) == FAMILIES
    far.start()
    loader = SlipstreamLoader(dataset, 8, num_workers=2)
    assert sum(len(batch["image"]) for batch in loader) == len(dataset)
    first = sum(far.reads())
    assert first < 1.5 * len(bundle_path.read_bytes())
    assert sum(len(batch["image"]) for batch in loader) == len(dataset)
    assert len(far.reads()) <= 2 * FAMILIES + 2


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_pickles_forks_bags_and_batches_of_torch(far: type[Far], bundle_path: Path) -> None:
    far.put("bucket/a.bundle", bundle_path.read_bytes())
    dataset = far_dataset("far://bucket/a.bundle")
    near = SlipstreamDataset.from_slides(bundle_path, size=256)
    want = total(near, list(range(len(near))))
    pickled = pickle.dumps(dataset)
    assert total(pickle.loads(pickled), list(range(len(near)))) == want
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.starmap_async(total, [(dataset, list(range(len(near))))] * 4).get(timeout=60) == [want] * 4
    far.start()
    again = pickle.loads(pickled)
    samples = again.__getitems__(list(range(len(near))))
    assert sum(int(sample["image"].sum()) for sample in samples) == want
    # Its beginning, then all families at once.
    assert len(far.reads()) <= 3
    far.start()
    bag = SlipstreamBags(pickle.loads(pickled), 30)[0]
    assert np.array_equal(bag["image"], SlipstreamBags(near, 30)[0]["image"])
    assert len(far.reads()) <= 3


def test_a_region_is_fetched_at_once(far: type[Far], bundle_path: Path) -> None:
    far.put("bucket/a.bundle", bundle_path.read_bytes())
    with origami.open_slide("far://bucket/a.bundle", storage_options=OPTIONS) as slide, origami.open_slide(bundle_path) as near:
        far.start()
        assert np.array_equal(slide.read_region((0, 0), 0, slide.dimensions, as_array=True), near.read_region((0, 0), 0, near.dimensions, as_array=True))
        assert len(far.reads()) == 1
        assert slide.get_thumbnail((200, 200)) == near.get_thumbnail((200, 200))


def test_a_bundle_that_was_replaced_is_refused(far: type[Far], bundle_path: Path, lossless_path: Path) -> None:
    whole = bundle_path.read_bytes()
    for name in ("a", "b"):
        far.put(f"bucket/{name}.bundle", whole)
    dataset = far_dataset(["far://bucket/a.bundle", "far://bucket/b.bundle"])
    pickled = pickle.dumps(dataset)
    assert dataset[0]["image"].any()
    # One that is open, by bytes of another slide; and one that is not open yet, by the same bytes.
    far.put("bucket/a.bundle", lossless_path.read_bytes())
    far.put("bucket/b.bundle", bytes(whole))
    changed = r"far://bucket/[ab]\.bundle: it was changed after it was opened; open it again"
    for of in (dataset, pickle.loads(pickled)):
        with pytest.raises(origami.OrigamiError, match=changed):
            total(of, list(range(len(of) // 2)))
        with pytest.raises(origami.OrigamiError, match=changed):
            total(of, list(range(len(of) // 2, len(of))))
        with pytest.raises(origami.OrigamiError, match=changed):
            list(SlipstreamLoader(of, 8, num_workers=2))
    del far.objects["bucket/a.bundle"]
    with pytest.raises(FileNotFoundError, match=r"far://bucket/a\.bundle"):
        list(SlipstreamLoader(pickle.loads(pickled), 8, shuffle="none"))


def test_more_slides_than_are_open_are_read(far: type[Far], bundle_path: Path) -> None:
    names = [f"far://bucket/{number}.bundle" for number in range(5)]
    for name in names:
        far.put(name[len("far://") :], bundle_path.read_bytes())
    dataset = far_dataset(names, count=6, open_slides=1)
    near = SlipstreamDataset.from_slides([bundle_path] * 5, size=256, count=6)
    far.start()
    assert pixels(dataset, shuffle="sample") == pixels(near, shuffle="sample")
    # Those of a batch are opened once for it: four batches of five slides.
    assert len([1 for kind, _, _ in far.requests if kind == "info"]) <= 4 * 5


def test_masks_beside_a_bundle_at_an_address_are_refused(far: type[Far], bundle_path: Path, tmp_path: Path) -> None:
    far.put("bucket/a.bundle", bundle_path.read_bytes())
    with pytest.raises(ValueError, match="far://bucket/a.bundle: a mask is not kept beside a bundle at an address; give a directory"):
        far_dataset("far://bucket/a.bundle", tissue=0.1, save_masks=True)
    far_dataset("far://bucket/a.bundle", tissue=0.1, save_masks=tmp_path / "masks")
    assert [file.name.endswith("-a.bundle.tissue.npz") for file in (tmp_path / "masks").iterdir()] == [True]


@pytest.mark.parametrize("read", ["slide.read_region((0, 0), 0, (64, 64))", "dataset.__getitems__([0, 1])", "SlipstreamBags(dataset, 2)[0]", "dataset[0]"])
def test_ctrl_c_ends_the_wait_for_bytes(bundle_path: Path, read: str) -> None:
    code = f"""
        import signal, sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from pathlib import Path
        import origami
        from far import Far
        from origami.slipstream import SlipstreamBags, SlipstreamDataset

        signal.signal(signal.SIGINT, signal.default_int_handler)
        Far.put("bucket/a.bundle", Path({str(bundle_path)!r}).read_bytes())
        slide = origami.open_slide("far://bucket/a.bundle", storage_options={OPTIONS!r})
        dataset = SlipstreamDataset.from_slides("far://bucket/a.bundle", size=64, storage_options={OPTIONS!r})
        Far.seconds, request = 600.0, Far._request

        async def told(self, *request_of):
            print("asked", flush=True)
            await request(self, *request_of)

        Far._request = told
        try:
            {read}
        except KeyboardInterrupt:
            print("interrupted", flush=True)
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "asked\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert out == "interrupted\n", err


@pytest.mark.parametrize("end", ["", "del batches", "raise SystemExit(0)"])
def test_a_program_ends_in_the_middle_of_a_pass(bundle_path: Path, end: str) -> None:
    code = f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from pathlib import Path
        from far import Far
        from origami.slipstream import SlipstreamDataset, SlipstreamLoader

        Far.put("bucket/a.bundle", Path({str(bundle_path)!r}).read_bytes())
        dataset = SlipstreamDataset.from_slides("far://bucket/a.bundle", size=64, cache_bytes=1 << 20, storage_options={OPTIONS!r})
        Far.seconds = 0.05
        batches = iter(SlipstreamLoader(dataset, 4, num_workers=2, shuffle="sample"))
        next(batches)
        print("read", flush=True)
        {end}
    """
    ends(code)


@pytest.mark.parametrize("where", ["far", "near"])
def test_a_program_ends_while_a_daemon_reads(bundle_path: Path, where: str) -> None:
    code = f"""
        import sys, threading
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from pathlib import Path
        from far import Far
        from origami.slipstream import SlipstreamDataset, SlipstreamLoader

        bundle = {str(bundle_path)!r}
        Far.put("bucket/a.bundle", Path(bundle).read_bytes())
        slide = "far://bucket/a.bundle" if {where!r} == "far" else bundle
        dataset = SlipstreamDataset.from_slides(slide, size=64, cache_bytes=1 << 20, storage_options={OPTIONS!r})
        Far.seconds = 0.0005
        begun = threading.Event()

        def read():
            while True:
                for batch in SlipstreamLoader(dataset, 4, num_workers=8, shuffle="sample"):
                    begun.set()

        threading.Thread(target=read, daemon=True).start()
        begun.wait()
        print("read", flush=True)
    """
    ends(code)


def ends(code: str) -> None:
    """A program that prints `read`, and ends well."""
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.stderr, done.returncode) == ("read\n", "", 0)
