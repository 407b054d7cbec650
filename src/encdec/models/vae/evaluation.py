"""Scores a variational autoencoder on one split."""

import math

import torch
from torch import Tensor

from encdec.datasets.images import ImageSplit
from encdec.losses.kl import gaussian_kl_per_image
from encdec.losses.reconstruction import image_mse
from encdec.metrics.columns import joined
from encdec.metrics.likelihood import importance_weighted_nll
from encdec.metrics.reconstruction import RECONSTRUCTION_METRICS
from encdec.metrics.scores import Columns, Metric, Scores
from encdec.models.vae.network import VariationalAutoencoder
from encdec.models.vae.spec import VaeSpec
from encdec.nn.gaussian import reparameterise
from encdec.params.data import Evaluation

METRICS = (
    Metric("negative_elbo", lambda columns: -float(columns["elbo"].mean()), higher_is_better=False),
    Metric("reconstruction_nll", lambda columns: float(columns["reconstruction_nll"].mean()), higher_is_better=False),
    Metric("kl", lambda columns: float(columns["kl"].mean()), higher_is_better=False),
    Metric("nll", lambda columns: float(columns["nll"].mean()), higher_is_better=False),
    *RECONSTRUCTION_METRICS,
)


@torch.inference_mode()
def score(
    network: VariationalAutoencoder, spec: VaeSpec, split: ImageSplit, settings: Evaluation, *, seed: int
) -> Scores:
    """Columns elbo, reconstruction_nll, kl and nll, in nats per image, and mse, the mean over an image's pixels.

    `nll` is importance-weighted over `settings.importance_samples` codes of each image (arXiv:1509.00519),
    `reconstruction_nll` the mean over the same codes, `kl` exact, elbo = -(reconstruction_nll + kl). `mse` is that of
    the decoded mean code against what the model is asked to rebuild: binary pixels where the likelihood is bernoulli.
    One generator with this seed draws the codes of batch after batch.
    """
    network.eval()
    generator = torch.Generator().manual_seed(seed)
    parts = (
        columns_of(network, images, samples=settings.importance_samples, generator=generator)
        for images, _ in split.batches(settings.batch_size, label="evaluate vae")
    )
    return Scores(joined(parts, rows=len(split)), METRICS, {})


def columns_of(network: VariationalAutoencoder, images: Tensor, *, samples: int, generator: torch.Generator) -> Columns:
    """The columns of one batch; one code per image is in memory at a time."""
    mu, log_var = network.encode(images)
    log_weights, nlls = [], []
    for _ in range(samples):
        z = reparameterise(mu, log_var, generator=generator)
        nll = network.reconstruction_nll(network.decode(z), images).double()
        log_prior = log_normal(z, torch.zeros_like(mu), torch.zeros_like(log_var))
        log_weights.append(log_prior - nll - log_normal(z, mu, log_var))
        nlls.append(nll)
    reconstruction_nll = torch.stack(nlls).mean(dim=0)
    kl = gaussian_kl_per_image(mu.double(), log_var.double())
    return {
        "elbo": -(reconstruction_nll + kl).numpy(),
        "reconstruction_nll": reconstruction_nll.numpy(),
        "kl": kl.numpy(),
        "nll": importance_weighted_nll(torch.stack(log_weights)).numpy(),
        "mse": image_mse(network.decode(mu), network.target(images)).double().numpy(),
    }


def log_normal(z: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
    """log N(z; mu, exp(log_var)) in nats, the sum over the units of each row: (B, Z) -> (B,)."""
    z, mu, log_var = z.double(), mu.double(), log_var.double()
    return -0.5 * (math.log(2 * math.pi) + log_var + (z - mu).square() * (-log_var).exp()).sum(dim=1)
