"""Files of other loaders, written by their layouts: `SAMPLES` as a `.beton` and as a streaming folder."""

import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pictures import draw


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
