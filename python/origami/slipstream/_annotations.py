"""Annotations in GeoJSON, as QuPath writes them: classes of regions, whose coordinates are pixels of the full resolution.

The format is RFC 7946: the first ring of a polygon is its border, all others are holes in it.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

from .._slide import Slide
from ._places import slide_name
from ._slides import Path_
from ._tissue import TissueMask

if TYPE_CHECKING:
    import numpy as np

Point = tuple[float, float]
Ring = list[Point]

UNCLASSIFIED = "unclassified"
"""The class of an annotation that has none."""

# Pixels of a mask along the side of a patch, and along a side of a slide at most.
_MASK_PX = 16
_MOST_PX = 16384


@dataclass(frozen=True)
class Annotation:
    """A region of a slide."""

    name: str
    """Its class."""
    polygons: Sequence[Sequence[Ring]]
    """Rings of each of its polygons: the border, then holes."""

    def mask(self, size: tuple[int, int], downsample: float) -> TissueMask:
        """The region in a slide of `size` (width, height) pixels: a pixel of the mask is `downsample` pixels wide."""
        import numpy as np
        from PIL import Image, ImageDraw

        width, height = (max(1, math.ceil(side / downsample)) for side in size)
        whole = np.zeros((height, width), np.bool_)
        for border, *holes in self.polygons:
            drawn = Image.new("1", (width, height))
            pen = ImageDraw.Draw(drawn)
            for ring, inside in [(border, 1), *((hole, 0) for hole in holes)]:
                # Middles of pixels are whole numbers there.
                pen.polygon([(x / downsample - 0.5, y / downsample - 0.5) for x, y in ring], fill=inside, outline=inside)
            whole |= np.asarray(drawn)
        return TissueMask(whole, downsample)


def read_annotations(path: Path_) -> list[Annotation]:
    """The polygons of a GeoJSON file: a FeatureCollection, a list of features, or one. Classes are those of QuPath (`classification`), else "unclassified".

    Warns of geometries that have no area, and leaves them out. Raises ValueError for a file that is no GeoJSON, or whose rings are none.
    """
    path = Path(path)
    try:
        whole = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: it is no JSON ({error})") from error
    features = whole.get("features", [whole]) if isinstance(whole, dict) else whole
    if not isinstance(features, list):
        raise ValueError(f"{path}: it is no GeoJSON; export annotations as a FeatureCollection")
    found, without_area = [], 0
    for number, feature in enumerate(features):
        if not isinstance(feature, dict) or feature.get("type") != "Feature":
            raise ValueError(f"{path}: item {number} is no feature of GeoJSON")
        polygons = _polygons(path, number, feature.get("geometry"))
        if polygons:
            found.append(Annotation(_class(feature.get("properties")), polygons))
        else:
            without_area += 1
    if without_area:
        warnings.warn(f"{path}: {without_area} of {len(features)} annotations are no polygons and have no area; they are left out", stacklevel=2)
    return found


Annotations = Union[Path_, Mapping[Path_, Union[Path_, Sequence[Annotation]]], Callable[[Slide], Sequence[Annotation]]]
"""A directory with `{slide}.geojson` for each slide that has annotations; files or annotations by the path of the slide; or a function of the open slide."""


def annotations_of(given: Annotations, slide: Slide, path: str) -> Sequence[Annotation]:
    """Those of a slide; none where it has none."""
    if callable(given):
        return given(slide)
    if isinstance(given, Mapping):
        by_path = {str(Path(key)): value for key, value in given.items()}
        own: Any = by_path.get(str(Path(path)), ())
        return own if isinstance(own, Sequence) and not isinstance(own, str) else read_annotations(own)
    root = Path(given)
    if not root.is_dir():
        raise NotADirectoryError(f"{root}: annotations are a directory of {{slide}}.geojson; give files by the path of their slide otherwise")
    file = root / f"{slide_name(slide)}.geojson"
    return read_annotations(file) if file.exists() else ()


def classes_of_patches(
    annotations: Sequence[Annotation], size: tuple[int, int], centres: np.ndarray[Any, np.dtype[np.float64]], span: float, least: float
) -> list[str | None]:
    """The class that covers most of each square of `span` pixels around `centres`, where that is at least the part `least`; else None.
    Of classes that cover as much, the first of the file."""
    import numpy as np

    names = list(dict.fromkeys(annotation.name for annotation in annotations))
    if not names or len(centres) == 0:
        return [None] * len(centres)
    downsample = max(span / _MASK_PX, max(size) / _MOST_PX, 1.0)
    parts = []
    for name in names:
        masks = [annotation.mask(size, downsample).mask for annotation in annotations if annotation.name == name]
        parts.append(TissueMask(np.logical_or.reduce(masks), downsample).fraction(centres, span))
    table = np.stack(parts)
    best = table.argmax(axis=0)
    enough = table.max(axis=0) >= max(least, 1e-9)
    return [names[at] if good else None for at, good in zip(best.tolist(), enough.tolist(), strict=True)]


def _class(properties: Any) -> str:
    classification = properties.get("classification") if isinstance(properties, dict) else None
    name = classification.get("name") if isinstance(classification, dict) else classification
    return str(name) if name else UNCLASSIFIED


def _polygons(path: Path, number: int, geometry: Any) -> list[list[Ring]]:
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind == "Polygon":
        return [_rings(path, number, geometry.get("coordinates"))]
    if kind == "MultiPolygon":
        return [_rings(path, number, rings) for rings in _listed(path, number, geometry.get("coordinates"))]
    if kind == "GeometryCollection":
        parts = _listed(path, number, geometry.get("geometries"))
        # They hold no collections themselves (RFC 7946, 3.1.8).
        flat = [part for part in parts if isinstance(part, dict) and part.get("type") in ("Polygon", "MultiPolygon")]
        return [polygon for part in flat for polygon in _polygons(path, number, part)]
    if kind in ("Point", "MultiPoint", "LineString", "MultiLineString"):
        return []
    raise ValueError(f"{path}: annotation {number} has a geometry of type {kind!r}, which is none of GeoJSON's")


def _rings(path: Path, number: int, rings: Any) -> list[Ring]:
    made = [[_point(path, number, point) for point in _listed(path, number, ring)] for ring in _listed(path, number, rings)]
    if not made or any(len(ring) < 4 or ring[0] != ring[-1] for ring in made):
        raise ValueError(f"{path}: annotation {number} has a ring that is not closed, or has fewer than four points; export it again")
    return made


def _listed(path: Path, number: int, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{path}: annotation {number} has no list of coordinates where one belongs")
    return value


def _point(path: Path, number: int, point: Any) -> Point:
    try:
        x, y = float(point[0]), float(point[1])
    except (TypeError, ValueError, IndexError, KeyError) as error:
        raise ValueError(f"{path}: annotation {number} has a point {point!r}, which is no pair of numbers") from error
    # Far outside of any slide; Pillow counts in 32 bits.
    if not (abs(x) < 2**30 and abs(y) < 2**30):
        raise ValueError(f"{path}: annotation {number} has a point ({x}, {y}) outside of any slide")
    return x, y
