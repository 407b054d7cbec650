"""Trains the classifier by cross-entropy."""

from collections.abc import Callable

from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import nn
from torch.nn import functional as F

from encdec.batches import ImageBatch
from encdec.models.cnn.network import Cnn
from encdec.models.cnn.spec import CnnSpec
from encdec.models.objective import Loss, Objective, Scores


class CnnObjective(Objective[Cnn, ImageBatch]):
    """train/loss: cross-entropy with label smoothing. val/nll and val/accuracy: means over images, without it."""

    def __init__(self, network: Cnn, spec: CnnSpec, configure: Callable[[nn.Module], OptimizerLRScheduler]) -> None:
        super().__init__(network, configure)
        self.label_smoothing = spec.label_smoothing

    def loss(self, batch: ImageBatch) -> Loss:
        logits = self.network(batch.images)
        loss = F.cross_entropy(logits, batch.labels, label_smoothing=self.label_smoothing)
        return Loss(loss, len(batch.labels))

    def scores(self, batch: ImageBatch, batch_idx: int) -> Scores:
        logits = self.network(batch.images)
        accuracy = (logits.argmax(dim=1) == batch.labels).float().mean()
        values = {"val/nll": F.cross_entropy(logits, batch.labels), "val/accuracy": accuracy}
        return Scores(values, len(batch.labels))
