"""Where the time of a training step goes: a case of `make bench` for two epochs, with a clock around each part.

The clocks themselves take about a hundredth of a small network's step.
"""

import argparse
import functools
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.core.optimizer import LightningOptimizer

from benchmarks.cases import CASES, find_case
from benchmarks.preparation import prepare_data
from benchmarks.training import Job, request_of
from benchmarks.workers.project_training import train
from encdec.datasets.images import ImageSplit
from encdec.datasets.pairs import PairSplit
from encdec.models.objective import Objective, WeightedMeans
from encdec.tracking.outbox import Outbox
from encdec.training import optimisers
from encdec.training.checkpoints import CheckpointsByTime

EPOCHS = 2


class Clocks(Callback):
    """Seconds of each part of training, validation left out, and how often it came."""

    def __init__(self) -> None:
        self.running = False
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.calls: Counter[str] = Counter()

    def measure(self, owner: Any, method: str, part: str) -> None:
        """From now on every call of that method is part of `part`."""
        function: Callable[..., Any] = getattr(owner, method)

        @functools.wraps(function)
        def clocked(*arguments: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                if self.running:
                    self.seconds[part] += time.perf_counter() - began
                    self.calls[part] += 1

        setattr(owner, method, clocked)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.measure(pl_module, "loss", "forward and loss")
        self.running = True

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.running = False

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.running = True

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.running = False


def measure_all(clocks: Clocks) -> None:
    clocks.measure(Objective, "training_step", "step")
    clocks.measure(Objective, "manual_backward", "backward")
    clocks.measure(LightningOptimizer, "step", "optimiser")
    clocks.measure(torch.optim.AdamW, "step", "fused AdamW")
    clocks.measure(optimisers, "clip", "clipping")
    for schedule in (torch.optim.lr_scheduler.OneCycleLR, torch.optim.lr_scheduler.CosineAnnealingLR):
        clocks.measure(schedule, "step", "schedule")
    clocks.measure(WeightedMeans, "add", "sums of losses")
    for split in (ImageSplit, PairSplit):
        clocks.measure(split, "batch", "the batch")
    clocks.measure(CheckpointsByTime, "save_if_due", "checkpoints")
    clocks.measure(Outbox, "send", "MLflow")


def parts(seconds: Mapping[str, float], whole: float) -> Iterator[tuple[str, float]]:
    """Parts that hold nothing of each other and make up the whole."""
    inside = ("forward and loss", "backward", "fused AdamW", "clipping", "schedule", "sums of losses")
    beside = ("the batch", "checkpoints", "MLflow")
    for name in (*inside, *beside):
        yield name, seconds[name]
    yield "Lightning's optimiser", seconds["optimiser"] - seconds["fused AdamW"] - seconds["clipping"]
    rest = ("forward and loss", "backward", "optimiser", "schedule", "sums of losses")
    yield "the rest of training_step", seconds["step"] - sum(seconds[name] for name in rest)
    yield "Lightning's loop", whole - seconds["step"] - sum(seconds[name] for name in beside)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    names = [case.name for case in CASES]
    parser.add_argument("--model", choices=names, default="autoencoder", metavar="CASE", help=", ".join(names))
    parser.add_argument("--defaults", action="store_true", help="the settings of params.yaml instead of float32")
    parser.add_argument("--threads", type=int, default=1, help="of torch (1)")
    given = parser.parse_args()
    job = Job(find_case(given.model), "project" if given.defaults else "project_strict", 0)
    request = request_of(job, sources=prepare_data(), threads=given.threads, quick=False)
    clocks = Clocks()
    measure_all(clocks)
    told = train(request | {"epochs": EPOCHS, "every": 0}, callbacks=[clocks])
    steps, whole = clocks.calls["step"], told["seconds"]
    print(f"{given.model}, {told['precision']}, {told['parameters']:,} parameters, {steps:,} steps")
    for name, seconds in sorted(parts(clocks.seconds, whole), key=lambda part: -part[1]):
        print(f"{name:27} {1000 * seconds / steps:7.3f} ms  {seconds / whole:6.1%}")
    print(f"{'a step':27} {1000 * whole / steps:7.3f} ms")


if __name__ == "__main__":
    main()
