"""What the processes of DDP do; a module, so that those that are spawned find it."""

import os
from pathlib import Path

import torch
import torch.distributed

from origami.slipstream import SlidePool, SlipstreamDataset, SlipstreamLoader

RANKS = 2
SHUFFLES = ("family", "sample", SlidePool(1, 10))


def train(rank: int, port: int, slide: Path, out: Path) -> None:
    """A process of DDP: notes its samples, and trains a little."""
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", rank=rank, world_size=RANKS)
    dataset = SlipstreamDataset.from_slides(slide, size=100)
    torch.manual_seed(0)
    model = torch.nn.parallel.DistributedDataParallel(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(30000, 1)))
    optimiser = torch.optim.SGD(model.parameters(), 1e-6)
    orders = []
    for shuffle in SHUFFLES:
        # Rank and number of ranks are those of the process group.
        loader = SlipstreamLoader(dataset, 8, shuffle=shuffle, seed=3, num_workers=1, device="cpu")
        for epoch in range(2):
            loader.set_epoch(epoch)
            seen: list[int] = []
            for batch in loader:
                loss = model(batch["image"] / 255).mean()
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                seen += batch["indices"].tolist()
            orders.append(seen)
    torch.save({"orders": orders, "weights": model.module[1].weight.detach()}, out / f"{rank}.pt")
    torch.distributed.destroy_process_group()
