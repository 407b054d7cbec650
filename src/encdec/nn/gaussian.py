"""Samples of a Gaussian that gradients pass through."""

import torch
from torch import Tensor


def reparameterise(mu: Tensor, log_var: Tensor, *, generator: torch.Generator | None) -> Tensor:
    """z = mu + exp(log_var / 2) * eps with eps from N(0, 1): a sample of each row (B, Z) (arXiv:1312.6114).

    `generator` is on the CPU; None: the global generator of mu's device.
    """
    device = mu.device if generator is None else generator.device
    eps = torch.randn(mu.shape, generator=generator, dtype=mu.dtype, device=device).to(mu.device)
    return mu + (0.5 * log_var).exp() * eps
