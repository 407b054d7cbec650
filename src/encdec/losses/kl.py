"""Divergence of a diagonal Gaussian code from the standard normal (arXiv:1312.6114, appendix B), in nats."""

from torch import Tensor


def gaussian_kl_per_image(mu: Tensor, log_var: Tensor) -> Tensor:
    """KL(N(mu, exp(log_var)) || N(0, 1)), the sum over the latent units of each row: (B, Z), (B, Z) -> (B,)."""
    return 0.5 * (mu.square() + log_var.exp() - 1.0 - log_var).sum(dim=1)


def gaussian_kl(mu: Tensor, log_var: Tensor) -> Tensor:
    """KL(N(mu, exp(log_var)) || N(0, 1)), the sum over latent units and the mean over the batch: a scalar."""
    return gaussian_kl_per_image(mu, log_var).mean()
