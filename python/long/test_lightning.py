"""Under torch.distributed with two processes, and under Lightning. Run by scripts/loader-long.sh."""

import socket
from pathlib import Path
from typing import Any

import ddp
import numpy as np
import pytest
import torch
import torch.multiprocessing
from PIL import Image
from pictures import draw

from origami.slipstream import SlipstreamDataset, SlipstreamLoader

@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ddp") / "slide.png"
    Image.fromarray(draw(1500, 900)).save(path)
    return path


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.mark.filterwarnings("ignore")
def test_two_processes_share_each_epoch(slide: Path, tmp_path: Path) -> None:
    torch.multiprocessing.spawn(ddp.train, (free_port(), slide, tmp_path), nprocs=ddp.RANKS)
    ranks = [torch.load(tmp_path / f"{rank}.pt") for rank in range(ddp.RANKS)]
    dataset = SlipstreamDataset.from_slides(slide, size=100)
    assert torch.equal(ranks[0]["weights"], ranks[1]["weights"])
    number = 0
    for shuffle in ddp.SHUFFLES:
        for epoch in range(2):
            shares = [rank["orders"][number] for rank in ranks]
            number += 1
            assert len(shares[0]) == len(shares[1]) == -(-len(dataset) // ddp.RANKS)
            assert set(shares[0]) | set(shares[1]) == set(range(len(dataset)))
            for rank, share in enumerate(shares):
                alone = SlipstreamLoader(dataset, 8, shuffle=shuffle, seed=3, distributed=(rank, ddp.RANKS))
                alone.set_epoch(epoch)
                assert share == alone.order().tolist(), (shuffle, epoch, rank)
    assert ranks[0]["orders"][0] != ranks[0]["orders"][1]


@pytest.mark.filterwarnings("ignore")
def test_lightning_trains_and_goes_on(slide: Path, tmp_path: Path) -> None:
    lightning = pytest.importorskip("lightning", reason="SKIPPED: lightning is not installed")
    dataset = SlipstreamDataset.from_slides(slide, size=50)

    class Data(lightning.LightningDataModule):
        """What users write: the state of the loader is that of the module."""

        def __init__(self) -> None:
            super().__init__()
            self.loader = SlipstreamLoader(dataset, 20, seed=1, num_workers=2, device="cpu")

        def train_dataloader(self) -> SlipstreamLoader:
            return self.loader

        def state_dict(self) -> dict[str, Any]:
            return self.loader.state_dict()

        def load_state_dict(self, state: dict[str, Any]) -> None:
            self.loader.load_state_dict(state)

    class Model(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(2)
            self.layers = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(7500, 1))
            self.seen: list[list[int]] = []

        def training_step(self, batch: dict[str, Any], number: int) -> torch.Tensor:
            self.seen.append(np.asarray(batch["indices"].tolist()).tolist())
            return self.layers(batch["image"] / 255).mean() ** 2

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), 1e-4)

    def trainer(epochs: int) -> Any:
        return lightning.Trainer(
            max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False
        )

    whole = Model()
    trainer(3).fit(whole, Data())
    per_epoch = len(Data().loader)
    assert len(whole.seen) == 3 * per_epoch
    for epoch in range(3):
        own = whole.seen[epoch * per_epoch : (epoch + 1) * per_epoch]
        assert sorted(sum(own, [])) == list(range(len(dataset))), epoch
    assert whole.seen[0] != whole.seen[per_epoch]
    first, path = Model(), tmp_path / "run.ckpt"
    early = trainer(2)
    early.fit(first, Data())
    early.save_checkpoint(path)
    second = Model()
    trainer(3).fit(second, Data(), ckpt_path=path, weights_only=False)
    assert first.seen + second.seen == whole.seen
    assert torch.equal(second.layers[1].weight, whole.layers[1].weight)
