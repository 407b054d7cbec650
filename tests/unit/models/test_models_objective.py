"""What all objectives share, in a real Trainer."""

from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn

from encdec.batches import ImageBatch
from encdec.models.objective import Loss, Objective, Scores, WeightedMeans


class Level(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.level = nn.Parameter(torch.tensor(0.0))


class LevelObjective(Objective[Level, ImageBatch]):
    """Scores a batch by its label's mean, of as many images as it has."""

    def loss(self, batch: ImageBatch) -> Loss:
        return Loss(self.network.level + batch.labels.float().mean(), len(batch.labels))

    def scores(self, batch: ImageBatch, batch_idx: int) -> Scores:
        self.autocast = torch.is_autocast_enabled("cpu")
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


def made(rate: float = 0.0) -> LevelObjective:
    return LevelObjective(Level(), lambda network: torch.optim.SGD(network.parameters(), lr=rate, fused=True))


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
    objective.training_step(batch(5), 1)
    assert objective.trained.means(lambda value: value) == {"train/loss": torch.tensor(3.5)}  # (3 * 3 + 5) / 4


@pytest.mark.parametrize("precision", ["bf16-mixed", "32-true"])
def test_validation_computes_in_float32(precision: str) -> None:
    objective = made()
    fit(objective, [batch(1)], max_epochs=1, precision=precision)
    assert not objective.autocast


@pytest.mark.parametrize("precision", ["bf16-mixed", "32-true"])
def test_gradients_are_clipped_by_their_norm_beside_a_fused_optimiser(precision: str) -> None:
    objective = made(rate=1.0)
    fit(objective, [batch(1)], max_epochs=1, gradient_clip_val=0.25, precision=precision)
    assert objective.network.level.item() == pytest.approx(-0.25, abs=1e-6)  # the gradient is 1


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
