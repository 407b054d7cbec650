"""Run by torchrun: train a linear model on a prepared folder and save what this rank saw and the weights it got."""

import os
import sys
from pathlib import Path

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from encdec.batches import ImageBatch
from encdec.datasets.images import ImageSplit
from encdec.datasets.loading import training_loader

BATCH_SIZE, SEED, EPOCHS = 8, 3, 2


class Linear(pl.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 1)
        nn.init.constant_(self.layer.weight, 0.1)
        nn.init.zeros_(self.layer.bias)
        self.seen: list[Tensor] = []

    def training_step(self, batch: ImageBatch, batch_idx: int) -> Tensor:
        self.seen.append(batch.labels)
        return (self.layer(batch.images.flatten(1)).squeeze(1) - batch.labels).square().mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def train(folder: Path, *, devices: int, memory: int) -> Linear:
    model = Linear()
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
    )
    trainer.fit(model, training_loader(split, batch_size=BATCH_SIZE, seed=SEED, memory=memory))
    return model


if __name__ == "__main__":
    folder, out, memory = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    trained = train(folder, devices=int(os.environ["WORLD_SIZE"]), memory=memory)
    state = {"seen": trained.seen, "weights": trained.layer.weight.detach()}
    torch.save(state, out / f"{os.environ['RANK']}.pt")
