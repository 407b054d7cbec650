"""How far a reconstruction is from its image. Axes as in batches.py; recon_logits are before the sigmoid."""

import math
from typing import Literal

from torch import Tensor
from torch.nn import functional as F


def image_mse(recon_logits: Tensor, images: Tensor) -> Tensor:
    """Squared error of sigmoid(recon_logits), the mean over the values of each image: (B, C, H, W) -> (B,)."""
    return (recon_logits.sigmoid() - images).square().flatten(1).mean(dim=1)


def reconstruction_mse(recon_logits: Tensor, images: Tensor) -> Tensor:
    """Squared error of sigmoid(recon_logits), the mean over batch and values: a scalar, the scale of val/mse."""
    return F.mse_loss(recon_logits.sigmoid(), images)


def reconstruction_bce(recon_logits: Tensor, images: Tensor) -> Tensor:
    """Binary cross-entropy in nats with pixels in [0, 1] as probabilities, the mean over batch and values: a scalar.

    Its least value is the entropy of the pixels, above 0 where they are grey.
    """
    return F.binary_cross_entropy_with_logits(recon_logits, images)


def bernoulli_nll(recon_logits: Tensor, images: Tensor) -> Tensor:
    """-log p(x|z) in nats for binary pixels, the sum over the values of each image: (B, C, H, W) -> (B,)."""
    return F.binary_cross_entropy_with_logits(recon_logits, images, reduction="none").flatten(1).sum(dim=1)


def gaussian_nll(recon_logits: Tensor, images: Tensor, log_sigma: Tensor) -> Tensor:
    """-log p(x|z) in nats under N(sigmoid(recon_logits), sigma^2), the sum over the values of each image: (B,).

    A density per unit of the pixel range [0, 1], so it may be negative. `log_sigma`: one scalar (arXiv:2006.13202).
    """
    residual = (recon_logits.sigmoid() - images) * (-log_sigma).exp()
    nll = 0.5 * residual.square() + log_sigma + 0.5 * math.log(2 * math.pi)
    return nll.flatten(1).sum(dim=1)


def reconstruction_loss(recon_logits: Tensor, images: Tensor, *, kind: Literal["mse", "bce"]) -> Tensor:
    """The loss that params.yaml names; both are means over batch and values."""
    match kind:
        case "mse":
            return reconstruction_mse(recon_logits, images)
        case "bce":
            return reconstruction_bce(recon_logits, images)
