"""Encode and decode time as ratios to the reference defaults, measured in turn in the same run, one thread.

A family's decode is what `origami decode --timing` says: payloads to planes, and planes to planes; coding the output tiles
is the same work for all and shown apart. Baselines are the bare library calls from Python, as ratios to JPEG 4:2:0.
"""

import platform
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from .baselines import CODECS, Codec
from .experiment import variants_in
from .images import Variant
from .levels import tiles
from .origami_runs import TILES
from .runs import Workplace, write_json
from .sweeps import TIMED
from .tables import table

ROUNDS, QUICK_ROUNDS = 25, 15
# An archive may take this often the defaults' decode time and still be served; above it is said to be too slow.
SERVABLE = 4.0
BASELINE_QUALITY = {"jp2": 38, "jpegxl": 75, "avif444": 58}


@dataclass(frozen=True)
class Timed:
    """Seconds of one configuration: whole processes, and sums over families of their phases."""

    encode_s: float
    decode_s: float
    payloads_s: float
    planes_s: float
    tiles_s: float

    @property
    def family_s(self) -> float:
        return self.payloads_s + self.planes_s


@dataclass(frozen=True)
class Round:
    """What one round measured. `families_us`: (families, 3), microseconds of decode, reconstruct and encode of each."""

    encode_s: float
    decode_s: float
    families_us: np.ndarray


def families_timing(text: str) -> np.ndarray:
    """The table of `--timing` as (families, 3): microseconds of decode, reconstruct and encode, in the order of their names."""
    lines = [line.split() for line in text.splitlines()]
    head = next(i for i, line in enumerate(lines) if line[:1] == ["family"])
    columns = [lines[head].index(name) for name in ("decode_us", "reconstruct_us", "encode_us")]
    rows = [line for line in lines[head + 1 :] if len(line) == len(lines[head]) and line[1].isdecimal()]
    return np.array([[float(row[column]) for column in columns] for row in sorted(rows)])


def time_once(place: Workplace, image: Path, flags: tuple[str, ...], work: Path) -> Round:
    """Encodes and decodes once. `work` is new."""
    bundle, encode_s = place.origami.encode(image, list(flags), work / "encoded")
    arguments = ["--bundle", bundle, "--out", work / "decoded", "--threads", 1, "--backend", "cpu", "--timing", *TILES]
    text, decode_s = place.origami.call("decode", *arguments)
    return Round(encode_s, decode_s, families_timing(text))


def best(rounds: list[Round]) -> Timed:
    """The least time of every process, and of every family in every phase, over rounds: what else ran only ever adds."""
    phases = np.min([r.families_us for r in rounds], axis=0).sum(axis=0) / 1e6
    return Timed(min(r.encode_s for r in rounds), min(r.decode_s for r in rounds), *map(float, phases))


def rounds_of(place: Workplace, source: Variant, rounds: int) -> list[dict[str, Round]]:
    """Every configuration once a round, each round beginning with another one, so that what else the machine does falls on all."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="origami-evals-", dir=memory if memory.is_dir() else None) as temporary:
        image = Path(temporary) / "image.png"
        Image.fromarray(source.rgb).save(image, compress_level=0)
        found = []
        turns = list(TIMED.items())
        for number in range(rounds):
            found.append({})
            first = number % len(turns)
            for label, flags in turns[first:] + turns[:first]:
                with tempfile.TemporaryDirectory(dir=temporary) as work:
                    found[-1][label] = time_once(place, image, flags, Path(work))
    return found


def ratios(times: Timed, base: Timed) -> dict[str, float]:
    """A configuration's times to those of `base`."""
    names = ("encode_s", "family_s", "payloads_s", "planes_s", "decode_s")
    return {name: getattr(times, name) / max(getattr(base, name), 1e-9) for name in names}


def time_codec(codec: Codec, quality: int, pixels: np.ndarray) -> tuple[float, float]:
    """Seconds to encode and decode all 256 x 256 tiles of an image."""
    cut = [tile for _, _, tile in tiles(pixels)]
    start = time.perf_counter()
    coded = [codec.encode(tile, quality) for tile in cut]
    middle = time.perf_counter()
    for data in coded:
        codec.decode(data)
    return middle - start, time.perf_counter() - middle


def baseline_ratios(source: Variant, rounds: int) -> dict[str, tuple[float, float]]:
    """Encode and decode of every baseline's L0 tiles to those of JPEG 4:2:0, the least of all rounds."""
    times = [{n: time_codec(c, BASELINE_QUALITY.get(n, 75), source.rgb) for n, c in CODECS.items()} for _ in range(rounds)]
    least = {n: [min(r[n][i] for r in times) for i in (0, 1)] for n in CODECS}
    return {n: tuple(least[n][i] / least["jpeg420"][i] for i in (0, 1)) for n in CODECS}


def processor() -> str:
    """The processor's name as Linux tells it, else the architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]}, {len(names)} cores" if names else platform.machine()


def page(result: dict, quick: bool) -> str:
    """`timing.md`."""
    body = []
    for label, values in result["origami"].items():
        slow = " (too slow to serve)" if values["family_s"] > SERVABLE else ""
        cells = [f"{values[name]:.2f}" for name in ("encode_s", "family_s", "payloads_s", "planes_s", "decode_s")]
        body.append([label + slow, f"`{' '.join(TIMED[label])}`" if TIMED[label] else "none", *cells])
    baselines = [[name, f"{encode:.2f}", f"{decode:.2f}"] for name, (encode, decode) in result["baselines"].items()]
    parts = [
        "# Time, as ratios",
        f"Made by `evals/run.sh{' --quick' if quick else ''} --what timing` with {result['tool']} on {result['processor']}, which had "
        f"other work too. {result['image']}, {result['width']} x {result['height']}, one thread; ratios to the first row of the least "
        f"times of {result['rounds']} rounds, in each of which all took their turn. *Family*: a family's payloads and planes, without coding the tiles that "
        f"are sent. A configuration whose family takes more than {SERVABLE:g} times the defaults' is labelled as too slow to serve.",
        table(["configuration", "flags", "encode (process)", "family", "payloads", "planes", "decode to q95 tiles (process)"], body),
        f"The defaults took {result['defaults_ms']['family']:.1f} ms a family ({result['defaults_ms']['payloads']:.1f} of them for "
        f"payloads) and {result['defaults_ms']['tiles']:.1f} ms to code its tiles.",
        "## Baselines: bare library calls on the tiles of L0, ratio to JPEG 4:2:0",
        table(["baseline", "encode", "decode"], baselines),
    ]
    return "\n\n".join(parts) + "\n"


def time_all(folder: Path, place: Workplace, results: Path, quick: bool, only: str = "") -> None:
    """Writes `timing.md` and `timing.json`, from the first piece of tissue of the folder."""
    side_px = 2048
    sources = (s for s in variants_in(folder, side_px) if s.tissue and s.image_class != "slide" and only in s.name)
    source, rounds = next(sources, None), QUICK_ROUNDS if quick else ROUNDS
    if source is None:
        raise SystemExit(f"{folder}: no tissue whose name contains '{only}'")
    measured = rounds_of(place, source, rounds)
    times = {label: best([r[label] for r in measured]) for label in TIMED}
    base = times[next(iter(TIMED))]
    families = -(-source.rgb.shape[0] // 1024) * -(-source.rgb.shape[1] // 1024)
    phases = {"family": "family_s", "payloads": "payloads_s", "tiles": "tiles_s"}
    result = {
        "tool": place.origami.version, "processor": processor(), "image": source.name, "rounds": rounds,
        "width": source.rgb.shape[1], "height": source.rgb.shape[0],
        "origami": {label: ratios(times[label], base) for label in TIMED},
        "baselines": baseline_ratios(source, rounds),
        "defaults_ms": {n: getattr(base, a) * 1000 / families for n, a in phases.items()},
    }  # fmt: skip
    results.mkdir(parents=True, exist_ok=True)
    write_json(results / "timing.json", result)
    (results / "timing.md").write_text(page(result, quick))
    print(f"{source.name}: {len(TIMED)} configurations, {rounds} rounds", flush=True)
