"""Trains the classifier by cross-entropy."""

from collections.abc import Callable

from pytorch_lightning import LightningModule
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.nn import functional as F

from encdec.batches import ImageBatch
from encdec.models.cnn.network import Cnn
from encdec.models.cnn.spec import CnnSpec


class CnnObjective(LightningModule):
    """train/loss: cross-entropy with label smoothing. val/nll and val/accuracy: means over images, without it.

    `configure` makes the optimiser and the schedule of the network.
    """

    def __init__(self, network: Cnn, spec: CnnSpec, configure: Callable[[nn.Module], OptimizerLRScheduler]) -> None:
        super().__init__()
        self.network = network
        self.spec = spec
        self.configure = configure

    def training_step(self, batch: ImageBatch, batch_idx: int) -> Tensor:
        logits = self.network(batch.images)
        loss = F.cross_entropy(logits, batch.labels, label_smoothing=self.spec.label_smoothing)
        self.log("train/loss", loss, on_step=False, on_epoch=True, batch_size=len(batch.labels))
        return loss

    def validation_step(self, batch: ImageBatch, batch_idx: int) -> None:
        logits = self.network(batch.images)
        correct = logits.argmax(dim=1) == batch.labels
        self.log("val/nll", F.cross_entropy(logits, batch.labels), batch_size=len(batch.labels))
        self.log("val/accuracy", correct.float().mean(), batch_size=len(batch.labels))

    def configure_optimizers(self) -> OptimizerLRScheduler:
        return self.configure(self.network)
