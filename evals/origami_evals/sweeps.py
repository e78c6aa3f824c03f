"""What is run: the curves of every experiment, as data. A new configuration is one line here."""

from dataclasses import dataclass

from .images import Variant

L0Q = (10, 20, 30, 40, 50, 60, 70, 80, 88)
QUICK_L0Q = (15, 35, 55, 75, 88)
# mozjpeg codes residuals with one step for all frequencies: its scale is another.
FLAT_L0Q = (20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70)
QUICK_FLAT_L0Q = (25, 35, 45, 55, 65)
RUNGS = (12, 18, 25, 32, 40, 50, 56, 62, 68, 75, 82)
QUICK_RUNGS = (18, 32, 50, 68, 82)


@dataclass(frozen=True)
class Sweep:
    """One curve of `origami encode`: fixed flags and one flag that takes a row of values.

    `tiles`: also judged on the q95 tiles. `slow`: also by the slow metrics with `--quick`. `only`: the classes of images that
    it is run on with `--quick` (SOME: of tissue alone); empty: all but whole slides.
    """

    label: str
    flags: tuple[str, ...] = ()
    swept: str = "--l0q"
    values: tuple[int, ...] = L0Q
    quick_values: tuple[int, ...] = QUICK_L0Q
    tiles: bool = False
    slow: bool = False
    only: tuple[str, ...] = ()

    def flags_at(self, value: int) -> list[str]:
        return [*self.flags, self.swept, str(value)]


DEFAULTS = "reference defaults"
BASES = tuple(f"luma only, base {base}" for base in (70, 75, 80, 85, 90))
SOME = ("aligned",)
ALL = ("aligned", "unaligned", "lossless", "reduced", "slide")

SWEEPS = (
    Sweep(DEFAULTS, tiles=True, slow=True, only=ALL),
    Sweep("luma only, base 70", ("--baseq", "70")),
    Sweep("luma only, base 75", ("--baseq", "75")),
    Sweep("luma only, base 80", ("--baseq", "80"), tiles=True, slow=True, only=ALL),
    Sweep("luma only, base 85", ("--baseq", "85")),
    Sweep("luma only, base 90", ("--baseq", "90")),
    Sweep("mozjpeg, base 95", ("--encoder", "mozjpeg"), values=FLAT_L0Q, quick_values=QUICK_FLAT_L0Q),
    Sweep("mozjpeg, base 80", ("--baseq", "80", "--encoder", "mozjpeg"), "--l0q", FLAT_L0Q, QUICK_FLAT_L0Q, tiles=True, slow=True),
    # One quality for residual, baseline and chroma residual.
    Sweep("balanced", ("--preset", "balanced"), "--quality", RUNGS, QUICK_RUNGS, tiles=True, slow=True, only=ALL),
    Sweep("archive", ("--preset", "archive"), "--quality", RUNGS, QUICK_RUNGS, tiles=True, slow=True, only=ALL),
    Sweep("base 80, optL2", ("--baseq", "80", "--optl2"), only=SOME),
    Sweep("base 80, L2 4:2:0", ("--baseq", "80", "--subsamp", "420"), only=SOME),
    Sweep("base 80, L2 420opt", ("--baseq", "80", "--subsamp", "420opt"), only=SOME),
    Sweep("base 80, bicubic", ("--baseq", "80", "--upsample-filter", "bicubic"), only=SOME),
    Sweep("base 80, bilinear", ("--baseq", "80", "--upsample-filter", "bilinear"), only=SOME),
    Sweep("base swept, residual 50", ("--l0q", "50"), "--baseq", (40, 50, 60, 70, 80, 90, 95), (50, 70, 85, 95), only=SOME),
)

# The curve that those of other bundles are compared with, so that options can be told apart on the images that they ran on.
OWN_REFERENCE = "luma only, base 80"

# The pyramids that bundles are compared with, and those that are also judged by the slow metrics with `--quick`.
REFERENCES = ("jpeg420", "jpegopt420", "jpeg444", "jpegli444", "jp2", "webp", "jpegxl", "avif444")
SLOW_REFERENCES = ("jpeg420", "jpeg444", "jpegxl", "avif444")
SLIDE_REFERENCES = ("jpeg420", "jpeg444", "jpegxl", "avif444")


def sweeps_for(variant: Variant, quick: bool) -> list[Sweep]:
    """The curves that are run on an image."""
    if not quick:
        return list(SWEEPS)
    small = ("aligned", "unaligned", "lossless", "reduced")
    chosen = [sweep for sweep in SWEEPS if variant.image_class in (sweep.only or small)]
    return [sweep for sweep in chosen if sweep.only != SOME or variant.tissue]


def references_for(variant: Variant, quick: bool) -> tuple[str, ...]:
    """The baselines that are run on an image."""
    return SLIDE_REFERENCES if quick and variant.image_class == "slide" else REFERENCES


# What the study on tissue and the times are of: one point of a curve each, flags of `origami encode`.
STUDIED = {
    "defaults, residual 50": (),
    "base 80, residual 35": ("--baseq", "80", "--l0q", "35"),
    "base 80, residual 50": ("--baseq", "80", "--l0q", "50"),
    "mozjpeg, base 80, residual 45": ("--baseq", "80", "--encoder", "mozjpeg", "--l0q", "45"),
    "preset small": ("--preset", "small"),
    "preset balanced": ("--preset", "balanced"),
    "preset archive": ("--preset", "archive"),
}

# What is timed: the first is what the others are ratios to.
TIMED = STUDIED | {
    "base 80, residual 50, optL2": ("--baseq", "80", "--l0q", "50", "--optl2"),
    "base 80, residual 50, L2 4:2:0": ("--baseq", "80", "--l0q", "50", "--subsamp", "420"),
    "base 80, residual 50, L2 420opt": ("--baseq", "80", "--l0q", "50", "--subsamp", "420opt"),
    "base 80, residual 50, bilinear": ("--baseq", "80", "--l0q", "50", "--upsample-filter", "bilinear"),
    "base 80, residual 80": ("--baseq", "80", "--l0q", "80"),
    "preset archive, Lepton alone": ("--preset", "archive", "--entropy", "lepton"),
}
