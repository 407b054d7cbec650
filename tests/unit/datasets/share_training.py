"""Run by torchrun: train a linear network on a prepared folder and save what this rank saw, reported and got."""

import os
import sys
from pathlib import Path
from typing import NamedTuple

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from encdec.batches import ImageBatch
from encdec.datasets.images import ImageSplit
from encdec.datasets.loading import training_loader, validation_loader
from encdec.models.objective import Loss, Objective, Scores

BATCH_SIZE, SEED, EPOCHS = 8, 3, 2


class LinearObjective(Objective[nn.Linear, ImageBatch]):
    def __init__(self) -> None:
        network = nn.Linear(6, 1)
        nn.init.constant_(network.weight, 0.1)
        nn.init.zeros_(network.bias)
        super().__init__(network, lambda network: torch.optim.SGD(network.parameters(), lr=0.1))
        self.seen: list[Tensor] = []

    def errors(self, batch: ImageBatch) -> Tensor:
        error: Tensor = self.network(batch.images.flatten(1)).squeeze(1) - batch.labels
        return error

    def loss(self, batch: ImageBatch) -> Loss:
        self.seen.append(batch.labels)
        return Loss(self.errors(batch).square().mean(), len(batch.labels))

    def scores(self, batch: ImageBatch, batch_idx: int) -> Scores:
        return Scores({"val/error": self.errors(batch).abs().mean()}, len(batch.labels))


class Trained(NamedTuple):
    seen: list[Tensor]
    weights: Tensor
    metrics: dict[str, Tensor]


def train(folder: Path, *, devices: int, memory: int) -> Trained:
    objective = LinearObjective()
    split = ImageSplit.open(folder)
    trainer = pl.Trainer(
        accelerator="cpu",
        devices=devices,
        strategy="ddp" if devices > 1 else "auto",
        max_epochs=EPOCHS,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
    )
    loader = training_loader(split, batch_size=BATCH_SIZE, seed=SEED, memory=memory)
    trainer.fit(objective, loader, validation_loader(split, batch_size=BATCH_SIZE, memory=memory))
    return Trained(objective.seen, objective.network.weight.detach(), dict(trainer.callback_metrics))


if __name__ == "__main__":
    folder, out, memory = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    trained = train(folder, devices=int(os.environ["WORLD_SIZE"]), memory=memory)
    torch.save(trained._asdict(), out / f"{os.environ['RANK']}.pt")
