"""Readers of other loaders' files, which are written here by their layouts. `long/` compares with the owners' own readers."""

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from layouts import SAMPLES, write_beton, write_litdata
from PIL import Image
from pictures import draw

import origami
from origami.slipstream import FFCVFileDataset, FFCVFileReader, LitDataReader, OptimizedCache, SlipstreamDataset, SlipstreamLoader
from origami.slipstream._remote import RemoteFolder


@pytest.fixture(params=["beton", "litdata"])
def reader(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "beton":
        write_beton(tmp_path / "data.beton", SAMPLES)
        return FFCVFileReader(tmp_path / "data.beton")
    write_litdata(tmp_path / "data", SAMPLES)
    return LitDataReader(tmp_path / "data")


def test_every_field_of_every_sample_is_read(reader: Any) -> None:
    assert len(reader) == len(SAMPLES)
    assert [reader[at] for at in range(len(reader))] == SAMPLES
    assert pickle.loads(pickle.dumps(reader))[7] == SAMPLES[7]
    with pytest.raises(IndexError):
        reader[len(reader)]


def test_a_reader_is_a_data_set_with_a_cache(reader: Any, tmp_path: Path) -> None:
    dataset = SlipstreamDataset(reader)
    assert dataset.field_types == {"image": "ImageBytes", "label": "int", "weight": "float", "text": "str", "raw": "bytes"}
    cache = OptimizedCache.build(dataset, tmp_path / "caches")
    assert cache.cache_path.name.startswith("data-") and [cache[at] for at in range(len(cache))] == SAMPLES
    batch = next(iter(SlipstreamLoader(dataset, 5, crop_size=20, cache_dir=tmp_path / "caches", shuffle="none")))
    assert batch["image"].shape == (5, 3, 20, 20) and batch["text"] == [sample["text"] for sample in SAMPLES[:5]]


def test_pixels_of_a_beton_become_png(tmp_path: Path) -> None:
    png = io.BytesIO()
    Image.fromarray(draw(31, 22)).save(png, "PNG")
    write_beton(tmp_path / "raw.beton", [{"image": png.getvalue(), "label": 4}])
    stored = FFCVFileReader(tmp_path / "raw.beton")[0]["image"]
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(stored))), draw(31, 22))
    assert FFCVFileReader(tmp_path / "raw.beton").read_all_fields()["label"].tolist() == [4]


def test_json_of_a_beton_is_parsed_on_request(tmp_path: Path) -> None:
    write_beton(tmp_path / "data.beton", SAMPLES)
    assert FFCVFileReader(tmp_path / "data.beton", parse_json=True)[3]["text"] == {"name": "ü3"}


def test_a_beton_that_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "data.beton"
    write_beton(path, SAMPLES, version=3)
    with pytest.raises(origami.UnsupportedFormatError, match="version 3"):
        FFCVFileReader(path)
    write_beton(path, SAMPLES, type_ids={"raw": 4})
    with pytest.raises(origami.UnsupportedFormatError, match="'raw' is NDArrayField"):
        FFCVFileReader(path)
    write_beton(path, SAMPLES)
    whole = path.read_bytes()
    # Cut anywhere, it is an error and never other data.
    for length in (0, 10, 23, 900, 5300, 6000, len(whole) - 24 * 30, len(whole) - 7):
        path.write_bytes(whole[:length])
        try:
            cut = FFCVFileReader(path)
            found = [cut[at] for at in range(len(cut))]
        except (origami.DamagedError, origami.UnsupportedFormatError) as error:
            assert "data.beton" in str(error)
        else:
            assert found == SAMPLES, length


def test_a_litdata_folder_that_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        LitDataReader(tmp_path / "none")
    for number, (config, says) in enumerate(
        [({"compression": "zstd"}, "compression"), ({"encryption": {}}, ""), ({"data_format": ["jpeg", "int", "float", "str", "pickle"]}, "'raw' is 'pickle'")]
    ):
        folder = tmp_path / f"case{number}"
        write_litdata(folder, SAMPLES, config=config)
        if says:
            with pytest.raises(origami.UnsupportedFormatError, match=says):
                LitDataReader(folder)
        else:
            assert LitDataReader(folder)[0] == SAMPLES[0]
    folder = tmp_path / "cut"
    write_litdata(folder, SAMPLES)
    chunk = folder / "chunk-0-1.bin"
    for length in (0, 20, chunk.stat().st_size // 2, chunk.stat().st_size - 1):
        chunk.write_bytes(chunk.read_bytes()[:length])
        with pytest.raises(origami.DamagedError, match="chunk-0-1.bin"):
            LitDataReader(folder)[9]
        write_litdata(tmp_path / f"again{length}", SAMPLES)
        chunk.write_bytes((tmp_path / f"again{length}" / "chunk-0-1.bin").read_bytes())
    (folder / "index.json").write_text("{}")
    with pytest.raises(origami.DamagedError, match="no index of litdata"):
        LitDataReader(folder)


@pytest.fixture
def storage() -> Any:
    fsspec = pytest.importorskip("fsspec", reason="SKIPPED: fsspec is not installed")
    fs = fsspec.filesystem("memory")
    fs.store.clear()
    yield fs
    fs.store.clear()


def copied(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.rglob("*") if path.is_file() and not path.name.startswith("."))


def test_chunks_in_storage_are_copied_when_they_are_read(storage: Any, tmp_path: Path) -> None:
    write_litdata(tmp_path / "data", SAMPLES)
    for file in (tmp_path / "data").iterdir():
        storage.pipe(f"/bucket/data/{file.name}", file.read_bytes())
    dataset = SlipstreamDataset.from_litdata(remote_dir="memory://bucket/data", cache_dir=tmp_path / "cache")
    assert copied(tmp_path / "cache") == ["chunk-0-0.bin", "index.json"], "the first sample says the types of fields"
    assert dataset.raw(6) == SAMPLES[6] and copied(tmp_path / "cache") == ["chunk-0-0.bin", "chunk-0-1.bin", "index.json"]
    assert pickle.loads(pickle.dumps(dataset)).raw(7) == SAMPLES[7]
    dataset.presync()
    assert copied(tmp_path / "cache") == copied(tmp_path / "data")
    assert [dataset.raw(at) for at in range(len(SAMPLES))] == SAMPLES
    # The arguments of the class are those of from_litdata.
    local = SlipstreamDataset(remote_dir="memory://bucket/data", local_dir=tmp_path / "local")
    assert local.raw(0) == SAMPLES[0] and copied(tmp_path / "local") == ["chunk-0-0.bin", "index.json"]
    storage.pipe("/bucket/data/chunk-0-2.bin", b"another")
    with pytest.raises(origami.DamagedError, match="chunk-0-2"):
        local.raw(11)


@pytest.mark.parametrize("presync", [False, True])
def test_a_loader_copies_a_data_set_in_storage(storage: Any, tmp_path: Path, presync: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    write_litdata(tmp_path / "data", SAMPLES)
    for file in (tmp_path / "data").iterdir():
        storage.pipe(f"/bucket/data/{file.name}", file.read_bytes())
    synced = []
    monkeypatch.setattr(RemoteFolder, "sync", lambda folder, sync=RemoteFolder.sync: (synced.append(folder.url), sync(folder)))
    dataset = SlipstreamDataset(remote_dir="memory://bucket/data", cache_dir=tmp_path / "cache")
    loader = SlipstreamLoader(dataset, 5, crop_size=20, shuffle="none", presync_s3=presync)
    assert synced == ["memory://bucket/data"] * presync
    assert [text for batch in loader for text in batch["text"]] == [sample["text"] for sample in SAMPLES]
    assert len(list((tmp_path / "cache").glob("data-*.slipstream"))) == 1, "its cache is where the data set's copies are"
    # The cache is there: nothing is asked of the storage but the index and the first chunk.
    storage.rm("/bucket/data/chunk-0-1.bin")
    again = SlipstreamDataset(remote_dir="memory://bucket/data", cache_dir=tmp_path / "cache")
    assert len(next(iter(SlipstreamLoader(again, 5, crop_size=20)))["image"]) == 5


def test_a_beton_in_storage_is_copied(storage: Any, tmp_path: Path) -> None:
    write_beton(tmp_path / "data.beton", SAMPLES)
    storage.pipe("/bucket/data.beton", (tmp_path / "data.beton").read_bytes())
    for of in (
        FFCVFileReader("memory://bucket/data.beton", cache_dir=tmp_path / "cache"),
        FFCVFileDataset("memory://bucket/data.beton", cache_dir=tmp_path / "cache"),
    ):
        assert [of[at] for at in range(len(of))] == SAMPLES
    assert copied(tmp_path / "cache") == ["data.beton"]
