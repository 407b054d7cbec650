"""Trains a model through this project's own `fit`, with a run in an MLflow store and checkpoints, as the stage does."""

import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from benchmarks.parameters import case_params
from benchmarks.places import PROJECT
from benchmarks.workers.common import Clock, Request, answer, num_parameters, read_request
from benchmarks.workers.quality import Sample, monitored
from encdec.batches import ImageBatch, PairBatch
from encdec.datasets.pairs import PairSplit
from encdec.starting import reuse_memory
from encdec.tracking.stage import tracked_stage
from encdec.training.checkpoints import Checkpoints, stored
from encdec.training.fitting import fit, open_data, use_threads

CHECKPOINT_SECONDS = 1.0
"""More often than by default: a training of some seconds, too, should pay for its checkpoints."""


class TimeTheLoop(Callback):
    """Runs the clock from the start of training to its end, without the passes over val; counts samples."""

    def __init__(self, sample: Sample | None, *, every: int) -> None:
        self.clock = Clock()
        self.sample, self.every = sample, every
        self.samples = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.clock.start()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: Any, batch_idx: int
    ) -> None:
        if isinstance(batch, PairBatch):
            self.samples += int(batch.target_mask[:, 1:].sum())
        elif isinstance(batch, ImageBatch):
            self.samples += len(batch.images)
        if self.sample is not None and trainer.global_step % self.every == 0:
            with self.clock.paused():
                self.sample.look(pl_module.get_submodule("network"), self.clock.seconds)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.clock.stop()

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Before what is done with the scores: they are logged, and the best weights kept, on the clock."""
        self.clock.start()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.clock.stop()


def train(request: Request, *, callbacks: Sequence[Callback] = ()) -> dict[str, Any]:
    """What `answer` is to be told."""
    os.chdir(PROJECT)
    own = {"seed": request["seed"], "threads": request["threads"], "checkpoint_seconds": CHECKPOINT_SECONDS}
    outside = {**request["outside"], **own}
    name = request["model"]
    loaded, spec = case_params(request["case"], name, inside=request["inside"], outside=outside)
    reuse_memory()
    use_threads(request["threads"])
    prepared = Path("data/03_prepared") / spec.kind
    parts = {part: prepared / part for part in ("train", "val")}
    data = open_data(spec.kind, **parts)
    sample = None
    if isinstance(data.val, PairSplit) and request["every"]:
        sample = Sample(request["sample"], val=data.val, prepared=parts["train"])
    timer = TimeTheLoop(sample, every=request["every"])
    section = spec.model_dump(exclude={"enabled", "tuning"})
    inputs = list(parts.values())
    with tracked_stage("train", loaded=loaded, item=name, inputs=inputs, outputs=[], section=section) as run:
        checkpoints = Checkpoints(run.state_folder("checkpoints"), loaded.params.checkpoint_seconds)
        shutil.rmtree(checkpoints.folder, ignore_errors=True)
        began = time.perf_counter()
        fitted = fit(
            name,
            spec,
            data=data,
            seed=request["seed"],
            max_epochs=request["epochs"],
            max_steps=request["max_steps"],
            checkpoints=checkpoints,
            accelerator="cpu",
            label=request["case"],
            on_epoch=lambda epoch, metrics: run.log_metrics(metrics, step=epoch),
            callbacks=[timer, *callbacks],
        )
        whole_seconds = time.perf_counter() - began
        if whole_seconds > 2 * CHECKPOINT_SECONDS and not stored(checkpoints.folder):
            raise RuntimeError("no checkpoint was written, which should be measured")
    quality = monitored(fitted.network, spec, data.val)
    if sample is not None:
        quality["val/phoneme_error_rate"] = sample.look(fitted.network, timer.clock.seconds)
    return {
        "samples": timer.samples,
        "seconds": timer.clock.seconds,
        "whole_seconds": whole_seconds,
        "parameters": num_parameters(fitted.network),
        "quality": quality,
        "precision": fitted.computed_in,
        "curve": sample.curve.points if sample is not None else (),
    }


if __name__ == "__main__":
    answer(**train(read_request()))
