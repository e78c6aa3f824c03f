"""Rate and quality as curves, one figure an image; the same bytes for the same numbers. Knows where the numbers come from, not how."""

import io
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from PIL import Image  # noqa: E402

from .sweeps import DEFAULTS  # noqa: E402
from .words import LOWER_IS_BETTER, SIMILARITIES, TITLES  # noqa: E402

matplotlib.rcParams.update({
    "svg.hashsalt": "origami-evals", "svg.fonttype": "none", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3,
    "axes.spines.top": False, "axes.spines.right": False, "figure.dpi": 80,
})  # fmt: skip

PANELS = ("y_psnr", "ssim_rgb", "delta_e_2000_mean")
# Colours of Okabe and Ito, told apart with any colour vision. Baselines are thin, bundles thick.
STYLES = {
    "jpeg420": ("JPEG 4:2:0", "#777777", "-", "o"),
    "jpeg444": ("JPEG 4:4:4", "#777777", "--", "s"),
    "jp2": ("JPEG 2000", "#CC79A7", ":", "D"),
    "webp": ("WebP", "#E69F00", ":", "^"),
    "jpegxl": ("JPEG XL", "#56B4E9", "-", "o"),
    "avif444": ("AVIF 4:4:4", "#009E73", "-", "o"),
    DEFAULTS: ("ORIGAMI defaults (base 95)", "#D55E00", "--", "P"),
    "luma only, base 80": ("ORIGAMI base 80", "#D55E00", "-", "X"),
    "mozjpeg, base 80": ("ORIGAMI base 80, mozjpeg", "#0072B2", "-", "X"),
    "balanced": ("ORIGAMI balanced", "#0072B2", "--", "P"),
    "archive": ("ORIGAMI archive", "#000000", "-", "X"),
}


def draw_curve(axes: Axes, manifests: list[dict], label: str, metric: str) -> None:
    """One curve in one panel: bits per pixel of L0, logarithmic, and the metric."""
    title, colour, line, marker = STYLES[label]
    own = [m for m in manifests if m["label"] == label and m["metrics"][metric] is not None]
    own.sort(key=lambda m: m["bytes_total"])
    width = 1.0 if own and own[0]["kind"] == "baseline" else 2.2
    xs, ys = [m["bits_per_pixel"] for m in own], [m["metrics"][metric] for m in own]
    axes.plot(xs, ys, line, color=colour, marker=marker, markersize=4, linewidth=width, label=title)


def closeness(value: np.ndarray) -> np.ndarray:
    """Similarities in even steps, as the tables interpolate them."""
    return -10 * np.log10(np.clip(1 - np.asarray(value, float), 1e-6, None))


def likeness(value: np.ndarray) -> np.ndarray:
    """The inverse of closeness."""
    return 1 - 10 ** (-np.asarray(value, float) / 10)


def axis_range(manifests: list[dict], labels: list[str], metric: str) -> tuple[float, float]:
    """Lowest and highest value of the curves drawn, and a little more."""
    values = [m["metrics"][metric] for m in manifests if m["label"] in labels and m["metrics"][metric] is not None]
    return float(likeness(closeness(min(values)) - 0.5)), float(likeness(closeness(max(values)) + 0.5))


def rate_figure(manifests: list[dict], file: Path) -> None:
    """SVG and PNG of an image's curves, three metrics side by side."""
    figure, panels = plt.subplots(1, len(PANELS), figsize=(13, 4.6))
    present = [label for label in STYLES if any(m["label"] == label for m in manifests)]
    for axes, metric in zip(panels, PANELS, strict=True):
        for label in present:
            draw_curve(axes, manifests, label, metric)
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set_xlabel("bits per pixel of L0, all levels")
        axes.set_ylabel(TITLES[metric] + (" dB" if metric.endswith("psnr") else ""))
        if metric in LOWER_IS_BETTER:
            axes.invert_yaxis()
        if metric in SIMILARITIES:
            axes.set_yscale("function", functions=(closeness, likeness))
            axes.set_yticks([0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.96, 0.97, 0.98, 0.985, 0.99, 0.995, 0.999])
            axes.set_ylim(*axis_range(manifests, present, metric))
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncol=5, frameon=False)
    figure.suptitle(f"{manifests[0]['image']} ({manifests[0]['width']} x {manifests[0]['height']}), judged on planes; up is better")
    figure.tight_layout(rect=(0, 0.12, 1, 1))
    save(figure, file)


def medians_figure(summary: list[dict], reference: str, file: Path) -> None:
    """Bars: the median BD-rate of every curve against one baseline, by three metrics."""
    own = [row for row in summary if row["reference"] == reference]
    figure, panels = plt.subplots(1, len(PANELS), figsize=(13, 0.27 * len(own) + 1.4), sharey=True)
    for axes, metric in zip(panels, PANELS, strict=True):
        names = [f"{row['label']} ({row['judged']})" for row in own]
        values = [row["median_percent"].get(metric, 0) for row in own]
        axes.barh(names, values, color=["#009E73" if value < 0 else "#D55E00" for value in values])
        axes.set_title(TITLES[metric])
        axes.set_xlabel(f"bytes against {reference}, percent")
        axes.invert_yaxis() if axes is panels[0] else None
    figure.tight_layout()
    save(figure, file)


def save(figure: plt.Figure, file: Path) -> None:
    """`file` without its suffix, as SVG and PNG, without date and program."""
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file.with_suffix(".svg"), metadata={"Date": None, "Creator": None})
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", metadata={"Software": None})
    # A palette: a third of the bytes, and nothing to be seen of it.
    Image.open(drawn).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(file.with_suffix(".png"), optimize=True)
    plt.close(figure)
