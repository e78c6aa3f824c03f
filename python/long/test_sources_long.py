"""Sources that need packages of their own: CLAM's HDF5, lists in Parquet, object storage. Run by scripts/loader-long.sh."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import encoded
import h5py
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from layouts import SAMPLES, write_beton, write_litdata
from moto.server import ThreadedMotoServer
from PIL import Image
from pictures import draw
from reading import read, read_inherited

import origami
from origami.slipstream import FFCVFileReader, SlipstreamDataset, SlipstreamLoader, clam_coordinates, presync_s3


@pytest.fixture(scope="module")
def slides(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("slides")
    for number in range(2):
        Image.fromarray(np.roll(draw(1300, 1100), 90 * number, axis=1)).save(root / f"{number}.png")
    return [origami.encode(root / f"{number}.png", root / f"slide-{number}").bundle for number in range(2)]


def write_clam(path: Path, coords: np.ndarray, level: int, size: int) -> None:
    """As CLAM's create_patches_fp.py does."""
    with h5py.File(path, "w") as file:
        made = file.create_dataset("coords", data=coords.astype(np.int64), maxshape=(None, 2), chunks=(1, 2))
        made.attrs["patch_size"], made.attrs["patch_level"] = size, level
        made.attrs["downsample"], made.attrs["name"] = (1.0, 1.0), path.stem


def test_coordinates_of_clam(slides: list[Path], tmp_path: Path) -> None:
    corners = np.array([[0, 0], [512, 256], [700, 700]])
    write_clam(tmp_path / "slide-0.h5", corners, 0, 256)
    write_clam(tmp_path / "slide-1.h5", corners[:2], 1, 256)
    same = SlipstreamDataset.from_slides(slides[0], size=256, coordinates=clam_coordinates(tmp_path))
    assert np.array_equal(same.corners(), corners)
    other = SlipstreamDataset.from_slides(slides, size=128, coordinates=clam_coordinates(tmp_path))
    assert np.array_equal(other.corners(), np.concatenate([corners + 64, corners[:2] + 256 - 64]))
    (tmp_path / "slide-1.h5").unlink()
    with pytest.raises(FileNotFoundError, match=r"slide-1\.h5"):
        SlipstreamDataset.from_slides(slides, coordinates=clam_coordinates(tmp_path))
    assert len(SlipstreamDataset.from_slides(slides, coordinates=clam_coordinates(tmp_path, missing=True))) == 3
    write_clam(tmp_path / "slide-1.h5", corners + 5000, 0, 256)
    with pytest.raises(ValueError, match="of another slide"):
        SlipstreamDataset.from_slides(slides[1], coordinates=clam_coordinates(tmp_path))
    with h5py.File(tmp_path / "bare.h5", "w") as file:
        file["coords"] = corners
    with pytest.raises(ValueError, match="does not say its patch_size"):
        SlipstreamDataset.from_slides(slides[0], coordinates=clam_coordinates(tmp_path / "bare.h5"))


def test_a_list_in_parquet_is_that_in_csv(slides: list[Path], tmp_path: Path) -> None:
    rows = {"path": [str(path) for path in slides], "label": ["tumour", "normal"], "weight": [0.5, 2.0]}
    pyarrow.parquet.write_table(pyarrow.table(rows), tmp_path / "slides.parquet")
    (tmp_path / "slides.csv").write_text("path,label,weight\n" + "".join(",".join(map(str, row)) + "\n" for row in zip(*rows.values(), strict=True)))
    sets = [SlipstreamDataset.from_slides(tmp_path / name, size=512) for name in ("slides.parquet", "slides.csv")]
    assert sets[0].field("label") == sets[1].field("label") == ["tumour", "normal"]
    batches = [next(iter(SlipstreamLoader(of, 4, seed=1))) for of in sets]
    assert batches[0]["weight"].tolist() == batches[1]["weight"].tolist()


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, slides: list[Path]) -> Iterator[dict[str, Any]]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    _, port = server.get_host_and_port()
    url = f"http://127.0.0.1:{port}"
    client = boto3.client("s3", endpoint_url=url)
    client.create_bucket(Bucket="slides")
    for number, path in enumerate(slides):
        client.upload_file(str(path), "slides", f"cohort/{number}.bundle")
    yield {"options": {"endpoint_url": url}, "client": client}
    server.stop()


@pytest.mark.filterwarnings("ignore")
def test_slides_in_s3(bucket: dict[str, Any], slides: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPSTREAM_CACHE_DIR", str(tmp_path / "cache"))
    options = bucket["options"]
    with origami.open_slide("s3://slides/cohort/1.bundle", storage_options=options) as far, origami.open_slide(slides[1]) as near:
        assert np.array_equal(far.read_region((50, 60), 0, (300, 200), as_array=True), near.read_region((50, 60), 0, (300, 200), as_array=True))
    assert not (tmp_path / "cache").exists(), "a bundle is read by ranges"
    dataset = SlipstreamDataset.from_slides("s3://slides/cohort/", size=256, storage_options=options)
    local = SlipstreamDataset.from_slides(slides, size=256)
    assert len(dataset) == len(local) and all(np.array_equal(dataset[at]["image"], local[at]["image"]) for at in range(0, len(local), 7))
    copy = presync_s3("s3://slides/cohort", tmp_path / "copy", storage_options=options)
    before = (copy / "0.bundle").stat().st_mtime_ns
    # The same length, other bytes: the ETag says so.
    changed = bytearray(slides[1].read_bytes())
    changed[-1] ^= 1
    bucket["client"].put_object(Bucket="slides", Key="cohort/1.bundle", Body=bytes(changed))
    presync_s3("s3://slides/cohort", tmp_path / "copy", storage_options=options)
    assert (copy / "1.bundle").read_bytes() == bytes(changed) and (copy / "0.bundle").stat().st_mtime_ns == before
    with pytest.raises(FileNotFoundError):
        origami.open_slide("s3://slides/cohort/none.bundle", storage_options=options)


@pytest.mark.filterwarnings("ignore")
def test_threads_and_processes_read_a_bundle_in_s3(bucket: dict[str, Any], slides: list[Path]) -> None:
    with origami.open_slide("s3://slides/cohort/1.bundle", storage_options=bucket["options"]) as far, origami.open_slide(slides[1]) as near:
        corners = [(x, y) for y in (0, 500, 800) for x in (0, 300, 600, 900)]
        with ThreadPoolExecutor(6) as pool:
            regions = list(pool.map(lambda corner: far.read_region(corner, 0, (300, 300), as_array=True), corners))
        for corner, region in zip(corners, regions, strict=True):
            assert np.array_equal(region, near.read_region(corner, 0, (300, 300), as_array=True))
        for method in ("fork", "spawn"):
            with multiprocessing.get_context(method).Pool(1) as processes:
                assert processes.apply_async(read, (far,)).get(timeout=120) == read(near)
        inherited = multiprocessing.get_context("fork").Process(target=read_inherited, args=(far,))
        inherited.start()
        inherited.join(60)
        assert inherited.exitcode == 0


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("presync", [False, True])
def test_files_of_other_loaders_in_s3(bucket: dict[str, Any], tmp_path: Path, presync: bool) -> None:
    write_beton(tmp_path / "data.beton", SAMPLES)
    write_litdata(tmp_path / "data", SAMPLES)
    for file in (tmp_path / "data.beton", *(tmp_path / "data").iterdir()):
        bucket["client"].upload_file(str(file), "slides", str(file.relative_to(tmp_path)))
    options, cache = bucket["options"], tmp_path / "cache"
    beton = FFCVFileReader("s3://slides/data.beton", storage_options=options, cache_dir=cache)
    assert [beton[at] for at in range(len(beton))] == SAMPLES
    streamed = SlipstreamDataset.from_litdata(remote_dir="s3://slides/data", cache_dir=cache, storage_options=options)
    loader = SlipstreamLoader(streamed, 5, crop_size=20, shuffle="none", presync_s3=presync)
    assert [text for batch in loader for text in batch["text"]] == [sample["text"] for sample in SAMPLES]


@pytest.mark.filterwarnings("ignore")
def test_streaming_folders_in_s3(bucket: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    litdata = pytest.importorskip("litdata")
    monkeypatch.setenv("SLIPSTREAM_CACHE_DIR", str(tmp_path / "cache"))
    litdata.optimize(encoded.sample, list(range(9)), str(tmp_path / "written"), num_workers=1, chunk_size=4)
    near = SlipstreamDataset(input_dir=tmp_path / "written")
    for file in (tmp_path / "written").iterdir():
        bucket["client"].upload_file(str(file), "slides", f"streams/{file.name}")
    for far in (
        SlipstreamDataset(remote_dir="s3://slides/streams", storage_options=bucket["options"]),
        SlipstreamDataset.from_litdata("s3://slides/streams", local_dir=tmp_path / "local", storage_options=bucket["options"]),
    ):
        assert [far[at] for at in range(9)] == [near[at] for at in range(9)]
    assert (tmp_path / "local" / "index.json").exists()
    with pytest.raises(ValueError, match="give one of them"):
        SlipstreamDataset(input_dir=tmp_path / "written", remote_dir="s3://slides/streams")
