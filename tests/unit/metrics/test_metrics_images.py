import math

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from torch.distributions import MultivariateNormal, Normal
from torchmetrics.functional.image import peak_signal_noise_ratio

from encdec.metrics.columns import joined
from encdec.metrics.likelihood import importance_weighted_nll
from encdec.metrics.reconstruction import RECONSTRUCTION_METRICS, psnr
from encdec.metrics.sparsity import dead_units, mean_active_units


def test_psnr_is_the_mean_of_the_ratios() -> None:
    # 10 log10(1 / 0.1) = 10 and 10 log10(1 / 0.001) = 30: mean 20, while that of the mean error 0.0505 is 12.97
    assert psnr(np.array([0.1, 0.001])) == pytest.approx(20.0)


def test_psnr_equals_that_of_torchmetrics_image_by_image() -> None:
    images, found = torch.rand(2, 6, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    reference = peak_signal_noise_ratio(found, images, data_range=(0.0, 1.0), dim=(1, 2, 3))
    mse = (images - found).square().mean(dim=(1, 2, 3)).numpy()
    assert psnr(mse) == pytest.approx(float(reference), rel=1e-5)


def test_psnr_of_an_exact_reconstruction_is_finite() -> None:
    # the rounding of float32 is 2**-23 at 1: 20 log10(2**23) = 138.47
    assert psnr(np.zeros(3)) == pytest.approx(20 * 23 * math.log10(2))


def test_the_headline_of_a_reconstruction_is_its_mean_error() -> None:
    columns = {"mse": np.array([0.1, 0.001])}
    assert [(metric.name, metric.higher_is_better) for metric in RECONSTRUCTION_METRICS] == [
        ("mse", False),
        ("psnr", True),
    ]
    assert [metric.compute(columns) for metric in RECONSTRUCTION_METRICS] == pytest.approx([0.0505, 20.0])


def test_active_and_dead_units_by_hand() -> None:
    active = np.array([[True, False, False, True], [True, False, True, False]])
    # 2 and 2 units work; unit 1 never does
    assert mean_active_units(active.sum(axis=1)) == 2.0
    assert dead_units(active) == 1.0
    assert dead_units(active[:1]) == 2.0


def test_importance_weights_are_averaged_and_not_their_logarithms() -> None:
    # weights 1 and 3 -> mean 2 -> -log 2; weights 4 and 4 -> -log 4
    log_weights = torch.tensor([[1.0, 4.0], [3.0, 4.0]]).log()
    torch.testing.assert_close(importance_weighted_nll(log_weights), -torch.tensor([2.0, 4.0]).log())


def test_one_sample_gives_the_negative_elbo_of_that_sample() -> None:
    torch.testing.assert_close(importance_weighted_nll(torch.tensor([[-5.0, 2.0]])), torch.tensor([5.0, -2.0]))


def test_importance_weighted_nll_is_finite_at_extremes() -> None:
    log_weights = torch.tensor([[-1e5], [-1e5 - 1000]])
    # the second weight is nothing beside the first: 1e5 + log 2
    torch.testing.assert_close(importance_weighted_nll(log_weights), torch.tensor([1e5 + math.log(2)]))


def test_with_the_exact_posterior_every_weight_is_the_likelihood() -> None:
    # x = W z + noise, z ~ N(0, 1): log p(x) is that of N(0, W W^T + s^2), and with q(z|x) = p(z|x) each weight is p(x)
    rng = np.random.default_rng(0)
    weight, sigma = torch.from_numpy(rng.normal(size=(5, 2))), 0.4
    x = torch.from_numpy(rng.normal(size=(7, 5)))
    precision = torch.eye(2, dtype=torch.float64) + weight.T @ weight / sigma**2
    mean = x @ weight @ torch.linalg.inv(precision) / sigma**2
    posterior = MultivariateNormal(mean, precision_matrix=precision)
    torch.manual_seed(0)
    z = posterior.sample((3,))  # (K, N, 2)
    log_joint = Normal(z @ weight.T, sigma).log_prob(x).sum(-1) + Normal(0.0, 1.0).log_prob(z).sum(-1)
    found = importance_weighted_nll(log_joint - posterior.log_prob(z))
    covariance = (weight @ weight.T).numpy() + sigma**2 * np.eye(5)
    np.testing.assert_allclose(found, -multivariate_normal(np.zeros(5), covariance).logpdf(x.numpy()))


def test_columns_of_batches_are_joined_in_order() -> None:
    parts = [{"a": np.array([1, 2]), "b": np.zeros((2, 3))}, {"a": np.array([3]), "b": np.ones((1, 3))}]
    columns = joined(parts, rows=3)
    assert columns["a"].tolist() == [1, 2, 3]
    assert columns["b"].tolist() == [[0.0] * 3, [0.0] * 3, [1.0] * 3]


def test_a_split_without_rows_cannot_be_scored() -> None:
    with pytest.raises(ValueError, match="has no rows; give it a larger share"):
        joined([], rows=0)


@pytest.mark.parametrize("rows", [2, 4])
def test_batches_must_have_the_rows_of_their_split(rows: int) -> None:
    with pytest.raises(ValueError, match=f"the batches have 3 rows, expected {rows}"):
        joined([{"a": np.array([1, 2])}, {"a": np.array([3])}], rows=rows)
