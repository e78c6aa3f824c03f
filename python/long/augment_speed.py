"""Batch augmentations against torchvision's, image by image, in one run and in turns.

    python python/long/augment_speed.py [--device cuda]

Prints images a second and their ratio; the best of the rounds counts.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import torch
from torchvision.transforms import v2

import origami.slipstream as slipstream

BATCH, SIZE, ROUNDS = 64, 128, 25
PAIRS: dict[str, tuple[Any, Any]] = {
    "horizontal flip": (slipstream.RandomHorizontalFlip(), v2.RandomHorizontalFlip()),
    "rotation": (slipstream.RandomRotate(30), v2.RandomRotation(30, v2.InterpolationMode.BILINEAR)),
    "affine": (
        slipstream.RandomAffine(30, (0.1, 0.1), (0.8, 1.2), 10),
        v2.RandomAffine(30, (0.1, 0.1), (0.8, 1.2), 10, v2.InterpolationMode.BILINEAR),
    ),
    "brightness": (slipstream.RandomBrightness(0.4), v2.ColorJitter(0.4)),
    "color jitter": (slipstream.RandomColorJitter(0.4, 0.4, 0.4, 0.1), v2.ColorJitter(0.4, 0.4, 0.4, 0.1)),
    "color jitter, YIQ": (slipstream.RandomColorJitterYIQ(0.4, 0.4, 0.4, 0.1), v2.ColorJitter(0.4, 0.4, 0.4, 0.1)),
    "grayscale": (slipstream.RandomGrayscale(0.5), v2.RandomGrayscale(0.5)),
    "blur": (slipstream.RandomGaussianBlur(13, p=1), v2.GaussianBlur(13)),
    "solarization": (slipstream.RandomSolarization(p=0.5), v2.RandomSolarize(0.5)),
    "equalize": (slipstream.RandomEqualize(0.5), v2.RandomEqualize(0.5)),
    "erasing": (slipstream.RandomErasing(p=0.5), v2.RandomErasing(0.5)),
}


def rate(run: Callable[[], Any], device: torch.device) -> float:
    started = time.perf_counter()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return BATCH / (time.perf_counter() - started)


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--device", type=torch.device, default=torch.device("cpu"))
    device = arguments.parse_args().device
    torch.set_num_threads(1)
    batch = torch.rand(BATCH, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0)).to(device)
    print(f"{BATCH} images of {SIZE} pixels, {device}, one thread\n")
    print("| stage | images/s | times torchvision, image by image |\n|---|---|---|")
    for name, (ours, theirs) in PAIRS.items():
        best = [0.0, 0.0]
        for _ in range(ROUNDS):
            best[0] = max(best[0], rate(lambda: ours(batch), device))
            best[1] = max(best[1], rate(lambda: torch.stack([theirs(image) for image in batch]), device))
        print(f"| {name} | {best[0]:,.0f} | {best[0] / best[1]:.1f} |", flush=True)


if __name__ == "__main__":
    main()
