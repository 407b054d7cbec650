"""Train one network on train and val; the test split never comes here."""

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, Checkpoint
from torch import nn

from encdec.cards import Card
from encdec.datasets.images import ImageSplit, ResidentImages
from encdec.datasets.loading import MEMORY, Split, training_loader, validation_loader
from encdec.datasets.pairs import PairSplit
from encdec.models.build import build_network, build_objective
from encdec.nn.layout import channels_last
from encdec.params.root import Accelerator, Kind, ModelName, ModelSpec
from encdec.progress import progress
from encdec.training.callbacks import History, KeepBest, OnEpoch, Patience, ReseedEachStep, ShowProgress
from encdec.training.checkpoints import Checkpoints, CheckpointsByTime, WholeCheckpoints, find_resume
from encdec.training.optimisers import configure
from encdec.training.plan import Plan, plan_steps
from encdec.training.precision import Computed, computed_in

DEVICE_SHARE = 0.25
"""Of a GPU's free memory, for data; the network, its gradients and activations need the rest."""


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


def resident(data: Data, accelerator: Accelerator) -> Data:
    """The same data, with its images in a GPU's memory where there is one and they take at most DEVICE_SHARE of it.

    A split that is read window by window stays on the disk.
    """
    if accelerator == "cpu" or not torch.cuda.is_available():
        return data
    device = torch.device("cuda", 0)  # the one that a Trainer of one device takes
    free, _ = torch.cuda.mem_get_info(device)
    if data.train.num_bytes + data.val.num_bytes > free * DEVICE_SHARE:
        return data
    return Data(*(held_by(device, split) for split in data))


def held_by(device: torch.device, split: Split) -> Split:
    if isinstance(split, ImageSplit) and split.num_bytes <= MEMORY:
        return ResidentImages(split, device)
    return split


class Fitted(NamedTuple):
    """The network in eval mode; `best_score` is spec.monitor at `best_epoch`, a row of `history`.

    `computed_in`: what params.yaml calls precision.
    """

    network: nn.Module
    history: list[dict[str, float]]
    best_epoch: int
    best_score: float
    computed_in: Computed


def use_threads(threads: int) -> None:
    """Fix the number of threads and refuse nondeterministic kernels: the same bytes from the same params."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
    # it would write NaN over all new memory, to show who reads it before it is written: a sixth of a CNN's step
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # torch documents it, its stubs do not


def fit(
    name: ModelName,
    spec: ModelSpec,
    *,
    data: Data,
    seed: int,
    max_epochs: int,
    max_steps: int,
    checkpoints: Checkpoints | None,
    on_epoch: OnEpoch,
    accelerator: Accelerator,
    label: str,
    callbacks: Sequence[Callback] = (),
) -> Fitted:
    """Train until the plan is done or `spec.monitor` has not improved for `patience` epochs.

    The weights are those of the best epoch. With checkpoints, a training that was killed continues from the last
    one and ends in the same weights; without (a trial of a study) nothing is written. `label` stands
    before the progress.

    Raises:
        ValueError: the score was not finite in any epoch.
    """
    quiet()
    resume = find_resume(checkpoints.folder) if checkpoints else None
    first_epoch, first_batch, done = (resume.epoch, resume.batch, resume.step) if resume else (0, 0, 0)
    loader = training_loader(
        data.train,
        batch_size=spec.training.batch_size,
        seed=seed,
        first_epoch=first_epoch,
        first_batch=first_batch,
    )
    plan = plan_steps(max_epochs=max_epochs, max_steps=max_steps, batches=len(loader))
    loader.sampler.last_batch = plan.steps_per_epoch
    torch.manual_seed(seed)
    network = channels_last(build_network(name, spec, data.card))
    objective = build_objective(name, network, spec, configure(spec.training, total_steps=plan.total_steps))
    history, best = History(on_epoch), KeepBest(spec.monitor)
    stop = Patience(spec.monitor, patience=spec.training.patience, check_on_train_epoch_end=True)
    by_time = [CheckpointsByTime(checkpoints)] if checkpoints else []
    precision = computed_in(spec.training.precision, accelerator, network)
    objective.autocast = precision == "bfloat16"
    with progress(label, unit="steps", total=plan.total_steps, done=done) as meter:
        show = ShowProgress(meter, spec.monitor)
        trainer = build_trainer(
            plan,
            accelerator=accelerator,
            callbacks=[ReseedEachStep(seed), history, best, stop, show, *callbacks, *by_time],
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
    if not best.weights:
        raise ValueError(
            f"{name}: {spec.monitor} is not finite in any epoch: lower models.{name}.training.learning_rate"
        )
    network.load_state_dict(best.weights)
    return Fitted(network.eval(), history.rows, best.epoch, best.score, precision)


def build_trainer(
    plan: Plan,
    *,
    accelerator: Accelerator,
    callbacks: Sequence[Callback],
) -> pl.Trainer:
    return pl.Trainer(
        accelerator=accelerator,
        devices=1,
        max_epochs=plan.epochs,
        limit_train_batches=plan.steps_per_epoch,
        deterministic="warn" if torch.cuda.is_available() else True,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=any(isinstance(callback, Checkpoint) for callback in callbacks),
        enable_model_summary=False,
        enable_progress_bar=False,
        use_distributed_sampler=False,  # the loader gives each process its share
        callbacks=list(callbacks),
        plugins=[WholeCheckpoints()],
    )


def quiet() -> None:
    """Silence what a user can do nothing about; warnings about their data or values stay."""
    for name in ("pytorch_lightning", "lightning.pytorch", "pytorch_lightning.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
    warnings.filterwarnings("ignore", message=".*exists and is not empty.*")
    warnings.filterwarnings("ignore", message=".*is smaller than the logging interval.*")
    warnings.filterwarnings("ignore", message=".*your dataloader is not resumable.*")  # it begins at the right batch
