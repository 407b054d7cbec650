"""The variational autoencoder."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from encdec.cards import ImageCard
from encdec.losses.reconstruction import bernoulli_nll, gaussian_nll
from encdec.models.vae.spec import VaeSpec
from encdec.nn.coders import build_decoder, build_encoder
from encdec.nn.gaussian import reparameterise
from encdec.nn.heads import GaussianHead
from encdec.nn.shape import shape_of

BINARY_THRESHOLD = 0.5
UNIFORM_LOG_STD = -0.5 * math.log(12.0)
"""Of a pixel that is uniform in [0, 1]: where the learned scale starts."""


class VAEOutput(NamedTuple):
    """The mean of p(x|z) is sigmoid(recon_logits)."""

    recon_logits: Tensor  # (B, C, H, W)
    mu: Tensor  # (B, Z)
    log_var: Tensor  # (B, Z)


class VariationalAutoencoder(nn.Module):
    """A probabilistic encoder and decoder (arXiv:1312.6114). No optimiser and no logging here.

    q(z|x) = N(mu(x), diag exp(log_var(x))), p(z) = N(0, 1), and p(x|z) is
    gaussian: N(sigmoid(decoder(z)), sigma^2) with one learned sigma (arXiv:2006.13202), or
    bernoulli: of pixels binarised at 0.5, with the probabilities sigmoid(decoder(z)).
    """

    def __init__(self, spec: VaeSpec, card: ImageCard) -> None:
        super().__init__()
        self.latent_dim = spec.network.latent_dim
        self.encoder = build_encoder(spec.network, shape_of(card))
        self.head = GaussianHead(self.encoder.output_dim, latent_dim=self.latent_dim)
        self.decoder = build_decoder(spec.network, shape_of(card))
        gaussian = spec.likelihood == "gaussian"
        self.log_sigma = nn.Parameter(torch.tensor(UNIFORM_LOG_STD)) if gaussian else None

    def target(self, images: Tensor) -> Tensor:
        """What the model is asked to rebuild, (B, C, H, W): the images, or for a Bernoulli their binary pixels."""
        return images if self.log_sigma is not None else (images > BINARY_THRESHOLD).to(images.dtype)

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, H, W) -> mu (B, Z), log_var (B, Z)."""
        mu, log_var = self.head(self.encoder(self.target(images)))
        return mu, log_var

    def decode(self, z: Tensor) -> Tensor:
        """(B, Z) -> recon_logits (B, C, H, W)."""
        recon_logits: Tensor = self.decoder(z)
        return recon_logits

    def forward(self, images: Tensor, *, generator: torch.Generator | None = None) -> VAEOutput:
        """Rebuilds from one sample of q(z|x), in eval mode too."""
        mu, log_var = self.encode(images)
        return VAEOutput(self.decode(reparameterise(mu, log_var, generator=generator)), mu, log_var)

    def reconstruction_nll(self, recon_logits: Tensor, images: Tensor) -> Tensor:
        """-log p(x|z) in nats, the sum over the values of each image: (B,)."""
        if self.log_sigma is None:
            return bernoulli_nll(recon_logits, self.target(images))
        return gaussian_nll(recon_logits, images, self.log_sigma)

    def sample(self, count: int, *, generator: torch.Generator | None) -> Tensor:
        """The means of p(x|z) for z from the prior: (count, C, H, W) in [0, 1]."""
        weight = self.head.to_mu.weight
        device = weight.device if generator is None else generator.device
        z = torch.randn(count, self.latent_dim, generator=generator, dtype=weight.dtype, device=device)
        return self.decode(z.to(weight.device)).sigmoid()
