"""The tables of the rate experiment: medians, classes, every image; and the same as CSV and JSON. Computes no rate itself."""

import csv
from pathlib import Path

from .baselines import CODECS
from .experiment import Comparison, median
from .metrics import NAMES
from .runs import write_json
from .sweeps import BASES, OWN_REFERENCE, SWEEPS, Sweep
from .words import TITLES

SUMMARY_METRICS = ("y_psnr", "ssim_y", "ssim_rgb", "delta_e_2000_mean", "ssimulacra2")
SUMMARY_REFERENCES = ("jpeg420", "jpeg444", "jpegxl", "avif444")
IMAGE_METRICS = ("y_psnr", "ssim_rgb", "delta_e_2000_mean")
LITTLE_OVERLAP = 0.25
CLASSES = ("aligned", "unaligned", "lossless", "reduced")

NOTES = """\
Numbers are BD-rates in percent: how many more bytes (+) or fewer (-) than the baseline for the same quality, over the
qualities that both curves reach. Bytes: all tiles of all levels of a baseline, the whole file of a bundle. Quality: L0 after
decode, against the source, on 8-bit RGB for all codecs alike, Y, Cb and Cr computed from that. *planes*: decoded to PNG;
*tiles*: the 4:2:0 q95 JPEG tiles that users see; SSIMULACRA 2, MS-SSIM and VIF are of planes only. The curve of a
baseline is swept over its own quality, that of a bundle over the flag in the column *swept*. Points that another one of the
same curve beats in both bytes and quality are left out; between the others log bytes are a PCHIP over quality (SSIM and
MS-SSIM as -10 log10(1 - value)). `*`: the curves share less than a quarter of the narrower one's qualities. A dash: they share
none, or the metric was not computed. A curve that levels off, as colour does where only luma has a residual, is compared only
up to where it does: see the plots. LPIPS is not available: its packages fetch the network's weights from elsewhere."""


def cell(percent: float | None, overlap: float | None = 1.0) -> str:
    if percent is None:
        return "-"
    return f"{percent:+.1f}" + ("*" if overlap is not None and overlap < LITTLE_OVERLAP else "")


def table(head: list[str], body: list[list[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *body]]
    return "\n".join(lines)


def chosen(comparisons: list[Comparison], **wanted: str) -> list[Comparison]:
    return [c for c in comparisons if all(getattr(c, name) == value for name, value in wanted.items())]


def curves(comparisons: list[Comparison]) -> list[tuple[str, str]]:
    """Labels and how they were judged, baselines last, in the order of sweeps.py."""
    present = {(c.label, c.judged) for c in comparisons}
    order = [sweep.label for sweep in SWEEPS] + list(CODECS)
    return [(label, judged) for label in order for judged in ("planes", "tiles") if (label, judged) in present]


def swept(label: str) -> str:
    flags = {sweep.label: sweep.swept for sweep in SWEEPS}
    return f"`{flags[label]}`" if label in flags else "quality"


def medians(comparisons: list[Comparison], reference: str, metrics: tuple[str, ...] = SUMMARY_METRICS) -> str:
    """One row a curve: the median over images by each metric."""
    body = []
    for label, judged in curves(comparisons):
        if label == reference:
            continue
        own = chosen(comparisons, label=label, judged=judged, reference=reference)
        values = [median(c.percent for c in own if c.metric == metric) for metric in metrics]
        images = len({c.image for c in own})
        if own:
            body.append([label, swept(label), judged, str(images), *(cell(value) for value in values)])
    return table(["curve", "swept", "judged on", "images", *(TITLES[m] for m in metrics)], body)


def best_base(comparisons: list[Comparison]) -> str:
    """Which of the luma-only curves needs the fewest bytes, by the median over images, for each metric."""
    found = []
    for metric in SUMMARY_METRICS:
        values = {
            b: median(c.percent for c in chosen(comparisons, label=b, judged="planes", reference="jpeg420", metric=metric)) for b in BASES
        }
        there = {label: value for label, value in values.items() if value is not None}
        if len(there) == len(BASES):
            label = min(there, key=there.__getitem__)
            found.append(f"{TITLES[metric]}: {label.split(', ')[1]} ({cell(there[label])})")
    return "Best base of the luma-only curves against jpeg420, median over images: " + "; ".join(found) + "."


def by_class(comparisons: list[Comparison], metric: str) -> str:
    """One row a curve against JPEG 4:2:0: the median of each class of images."""
    body = []
    for label, judged in curves(comparisons):
        own = chosen(comparisons, label=label, judged=judged, reference="jpeg420", metric=metric)
        values = [median(c.percent for c in own if c.image_class == name) for name in CLASSES]
        worst = max((c.percent for c in own if c.percent is not None), default=None)
        if own:
            body.append([label, judged, *(cell(v) for v in values), cell(median(c.percent for c in own)), cell(worst)])
    return table(["curve", "judged on", *CLASSES, "all", "worst image"], body)


def by_image(comparisons: list[Comparison], label: str, judged: str) -> str:
    """One row an image: a curve against the baselines of the summary."""
    body = []
    own = chosen(comparisons, label=label, judged=judged)
    for image in dict.fromkeys(c.image for c in own):
        cells = []
        for reference in SUMMARY_REFERENCES:
            for metric in IMAGE_METRICS:
                found = chosen(own, image=image, reference=reference, metric=metric)
                cells.append(cell(found[0].percent, found[0].overlap) if found else "-")
        body.append([image, *cells])
    head = [f"{reference} {TITLES[metric]}" for reference in SUMMARY_REFERENCES for metric in IMAGE_METRICS]
    return table(["image", *head], body)


def settings() -> str:
    """What every baseline was coded with."""
    return table(["baseline", "settings", "program"], [[c.name, c.settings, c.tool] for c in CODECS.values()])


def configurations(sweeps: list[Sweep], quick: bool) -> str:
    body = []
    for sweep in sweeps:
        values = sweep.quick_values if quick else sweep.values
        body.append([sweep.label, f"`{' '.join(sweep.flags)}`" if sweep.flags else "none", f"`{sweep.swept}`", " ".join(map(str, values))])
    return table(["curve", "flags of `origami encode`", "swept", "values"], body)


def report(comparisons: list[Comparison], command: str, tool: str, quick: bool) -> str:
    """The whole page in Markdown."""
    small = [c for c in comparisons if c.image_class != "slide"]
    whole = [c for c in comparisons if c.image_class == "slide"]
    parts = [
        "# Bytes at equal quality",
        f"Made by `{command}` with {tool}. Points: `points.csv`; all comparisons: `bd-rate.csv`; plots: `plots/`.",
        NOTES,
    ]
    for reference in SUMMARY_REFERENCES:
        parts += [f"## Against {reference}, median over images", medians(small, reference)]
        parts += [best_base(small)] if reference == "jpeg420" else []
    parts += [f"## Bundles against `{OWN_REFERENCE}`, median over the images of each", medians(small, OWN_REFERENCE)]
    for metric in IMAGE_METRICS:
        parts += [f"## Against jpeg420 by class: {TITLES[metric]}", by_class(small, metric)]
    if whole:
        parts += ["## A whole slide with its glass, against jpeg420", medians(whole, "jpeg420")]
        parts += ["## A whole slide with its glass, against jpeg444", medians(whole, "jpeg444")]
    parts.append("## Every image")
    for label, judged in curves(comparisons):
        if label not in CODECS:
            parts += [f"### {label}, judged on {judged}", by_image(comparisons, label, judged)]
    parts += ["## What was run", configurations(list(SWEEPS), quick), settings()]
    return "\n\n".join(parts) + "\n"


def write_points(manifests: list[dict], file: Path) -> None:
    """Every run as one row, judged on planes and, with `tiles:` before the names, on tiles."""
    with file.open("w", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["image", "label", "name", "swept", "value", "bytes_total", *NAMES, *(f"tiles:{name}" for name in NAMES)])
        for m in manifests:
            metrics = [side.get(name) for side in (m["metrics"], m["metrics_tiles"] or {}) for name in NAMES]
            told = ["" if value is None else f"{value:.5g}" for value in metrics]
            parameters = m["parameters"]
            writer.writerow([m["image"], m["label"], m["name"], parameters["swept"], parameters["value"], m["bytes_total"], *told])


def write_comparisons(comparisons: list[Comparison], file: Path) -> None:
    """One row a curve, baseline and image: percent by each metric, and how much of the qualities overlap by those of IMAGE_METRICS."""
    with file.open("w", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["image", "class", "label", "judged", "reference", *NAMES, *(f"overlap:{name}" for name in IMAGE_METRICS)])
        together: dict[tuple[str, ...], dict[str, Comparison]] = {}
        for c in comparisons:
            together.setdefault((c.image, c.image_class, c.label, c.judged, c.reference), {})[c.metric] = c
        for key, own in together.items():
            percents = [own[name].percent if name in own else None for name in NAMES]
            overlaps = [own[name].overlap if name in own else None for name in IMAGE_METRICS]
            writer.writerow(
                [*key, *("" if v is None else f"{v:.1f}" for v in percents), *("" if v is None else f"{v:.2f}" for v in overlaps)]
            )


def summary_of(comparisons: list[Comparison]) -> list[dict]:
    """Medians over images of every curve against every baseline by every metric."""
    together: dict[tuple[str, str, str], list[Comparison]] = {}
    for c in comparisons:
        together.setdefault((c.label, c.judged, c.reference), []).append(c)
    found = []
    for label, judged in curves(comparisons):
        for reference in CODECS:
            own = together.get((label, judged, reference), [])
            values = {name: median(c.percent for c in own if c.metric == name) for name in NAMES}
            told = {name: round(value, 2) for name, value in values.items() if value is not None}
            row = {"label": label, "judged": judged, "reference": reference, "images": len({c.image for c in own}), "median_percent": told}
            found += [row] if own else []
    return found


def write_all(manifests: list[dict], comparisons: list[Comparison], results: Path, command: str, tool: str, quick: bool) -> None:
    """`bd-rate.md`, `bd-rate.csv`, `points.csv` and `medians.json` in `results`."""
    results.mkdir(parents=True, exist_ok=True)
    (results / "bd-rate.md").write_text(report(comparisons, command, tool, quick))
    write_points(manifests, results / "points.csv")
    write_comparisons(comparisons, results / "bd-rate.csv")
    write_json(results / "medians.json", summary_of([c for c in comparisons if c.image_class != "slide"]))
