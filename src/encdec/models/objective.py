"""What the objectives of all models have in common: steps that compute, and epochs that report."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.core.optimizer import LightningOptimizer
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from encdec.batches import ImageBatch, PairBatch

Network = TypeVar("Network", bound=nn.Module)
Batch = TypeVar("Batch", ImageBatch, PairBatch)
WEIGHT = "weight"


class Loss(NamedTuple):
    """A mean over `weight` things, of which a batch may have more or fewer: a scalar that is differentiated."""

    value: Tensor
    weight: int | Tensor


class Scores(NamedTuple):
    """Means over `weight` things, by the names under which they are logged."""

    values: Mapping[str, Tensor]
    weight: int | Tensor


class Objective(LightningModule, Generic[Network, Batch]):
    """Trains a network by `loss` and validates it by `scores`; both are reported once an epoch.

    A call of `self.log` in each step costs a tenth of the step of a small model. So the sums stay on the device, and
    the means are logged when validation ends the epoch: train/loss, and what `scores` names. They travel in the
    checkpoint: an epoch that was interrupted reports all of its steps.

    Args:
        network: what is trained.
        configure: makes the optimiser and the schedule of the network; the schedule moves with every step.

    Attributes:
        autocast: whether `loss` computes in bfloat16, where torch.autocast allows it; off at first. Validation
            computes in float32 whatever the training does, as evaluation will.
    """

    automatic_optimization = False

    def __init__(self, network: Network, configure: Callable[[nn.Module], OptimizerLRScheduler]) -> None:
        super().__init__()
        self.network = network
        self.configure = configure
        self.autocast = False
        self.trained = WeightedMeans()
        self.validated = WeightedMeans()

    @abstractmethod
    def loss(self, batch: Batch) -> Loss:
        """What a step minimises."""

    @abstractmethod
    def scores(self, batch: Batch, batch_idx: int) -> Scores:
        """What validation measures; the same for a batch in every epoch, noise included."""

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """A whole step: Lightning's own way through its hooks takes as long as a small network does."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast):
            loss, weight = self.loss(batch)
        optimizer, schedule = self.optimizers(), self.lr_schedulers()
        assert isinstance(optimizer, LightningOptimizer)
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()
        if isinstance(schedule, LRScheduler):
            schedule.step()
        self.trained.add({"train/loss": loss.detach()}, weight)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.validated.add(*self.scores(batch, batch_idx))

    def on_train_start(self) -> None:
        """A checkpoint gives its sums back on the CPU, before the module comes to its device."""
        self.trained.sums = {name: value.to(self.device) for name, value in self.trained.sums.items()}

    def on_validation_epoch_start(self) -> None:
        self.validated.clear()

    def on_validation_epoch_end(self) -> None:
        """Validation ends an epoch, so what it was trained by is reported here as well."""
        self.log_dict(self.trained.means(self.sum_of_ranks) | self.validated.means(self.sum_of_ranks))
        self.trained.clear()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["trained"] = {name: value.clone() for name, value in self.trained.sums.items()}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.trained.sums = dict(checkpoint["trained"])

    def configure_optimizers(self) -> OptimizerLRScheduler:
        return self.configure(self.network)

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """The same batch where it is there already: looking through it costs more than a small step's optimiser."""
        if batch[0].device == device:
            return batch
        return type(batch)(*(tensor.to(device, non_blocking=True) for tensor in batch))

    def sum_of_ranks(self, sums: Tensor) -> Tensor:
        """Over the processes of a distributed training."""
        total: Tensor = self.trainer.strategy.reduce(sums, reduce_op="sum")
        return total


class WeightedMeans:
    """Means of scalars over steps: `sums` holds each, times its weight, and WEIGHT; float64, where they are made.

    Apple's GPUs have no float64: there they are float32.
    """

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}

    def clear(self) -> None:
        self.sums = {}

    def add(self, values: Mapping[str, Tensor], weight: int | Tensor) -> None:
        on_mps = any(value.device.type == "mps" for value in values.values())
        dtype = torch.float32 if on_mps else torch.float64
        for name, value in values.items():
            self._add(name, value * weight, dtype)
        self._add(WEIGHT, torch.as_tensor(weight), dtype)

    def means(self, total: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
        """Float32 scalars by name; `total` adds up what the processes of a training have."""
        sums = {name: total(value) for name, value in self.sums.items()}
        return {name: (value / sums[WEIGHT]).float() for name, value in sums.items() if name != WEIGHT}

    def _add(self, name: str, value: Tensor, dtype: torch.dtype) -> None:
        if name in self.sums:
            self.sums[name] += value
        else:
            self.sums[name] = value.to(dtype)
