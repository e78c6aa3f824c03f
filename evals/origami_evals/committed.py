"""Points of curves that were measured before: the rows of `points.csv` as what a run would say of them. Measures nothing."""

import csv
from pathlib import Path

from .baselines import CODECS
from .images import Variant
from .metrics import NAMES


def points_in(results: Path, source: Variant) -> list[dict]:
    """All points of an image, with the fields of a manifest that tables and plots read."""
    with (results / "points.csv").open(newline="") as file:
        return [point_of(row, source) for row in csv.DictReader(file) if row["image"] == source.name]


def point_of(row: dict[str, str], source: Variant) -> dict:
    """One row. Metrics have the five digits of the table."""
    total, label = int(row["bytes_total"]), row["label"]

    def side(before: str) -> dict[str, float | None]:
        return {name: float(told) if (told := row[before + name]) else None for name in NAMES}

    tiles = side("tiles:")
    return {
        "name": row["name"],
        "image": source.name,
        "image_class": source.image_class,
        "kind": "baseline" if label in CODECS else "origami",
        "label": label,
        "parameters": {"swept": row["swept"], "value": int(row["value"])},
        "width": source.rgb.shape[1],
        "height": source.rgb.shape[0],
        "bytes_total": total,
        "bits_per_pixel": 8 * total / source.pixels,
        "metrics": side(""),
        "metrics_tiles": tiles if any(value is not None for value in tiles.values()) else None,
    }
