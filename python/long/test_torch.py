"""With torch and torchvision: loaders under its own, and stages against its transforms. Run by scripts/loader-long.sh."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pictures import draw
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import CenterCrop, InterpolationMode, RandomResizedCrop, Resize
from torchvision.transforms.functional import resized_crop

import origami
from origami.slipstream import (
    DecodeCenterCrop,
    DecodeRandomResizedCrop,
    DecodeResizeCrop,
    OptimizedCache,
    SlipstreamBags,
    SlipstreamDataset,
    SlipstreamLoader,
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = tmp_path_factory.mktemp("bundle")
    Image.fromarray(draw(2300, 1400)).save(work / "slide.png")
    return origami.encode(work / "slide.png", work / "out").bundle


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("folder")
    for number in range(20):
        path = root / "ab"[number % 2] / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.roll(draw(180 + 13 * number, 400 - 11 * number), 50 * number, axis=0)).save(path, quality=92)
    return root


@pytest.mark.parametrize("context", ["fork", "spawn", "forkserver"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_a_data_set_works_under_torchs_loader(bundle: Path, context: str) -> None:
    dataset = SlipstreamDataset.from_slides({bundle: 3}, size=100)
    # The parent has the slide open when it forks.
    first = dataset[0]
    for epoch in range(2):
        seen: list[int] = []
        for batch in DataLoader(dataset, 16, shuffle=True, num_workers=2, multiprocessing_context=context):
            assert batch["image"].shape[1:] == (100, 100, 3) and batch["image"].dtype == torch.uint8
            assert (batch["label"] == 3).all()
            at = int(batch["index"][0])
            assert np.array_equal(batch["image"][0].numpy(), dataset[at]["image"]), epoch
            seen += batch["index"].tolist()
        assert sorted(seen) == list(range(len(dataset)))
    assert np.array_equal(first["image"], dataset[0]["image"])
    bag = next(iter(DataLoader(SlipstreamBags(dataset, 8), 1, num_workers=1, multiprocessing_context=context)))
    assert bag["image"].shape == (1, 8, 100, 100, 3)


def test_batches_are_tensors_where_a_device_is_named(bundle: Path, folder: Path) -> None:
    patches = SlipstreamDataset.from_slides({bundle: 3}, size=64)
    batch = next(iter(SlipstreamLoader(patches, 8, device="cpu", pipelines={"image": [lambda images: images.float() / 255]})))
    assert batch["image"].shape == (8, 3, 64, 64) and batch["image"].dtype == torch.float32
    assert isinstance(batch["label"], torch.Tensor) and isinstance(batch["x"], torch.Tensor)
    array = origami.Slide(bundle).read_region((0, 0), 0, (8, 8), as_array=True)
    assert torch.equal(torch.from_dlpack(array), torch.from_numpy(array))


def test_a_folder_is_that_of_torchvision(folder: Path, tmp_path: Path) -> None:
    theirs = ImageFolder(str(folder))
    ours = SlipstreamDataset.from_imagefolder(folder, to_pil=True)
    cache = OptimizedCache.build(SlipstreamDataset.from_imagefolder(folder), tmp_path)
    assert [Path(path).read_bytes() for path, _ in theirs.samples] == [cache[at]["image"] for at in range(len(cache))]
    assert theirs.targets == cache.read_all_fields()["label"].tolist()
    for at, (image, label) in enumerate(theirs):
        assert (ours[at]["label"], np.array_equal(np.asarray(ours[at]["image"]), np.asarray(image))) == (label, True)


@pytest.mark.parametrize("antialias", [True])
def test_stages_are_the_transforms_of_torchvision(folder: Path, tmp_path: Path, antialias: bool) -> None:
    cache = OptimizedCache.build(SlipstreamDataset.from_imagefolder(folder), tmp_path)
    random = DecodeRandomResizedCrop(64, seed=7)
    bilinear = InterpolationMode.BILINEAR

    def theirs(name: str, image: Image.Image, sample: int) -> Image.Image:
        if name == "centre":
            return CenterCrop(96)(image)
        if name == "resize":
            return CenterCrop(96)(Resize(110, bilinear, antialias=antialias)(image))
        ((x, y, width, height),) = random.parts(image.size, epoch=0, sample=sample)
        return resized_crop(image, y, x, height, width, [64, 64], bilinear, antialias=antialias)

    pipelines = {"centre": DecodeCenterCrop(96), "resize": DecodeResizeCrop(110, 96), "random": random}
    for name, stage in pipelines.items():
        for batch in SlipstreamLoader(cache, 5, pipelines={"image": [stage]}, layout="hwc"):
            for image, sample in zip(batch["image"], batch["indices"], strict=True):
                want = np.asarray(theirs(name, Image.open(BytesIO(cache[int(sample)]["image"])), int(sample)))
                difference = np.abs(image.astype(int) - want.astype(int))
                assert difference.max() <= (0 if name == "centre" else 2) and difference.mean() < 0.6, (name, sample)


def test_random_parts_are_distributed_as_those_of_torchvision() -> None:
    size, count = (400, 300), 4000
    stage = DecodeRandomResizedCrop(10, seed=1)
    ours = np.array([stage.parts(size, epoch=epoch, sample=5)[0] for epoch in range(count)], float)
    torch.manual_seed(0)
    blank = Image.new("L", size)
    drawn = [RandomResizedCrop.get_params(blank, [0.08, 1.0], [3 / 4, 4 / 3]) for _ in range(count)]
    theirs = np.array([(x, y, width, height) for y, x, height, width in drawn], float)
    for of in (lambda part: part[:, 2] * part[:, 3], lambda part: part[:, 2] / part[:, 3], lambda part: part[:, 0], lambda part: part[:, 1]):
        a, b = np.sort(of(ours)), np.sort(of(theirs))
        # Kolmogorov and Smirnov's distance; 0.043 is its bound at one in a thousand for 4000 each.
        grid = np.concatenate([a, b])
        distance = np.abs(np.searchsorted(a, grid, "right") - np.searchsorted(b, grid, "right")).max() / count
        assert distance < 0.044


def test_a_run_that_is_killed_goes_on_with_the_same_losses(bundle: Path) -> None:
    dataset = SlipstreamDataset.from_slides(bundle, size=64)

    def model() -> tuple[torch.nn.Module, torch.optim.Optimizer]:
        torch.manual_seed(5)
        made = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 5, 4), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.LazyLinear(1))
        made(torch.zeros(1, 3, 64, 64))
        return made, torch.optim.SGD(made.parameters(), 0.01)

    def train(state: dict | None, steps: int) -> tuple[list[float], dict]:
        net, optimiser = model()
        loader = SlipstreamLoader(dataset, 20, seed=2, num_workers=2, device="cpu")
        if state is not None:
            net.load_state_dict(state["net"])
            loader.load_state_dict(state["loader"])
        losses: list[float] = []
        while True:
            for batch in loader:
                target = batch["x"][:, None] / 2300
                loss = torch.nn.functional.mse_loss(net(batch["image"].float() / 255), target.float())
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                losses.append(loss.item())
                if len(losses) == steps:
                    return losses, {"net": {name: value.clone() for name, value in net.state_dict().items()}, "loader": loader.state_dict()}

    whole, _ = train(None, 60)
    first, state = train(None, 23)
    second, _ = train(state, 37)
    assert first + second == whole
