"""The Wiener filter against written-out algebra, a regression on corrupted images, and doing nothing."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from encdec.evaluation.principal_components import fit_components
from encdec.evaluation.wiener import corrupted_moments, fit_wiener, restore
from encdec.params.corruption import Corruption, GaussianNoise, Masking, SaltAndPepper

GAUSSIAN = GaussianNoise(kind="gaussian", noise_std=0.2)
MASKING = Masking(kind="masking", mask_prob=0.4)
SALT = SaltAndPepper(kind="salt_and_pepper", flip_prob=0.3)


def clean_rows(count: int, *, seed: int) -> np.ndarray:
    """Rows (count, 5) inside [0.2, 0.8] in which inputs go together: estimates are never clipped."""
    generator = np.random.default_rng(seed)
    shared = generator.uniform(-1, 1, size=(count, 2)) @ np.array(
        [[0.2, 0.15, -0.1, 0.0, 0.1], [0.0, 0.1, 0.1, 0.2, -0.1]]
    )
    return 0.5 + shared + generator.uniform(-0.03, 0.03, size=(count, 5))


def corrupted(x: np.ndarray, corruption: Corruption, *, seed: int) -> np.ndarray:
    """An independent writing of the three corruptions, input by input."""
    generator = np.random.default_rng(seed)
    match corruption:
        case GaussianNoise(noise_std=noise_std):
            return x + noise_std * generator.normal(size=x.shape)
        case Masking(mask_prob=mask_prob):
            return np.where(generator.random(x.shape) < mask_prob, 0.0, x)
        case SaltAndPepper(flip_prob=flip_prob):
            return np.where(generator.random(x.shape) < flip_prob, generator.integers(0, 2, size=x.shape), x)


def test_gaussian_filter_is_the_textbook_formula() -> None:
    x = clean_rows(200, seed=0)
    y = corrupted(x, GAUSSIAN, seed=1)
    covariance = np.cov(x.T)
    gain = covariance @ np.linalg.inv(covariance + 0.2**2 * np.eye(5))  # C (C + s**2 I)^-1
    expected = x.mean(axis=0) + (y - x.mean(axis=0)) @ gain.T
    estimate = restore(fit_wiener(fit_components(x, pixel_max=255, seed=0), GAUSSIAN), y)
    np.testing.assert_allclose(estimate, np.clip(expected, 0, 1), rtol=1e-9)


def test_one_input_is_shrunk_towards_its_mean_by_hand() -> None:
    x = np.array([[0.2], [0.4], [0.6], [0.8]])  # mean 1/2, variance (0.09 + 0.01 + 0.01 + 0.09) / 3 = 1/15
    noise = GaussianNoise(kind="gaussian", noise_std=float(np.sqrt(1 / 15)))
    # signal and noise vary alike: half of each distance from the mean stays
    estimate = restore(fit_wiener(fit_components(x, pixel_max=10**6, seed=0), noise), np.array([[0.5], [0.9], [0.1]]))
    np.testing.assert_allclose(estimate, [[0.5], [0.7], [0.3]])


@pytest.mark.parametrize("corruption", [GAUSSIAN, MASKING, SALT], ids=lambda corruption: corruption.kind)
def test_few_components_give_the_filter_of_their_written_out_covariance(
    corruption: Corruption, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("encdec.evaluation.principal_components.MAX_COMPONENTS", 1)
    x = clean_rows(200, seed=0)
    values, vectors = np.linalg.eigh(np.cov(x.T))
    rest, u = values[:4].mean(), vectors[:, 4:]  # the second shared direction is among the four left out
    covariance = rest * np.eye(5) + (values[4] - rest) * u @ u.T
    gain, offset, noise = corrupted_moments(corruption, mean=x.mean(axis=0), variance=np.diag(covariance))
    y = corrupted(x, corruption, seed=1)
    weights = gain * covariance @ np.linalg.inv(gain**2 * covariance + np.diag(noise))
    expected = x.mean(axis=0) + (y - gain * x.mean(axis=0) - offset) @ weights.T
    estimate = restore(fit_wiener(fit_components(x, pixel_max=255, seed=0), corruption), y)
    np.testing.assert_allclose(estimate, np.clip(expected, 0, 1), rtol=1e-8)


@pytest.mark.parametrize("corruption", [GAUSSIAN, MASKING, SALT], ids=lambda corruption: corruption.kind)
def test_moments_are_those_of_corrupted_images(corruption: Corruption) -> None:
    x = np.tile([[0.1, 0.5], [0.9, 0.7]], (200_000, 1))
    y = corrupted(x, corruption, seed=2)
    gain, offset, noise = corrupted_moments(corruption, mean=x.mean(axis=0), variance=x.var(axis=0))
    # means of 400,000 values of deviation below 0.5 have a standard error below 0.0008, and so have their squares
    np.testing.assert_allclose(y.mean(axis=0), gain * x.mean(axis=0) + offset, atol=0.004)
    np.testing.assert_allclose(y.var(axis=0), gain**2 * x.var(axis=0) + noise, atol=0.004)
    np.testing.assert_allclose(
        np.mean((x[:, 0] - x[:, 0].mean()) * (y[:, 1] - y[:, 1].mean())), gain * np.cov(x.T, ddof=0)[0, 1], atol=0.002
    )


@pytest.mark.parametrize("corruption", [GAUSSIAN, MASKING, SALT], ids=lambda corruption: corruption.kind)
def test_filter_is_the_regression_of_clean_on_corrupted_images(corruption: Corruption) -> None:
    train, test = clean_rows(400, seed=0), clean_rows(50, seed=1)
    many = np.tile(train, (200, 1))
    regression = LinearRegression().fit(corrupted(many, corruption, seed=3), many)
    y = corrupted(test, corruption, seed=4)
    estimate = restore(fit_wiener(fit_components(train, pixel_max=255, seed=0), corruption), y)
    # a slope from n = 80,000 draws has error about residual / (sqrt(n) deviation of y) < 0.1 / (283 * 0.2) = 0.002;
    # five inputs, each within 1 of its mean, five errors: 0.02
    np.testing.assert_allclose(estimate, regression.predict(y), atol=0.02)


def test_filter_leaves_less_error_than_the_corruption() -> None:
    train, test = clean_rows(400, seed=0), clean_rows(200, seed=1)
    for corruption in (GAUSSIAN, MASKING, SALT):
        y = corrupted(test, corruption, seed=4)
        estimate = restore(fit_wiener(fit_components(train, pixel_max=255, seed=0), corruption), y)
        assert np.square(estimate - test).mean() < 0.5 * np.square(y - test).mean()


def test_inputs_that_are_always_zero_do_not_break_the_filter() -> None:
    train = np.hstack([clean_rows(50, seed=0), np.zeros((50, 2))])
    for corruption in (GAUSSIAN, MASKING, SALT):
        estimate = restore(fit_wiener(fit_components(train, pixel_max=255, seed=0), corruption), train)
        assert np.isfinite(estimate).all()
        np.testing.assert_allclose(estimate[:, 5:], 0.0, atol=0.01)
