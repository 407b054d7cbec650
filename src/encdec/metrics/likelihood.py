"""Likelihoods that are estimated, in nats."""

import math

from torch import Tensor


def importance_weighted_nll(log_weights: Tensor) -> Tensor:
    """-log (1/K sum_k w_k) of each image: log w_k = log p(x, z_k) - log q(z_k|x), (K, B) -> (B,).

    An upper bound of -log p(x) that K brings closer (arXiv:1509.00519); with K = 1 it is the negative ELBO.
    """
    return math.log(len(log_weights)) - log_weights.logsumexp(dim=0)
