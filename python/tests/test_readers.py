"""Readers of other loaders' files, which are written here by their layouts. `long/` compares with the owners' own readers."""

import io
import json
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pictures import draw

import origami
from origami.slipstream import FFCVFileReader, LitDataReader, OptimizedCache, SlipstreamDataset, SlipstreamLoader


def jpeg(number: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.roll(draw(60 + number, 90 - number), number, axis=0)).save(file, "JPEG", quality=85)
    return file.getvalue()


SAMPLES = [
    {"image": jpeg(i), "label": i % 3 - 1, "weight": i / 7, "text": json.dumps({"name": f"ü{i}"}), "raw": bytes(range(i, 2 * i))} for i in range(12)
]


def write_beton(path: Path, samples: list[dict[str, Any]], *, version: int = 2, type_ids: dict[str, int] | None = None) -> None:
    """By the layout of ffcv 1.0: data in pages, and a table of allocations that two writers filled in turns."""
    kinds = {"image": 2, "label": 1, "weight": 0, "text": 5, "raw": 3} | (type_ids or {})
    pointer = [("ptr", "<u8"), ("size", "<u8")]
    image = [("mode", "<u1"), ("width", "<u2"), ("height", "<u2"), ("data_ptr", "<u8")]
    layouts = {"image": image, "label": "<i8", "weight": "<f8", "text": pointer, "raw": pointer}
    row = np.dtype([(name, np.dtype(layouts[name])) for name in samples[0]], align=True)
    table = np.zeros(len(samples), row)
    descriptors = b"".join(
        bytes([kinds[name]]) + name.encode().ljust(16, b"\0") + bytes(1024) for name in samples[0]
    )
    start = 24 + len(descriptors) + table.nbytes
    data, allocations = bytearray(), []
    for number in sorted(range(len(samples)), key=lambda at: (at % 2, at)):
        for name, value in samples[number].items():
            if name in ("label", "weight"):
                table[name][number] = value
                continue
            stored = value.encode() + b"\0" if isinstance(value, str) else value
            mode = 0
            if name == "image" and not stored.startswith(b"\xff\xd8"):
                mode, stored = 1, np.asarray(Image.open(io.BytesIO(stored))).tobytes()
            place = start + len(data)
            data += stored
            allocations.append((number, place, len(stored)))
            if name == "image":
                width, height = Image.open(io.BytesIO(value)).size
                table[name][number] = (mode, width, height, place)
            else:
                table[name][number] = (place, len(stored))
    header = struct.pack("<HHIQQ", version, len(samples[0]), 1 << 21, len(samples), start + len(data))
    order = np.random.default_rng(1).permutation(len(allocations))
    path.write_bytes(header + descriptors + table.tobytes() + data + np.array([allocations[at] for at in order], "<u8").tobytes())


def write_litdata(folder: Path, samples: list[dict[str, Any]], *, per_chunk: int = 5, config: dict[str, Any] | None = None) -> None:
    """By the layout of litdata's default item loader."""
    folder.mkdir()
    formats = {"image": "jpeg", "label": "int", "weight": "float", "text": "str", "raw": "bytes"}
    chunks = []
    for first in range(0, len(samples), per_chunk):
        bodies = []
        for sample in samples[first : first + per_chunk]:
            packed = {int: lambda value: struct.pack("<q", value), float: lambda value: struct.pack("<d", value), str: str.encode, bytes: bytes}
            fields = [packed[type(value)](value) for value in sample.values()]
            bodies.append(struct.pack(f"<{len(fields)}I", *map(len, fields)) + b"".join(fields))
        offsets = np.cumsum([4 + 4 * (len(bodies) + 1), *map(len, bodies)]).astype("<u4")
        content = struct.pack("<I", len(bodies)) + offsets.tobytes() + b"".join(bodies)
        name = f"chunk-0-{first // per_chunk}.bin"
        (folder / name).write_bytes(content)
        chunks.append({"chunk_bytes": len(content), "chunk_size": len(bodies), "dim": None, "filename": name})
    leaf = {"type": None, "context": None, "children_spec": []}
    spec = [1, {"type": "builtins.dict", "context": json.dumps(list(samples[0])), "children_spec": [leaf] * len(samples[0])}]
    whole = {"data_format": [formats[name] for name in samples[0]], "data_spec": json.dumps(spec), "compression": None, "encryption": None}
    (folder / "index.json").write_text(json.dumps({"chunks": chunks, "config": whole | (config or {})}))


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
