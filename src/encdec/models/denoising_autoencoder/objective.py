"""Trains a denoising autoencoder to give back the clean image."""

from collections.abc import Callable

import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from encdec.batches import ImageBatch
from encdec.losses.reconstruction import reconstruction_loss, reconstruction_mse
from encdec.models.denoising_autoencoder.network import DenoisingAutoencoder
from encdec.models.denoising_autoencoder.spec import DenoisingAutoencoderSpec
from encdec.nn.corruption import corrupt


class DenoisingAutoencoderObjective(LightningModule):
    """train/loss: `spec.reconstruction` of the clean image from the corrupted one, the mean over batch and pixels.

    val/mse: the same error, mean over images and pixels, with the same corruption of each batch in every epoch.
    `configure` makes the optimiser and the schedule of the network.
    """

    def __init__(
        self,
        network: DenoisingAutoencoder,
        spec: DenoisingAutoencoderSpec,
        configure: Callable[[nn.Module], OptimizerLRScheduler],
    ) -> None:
        super().__init__()
        self.network = network
        self.spec = spec
        self.configure = configure

    def training_step(self, batch: ImageBatch, batch_idx: int) -> Tensor:
        out = self.network(corrupt(batch.images, self.spec.corruption, generator=None))
        loss = reconstruction_loss(out.recon_logits, batch.images, kind=self.spec.reconstruction)
        self.log("train/loss", loss, on_step=False, on_epoch=True, batch_size=len(batch.images))
        return loss

    def validation_step(self, batch: ImageBatch, batch_idx: int) -> None:
        generator = torch.Generator().manual_seed(batch_idx)
        out = self.network(corrupt(batch.images, self.spec.corruption, generator=generator))
        self.log("val/mse", reconstruction_mse(out.recon_logits, batch.images), batch_size=len(batch.images))

    def configure_optimizers(self) -> OptimizerLRScheduler:
        return self.configure(self.network)
