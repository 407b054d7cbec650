"""Train one network on train and val; the test split never comes here."""

import logging
import math
import pickle
import shutil
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint
from torch import nn

from encdec.cards import Card
from encdec.datasets.images import ImageSplit
from encdec.datasets.loading import Split, training_loader, validation_loader
from encdec.datasets.pairs import PairSplit
from encdec.models.build import build_network, build_objective
from encdec.params.root import Accelerator, Kind, ModelName, ModelSpec
from encdec.progress import progress
from encdec.training.callbacks import History, OnEpoch, ReseedEachStep, ShowProgress
from encdec.training.checkpoints import WholeCheckpoints
from encdec.training.optimisers import configure
from encdec.training.plan import Plan, plan_steps


class Data(NamedTuple):
    """What a model may learn from."""

    train: Split
    val: Split

    @property
    def card(self) -> Card:
        return self.train.card


def open_data(kind: Kind, *, train: Path, val: Path) -> Data:
    """The prepared folders of train and val."""
    match kind:
        case "images":
            return Data(ImageSplit.open(train), ImageSplit.open(val))
        case "pairs":
            return Data(PairSplit.open(train), PairSplit.open(val))


class Fitted(NamedTuple):
    """The network in eval mode; `best_score` is spec.monitor at `best_epoch`, a row of `history`."""

    network: nn.Module
    history: list[dict[str, float]]
    best_epoch: int
    best_score: float


def use_threads(threads: int) -> None:
    """Fix the number of threads and refuse nondeterministic kernels: the same bytes from the same params."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())


def fit(
    name: ModelName,
    spec: ModelSpec,
    *,
    data: Data,
    seed: int,
    max_epochs: int,
    max_steps: int,
    checkpoints: Path | None,
    on_epoch: OnEpoch,
    accelerator: Accelerator,
    label: str,
    callbacks: Sequence[Callback] = (),
) -> Fitted:
    """Train until the plan is done or `spec.monitor` has not improved for `patience` epochs.

    With a folder for checkpoints, a training that was killed continues from its last whole epoch and ends in the
    same weights: those of the best epoch. Without one nothing is written, and the weights are those of the last
    epoch: a trial of a study wants the score alone. `label` stands before the progress.
    """
    quiet()
    resume = find_checkpoint(checkpoints)
    loader = training_loader(
        data.train, batch_size=spec.training.batch_size, seed=seed, first_epoch=resume.epoch if resume else 0
    )
    plan = plan_steps(max_epochs=max_epochs, max_steps=max_steps, batches=len(loader))
    torch.manual_seed(seed)
    network = build_network(name, spec, data.card)
    objective = build_objective(name, network, spec, configure(spec.training, total_steps=plan.total_steps))
    history = History(on_epoch)
    stop = EarlyStopping(spec.monitor, patience=spec.training.patience, check_on_train_epoch_end=True)
    steps = {"total": plan.total_steps, "done": resume.step if resume else 0}
    with progress(label, unit="steps", **steps) as meter:
        show = ShowProgress(meter, spec.monitor)
        trainer = build_trainer(
            plan,
            accelerator=accelerator,
            gradient_clip=spec.training.gradient_clip,
            callbacks=[ReseedEachStep(seed), history, stop, show, *callbacks, *keep_best(spec.monitor, checkpoints)],
        )
        trainer.fit(
            objective,
            loader,
            validation_loader(data.val, batch_size=max(spec.training.batch_size, 256)),
            ckpt_path=resume.path if resume else None,
            weights_only=True,
        )
    if trainer.interrupted:
        raise KeyboardInterrupt
    finite = [row for row in history.rows if math.isfinite(row[spec.monitor])]
    if not finite:
        raise ValueError(
            f"{name}: {spec.monitor} is not finite in any epoch: lower models.{name}.training.learning_rate"
        )
    best = min(finite, key=lambda row: row[spec.monitor])
    if checkpoints is not None:
        state = torch.load(checkpoints / "best.ckpt", weights_only=True)["state_dict"]
        network.load_state_dict({key.removeprefix("network."): value for key, value in state.items()})
    return Fitted(network.eval(), history.rows, int(best["epoch"]), best[spec.monitor])


def build_trainer(
    plan: Plan, *, accelerator: Accelerator, gradient_clip: float, callbacks: Sequence[Callback]
) -> pl.Trainer:
    return pl.Trainer(
        accelerator=accelerator,
        devices=1,
        max_epochs=plan.epochs,
        limit_train_batches=plan.steps_per_epoch,
        gradient_clip_val=gradient_clip,
        deterministic="warn" if torch.cuda.is_available() else True,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=any(isinstance(callback, ModelCheckpoint) for callback in callbacks),
        enable_model_summary=False,
        enable_progress_bar=False,
        callbacks=list(callbacks),
        plugins=[WholeCheckpoints()],
    )


def keep_best(monitor: str, checkpoints: Path | None) -> list[Callback]:
    if checkpoints is None:
        return []
    return [
        ModelCheckpoint(
            dirpath=checkpoints,
            filename="best",
            monitor=monitor,
            save_top_k=1,
            save_last=True,
            enable_version_counter=False,
            save_on_train_epoch_end=True,
        )
    ]


def discard_checkpoints(checkpoints: Path) -> None:
    """Called when the outs are in their place: nothing is left to resume."""
    shutil.rmtree(checkpoints, ignore_errors=True)


class Checkpoint(NamedTuple):
    """A whole state of training; `epoch` is the next one to train, from 0; `step` is how many were done."""

    path: Path
    epoch: int
    step: int


def find_checkpoint(checkpoints: Path | None) -> Checkpoint | None:
    """The state to continue from, or None; one that cannot be read is removed and training starts anew."""
    if checkpoints is None or not (checkpoints / "last.ckpt").is_file():
        return None
    try:
        state = torch.load(checkpoints / "last.ckpt", weights_only=True)
        torch.load(checkpoints / "best.ckpt", weights_only=True)
        epoch = state["loops"]["fit_loop"]["epoch_progress"]["current"]["processed"]
        return Checkpoint(checkpoints / "last.ckpt", epoch, state["global_step"])
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, TypeError, pickle.UnpicklingError) as error:
        print(f"the checkpoint in {checkpoints} cannot be read ({error}): training starts anew", file=sys.stderr)
        shutil.rmtree(checkpoints)
        return None


def quiet() -> None:
    """Silence what a user can do nothing about; warnings about their data or values stay."""
    for name in ("pytorch_lightning", "lightning.pytorch", "pytorch_lightning.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
    warnings.filterwarnings("ignore", message=".*exists and is not empty.*")
    warnings.filterwarnings("ignore", message=".*is smaller than the logging interval.*")
