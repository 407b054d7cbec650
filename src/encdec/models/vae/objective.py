"""Trains a variational autoencoder on its evidence lower bound."""

from collections.abc import Callable

import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from encdec.batches import ImageBatch
from encdec.losses.kl import gaussian_kl
from encdec.models.vae.network import VariationalAutoencoder
from encdec.models.vae.spec import VaeSpec


def warmed_up_beta(beta: float, *, step: int, warmup_steps: int) -> float:
    """Rises linearly from 0 at the first step to `beta` after `warmup_steps` (arXiv:1602.02282)."""
    return beta if warmup_steps == 0 else beta * min(1.0, step / warmup_steps)


class VaeObjective(LightningModule):
    """train/loss: -log p(x|z) + beta * KL(q(z|x) || p(z)), one z per image, nats per image, the mean over the batch.

    val/negative_elbo is that with beta = 1, whatever beta is; val/reconstruction_nll and val/kl are its two terms.
    Validation draws the same noise for each batch in every epoch. `configure` makes the optimiser and the schedule of
    the network.
    """

    def __init__(
        self,
        network: VariationalAutoencoder,
        spec: VaeSpec,
        configure: Callable[[nn.Module], OptimizerLRScheduler],
    ) -> None:
        super().__init__()
        self.network = network
        self.spec = spec
        self.configure = configure

    def terms(self, images: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Reconstruction and KL, nats per image, the mean over the batch."""
        out = self.network(images, generator=generator)
        return self.network.reconstruction_nll(out.recon_logits, images).mean(), gaussian_kl(out.mu, out.log_var)

    def training_step(self, batch: ImageBatch, batch_idx: int) -> Tensor:
        reconstruction_nll, kl = self.terms(batch.images, None)
        beta = warmed_up_beta(self.spec.beta, step=self.global_step, warmup_steps=self.spec.beta_warmup_steps)
        loss = reconstruction_nll + beta * kl
        self.log("train/loss", loss, on_step=False, on_epoch=True, batch_size=len(batch.images))
        return loss

    def validation_step(self, batch: ImageBatch, batch_idx: int) -> None:
        reconstruction_nll, kl = self.terms(batch.images, torch.Generator().manual_seed(batch_idx))
        self.log("val/negative_elbo", reconstruction_nll + kl, batch_size=len(batch.images))
        self.log("val/reconstruction_nll", reconstruction_nll, batch_size=len(batch.images))
        self.log("val/kl", kl, batch_size=len(batch.images))

    def configure_optimizers(self) -> OptimizerLRScheduler:
        return self.configure(self.network)
