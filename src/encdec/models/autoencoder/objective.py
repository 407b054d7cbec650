"""Trains an autoencoder to give back its input."""

from collections.abc import Callable

from pytorch_lightning import LightningModule
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from encdec.batches import ImageBatch
from encdec.losses.reconstruction import reconstruction_loss, reconstruction_mse
from encdec.models.autoencoder.network import Autoencoder
from encdec.models.autoencoder.spec import AutoencoderSpec


class AutoencoderObjective(LightningModule):
    """train/loss: `spec.reconstruction`, the mean over batch and pixels. val/mse: mean over images and pixels.

    `configure` makes the optimiser and the schedule of the network.
    """

    def __init__(
        self, network: Autoencoder, spec: AutoencoderSpec, configure: Callable[[nn.Module], OptimizerLRScheduler]
    ) -> None:
        super().__init__()
        self.network = network
        self.spec = spec
        self.configure = configure

    def training_step(self, batch: ImageBatch, batch_idx: int) -> Tensor:
        out = self.network(batch.images)
        loss = reconstruction_loss(out.recon_logits, batch.images, kind=self.spec.reconstruction)
        self.log("train/loss", loss, on_step=False, on_epoch=True, batch_size=len(batch.images))
        return loss

    def validation_step(self, batch: ImageBatch, batch_idx: int) -> None:
        out = self.network(batch.images)
        self.log("val/mse", reconstruction_mse(out.recon_logits, batch.images), batch_size=len(batch.images))

    def configure_optimizers(self) -> OptimizerLRScheduler:
        return self.configure(self.network)
