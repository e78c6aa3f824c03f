"""Frames of a tour by openslide-python and Pillow against those of `origami bench tour`, in turn in one run.

    python benches/tour.py ORIGAMI SLIDE [--seconds S] [--rounds N] [--json FILE] [--write TOUR]

SLIDE is a scan that OpenSlide reads; one that is not there and ends in .tif is made: a pyramid of synthetic tissue, 16,384 x 12,288 pixels in JPEG tiles. The script makes the same frames as the program: the same views, from the level that fits, resampled to 1920 x 1080 pixels.
It is what one writes with these libraries: `read_region` of the best level for the downsample, white under what is transparent, `Image.resize` with a box and
the bicubic filter, one frame after another. The program
reads SLIDE as well, and a bundle that it encodes of it with the default parameters.

How alike the frames are is measured on five of them (dB of PSNR, below): the program sums light, Pillow sums samples, and a bundle is coded with a loss.
"""

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time

import numpy
import openslide
import tifffile
from PIL import Image

WIDTH, HEIGHT, FPS = 1920, 1080, 30


def keyframes(width, height, seconds):
    """A look at the whole, a zoom to a quarter of the resolution, a pan, a zoom to the full resolution, a pan: seconds, centre, downsample."""
    fit = max(width / WIDTH, height / HEIGHT)
    stops = [
        (0.0, 0.5, 0.5, fit),
        (0.25, 0.45, 0.40, min(4.0, fit)),
        (0.5, 0.60, 0.55, min(4.0, fit)),
        (0.75, 0.55, 0.50, 1.0),
        (1.0, 0.50, 0.60, 1.0),
    ]
    return [(part * seconds, (x * width, y * height), downsample) for part, x, y, downsample in stops]


def view_at(keys, at):
    """The view at a time: docs/tours.md has the formulas."""
    for (start, a, from_scale), (end, b, to_scale) in zip(keys, keys[1:]):
        if at < end:
            t = (at - start) / (end - start)
            ratio = to_scale / from_scale
            scale = from_scale * ratio**t
            moved = t if abs(ratio - 1) < 1e-6 else (scale - from_scale) / (to_scale - from_scale)
            return (a[0] + (b[0] - a[0]) * moved, a[1] + (b[1] - a[1]) * moved), scale
    return keys[-1][1], keys[-1][2]


def frame(slide, center, downsample):
    """A frame as bytes of RGB."""
    level = slide.get_best_level_for_downsample(downsample)
    own = slide.level_downsamples[level]
    scale = downsample / own
    left, top = center[0] / own - WIDTH / 2 * scale, center[1] / own - HEIGHT / 2 * scale
    margin = 3 * max(scale, 1)
    x, y = math.floor(left - margin), math.floor(top - margin)
    size = math.ceil(left + WIDTH * scale + margin) - x, math.ceil(top + HEIGHT * scale + margin) - y
    region = slide.read_region((round(x * own), round(y * own)), level, size)
    whole = Image.new("RGB", size, "white")
    whole.paste(region, mask=region.getchannel("A"))
    box = (left - x, top - y, left - x + WIDTH * scale, top - y + HEIGHT * scale)
    return whole.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC, box).tobytes()


def by_python(path, keys, count, only=None):
    """Makes the frames; the seconds, from opening the slide on, elapsed and of the processor, and those frames that are asked for."""
    started, worked, kept = time.monotonic(), time.process_time(), {}
    slide = openslide.OpenSlide(path)
    for number in range(count):
        pixels = frame(slide, *view_at(keys, number / FPS))
        if only and number in only:
            kept[number] = pixels
    slide.close()
    return time.monotonic() - started, time.process_time() - worked, kept


def make_slide(program, path):
    """Writes a pyramid of synthetic tissue as tiled TIFF."""
    with tempfile.TemporaryDirectory(prefix="origami-bench-slide.") as folder:
        png = os.path.join(folder, "tissue.png")
        subprocess.run([program, "bench", "slide", png, "--size", "16384x12288"], check=True)
        Image.MAX_IMAGE_PIXELS = None
        image = Image.open(png).convert("RGB")
    tiles = {"tile": (256, 256), "compression": "jpeg", "compressionargs": {"level": 90}, "photometric": "ycbcr"}
    with tifffile.TiffWriter(path + ".part", bigtiff=True) as tiff:
        tiff.write(numpy.asarray(image), resolution=(40000, 40000), resolutionunit="CENTIMETER", **tiles)
        while min(image.size) > 512:
            image = image.reduce(2)
            tiff.write(numpy.asarray(image), subfiletype=1, **tiles)
    os.replace(path + ".part", path)


def encode(program, slide, folder):
    """The path of a bundle of the slide."""
    subprocess.run([program, "encode", slide, "--out", folder, "--quiet"], check=True)
    return os.path.join(folder, "residual_packs", "residuals.bundle")


def write_tour(path, source, keys):
    camera = [
        {"time": at, "center": list(center), "downsample": downsample, "ease": "linear"} for at, center, downsample in keys
    ]
    options = {"width": WIDTH, "height": HEIGHT, "fps": FPS}
    overlays = {"scaleBar": False, "magnification": False, "lossyMark": False}
    document = {"slide": os.path.abspath(source), "camera": camera, "options": options, "overlays": overlays}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file)


def by_program(program, tour):
    """What `bench tour` prints, and seconds of the processor of the whole run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ran = subprocess.run([program, "bench", "tour", tour, "--json"], check=True, stdout=subprocess.PIPE)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return json.loads(ran.stdout), after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def still(program, tour, at, folder):
    path = os.path.join(folder, "still.png")
    subprocess.run([program, "tour", "still", tour, "--at", str(at), "--out", path], check=True)
    return numpy.asarray(Image.open(path).convert("RGB"))


def psnr(a, b):
    error = numpy.mean((a.astype(numpy.float64) - b.astype(numpy.float64)) ** 2)
    return float(10 * numpy.log10(255**2 / error)) if error else math.inf


def median(values):
    return sorted(values)[len(values) // 2]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("origami")
    parser.add_argument("slide")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--write", metavar="TOUR", help="write the tour over SLIDE, and make no frames")
    args = parser.parse_args()
    if args.slide.endswith(".tif") and not os.path.exists(args.slide):
        make_slide(args.origami, args.slide)
    with openslide.OpenSlide(args.slide) as slide:
        width, height = slide.dimensions
    keys, count = keyframes(width, height, args.seconds), round(args.seconds * FPS)
    if args.write:
        write_tour(args.write, args.slide, keys)
        return
    result = {"width": WIDTH, "height": HEIGHT, "frames": count, "slide": [width, height], "sources": {}}
    with tempfile.TemporaryDirectory(prefix="origami-bench-tour.") as folder:
        sources = {"slide": args.slide, "bundle": encode(args.origami, args.slide, os.path.join(folder, "encoded"))}
        tours = {name: os.path.join(folder, name + ".json") for name in sources}
        for name, tour in tours.items():
            write_tour(tour, sources[name], keys)
        samples = [count * i // 5 + count // 10 for i in range(5)]
        alike = {name: [] for name in tours}
        python, hashes = [], {name: set() for name in tours}
        program, by_processor = {name: [] for name in tours}, {name: [] for name in tours}
        for number in range(args.rounds):
            seconds, worked, kept = by_python(args.slide, keys, count, samples if number == 0 else None)
            python.append(count / seconds)
            for name, tour in tours.items():
                measured, own_worked = by_program(args.origami, tour)
                if measured["frames"] != count:
                    sys.exit(f"{name}: {measured['frames']} frames, not {count}")
                program[name].append(measured["frames_per_second"])
                by_processor[name].append(worked / own_worked)
                hashes[name].add(measured["xxh3_128"])
                for sample, pixels in kept.items():
                    own = still(args.origami, tour, sample / FPS, folder)
                    theirs = numpy.frombuffer(pixels, numpy.uint8).reshape(HEIGHT, WIDTH, 3)
                    alike[name].append(psnr(own, theirs))
    result["python_frames_per_second"] = median(python)
    print(f"{count} frames of {WIDTH}x{HEIGHT} over {width}x{height} pixels, medians of {args.rounds} rounds")
    print(f"openslide-python and Pillow  {median(python):6.1f} a second")
    for name in tours:
        if len(hashes[name]) != 1:
            sys.exit(f"{name}: the frames differ from round to round")
        ratio = median([ours / theirs for ours, theirs in zip(program[name], python)])
        print(
            f"origami, from the {name:6}     {median(program[name]):6.1f} a second, {ratio:.2f} times, by processor time "
            f"{median(by_processor[name]):.2f}; alike to {min(alike[name]):.1f} to {max(alike[name]):.1f} dB"
        )
        figures = {"frames_per_second": median(program[name]), "ratio": ratio, "by_processor": median(by_processor[name])}
        result["sources"][name] = {**figures, "psnr": alike[name]}
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)


if __name__ == "__main__":
    main()
