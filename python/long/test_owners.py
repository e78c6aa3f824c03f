"""Files that litdata and ffcv write, read here and by them: bytes, labels and every field are equal over all samples."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from encoded import Tuples, jpeg, sample
from PIL import Image

from origami.slipstream import FFCVFileReader, LitDataReader, OptimizedCache, SlipstreamDataset

COUNT = 57


@pytest.mark.filterwarnings("ignore")
def test_litdata_reads_the_same(tmp_path: Path) -> None:
    litdata = pytest.importorskip("litdata", reason="SKIPPED: litdata is not installed")
    folder = tmp_path / "lit"
    litdata.optimize(fn=sample, inputs=list(range(COUNT)), output_dir=str(folder), chunk_size=10, num_workers=2)
    theirs = litdata.StreamingDataset(str(folder), shuffle=False)
    ours = LitDataReader(folder)
    assert len(ours) == len(theirs) == COUNT
    decoded = SlipstreamDataset.from_litdata(folder, decode_images=True)
    cache = OptimizedCache.build(SlipstreamDataset.from_litdata(folder), tmp_path / "caches")
    for at in range(COUNT):
        want, got = theirs[at], ours[at]
        assert all(got[name] == want[name] for name in ("raw", "label", "weight", "name", "flag")), at
        assert np.array_equal(decoded[at]["image"].transpose(2, 0, 1), np.asarray(want["image"])), at
        assert cache[at]["image"] == got["image"] and cache[at]["raw"] == want["raw"]
    assert sorted(ours[at]["name"] for at in range(COUNT)) == sorted(sample(at)["name"] for at in range(COUNT))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("mode", ["jpg", "raw"])
def test_ffcv_reads_the_same(tmp_path: Path, mode: str) -> None:
    pytest.importorskip("ffcv", reason="SKIPPED: ffcv is not installed; it needs OpenCV's development files")
    from ffcv import DatasetWriter
    from ffcv.fields import BytesField, FloatField, IntField, JSONField, RGBImageField
    from ffcv.reader import Reader

    path = tmp_path / "data.beton"
    fields = {"image": RGBImageField(write_mode=mode), "label": IntField(), "weight": FloatField(), "text": JSONField(), "raw": BytesField()}
    DatasetWriter(str(path), fields, num_workers=2).from_indexed_dataset(Tuples(COUNT))
    ours, theirs = FFCVFileReader(path, parse_json=True), Reader(str(path))
    assert len(ours) == theirs.num_samples == COUNT
    stored = {int(place): int(size) for _, place, size in theirs.alloc_table.tolist()}
    whole = path.read_bytes()
    for at in range(COUNT):
        row, got = theirs.metadata[at], ours[at]
        image = row["f0"]
        place = int(image["data_ptr"])
        if mode == "jpg":
            assert got["image"] == whole[place : place + stored[place]], at
        else:
            assert np.array_equal(np.asarray(Image.open(io.BytesIO(got["image"]))), np.asarray(Image.open(io.BytesIO(jpeg(at))))), at
        assert (got["label"], got["weight"]) == (int(row["f1"]), float(row["f2"])) == (at % 5 - 2, at / 7)
        assert got["text"] == {"name": f"ü{at}"} and got["raw"] == jpeg(at)
        assert json.dumps(got["text"])
