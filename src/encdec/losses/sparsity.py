"""Penalties on active units.

Both are means over units, as the reconstruction is a mean over pixels, so that a weight means the same for images and
codes of any size.
"""

import math

from torch import Tensor
from torch.nn import functional as F


def l1_sparsity(z: Tensor) -> Tensor:
    """Absolute activation, the mean over batch and units: (B, Z) -> a scalar."""
    return z.abs().mean()


def kl_sparsity(code_logits: Tensor, *, target_activation: float) -> Tensor:
    """KL(rho || rho_hat) in nats, the mean over units: (B, Z) -> a scalar (Ng, CS294A notes, 2011).

    rho is `target_activation`, rho_hat the mean over the batch of sigmoid(code_logits) of each unit. Computed from
    logits: log rho_hat = logsumexp(logsigmoid(code_logits)) - log B, finite where the sigmoid itself is 0 or 1.
    """
    log_batch = math.log(len(code_logits))
    log_on = F.logsigmoid(code_logits).logsumexp(dim=0) - log_batch  # (Z,)
    log_off = F.logsigmoid(-code_logits).logsumexp(dim=0) - log_batch  # (Z,)
    rho = target_activation
    kl = rho * (math.log(rho) - log_on) + (1 - rho) * (math.log1p(-rho) - log_off)
    return kl.mean()
