"""What the Trainer does beside training: determinism across a restart, the history, and what was best."""

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import EarlyStopping
from torch import Tensor

from encdec.progress import Meter

EpochMetrics = Mapping[str, float]
OnEpoch = Callable[[int, EpochMetrics], None]
STEPS_APART = 2**20  # more steps than an epoch has, so that two seeds never share a stream of steps
RANKS_APART = 2**52  # more than seeds and steps reach


HOOKS_OF_A_STEP = (
    "on_train_batch_start",
    "on_train_batch_end",
    "on_before_zero_grad",
    "on_before_backward",
    "on_after_backward",
    "on_before_optimizer_step",
)
AnyCallback = TypeVar("AnyCallback", bound=type[Callback])


def lean(callback: AnyCallback) -> AnyCallback:
    """Takes away the hooks of a step that the class does not fill: Lightning passes over what cannot be called.

    It calls six of each callback in every step otherwise, to do nothing: a tenth of a millisecond for all of them.
    """
    for name in HOOKS_OF_A_STEP:
        if getattr(callback, name) is getattr(Callback, name):
            setattr(callback, name, None)
    return callback


@lean
class ReseedEachStep(Callback):
    """Random numbers of a step depend on seed and step alone, so a resumed training draws what it would have drawn.

    Each process of a distributed training draws its own, for its own share of the batch.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: object, batch_idx: int) -> None:
        seed = (self.seed * STEPS_APART + trainer.global_step + trainer.global_rank * RANKS_APART) % 2**63
        if pl_module.device.type == "cpu":
            torch.default_generator.manual_seed(seed)  # torch.manual_seed asks for every other kind of device first
        else:
            torch.manual_seed(seed)


@lean
class History(Callback):
    """The metrics of every epoch, counted from 1; they travel in the checkpoint, so that a resumed training has all."""

    def __init__(self, on_epoch: OnEpoch) -> None:
        self.on_epoch = on_epoch
        self.rows: list[dict[str, float]] = []

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for row in self.rows:  # of the training that was interrupted
            self.report(row)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking:
            return
        row = {"epoch": float(trainer.current_epoch + 1)}
        row |= {name: float(value) for name, value in sorted(trainer.callback_metrics.items())}
        self.rows.append(row)
        self.report(row)

    def report(self, row: Mapping[str, float]) -> None:
        self.on_epoch(int(row["epoch"]), {name: value for name, value in row.items() if name != "epoch"})

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows = [dict(row) for row in state_dict["rows"]]


@lean
class KeepBest(Callback):
    """The weights of the epoch with the lowest `monitor`, counted from 1; they travel in the checkpoint."""

    def __init__(self, monitor: str) -> None:
        self.monitor = monitor
        self.score = math.inf
        self.epoch = 0
        self.weights: dict[str, Tensor] = {}

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        score = float(trainer.callback_metrics[self.monitor])
        if not trainer.sanity_checking and score < self.score:
            self.score, self.epoch = score, trainer.current_epoch + 1
            state = pl_module.get_submodule("network").state_dict()
            self.weights = {name: value.detach().clone() for name, value in state.items()}

    def state_dict(self) -> dict[str, Any]:
        return {"score": self.score, "epoch": self.epoch, "weights": self.weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.score, self.epoch, self.weights = state_dict["score"], state_dict["epoch"], state_dict["weights"]


@lean
class Patience(EarlyStopping):
    """Early stopping that a restart does not forget: the checkpoint of the last epoch is the end of the training."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trainer.should_stop = trainer.should_stop or self.stopped_epoch > 0


@lean
class ShowProgress(Callback):
    """Tells the meter of every step, and after each epoch how good it was."""

    def __init__(self, meter: Meter, monitor: str) -> None:
        self.meter = meter
        self.monitor = monitor
        self.best = math.inf

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        kept = (callback.score for callback in trainer.callbacks if isinstance(callback, KeepBest))  # type: ignore[attr-defined]  # Lightning sets it on the instance
        self.best = next(kept, math.inf)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        self.meter.advance()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        score = float(trainer.callback_metrics[self.monitor])
        self.best = min(self.best, score)
        epoch = f"epoch {trainer.current_epoch + 1} of {trainer.max_epochs}"
        self.meter.note(f"{epoch}, {self.monitor} {score:.4f}, best {self.best:.4f}")
