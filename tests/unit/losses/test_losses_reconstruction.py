"""Every expected number is derived in a comment; none is copied from an earlier run."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import norm
from torch.distributions import Bernoulli, Normal

from encdec.losses.reconstruction import (
    bernoulli_nll,
    gaussian_nll,
    image_mse,
    reconstruction_bce,
    reconstruction_loss,
    reconstruction_mse,
)

# two images of 1x1x2: sigmoid(0) = 1/2, sigmoid(log 3) = 3/4
LOGITS = torch.tensor([[0.0, 0.0], [math.log(3.0), math.log(3.0)]])[:, None, None]
IMAGES = torch.tensor([[0.0, 1.0], [1.0, 1.0]])[:, None, None]
EXTREME = torch.tensor([1e4, -1e4, 1e4, -1e4])[None, None, None]
BINARY = torch.tensor([0.0, 1.0, 1.0, 0.0])[None, None, None]


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_mse_is_a_mean_over_pixels_by_image_and_over_the_batch_too() -> None:
    # image 0: (1/4 + 1/4) / 2 = 1/4; image 1: (1/16 + 1/16) / 2 = 1/16; batch: 5/32
    torch.testing.assert_close(image_mse(LOGITS, IMAGES), torch.tensor([1 / 4, 1 / 16]))
    torch.testing.assert_close(reconstruction_mse(LOGITS, IMAGES), torch.tensor(5 / 32))


def test_bce_is_a_mean_over_pixels_and_batch() -> None:
    # image 0: log 2 at both pixels; image 1: -log(3/4) at both; mean (log 2 + log(4/3)) / 2
    expected = (math.log(2) + math.log(4 / 3)) / 2
    torch.testing.assert_close(reconstruction_bce(LOGITS, IMAGES), torch.tensor(expected))


def test_bce_of_grey_pixels_is_least_at_the_pixels_themselves() -> None:
    grey = torch.full((1, 1, 2, 2), 0.25)
    # logit(1/4) = -log 3; the entropy of 1/4 is 2 log 2 - 3/4 log 3
    at = reconstruction_bce(torch.full_like(grey, -math.log(3.0)), grey)
    torch.testing.assert_close(at, torch.tensor(2 * math.log(2) - 0.75 * math.log(3)))
    assert reconstruction_bce(torch.full_like(grey, -1.0), grey) > at
    assert reconstruction_bce(torch.full_like(grey, -1.2), grey) > at


def test_bernoulli_nll_sums_over_the_pixels_of_each_image() -> None:
    torch.testing.assert_close(bernoulli_nll(LOGITS, IMAGES), torch.tensor([2 * math.log(2), 2 * math.log(4 / 3)]))


def test_gaussian_nll_sums_over_the_pixels_of_each_image() -> None:
    # sigma 1/2. image 0: residuals 1/2, so each pixel has (1/2)^2 / (2 * 1/4) = 1/2; image 1: 1/4, so 1/8.
    # The constant of a pixel is log sigma + log(2 pi) / 2.
    constant = math.log(0.5) + 0.5 * math.log(2 * math.pi)
    expected = torch.tensor([2 * (0.5 + constant), 2 * (0.125 + constant)])
    torch.testing.assert_close(gaussian_nll(LOGITS, IMAGES, torch.tensor(math.log(0.5))), expected)


def test_reference_torch_distributions_and_scipy() -> None:
    logits, images = random(3, 2, 4, 5), random(3, 2, 4, 5, seed=1).sigmoid()
    binary, log_sigma = images.round(), torch.tensor(-0.7)
    expected = -Bernoulli(logits=logits).log_prob(binary).sum(dim=(1, 2, 3))
    torch.testing.assert_close(bernoulli_nll(logits, binary), expected)
    expected = -Normal(logits.sigmoid(), log_sigma.exp()).log_prob(images).sum(dim=(1, 2, 3))
    torch.testing.assert_close(gaussian_nll(logits, images, log_sigma), expected)
    by_scipy = -norm.logpdf(images.numpy(), logits.sigmoid().numpy(), math.exp(-0.7)).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(gaussian_nll(logits, images, log_sigma), by_scipy, rtol=1e-4)


def test_the_best_sigma_is_the_root_of_the_mean_squared_error() -> None:
    logits, images = random(3, 2, 4, 5), random(3, 2, 4, 5, seed=1).sigmoid()
    # d/dlog_sigma of D log_sigma + D mse / (2 sigma^2) is 0 where sigma^2 = mse
    log_sigma = (0.5 * reconstruction_mse(logits, images).log()).requires_grad_()
    gaussian_nll(logits, images, log_sigma).sum().backward()
    assert abs(float(log_sigma.grad)) < 1e-3


@pytest.mark.parametrize("loss", [image_mse, reconstruction_mse, reconstruction_bce, bernoulli_nll])
def test_losses_and_their_gradients_are_finite_at_extreme_logits(loss: object) -> None:
    logits = EXTREME.clone().requires_grad_()
    value = loss(logits, BINARY)
    value.sum().backward()
    assert value.isfinite().all()
    assert logits.grad.isfinite().all()


def test_extreme_logits_cost_what_they_should() -> None:
    # pixels 0 and 1 are wrong by 1e4 nats each, pixels 2 and 3 right at no cost
    torch.testing.assert_close(bernoulli_nll(EXTREME, BINARY), torch.tensor([2e4]))
    torch.testing.assert_close(reconstruction_bce(EXTREME, BINARY), torch.tensor(0.5e4))
    torch.testing.assert_close(image_mse(EXTREME, BINARY), torch.tensor([0.5]))
    assert gaussian_nll(EXTREME, BINARY, torch.tensor(-10.0)).isfinite().all()


def test_the_loss_of_a_name_is_the_loss_of_that_name() -> None:
    assert torch.equal(reconstruction_loss(LOGITS, IMAGES, kind="mse"), reconstruction_mse(LOGITS, IMAGES))
    assert torch.equal(reconstruction_loss(LOGITS, IMAGES, kind="bce"), reconstruction_bce(LOGITS, IMAGES))
