"""Losses of the code. Every expected number is derived in a comment; none is copied from an earlier run."""

import math

import torch
from torch.distributions import Bernoulli, Normal, kl_divergence

from encdec.losses.kl import gaussian_kl, gaussian_kl_per_image
from encdec.losses.sparsity import kl_sparsity, l1_sparsity


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_gaussian_kl_sums_over_latent_and_averages_over_batch() -> None:
    mu, log_var = torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.zeros(2, 2)
    # row 0: (1**2 + 2**2) / 2 = 2.5; row 1: 0; batch mean 1.25 (a latent mean would give 0.625)
    torch.testing.assert_close(gaussian_kl_per_image(mu, log_var), torch.tensor([2.5, 0.0]))
    torch.testing.assert_close(gaussian_kl(mu, log_var), torch.tensor(1.25))


def test_gaussian_kl_of_a_variance_by_hand() -> None:
    # variance 4: (4 - 1 - log 4) / 2
    value = gaussian_kl(torch.zeros(1, 1), torch.full((1, 1), math.log(4.0)))
    torch.testing.assert_close(value, torch.tensor((3 - math.log(4)) / 2))


def test_gaussian_kl_equals_the_divergence_of_torch_distributions() -> None:
    mu, log_var = random(2, 8, 5)
    reference = kl_divergence(Normal(mu, (0.5 * log_var).exp()), Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(gaussian_kl_per_image(mu, log_var), reference)
    torch.testing.assert_close(gaussian_kl(mu, log_var), reference.mean())


def test_gaussian_kl_is_finite_at_extremes() -> None:
    mu, log_var = torch.tensor([[1e6, 0.0]], requires_grad=True), torch.tensor([[80.0, -1e6]], requires_grad=True)
    value = gaussian_kl(mu, log_var)
    value.backward()
    assert value.isfinite()
    assert mu.grad.isfinite().all()
    assert log_var.grad.isfinite().all()


def test_l1_is_a_mean_over_batch_and_units() -> None:
    # (1 + 2 + 0 + 3) / 4
    torch.testing.assert_close(l1_sparsity(torch.tensor([[1.0, -2.0], [0.0, 3.0]])), torch.tensor(1.5))


def test_kl_sparsity_by_hand() -> None:
    # unit 0: sigmoid 1/2 and 3/4 -> 5/8; unit 1: 1/4 and 1/4 -> 1/4, which is wanted, so 0. Mean over the units.
    logits = torch.tensor([[0.0, -math.log(3.0)], [math.log(3.0), -math.log(3.0)]])
    expected = (1 / 4 * math.log((1 / 4) / (5 / 8)) + 3 / 4 * math.log((3 / 4) / (3 / 8))) / 2
    torch.testing.assert_close(kl_sparsity(logits, target_activation=0.25), torch.tensor(expected))


def test_kl_sparsity_equals_the_divergence_of_torch_distributions() -> None:
    logits = random(16, 6)
    reference = kl_divergence(Bernoulli(0.05), Bernoulli(logits.sigmoid().mean(0))).mean()
    torch.testing.assert_close(kl_sparsity(logits, target_activation=0.05), reference)


def test_kl_sparsity_is_finite_where_a_unit_is_always_on_or_off() -> None:
    logits = torch.tensor([[1e4, -1e4], [1e4, -1e4]], requires_grad=True)
    value = kl_sparsity(logits, target_activation=0.1)
    value.backward()
    # always on: log(1 - rho_hat) = -1e4, so 0.9 * 1e4 and little; always off: 0.1 * 1e4; mean 5e3
    torch.testing.assert_close(value, torch.tensor(5e3), rtol=1e-3, atol=0.0)
    assert logits.grad.isfinite().all()
    assert (logits.grad[:, 0] > 0).all()  # too active: downwards
    assert (logits.grad[:, 1] < 0).all()  # too quiet: upwards
