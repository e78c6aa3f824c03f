"""Samples of encoded images with fields; a module, so that processes that are spawned find it."""

import io
from typing import Any

import numpy as np
from PIL import Image
from pictures import draw


def jpeg(number: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.roll(draw(80 + number, 150 - number), 3 * number, axis=1)).save(file, "JPEG", quality=90)
    return file.getvalue()


def sample(number: int) -> dict[str, Any]:
    picture = Image.open(io.BytesIO(jpeg(number)))
    return {
        "image": picture,
        "raw": jpeg(number),
        "label": number % 5 - 2,
        "weight": number / 7,
        "name": f"sample ü{number}",
        "flag": number % 2 == 0,
    }


class Tuples:
    """Samples as ffcv writes them."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, at: int) -> tuple[Any, ...]:
        raw = np.frombuffer(jpeg(at), np.uint8)
        return Image.open(io.BytesIO(jpeg(at))), at % 5 - 2, at / 7, {"name": f"ü{at}"}, raw
