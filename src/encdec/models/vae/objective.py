"""Trains a variational autoencoder on its evidence lower bound."""

from collections.abc import Callable

import torch
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from encdec.batches import ImageBatch
from encdec.losses.kl import gaussian_kl
from encdec.models.objective import Loss, Objective, Scores
from encdec.models.vae.network import VariationalAutoencoder
from encdec.models.vae.spec import VaeSpec


def warmed_up_beta(beta: float, *, step: int, warmup_steps: int) -> float:
    """Rises linearly from 0 at the first step to `beta` after `warmup_steps` (arXiv:1602.02282)."""
    return beta if warmup_steps == 0 else beta * min(1.0, step / warmup_steps)


class VaeObjective(Objective[VariationalAutoencoder, ImageBatch]):
    """train/loss: -log p(x|z) + beta * KL(q(z|x) || p(z)), one z per image, nats per image, the mean over the batch.

    val/negative_elbo is that with beta = 1, whatever beta is; val/reconstruction_nll and val/kl are its two terms.
    Validation draws the same noise for each batch in every epoch.
    """

    def __init__(
        self,
        network: VariationalAutoencoder,
        spec: VaeSpec,
        configure: Callable[[nn.Module], OptimizerLRScheduler],
    ) -> None:
        super().__init__(network, configure)
        self.spec = spec

    def terms(self, images: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Reconstruction and KL, nats per image, the mean over the batch."""
        out = self.network(images, generator=generator)
        return self.network.reconstruction_nll(out.recon_logits, images).mean(), gaussian_kl(out.mu, out.log_var)

    def loss(self, batch: ImageBatch) -> Loss:
        reconstruction_nll, kl = self.terms(batch.images, None)
        beta = warmed_up_beta(self.spec.beta, step=self.global_step, warmup_steps=self.spec.beta_warmup_steps)
        return Loss(reconstruction_nll + beta * kl, len(batch.images))

    def scores(self, batch: ImageBatch, batch_idx: int) -> Scores:
        reconstruction_nll, kl = self.terms(batch.images, torch.Generator().manual_seed(batch_idx))
        values = {"val/negative_elbo": reconstruction_nll + kl, "val/reconstruction_nll": reconstruction_nll}
        return Scores(values | {"val/kl": kl}, len(batch.images))
