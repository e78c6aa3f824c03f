"""Runs the curves of all images of a folder and compares every curve with every baseline. Writes nothing but runs."""

import itertools
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .baselines import CODECS
from .bdrate import delta_rate, rate_at
from .images import Variant, files_of, variants_of
from .metrics import NAMES
from .runs import Workplace, baseline_run, origami_run, write_json
from .sweeps import OWN_REFERENCE, SLOW_REFERENCES, Sweep, references_for, sweeps_for
from .words import scaled, told

# Longest side of the crops with `--quick`, in pixels.
QUICK_SIDE_PX = 768
JUDGED = {"planes": "metrics", "tiles": "metrics_tiles"}


@dataclass(frozen=True)
class Comparison:
    """One curve against one baseline on one image by one metric. `percent` None: no overlap of qualities."""

    image: str
    image_class: str
    label: str
    judged: str
    reference: str
    metric: str
    percent: float | None
    low: float | None
    high: float | None
    overlap: float | None


def variants_in(folder: Path, side_px: int | None) -> Iterable[Variant]:
    """Every variant of every file, at most `side_px` a side."""
    for file in files_of(folder):
        yield from variants_of(file, side_px)


def curves_of(place: Workplace, source: Variant, quick: bool, curves: tuple[str, ...], known: list[dict]) -> list[dict]:
    """The manifests of some curves of bundles, made or read, among the points that are `known` of all others, in the order of `runs_of`."""
    manifests = [point for point in known if point["label"] not in curves]
    for sweep in sweeps_for(source, quick):
        if sweep.label in curves:
            manifests += runs_of_sweep(place, source, sweep, quick)
    order = [*references_for(source, quick), *(sweep.label for sweep in sweeps_for(source, quick))]
    return sorted(manifests, key=lambda manifest: order.index(manifest["label"]))


def runs_of_sweep(place: Workplace, source: Variant, sweep: Sweep, quick: bool) -> list[dict]:
    """The manifests of one curve of bundles."""
    values = sweep.quick_values if quick else sweep.values
    slow = slowly_judged(source, values, quick, sweep.slow)
    return [origami_run(place, source, sweep, value, value in slow) for value in values]


def runs_of(place: Workplace, source: Variant, quick: bool) -> list[dict]:
    """All manifests of an image, made or read."""
    manifests = []
    for name in references_for(source, quick):
        values = CODECS[name].quick_qualities if quick else CODECS[name].qualities
        slow = slowly_judged(source, values, quick, name in SLOW_REFERENCES)
        manifests += [baseline_run(place, source, name, value, value in slow) for value in values]
    for sweep in sweeps_for(source, quick):
        manifests += runs_of_sweep(place, source, sweep, quick)
    add_size_comparison(place, manifests)
    return manifests


def slowly_judged(source: Variant, values: tuple[int, ...], quick: bool, chosen: bool) -> tuple[int, ...]:
    """The points that the slow metrics are computed for: with `quick` all but the ends of the chosen curves; none of slides."""
    if source.image_class == "slide":
        return ()
    if quick:
        return values[1:-1] if chosen else ()
    return values


def add_size_comparison(place: Workplace, manifests: list[dict]) -> None:
    """Fills in what a JPEG 4:2:0 pyramid needs for the same Y-PSNR, in the manifests and in their files."""
    curve = points(manifests, "jpeg420", "planes", "y_psnr")
    for manifest in manifests:
        same = rate_at(curve, manifest["metrics"]["y_psnr"])
        sizes = {"jpeg420_bytes_at_same_y_psnr": same and round(same), "of_jpeg420": same and manifest["bytes_total"] / same}
        if not sizes.items() <= manifest["size_comparison"].items():
            manifest["size_comparison"] |= sizes
            write_json(place.runs / manifest["image"] / manifest["name"] / "manifest.json", manifest)


def points(manifests: list[dict], label: str, judged: str, metric: str) -> list[tuple[float, float]]:
    """A curve: bytes and quality, more being better."""
    chosen = [m for m in manifests if m["label"] == label and m[JUDGED[judged]]]
    values = [(m["bytes_total"], m[JUDGED[judged]][metric]) for m in chosen]
    return [(size, scaled(metric, value)) for size, value in values if value is not None]


def comparisons_of(manifests: list[dict]) -> list[Comparison]:
    """Every curve of one image against every baseline, and every one of bundles against OWN_REFERENCE, by every metric that both have."""
    labels = dict.fromkeys(m["label"] for m in manifests)
    bundles = [label for label in labels if label not in CODECS]
    pairs = [*itertools.product(labels, [label for label in labels if label in CODECS])]
    pairs += [*itertools.product(bundles, [OWN_REFERENCE] if OWN_REFERENCE in labels else [])]
    found = [compared(manifests, a, judged, b, metric) for a, b in pairs if a != b for judged in JUDGED for metric in NAMES]
    return [comparison for comparison in found if comparison]


def compared(manifests: list[dict], label: str, judged: str, reference: str, metric: str) -> Comparison | None:
    """One curve against one baseline; None where one of them was not judged by the metric."""
    tested, against = points(manifests, label, judged, metric), points(manifests, reference, "planes", metric)
    if not tested or not against:
        return None
    image = (manifests[0]["image"], manifests[0]["image_class"], label, judged, reference, metric)
    delta = delta_rate(against, tested)
    if delta is None:
        return Comparison(*image, None, None, None, None)
    return Comparison(*image, delta.percent, told(metric, delta.low), told(metric, delta.high), delta.overlap)


def median(values: Iterable[float | None]) -> float | None:
    """Of those that are there."""
    there = [value for value in values if value is not None]
    return statistics.median(there) if there else None
