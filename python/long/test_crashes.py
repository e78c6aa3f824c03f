"""Caches whose build is killed, and runs of several epochs and ranks."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from encoded import jpeg
from PIL import Image
from pictures import draw

import origami
from origami.slipstream import DecodeRandomResizedCrop, OptimizedCache, SlipstreamDataset, SlipstreamLoader

KILLS = 50

BUILD = """
import sys
from origami.slipstream import OptimizedCache, SlipstreamDataset
dataset = SlipstreamDataset.from_imagefolder(sys.argv[1])
print("begins", flush=True)
OptimizedCache.build(dataset, sys.argv[2], image_format=sys.argv[3])
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("images")
    for number in range(70):
        path = root / "ab"[number % 2] / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(jpeg(number))
    return root


@pytest.mark.parametrize("image_format", ["jpeg", "yuv420"])
def test_a_build_that_is_killed_at_any_moment_leaves_a_whole_cache_or_none(folder: Path, tmp_path: Path, image_format: str) -> None:
    dataset = SlipstreamDataset.from_imagefolder(folder)
    want = OptimizedCache.build(dataset, tmp_path / "whole", image_format=image_format)
    files = {path.name: path.read_bytes() for path in want.cache_path.iterdir()}

    def start(into: Path) -> subprocess.Popen[str]:
        process = subprocess.Popen([sys.executable, "-c", BUILD, str(folder), str(into), image_format], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None and process.stdout.readline() == "begins\n"
        return process

    begin = time.perf_counter()
    with start(tmp_path / "timed") as process:
        process.communicate()
    seconds = time.perf_counter() - begin
    chance, whole = random.Random(7), 0
    for turn in range(KILLS // 2):
        into = tmp_path / str(turn)
        with start(into) as process:
            time.sleep(chance.uniform(0, seconds))
            process.send_signal(signal.SIGKILL)
        path = into / want.cache_path.name
        if path.exists():
            whole += 1
            assert {file.name: file.read_bytes() for file in path.iterdir()} == files, turn
            assert OptimizedCache.load(path).read_all_fields()["label"].tolist() == want.read_all_fields()["label"].tolist()
        again = OptimizedCache.build(dataset, into, image_format=image_format)
        assert {file.name: file.read_bytes() for file in again.cache_path.iterdir()} == files, turn
    print(f"{image_format}: {KILLS // 2} kills, {whole} left a whole cache, the others none")


def test_three_epochs_have_every_sample_once_and_go_on_in_the_same_order(folder: Path, tmp_path: Path) -> None:
    Image.fromarray(draw(2300, 1400)).save(tmp_path / "slide.png")
    bundle = origami.encode(tmp_path / "slide.png", tmp_path / "out").bundle
    patches = SlipstreamDataset.from_slides(bundle, size=128, stride=64)
    images = OptimizedCache.build(SlipstreamDataset.from_imagefolder(folder), tmp_path)
    pipelines = {"image": [DecodeRandomResizedCrop(16)]}
    for dataset, ranks, own in ((patches, 1, {}), (patches, 3, {}), (images, 1, {"pipelines": pipelines}), (images, 4, {"pipelines": pipelines})):
        for shuffle in ("family", "sample"):
            def loader(rank: int) -> SlipstreamLoader:
                return SlipstreamLoader(dataset, 8, seed=3, shuffle=shuffle, num_workers=2, distributed=(rank, ranks), **own)

            orders = []
            loaders = [loader(rank) for rank in range(ranks)]
            for _ in range(3):
                of_ranks = [[(batch["indices"], batch["image"]) for batch in each] for each in loaders]
                taken = [np.concatenate([numbers for numbers, _ in batches]) for batches in of_ranks]
                assert len({len(numbers) for numbers in taken}) == 1
                counts = np.bincount(np.concatenate(taken), minlength=len(dataset))
                # Ranks have equally many: some begin again with one sample.
                assert counts.min() == 1 and counts.sum() == -(-len(dataset) // ranks) * ranks
                orders.append(of_ranks)
            assert not np.array_equal(orders[0][0][0][0], orders[1][0][0][0])
            first = loader(0)
            first.set_epoch(1)
            passed = []
            for batch in first:
                passed.append((batch["indices"], batch["image"]))
                if len(passed) == 2:
                    break
            second = loader(0)
            second.load_state_dict(first.state_dict())
            passed += [(batch["indices"], batch["image"]) for batch in second]
            assert len(passed) == len(orders[1][0])
            for got, want in zip(passed, orders[1][0], strict=True):
                assert np.array_equal(got[0], want[0]) and np.array_equal(got[1], want[1])
