"""A small folder of evaluation runs, made up: pictures by arithmetic, figures by formula. For scripts/evals.sh.

Says nothing about any codec. Knows no browser.

    evals_runs.py FOLDER
"""

import json
import math
import pathlib
import sys

import png

WIDTH, HEIGHT = 320, 200
# By directory name: codec, label, bytes at quality 50, dB at quality 50, and what kind of thing it is.
CURVES = {
    "jpeg_baseline_q{}": ("jpeg420", "jpeg420", 52_000, 34.0, "baseline"),
    "mozjpeg444_baseline_q{}": ("mozjpeg444", "mozjpeg444", 56_000, 35.2, "baseline"),
    "jpegxl_jpeg_baseline_q{}": ("jpegxl", "jpegxl", 44_000, 36.0, "baseline"),
    "avif_baseline_q{}": ("avif444", "avif444", 40_000, 35.9, "baseline"),
    "rs_444_b90_l0q{}": ("origami", "luma only, base 90", 38_000, 34.6, "origami"),
    "rs_444_b90_optl2_d20_l0q{}": ("origami", "luma only, base 90, optL2", 39_000, 35.1, "origami"),
    "rs_444_b90_l0q{}_r-jpegxl_c40_p-archive": ("origami", "archive", 30_000, 35.8, "origami"),
}
QUALITIES = (20, 35, 50, 65, 80, 92)


def original(seed):
    """Something like stained cells, of the second image in green: no stain of tissue."""
    out = bytearray()
    for y in range(HEIGHT):
        for x in range(WIDTH):
            cell = math.hypot((x + 3 * seed) % 40 - 20, (y + 5 * ((x + 3 * seed) // 40)) % 44 - 22)
            stain = 90 if cell < 9 else 45 if cell < 15 else 0
            wave = 12 * math.sin(x / 17 + seed) * math.cos(y / 23)
            grain = (x * 7919 + y * 104729 + seed * 31) % 11 - 5
            red, green, blue = 232 - stain * .8 + wave + grain, 200 - stain * 1.6 + wave + grain, 226 - stain * .6 + grain
            out += bytes(max(0, min(255, round(v))) for v in ((green, red, blue) if seed == 1 else (red, green, blue)))
    return bytes(out)


def coarse(pixels, step):
    """As a codec leaves it, more or less."""
    table = bytes(min(255, round(v / step) * step) for v in range(256))
    return pixels.translate(table)


def manifest(name, image, kind_of_image, curve, quality, scale):
    codec, label, size, db, kind = curve
    total = round(size * scale * 2 ** ((quality - 50) / 20))
    db += (quality - 50) / 7
    metrics = {
        "y_psnr": db, "cb_psnr": db + 4, "cr_psnr": db + 3, "rgb_psnr": db - 3, "ssim_y": 1 - 10 ** (-db / 24),
        "ssim_rgb": 1 - 10 ** (-db / 25), "ms_ssim": 1 - 10 ** (-db / 18), "vif": min(1, db / 55),
        "delta_e_2000_mean": 60 / db, "delta_e_2000_p95": 190 / db, "ssimulacra2": min(100, 2 * db) if kind == "origami" else None,
    }
    ours = kind == "origami"
    tiles = {key: value - .3 for key, value in metrics.items() if value is not None} if ours else None
    return {
        "name": name, "image": image, "image_class": kind_of_image, "kind": kind, "codec": codec, "label": label,
        "parameters": {"flags": ["--baseq", "90"] if ours else [], "swept": "--l0q" if ours else "quality", "value": quality},
        "pixels": WIDTH * HEIGHT, "width": WIDTH, "height": HEIGHT, "bytes_total": total,
        "bytes_by_level": {"9": round(total * .7), "8": round(total * .2), "7": round(total * .1)},
        "bits_per_pixel": 8 * total / WIDTH / HEIGHT, "metrics": metrics, "metrics_tiles": tiles,
        "timings": {"encode_s": .2 + quality / 400, "decode_s": .05 + quality / 900},
        "picture": {"x": 0, "y": 0, "width": WIDTH, "height": HEIGHT},
        "decompression_phase": {"decode_s": .05 + quality / 900, "tiles": 21, "metrics": metrics},
        "size_comparison": {"bytes_total": total, "of_raw_rgb": total / (3 * WIDTH * HEIGHT), "of_jpeg420": .72 if ours else None},
        "tool": "origami 0.1.0" if ours else "libjpeg-turbo 3",
    }


def make(root):
    for seed, (image, kind) in enumerate((("tissue & ünsharp", "aligned"), ("photo_1", "lossless"))):
        source = original(seed)
        for pattern, curve in CURVES.items():
            for quality in QUALITIES:
                run = root / image / pattern.format(quality)
                png.write(run / "images" / "reconstruction.png", WIDTH, HEIGHT, coarse(source, 1 + (100 - quality) // 7))
                png.write(run / "images" / "original.png", WIDTH, HEIGHT, source)
                if curve[4] == "origami":
                    png.write(run / "images" / "reconstruction_tiles.png", WIDTH, HEIGHT, coarse(source, 2 + (100 - quality) // 7))
                (run / "manifest.json").write_text(json.dumps(manifest(run.name, image, kind, curve, quality, 1 + seed * .4)))
    # Without its own original: that of its neighbours serves. Cut off half way through writing.
    broken = root / "photo_1" / "rs_444_b80_l0q33"
    png.write(broken / "images" / "reconstruction.png", WIDTH, HEIGHT, coarse(original(1), 9))
    (broken / "manifest.json").write_text('{"name": "rs_444_b80_l0q33", "metrics": {"y_psnr": 3')
    # No manifest, another size, a name that says nothing.
    png.write(root / "photo_1" / "first try <b>" / "decompress" / "out.png", WIDTH, 150, coarse(original(1), 4)[:3 * WIDTH * 150])


if __name__ == "__main__":
    make(pathlib.Path(sys.argv[1]))
