"""The command line: `python -m origami_evals rate|timing|science FOLDER`. run.sh calls it."""

import argparse
import json
import os
import time
from pathlib import Path

# Before numpy is loaded: one process, one thread.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VIPS_CONCURRENCY"):
    os.environ.setdefault(name, "1")

from . import committed, experiment, plots, tables  # noqa: E402
from .origami_runs import Origami  # noqa: E402
from .runs import Workplace  # noqa: E402
from .sweeps import SWEEPS  # noqa: E402


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="origami_evals", description=__doc__)
    parser.add_argument("what", choices=["rate", "timing", "science"])
    parser.add_argument("folder", type=Path, help="slides, images and Deep Zoom trees")
    parser.add_argument("--origami", type=Path, required=True, help="the program")
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="crops, fewer points, slow metrics on some curves only")
    parser.add_argument("--only", default="", help="images whose name contains this")
    parser.add_argument("--curves", default="", help="labels of sweeps.py, by commas: measured; the points of all others are those in --results")
    parser.add_argument("--picture-side", type=int, default=1024, help="longest side of the pictures kept, in pixels")
    return parser.parse_args()


def rate(asked: argparse.Namespace, place: Workplace) -> None:
    """All curves of all images; tables and plots of what was just made or read."""
    manifests, comparisons = [], []
    curves = tuple(filter(None, asked.curves.split(",")))
    if unknown := set(curves) - {sweep.label for sweep in SWEEPS}:
        raise SystemExit(f"--curves: no curve is called {', '.join(sorted(unknown))}; sweeps.py has them")
    for source in experiment.variants_in(asked.folder, experiment.QUICK_SIDE_PX if asked.quick else None):
        if asked.only not in source.name:
            continue
        start = time.perf_counter()
        if curves:
            own = experiment.curves_of(place, source, asked.quick, curves, committed.points_in(asked.results, source))
        else:
            own = experiment.runs_of(place, source, asked.quick)
        manifests += own
        comparisons += experiment.comparisons_of(own)
        plots.rate_figure(own, asked.results / "plots" / source.name)
        print(f"{source.name}: {len(own)} runs, {time.perf_counter() - start:.0f} s", flush=True)
    if not manifests:
        raise SystemExit(f"{asked.folder}: no image, slide or tree whose name contains '{asked.only}'")
    command = "evals/run.sh" + (" --quick" if asked.quick else "") + (f" --curves {asked.curves}" if curves else "")
    tables.write_all(manifests, comparisons, asked.results, command, place.origami.version, asked.quick)
    summary = json.loads((asked.results / "medians.json").read_text())
    for reference in tables.SUMMARY_REFERENCES:
        plots.medians_figure(summary, reference, asked.results / "plots" / f"medians-{reference}")


def main() -> None:
    asked = arguments()
    place = Workplace(asked.runs, Origami(asked.origami.resolve()), asked.picture_side)
    if asked.what == "rate":
        rate(asked, place)
    elif asked.what == "timing":
        from .timing import time_all

        time_all(asked.folder, place, asked.results, asked.quick, asked.only)
    else:
        from .science import study

        study(asked.folder, place, asked.results, asked.quick, asked.only)


main()
