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
