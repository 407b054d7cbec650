"""What the Trainer does beside training: determinism across a restart, the history, and what was best."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

EpochMetrics = Mapping[str, float]
OnEpoch = Callable[[int, EpochMetrics], None]
STEPS_APART = 2**20  # more steps than an epoch has, so that two seeds never share a stream of steps


class ReseedEachStep(Callback):
    """Random numbers of a step depend on seed and step alone, so a resumed training draws what it would have drawn."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: object, batch_idx: int) -> None:
        torch.manual_seed((self.seed * STEPS_APART + trainer.global_step) % 2**63)


class History(Callback):
    """The metrics of every epoch; they travel in the checkpoint, so that a resumed training has them all."""

    def __init__(self, on_epoch: OnEpoch) -> None:
        self.on_epoch = on_epoch
        self.rows: list[dict[str, float]] = []

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for row in self.rows:  # of the training that was interrupted
            self.report(row)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking:
            return
        row = {"epoch": float(trainer.current_epoch)}
        row |= {name: float(value) for name, value in sorted(trainer.callback_metrics.items())}
        self.rows.append(row)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        row = self.rows[-1]
        row |= {name: float(value) for name, value in sorted(trainer.callback_metrics.items())}
        self.report(row)

    def report(self, row: Mapping[str, float]) -> None:
        self.on_epoch(int(row["epoch"]), {name: value for name, value in row.items() if name != "epoch"})

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows = [dict(row) for row in state_dict["rows"]]
