"""What all objectives share, in a real Trainer."""

from typing import Any, ClassVar

import pytest
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim.lr_scheduler import ExponentialLR

from encdec.batches import ImageBatch
from encdec.models.objective import Loss, Objective, Scores, WeightedMeans


class Level(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.level = nn.Parameter(torch.tensor(0.0))


class LevelObjective(Objective[Level, ImageBatch]):
    """Scores a batch by its label's mean, of as many images as it has."""

    seen: ClassVar[dict[str, bool]] = {}

    def loss(self, batch: ImageBatch) -> Loss:
        self.seen["loss"] = torch.is_autocast_enabled("cpu")
        return Loss(self.network.level + batch.labels.float().mean(), len(batch.labels))

    def scores(self, batch: ImageBatch, batch_idx: int) -> Scores:
        self.seen["scores"] = torch.is_autocast_enabled("cpu")
        return Scores({"val/label": batch.labels.float().mean()}, len(batch.labels))


class Seen(Callback):
    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []
        self.checkpoints: list[dict[str, Any]] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: object) -> None:
        self.checkpoints.append(trainer._checkpoint_connector.dump_checkpoint())

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.rows.append({name: float(value) for name, value in trainer.callback_metrics.items()})


def batch(*labels: int) -> ImageBatch:
    return ImageBatch(torch.zeros(len(labels), 1, 1, 1), torch.tensor(labels))


def made() -> LevelObjective:
    return LevelObjective(Level(), lambda network: torch.optim.SGD(network.parameters(), lr=0.0))


def fit(objective: LevelObjective, batches: list[ImageBatch], **options: Any) -> Seen:
    seen = Seen()
    trainer = Trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, num_sanity_val_steps=0, callbacks=[seen], **options,
    )  # fmt: skip
    trainer.fit(objective, Batches(batches), Batches(batches))
    return seen


class Batches(torch.utils.data.DataLoader):
    def __init__(self, batches: list[ImageBatch]) -> None:
        super().__init__(batches, batch_size=None)


def test_an_epoch_reports_means_over_images_and_begins_anew() -> None:
    seen = fit(made(), [batch(3, 3, 3), batch(7)], max_epochs=2)
    assert seen.rows == [{"train/loss": 4.0, "val/label": 4.0}] * 2  # (3 * 3 + 7) / 4


def test_the_sums_travel_in_the_checkpoint() -> None:
    seen = fit(made(), [batch(3, 3, 3), batch(7)], max_epochs=1)
    objective = made()
    objective.on_load_checkpoint(seen.checkpoints[0])
    objective.trained.add({"train/loss": torch.tensor(5.0)}, 1)
    assert objective.trained.means(lambda value: value) == {"train/loss": torch.tensor(3.5)}  # (3 * 3 + 5) / 4


@pytest.mark.parametrize("autocast", [False, True])
def test_the_loss_computes_in_bfloat16_where_asked_and_validation_in_float32(autocast: bool) -> None:
    objective = made()
    objective.autocast = autocast
    fit(objective, [batch(1)], max_epochs=1)
    assert objective.seen == {"loss": autocast, "scores": False}


def test_a_step_follows_the_gradient_of_its_own_batch_and_the_schedule_follows_the_steps() -> None:
    def configure(network: nn.Module) -> OptimizerLRScheduler:
        optimizer = torch.optim.SGD(network.parameters(), lr=1.0, fused=True)
        return {"optimizer": optimizer, "lr_scheduler": ExponentialLR(optimizer, gamma=0.5)}

    objective = LevelObjective(Level(), configure)
    fit(objective, [batch(1), batch(2), batch(3)], max_epochs=1)
    assert objective.network.level.item() == -1.75  # the gradient is 1: -1 - 1/2 - 1/4
    assert objective.trainer.global_step == 3


def test_a_batch_that_is_there_already_is_not_touched() -> None:
    there = batch(1, 2)
    assert made().transfer_batch_to_device(there, torch.device("cpu"), 0) is there
    moved = made().transfer_batch_to_device(there, torch.device("meta"), 0)
    assert isinstance(moved, ImageBatch)
    assert {tensor.device.type for tensor in moved} == {"meta"}


def test_means_are_those_of_all_processes() -> None:
    means = WeightedMeans()
    means.add({"a": torch.tensor(2.0), "b": torch.tensor(0.5)}, 3)
    means.add({"a": torch.tensor(6.0), "b": torch.tensor(0.5)}, torch.tensor(1))
    others = {12.0: 4.0, 2.0: 10.0, 4.0: 4.0}  # the sums of a second process: a, b, and the weight

    def total(value: Tensor) -> Tensor:
        return value + others[float(value)]

    found = means.means(total)
    assert {name: float(value) for name, value in found.items()} == {"a": 2.0, "b": 1.5}  # 16 / 8 and 12 / 8
    assert {value.dtype for value in found.values()} == {torch.float32}
