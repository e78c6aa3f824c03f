"""What coding does to measurements on stained tissue: nuclei, areas, optical density, stain vectors.

Every configuration is held against the source, and beside it stands plain JPEG of the same bytes (pyramid against bundle).
Two controls say what moves by itself: the source with noise of one step, and JPEG of a usual quality.
"""

import csv
import tempfile
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from .baselines import CODECS, code_pyramid
from .experiment import median, variants_in
from .images import Variant
from .metrics import delta_e_2000
from .nuclei import Nuclei, agreement, find_nuclei
from .origami_runs import TILES
from .runs import Workplace
from .stains import angle_deg, density_error, stain_vectors
from .sweeps import STUDIED
from .tables import table

# Microns per pixel of the development set's tissue, full size; what is unknown is taken as 40x.
UM_PER_PX = {"cmu-1-small-region": 0.499, "os-1-detail": 0.23, "os-2-ndpi": 0.227, "os-2-vsi": 0.346}
UNKNOWN_UM_PER_PX = 0.25
# Longest side of the crops with `--quick`: more than for the rates, so that there are nuclei to count.
QUICK_SIDE_PX = 1536
KI67 = ("os-2-ndpi", "os-2-vsi")
STUDIED_CLASSES = ("aligned", "reduced")
FEWEST_NUCLEI = 20
STEADY_F1 = 0.97
# Differences up to this are rounding of floats.
TIE = 1e-9
NOISE = "control: source and noise of one step"
USUAL_JPEG = "control: JPEG 4:2:0 quality 75"


@dataclass(frozen=True)
class Finding:
    """How far one decoded picture's results are from the source's. `positive_points`: of Ki67 nuclei, percentage points."""

    image: str
    image_class: str
    configuration: str
    bytes_total: int | None
    nuclei: int
    count_change: float
    f1: float
    area_error: float
    density_error: float
    stain_angle_deg: float | None
    positive_points: float | None
    delta_e_2000_mean: float


COLUMNS = {
    "count_change": "nuclei, change %",
    "f1": "F1 at IoU 0.5",
    "area_error": "area error %",
    "density_error": "optical density error",
    "stain_angle_deg": "stain angle deg",
    "positive_points": "Ki67 positive, points",
    "delta_e_2000_mean": "Delta E 2000",
}


def um_per_px(source: Variant) -> float:
    name = source.name.removesuffix(f"_{source.image_class}")
    return UM_PER_PX.get(name, UNKNOWN_UM_PER_PX) * (2 if source.image_class == "reduced" else 1)


def compared(source: Variant, known: Nuclei, configuration: str, size: int | None, decoded: np.ndarray) -> Finding:
    """The findings on one decoded picture against those on the source."""
    found = find_nuclei(decoded, um_per_px(source))
    match = agreement(known, found)
    before, after = stain_vectors(source.rgb), stain_vectors(decoded)
    ki67 = source.name.startswith(KI67)
    return Finding(
        source.name, source.image_class, configuration, size, known.count,
        100 * abs(found.count / known.count - 1), match.f1, 100 * match.area_error, density_error(source.rgb, decoded),
        angle_deg(before, after) if before is not None and after is not None else None,
        100 * abs(found.positive - known.positive) if ki67 else None, float(delta_e_2000(source.rgb, decoded).mean()),
    )  # fmt: skip


def noisy(rgb: np.ndarray) -> np.ndarray:
    """Plus -1, 0 or 1, always the same."""
    noise = np.random.default_rng(0).integers(-1, 2, rgb.shape)
    return np.clip(rgb.astype(np.int16) + noise, 0, 255).astype(np.uint8)


def findings_of(place: Workplace, source: Variant) -> list[Finding]:
    """Controls, every configuration, and JPEG of each configuration's bytes."""
    known = find_nuclei(source.rgb, um_per_px(source))
    if known.count < FEWEST_NUCLEI:
        return []

    @cache
    def jpeg(name: str, quality: int) -> tuple[int, np.ndarray]:
        coded = code_pyramid(source.rgb, CODECS[name], quality)
        return sum(coded.bytes_by_level.values()), coded.finest

    def jpeg_of(name: str, size: int) -> tuple[int, np.ndarray]:
        low, high = 1, 100
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if jpeg(name, middle)[0] <= size else (low, middle)
        return min((jpeg(name, quality) for quality in (low, high)), key=lambda coded: abs(coded[0] - size))

    found = [compared(source, known, NOISE, None, noisy(source.rgb)), compared(source, known, USUAL_JPEG, *jpeg("jpeg420", 75))]
    for label, flags in STUDIED.items():
        with tempfile.TemporaryDirectory(prefix="origami-evals-") as temporary:
            work = Path(temporary)
            Image.fromarray(source.rgb).save(work / "image.png", compress_level=0)
            bundle, _ = place.origami.encode(work / "image.png", list(flags), work / "encoded")
            size = bundle.stat().st_size
            decoded, _ = place.origami.decode(bundle, work / "tiles", TILES)
        found.append(compared(source, known, label, size, decoded))
        for name, title in (("jpeg420", "JPEG 4:2:0"), ("jpeg444", "JPEG 4:4:4")):
            found.append(compared(source, known, f"{title} of the bytes of {label}", *jpeg_of(name, size)))
    return found


def number(name: str, value: float | None) -> str:
    digits = {"f1": 4, "density_error": 4, "stain_angle_deg": 2, "delta_e_2000_mean": 2}.get(name, 1)
    return "-" if value is None else f"{value:.{digits}f}"


def medians_table(findings: list[Finding]) -> str:
    """One row a configuration: medians over images, and the worst F1 of any image."""
    body = []
    for configuration in dict.fromkeys(f.configuration for f in findings):
        own = [f for f in findings if f.configuration == configuration]
        cells = [number(name, median(getattr(f, name) for f in own)) for name in COLUMNS]
        body.append([configuration, *cells, number("f1", min(f.f1 for f in own))])
    return table(["configuration", *COLUMNS.values(), "worst F1"], body)


def image_table(findings: list[Finding]) -> str:
    """One row a configuration of an image."""
    body = []
    for f in findings:
        size = "-" if f.bytes_total is None else f"{f.bytes_total:,}"
        body.append([f.configuration, size, *(number(name, getattr(f, name)) for name in COLUMNS)])
    return table(["configuration", "bytes", *COLUMNS.values()], body)


def verdicts(findings: list[Finding]) -> str:
    """A sentence for each configuration: on how many images it is nearer to the source than JPEG 4:2:0 of its bytes."""
    lines = []
    for label in STUDIED:
        own = {f.image: f for f in findings if f.configuration == label}
        plain = {f.image: f for f in findings if f.configuration == f"JPEG 4:2:0 of the bytes of {label}"}
        parts = []
        for name in ("count_change", "f1", "area_error", "density_error", "stain_angle_deg"):
            pairs = [(getattr(own[image], name), getattr(plain[image], name)) for image in own]
            pairs = [pair for pair in pairs if None not in pair]
            sign = -1 if name == "f1" else 1
            better = sum(sign * (b - a) > TIE for a, b in pairs)
            parts.append(f"{COLUMNS[name].removesuffix(' %').removesuffix(' deg')} {better} of {len(pairs)}")
        lines.append(f"- {label}: nearer to the source than JPEG 4:2:0 of the same bytes by " + ", ".join(parts) + " images.")
    return "\n".join(lines)


def unsteady(findings: list[Finding]) -> str:
    """Names the images whose segmentation moves by itself: where noise of one step already costs F1."""
    names = [f"{f.image} ({f.f1:.3f})" for f in findings if f.configuration == NOISE and f.f1 < STEADY_F1]
    if not names:
        return f"On every image noise of one step leaves F1 at {STEADY_F1} or above."
    return f"On {', '.join(names)} noise of one step alone takes F1 below {STEADY_F1}: counts there say little about coding."


def page(findings: list[Finding], tool: str, quick: bool) -> str:
    images = dict.fromkeys(f.image for f in findings)
    counts = ", ".join(f"{image} {next(f.nuclei for f in findings if f.image == image)}" for image in images)
    parts = [
        "# What coding does to measurements on tissue",
        f"Made by `evals/run.sh{' --quick' if quick else ''} --what science` with {tool}; every number is also in `science.csv`. "
        "Judged on the 4:2:0 q95 tiles that users see. Nuclei: Otsu on haematoxylin plus DAB (scikit-image's vectors), watershed of "
        "the distance to the edge, the threshold found anew on every picture, as a pipeline would. Stain vectors: Macenko, the "
        "larger of two angles. Optical density: mean absolute error where the source is no glass. Errors are against the same "
        "measurement on the source, so they say what coding moves, not whether the segmentation is right. JPEG *of the bytes* is "
        "the pyramid whose quality comes closest to the bundle's size. Nuclei in the source: " + counts + ".",
        "## Medians over images",
        medians_table(findings),
        unsteady(findings),
        "## Against plain JPEG",
        verdicts(findings),
        "## Configurations",
        table(
            ["name", "flags of `origami encode`"],
            [[label, f"`{' '.join(flags)}`" if flags else "none"] for label, flags in STUDIED.items()],
        ),
    ]
    for image in images:
        parts += [f"## {image}", image_table([f for f in findings if f.image == image])]
    return "\n\n".join(parts) + "\n"


def study(folder: Path, place: Workplace, results: Path, quick: bool, only: str = "") -> None:
    """Writes `science.md` and `science.csv`."""
    findings: list[Finding] = []
    for source in variants_in(folder, QUICK_SIDE_PX if quick else None):
        if source.tissue and source.image_class in STUDIED_CLASSES and only in source.name:
            own = findings_of(place, source)
            findings += own
            print(f"{source.name}: {own[0].nuclei if own else 'too few'} nuclei", flush=True)
    if not findings:
        raise SystemExit(f"{folder}: no tissue with at least {FEWEST_NUCLEI} nuclei")
    results.mkdir(parents=True, exist_ok=True)
    (results / "science.md").write_text(page(findings, place.origami.version, quick))
    with (results / "science.csv").open("w", newline="") as out:
        writer = csv.DictWriter(out, list(asdict(findings[0])), lineterminator="\n")
        writer.writeheader()
        for finding in findings:
            writer.writerow({k: "" if v is None else f"{v:.5g}" if isinstance(v, float) else v for k, v in asdict(finding).items()})
