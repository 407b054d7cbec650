"""Trains a denoising autoencoder to give back the clean image."""

from collections.abc import Callable

import torch
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import nn

from encdec.batches import ImageBatch
from encdec.losses.reconstruction import reconstruction_loss, reconstruction_mse
from encdec.models.denoising_autoencoder.network import DenoisingAutoencoder
from encdec.models.denoising_autoencoder.spec import DenoisingAutoencoderSpec
from encdec.models.objective import Loss, Objective, Scores
from encdec.nn.corruption import corrupt


class DenoisingAutoencoderObjective(Objective[DenoisingAutoencoder, ImageBatch]):
    """train/loss: `spec.reconstruction` of the clean image from the corrupted one, the mean over batch and pixels.

    val/mse: the same error, mean over images and pixels, with the same corruption of each batch in every epoch.
    """

    def __init__(
        self,
        network: DenoisingAutoencoder,
        spec: DenoisingAutoencoderSpec,
        configure: Callable[[nn.Module], OptimizerLRScheduler],
    ) -> None:
        super().__init__(network, configure)
        self.spec = spec

    def loss(self, batch: ImageBatch) -> Loss:
        out = self.network(corrupt(batch.images, self.spec.corruption, generator=None))
        loss = reconstruction_loss(out.recon_logits, batch.images, kind=self.spec.reconstruction)
        return Loss(loss, len(batch.images))

    def scores(self, batch: ImageBatch, batch_idx: int) -> Scores:
        generator = torch.Generator().manual_seed(batch_idx)
        out = self.network(corrupt(batch.images, self.spec.corruption, generator=generator))
        return Scores({"val/mse": reconstruction_mse(out.recon_logits, batch.images)}, len(batch.images))
