"""Makes one run: codes an image, measures it, writes its directory. A run that exists already is read instead.

Two things save work. A manifest whose `key` matches is reused. And metrics are kept in `.measured/` by the hashes of both
pictures, so a new program that decodes to the same pixels is not measured again.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from .baselines import CODECS, code_pyramid
from .images import Variant, digest_of
from .levels import TILE_PX, level_sizes
from .metrics import NAMES, fast_metrics
from .origami_runs import PLANES, TILES, Origami, bytes_by_level
from .perceptual import SLOW_NAMES, slow_metrics
from .run_fields import baseline_fields, flag_values, origami_fields, run_name
from .sweeps import Sweep

# To be raised when a metric or the layout of a run changes: everything is then made again.
GENERATION = 1


@dataclass(frozen=True)
class Workplace:
    """Where runs go, the program, and the longest side of the pictures that are kept."""

    runs: Path
    origami: Origami
    picture_side_px: int = 1024


def measured(place: Workplace, source: Variant, decoded: np.ndarray, slow: bool) -> dict[str, float | None]:
    """All metrics by name, None for those not asked for; from the cache where possible."""
    if decoded.shape != source.rgb.shape:
        raise ValueError(f"{source.name}: decoded to {decoded.shape}, expected {source.rgb.shape}")
    name = hashlib.blake2b(f"{GENERATION} {source.digest()} {digest_of(decoded)}".encode(), digest_size=16).hexdigest()
    file = place.runs / ".measured" / f"{name}.json"
    known = json.loads(file.read_text()) if file.exists() else {}
    fresh = {} if "y_psnr" in known else fast_metrics(source.rgb, decoded)
    if slow and "ssimulacra2" not in known:
        fresh |= slow_metrics(source.rgb, decoded)
    if fresh:
        write_json(file, known | fresh)
    return {name: (known | fresh).get(name) for name in NAMES}


def tile_count(source: Variant) -> int:
    """Tiles of all levels."""
    sizes = level_sizes(source.rgb.shape[1], source.rgb.shape[0]).values()
    return sum(-(-width // TILE_PX) * -(-height // TILE_PX) for width, height in sizes)


def write_json(file: Path, value: object) -> None:
    """Writes a file beside it and renames that, so that the file is complete or absent."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(file.name + ".part")
    beside.write_text(json.dumps(value, indent=1) + "\n")
    os.replace(beside, file)


def picture_region(source: Variant, side_px: int) -> dict[str, int]:
    """The middle of L0, at most `side_px` a side."""
    height, width = source.rgb.shape[:2]
    w, h = min(width, side_px), min(height, side_px)
    return {"x": (width - w) // 2, "y": (height - h) // 2, "width": w, "height": h}


def save_picture(rgb: np.ndarray, region: dict[str, int], file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    x, y = region["x"], region["y"]
    Image.fromarray(rgb[y : y + region["height"], x : x + region["width"]]).save(file, compress_level=1)


def save_pictures(place: Workplace, source: Variant, folder: Path, pictures: dict[str, np.ndarray | None]) -> None:
    """`images/`: the original, as a hard link to one file of all runs, and the decoded pictures."""
    region = picture_region(source, place.picture_side_px)
    original, linked = folder.parent / ".original.png", folder / "images" / "original.png"
    if not original.exists():
        save_picture(source.rgb, region, original)
    linked.parent.mkdir(parents=True, exist_ok=True)
    linked.unlink(missing_ok=True)
    try:
        os.link(original, linked)
    except OSError:
        shutil.copyfile(original, linked)
    for name, rgb in pictures.items():
        if rgb is not None:
            save_picture(rgb, region, folder / "images" / f"{name}.png")


def manifest(source: Variant, place: Workplace, facts: dict) -> dict:
    """The manifest in the order of README.md. `facts` has what differs by kind; the other fields are the same for all runs."""
    raw_bytes, total = source.pixels * 3, facts["bytes_total"]
    phase = {name: facts[name] for name in ("tiles", "metrics", "metrics_tiles")}
    return {
        "name": facts["name"],
        "image": source.name,
        "image_class": source.image_class,
        "source": source.source,
        **{name: facts[name] for name in ("kind", "codec", "label", "run", "parameters")},
        "pixels": source.pixels,
        "width": source.rgb.shape[1],
        "height": source.rgb.shape[0],
        "bytes_total": total,
        "bytes_by_level": {str(level): size for level, size in facts["bytes_by_level"].items()},
        "bits_per_pixel": 8 * total / source.pixels,
        **{name: facts[name] for name in ("metrics", "metrics_tiles", "timings")},
        "picture": picture_region(source, place.picture_side_px),
        "decompression_phase": {"decode_s": facts["timings"]["decode_s"], **phase},
        "size_comparison": {
            "bytes_total": total,
            "raw_rgb_bytes": raw_bytes,
            "of_raw_rgb": total / raw_bytes,
            "bits_per_pixel": 8 * total / source.pixels,
            "jpeg420_bytes_at_same_y_psnr": None,
            "of_jpeg420": None,
        },
        "tool": facts["tool"],
        "key": facts["key"],
    }


def cached_or_made(folder: Path, key: str, fields: dict, slow: bool, tiles: bool, make: Callable[[], dict]) -> dict:
    """The manifest in `folder`, if its key matches and it has the metrics asked for; else a new one. Older manifests gain their fields."""
    file = folder / "manifest.json"
    if file.exists():
        known = json.loads(file.read_text())
        has_slow = not slow or known["metrics"]["ssimulacra2"] is not None
        if known.get("key") == key and has_slow and (not tiles or known["metrics_tiles"]):
            if known.get("run") != fields:
                known["run"] = fields
                write_json(file, known)
            return only_asked(known, slow)
    made = make()
    write_json(file, made)
    return only_asked(made, slow)


def only_asked(manifest: dict, slow: bool) -> dict:
    """Drops slow metrics that an earlier call left, so that the tables do not depend on earlier calls."""
    dropped = dict.fromkeys(SLOW_NAMES)
    metrics = manifest["metrics"] | ({} if slow else dropped)
    tiles = manifest["metrics_tiles"] and manifest["metrics_tiles"] | dropped
    return manifest | {"metrics": metrics, "metrics_tiles": tiles}


def key_of(*parts: object) -> str:
    return hashlib.blake2b(repr((GENERATION, *parts)).encode(), digest_size=16).hexdigest()


def baseline_run(place: Workplace, source: Variant, codec_name: str, quality: int, slow: bool) -> dict:
    """The manifest of one baseline pyramid."""
    codec = CODECS[codec_name]
    fields = baseline_fields(codec.prefix, quality)
    name = run_name(fields)
    folder = place.runs / source.name / name
    key = key_of(codec.tool, codec.settings, quality, source.digest(), place.picture_side_px)

    def make() -> dict:
        coded = code_pyramid(source.rgb, codec, quality)
        timings = {"encode_s": coded.encode_s, "decode_s": coded.decode_s}
        save_pictures(place, source, folder, {"reconstruction": coded.finest})
        write_json(folder / "compress" / "sizes.json", coded.bytes_by_level)
        write_json(folder / "decompress" / "timing.json", timings)
        return manifest(source, place, {
            "name": name, "kind": "baseline", "codec": codec_name, "label": codec_name, "run": fields, "tool": codec.tool, "key": key,
            "parameters": {"settings": codec.settings, "swept": "quality", "value": quality}, "timings": timings,
            "bytes_total": sum(coded.bytes_by_level.values()), "bytes_by_level": coded.bytes_by_level, "tiles": coded.tiles,
            "metrics": measured(place, source, coded.finest, slow), "metrics_tiles": None,
        })  # fmt: skip

    return cached_or_made(folder, key, fields, slow, False, make)


def origami_run(place: Workplace, source: Variant, sweep: Sweep, value: int, slow: bool) -> dict:
    """The manifest of one bundle. Its label is that of `sweep`, even if another sweep made it. `slow` metrics are of the planes only."""
    flags = sweep.flags_at(value)
    fields = origami_fields(flags)
    name = run_name(fields)
    folder = place.runs / source.name / name
    key = key_of(place.origami.digest, sorted(flag_values(flags).items()), source.digest(), place.picture_side_px)

    def make() -> dict:
        with tempfile.TemporaryDirectory(prefix="origami-evals-") as temporary:
            work = Path(temporary)
            image = work / "image.png"
            Image.fromarray(source.rgb).save(image, compress_level=0)
            bundle, encode_s = place.origami.encode(image, flags, work / "encoded")
            inspected = place.origami.inspect(bundle)
            planes, decode_s = place.origami.decode(bundle, work / "planes", PLANES)
            tiles, decode_s = place.origami.decode(bundle, work / "tiles", TILES) if sweep.tiles else (None, decode_s)
            (folder / "compress").mkdir(parents=True, exist_ok=True)
            shutil.copyfile(bundle, folder / "compress" / "residuals.bundle")
        timings = {"encode_s": encode_s, "decode_s": decode_s, "decoded_to": "jpeg" if sweep.tiles else "png"}
        save_pictures(place, source, folder, {"reconstruction": planes, "reconstruction_tiles": tiles})
        write_json(folder / "decompress" / "timing.json", timings)
        return manifest(source, place, {
            "name": name, "kind": "origami", "codec": "origami", "label": sweep.label, "run": fields, "tool": place.origami.version,
            "parameters": {"flags": list(sweep.flags), "swept": sweep.swept, "value": value}, "timings": timings,
            "bytes_total": inspected["file_bytes"], "bytes_by_level": bytes_by_level(inspected), "tiles": tile_count(source),
            "metrics": measured(place, source, planes, slow), "key": key,
            "metrics_tiles": measured(place, source, tiles, False) if tiles is not None else None,
        })  # fmt: skip

    parameters = {"flags": list(sweep.flags), "swept": sweep.swept, "value": value}
    return cached_or_made(folder, key, fields, slow, sweep.tiles, make) | {"label": sweep.label, "parameters": parameters}
