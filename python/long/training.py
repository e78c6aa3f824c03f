"""A real training run: which of five slides a patch is of, learned from the slides themselves and from bundles at each preset; and a run that is killed.

    python python/long/training.py DATA WORK

DATA has the development slides. Prints tables in Markdown. The left part of each slide trains, the right part tests, with a gap between. All runs have the same
patches in the same order with the same augmentations, the same network and the same first weights: what differs is the pixels alone.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import origami
from origami.slipstream import (
    Normalize,
    RandomColorJitter,
    RandomHorizontalFlip,
    RandomVerticalFlip,
    SlipstreamDataset,
    SlipstreamLoader,
    ToTorchImage,
    compute_normalization_stats,
    tissue_mask,
)

SLIDES = {
    "epithelium, H&E": "CMU-1-Small-Region.svs",
    "carcinoma, H&E": "OS-1-detail.png",
    "Ki67, scanner A": "OS-2-ndpi.png",
    "Ki67, scanner B": "OS-2-vsi.png",
    "zoological section": "ob10_052_dzi/ob10_052.dzi",
}
PRESETS = ("archive", "balanced", "small", "lossless")
SIZE, BATCH, EPOCHS, PATCHES = 64, 32, 12, 240
TRAIN, TEST = (0.0, 0.6), (0.66, 1.0)


def sources(data: Path, work: Path) -> dict[str, Path]:
    """The slides with tiles of JPEG, as scanners store them: images without are made a tree first, at quality 95."""
    return {name: as_tree(data / file, work) if file.endswith(".png") else data / file for name, file in SLIDES.items()}


def as_tree(path: Path, work: Path) -> Path:
    tree = work / "source" / path.stem / "decoded_pyramid.dzi"
    if not tree.exists():
        bundle = origami.encode(path, work / "source" / f"{path.stem}-encoded", preset="archive", quality=95, overwrite=True).bundle
        origami.decode(bundle, tree.parent, quality=95, overwrite=True)
    return tree


def encoded(slides: dict[str, Path], work: Path, preset: Any) -> dict[str, Path]:
    made = {}
    for number, (name, path) in enumerate(slides.items()):
        # A lossless bundle stores tiles of a tree without overlap: of the scan and the published tree such a tree is made, at quality 95.
        of = as_tree(path, work) if preset == "lossless" and path.name != "decoded_pyramid.dzi" else path
        made[name] = origami.encode(of, work / preset / str(number), preset=preset, overwrite=True, tile_metadata="strip").bundle
    return made


def places(slides: dict[str, Path]) -> dict[str, dict[str, np.ndarray]]:
    """Of each slide corners of patches with tissue, for training and for tests: the same for all encodings."""
    found: dict[str, dict[str, np.ndarray]] = {"train": {}, "test": {}}
    for name, path in slides.items():
        with origami.Slide(path) as slide:
            width, height = slide.dimensions
            mask = tissue_mask(slide, feature="absorbance", downsample=16)
            for part, (low, high) in (("train", TRAIN), ("test", TEST)):
                xs = np.arange(int(low * width), int(high * width) - SIZE + 1, SIZE // 2)
                ys = np.arange(0, height - SIZE + 1, SIZE // 2)
                corners = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
                corners = corners[mask.fraction(corners + SIZE / 2, SIZE) >= 0.6]
                most = PATCHES if part == "train" else PATCHES // 2
                found[part][name] = corners[np.linspace(0, len(corners) - 1, min(most, len(corners))).astype(int)]
    return found


def dataset(slides: dict[str, Path], corners: dict[str, np.ndarray]) -> Any:
    labelled = {path: label for label, path in enumerate(slides.values())}
    return SlipstreamDataset.from_slides(labelled, size=SIZE, coordinates={path: corners[name] for name, path in slides.items()})


def network() -> torch.nn.Module:
    torch.manual_seed(11)
    layers: list[torch.nn.Module] = []
    for before, after in ((3, 12), (12, 24), (24, 48)):
        layers += [torch.nn.Conv2d(before, after, 3, 2, 1), torch.nn.BatchNorm2d(after), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(48, len(SLIDES)))


class Training:
    """A run that can be saved and gone on with."""

    def __init__(self, data: Any, stats: Any) -> None:
        # The colours of a slide alone would tell it apart.
        stages = [ToTorchImage(), RandomHorizontalFlip(), RandomVerticalFlip(), RandomColorJitter(0.5, 0.5, 0.8, 0.5), Normalize(*stats)]
        # All samples in one buffer: any order, and families that are decoded once stay in memory.
        self.loader = SlipstreamLoader(
            data, BATCH, pipelines={"image": stages}, shuffle="family", buffer=len(data), seed=5, num_workers=2, device="cpu", drop_last=True
        )
        self.net = network()
        steps = EPOCHS * len(self.loader)
        self.optimiser = torch.optim.AdamW(self.net.parameters(), 0.004)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(self.optimiser, 0.004, total_steps=steps)
        self.losses: list[float] = []

    def state(self) -> dict[str, Any]:
        parts = {"net": self.net, "optimiser": self.optimiser, "schedule": self.schedule, "loader": self.loader}
        return {name: part.state_dict() for name, part in parts.items()} | {"losses": self.losses}

    def load(self, state: dict[str, Any]) -> None:
        for name in ("net", "optimiser", "schedule", "loader"):
            getattr(self, name).load_state_dict(state[name])
        self.losses = list(state["losses"])

    def run(self, after_step: Any = lambda: None) -> list[float]:
        self.net.train()
        while self.loader.epoch < EPOCHS:
            for batch in self.loader:
                loss = torch.nn.functional.cross_entropy(self.net(batch["image"]), batch["label"])
                self.optimiser.zero_grad()
                loss.backward()
                self.optimiser.step()
                self.schedule.step()
                self.losses.append(loss.item())
                after_step()
        return self.losses

    def accuracy(self, data: Any, stats: Any) -> float:
        self.net.eval()
        right = 0
        loader = SlipstreamLoader(data, 64, pipelines={"image": [ToTorchImage(), Normalize(*stats)]}, shuffle="none", num_workers=2, device="cpu")
        with torch.no_grad():
            for batch in loader:
                right += int((self.net(batch["image"]).argmax(1) == batch["label"]).sum())
        return right / len(data)


def compare(data: Path, work: Path) -> None:
    slides = sources(data, work)
    corners = places(slides)
    variants = {"source": slides} | {preset: encoded(slides, work, preset) for preset in PRESETS}
    tests = {name: dataset(of, corners["test"]) for name, of in variants.items()}
    stats = compute_normalization_stats(dataset(slides, corners["train"]))
    count = sum(map(len, corners["train"].values()))
    print(f"{len(SLIDES)} classes, {count} patches of {SIZE} pixels to train, {len(tests['source'])} to test, {EPOCHS} epochs\n")
    print("| trained on | bytes | last loss | accuracy on the same | accuracy on the source |\n|---|---|---|---|---|")
    order: list[int] = []
    for name, of in variants.items():
        training = Training(dataset(of, corners["train"]), stats)
        order = order or training.loader.order().tolist()
        assert training.loader.order().tolist() == order
        losses = training.run()
        size = sum(bytes_of(path) for path in of.values())
        own, there = (training.accuracy(tests[test], stats) for test in (name, "source"))
        print(f"| {name} | {size:,} | {np.mean(losses[-20:]):.3f} | {own:.1%} | {there:.1%} |", flush=True)


def bytes_of(path: Path) -> int:
    if path.suffix != ".dzi":
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.with_name(path.stem + "_files").rglob("*.jp*g"))


def child(data: Path, work: Path, state: Path) -> None:
    """Trains on the balanced bundles, saves every seven steps, and goes on from what was saved."""
    slides = {name: work / "balanced" / str(number) / "residual_packs" / "residuals.bundle" for number, name in enumerate(SLIDES)}
    corners = places(sources(data, work))
    training = Training(dataset(slides, corners["train"]), ((0.7, 0.6, 0.7), (0.2, 0.2, 0.2)))
    if state.exists():
        training.load(torch.load(state, weights_only=True))

    def save() -> None:
        if len(training.losses) % 7 == 0:
            part = state.with_suffix(".part")
            torch.save(training.state(), part)
            part.replace(state)
        print(len(training.losses), flush=True)

    losses = training.run(save)
    state.with_suffix(".json").write_text(json.dumps(losses))


def kill_and_go_on(data: Path, work: Path) -> None:
    def start(state: Path) -> subprocess.Popen[str]:
        return subprocess.Popen([sys.executable, __file__, str(data), str(work), "--child", str(state)], stdout=subprocess.PIPE, text=True)

    whole, killed = work / "whole.pt", work / "killed.pt"
    for path in (whole, killed):
        path.unlink(missing_ok=True)
    with start(whole) as process:
        process.communicate()
    stops = [23, 61, 130, 200]
    for stop in stops:
        with start(killed) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if int(line) >= stop:
                    os.kill(process.pid, signal.SIGKILL)
                    break
            process.stdout.read()
    with start(killed) as process:
        process.communicate()
    want, got = (json.loads(path.with_suffix(".json").read_text()) for path in (whole, killed))
    print(f"\nKilled (SIGKILL) after steps {', '.join(map(str, stops))} of {len(want)} and gone on with: losses {'the same' if want == got else 'DIFFER'}")
    if want != got:
        sys.exit("the losses differ")


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("data", type=Path)
    arguments.add_argument("work", type=Path)
    arguments.add_argument("--child", type=Path)
    given = arguments.parse_args()
    Image.MAX_IMAGE_PIXELS = None
    # Threads that wait for one another lose more than they win with so small a network.
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    given.work.mkdir(parents=True, exist_ok=True)
    if given.child is not None:
        child(given.data, given.work, given.child)
        return
    compare(given.data, given.work)
    kill_and_go_on(given.data, given.work)


if __name__ == "__main__":
    main()
