"""Trains an autoencoder to give back its input."""

from collections.abc import Callable

from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import nn

from encdec.batches import ImageBatch
from encdec.losses.reconstruction import reconstruction_loss, reconstruction_mse
from encdec.models.autoencoder.network import Autoencoder
from encdec.models.autoencoder.spec import AutoencoderSpec
from encdec.models.objective import Loss, Objective, Scores


class AutoencoderObjective(Objective[Autoencoder, ImageBatch]):
    """train/loss: `spec.reconstruction`, the mean over batch and pixels. val/mse: mean over images and pixels."""

    def __init__(
        self, network: Autoencoder, spec: AutoencoderSpec, configure: Callable[[nn.Module], OptimizerLRScheduler]
    ) -> None:
        super().__init__(network, configure)
        self.reconstruction = spec.reconstruction

    def loss(self, batch: ImageBatch) -> Loss:
        out = self.network(batch.images)
        return Loss(reconstruction_loss(out.recon_logits, batch.images, kind=self.reconstruction), len(batch.images))

    def scores(self, batch: ImageBatch, batch_idx: int) -> Scores:
        out = self.network(batch.images)
        return Scores({"val/mse": reconstruction_mse(out.recon_logits, batch.images)}, len(batch.images))
