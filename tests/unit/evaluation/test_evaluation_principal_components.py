"""Principal components and probabilistic PCA against scikit-learn and scipy."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.decomposition import PCA

from encdec.evaluation.principal_components import (
    fit_components,
    noise_variances,
    probabilistic_nll,
    reconstruction_errors,
    rounding_variance,
)


def rows(count: int, *, inputs: int = 6, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.normal(size=(count, inputs)) @ np.random.default_rng(9).normal(size=(inputs, inputs)) * 0.1 + 0.5


@pytest.mark.parametrize("k", [1, 3, 6])
def test_reconstruction_error_is_that_of_scikit_learn_with_k_components(k: int) -> None:
    train, test = rows(50), rows(7, seed=1)
    reference = PCA(k).fit(train)
    restored = reference.inverse_transform(reference.transform(test))
    expected = np.square(restored - test).mean(axis=1)
    errors = reconstruction_errors(fit_components(train, pixel_max=255, seed=0), test)
    assert errors.shape == (7, 6)
    np.testing.assert_allclose(errors[:, k - 1], expected, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("k", [1, 2, 5, 6])
def test_probabilistic_nll_is_that_of_scikit_learn_with_k_components(k: int) -> None:
    train, test = rows(50), rows(7, seed=1)
    nll = probabilistic_nll(fit_components(train, pixel_max=255, seed=0), test)
    np.testing.assert_allclose(nll[:, k - 1], -PCA(k, svd_solver="full").fit(train).score_samples(test), rtol=1e-8)


def test_probabilistic_nll_of_one_component_is_that_of_its_gaussian() -> None:
    # covariance written out: v u u' + s (I - u u'), with s the mean of the other two variances
    train, test = rows(40, inputs=3), rows(4, inputs=3, seed=1)
    values, vectors = np.linalg.eigh(np.cov(train.T))
    u = vectors[:, -1:]
    covariance = values[-1] * u @ u.T + values[:2].mean() * (np.eye(3) - u @ u.T)
    expected = -multivariate_normal(train.mean(axis=0), covariance).logpdf(test)
    nll = probabilistic_nll(fit_components(train, pixel_max=255, seed=0), test)
    np.testing.assert_allclose(nll[:, 0], expected, rtol=1e-9)


def test_inputs_that_never_vary_get_the_variance_of_rounding() -> None:
    train = rows(30)
    train[:, 2:] = 0.0  # two directions vary: from k = 2 on nothing is left out
    components = fit_components(train, pixel_max=16, seed=0)
    # whole steps of 1/16 are rounded with an error uniform in [-1/32, 1/32]: variance (1/16)**2 / 12
    assert rounding_variance(16) == (1 / 16) ** 2 / 12
    np.testing.assert_allclose(noise_variances(components)[1:], rounding_variance(16))
    assert np.isfinite(probabilistic_nll(components, rows(5, seed=1))).all()
    np.testing.assert_allclose(reconstruction_errors(components, train)[:, 1:], 0.0, atol=1e-15)


def test_fewer_rows_than_inputs_give_one_component_less_than_rows() -> None:
    train = rows(4, inputs=10)
    errors = reconstruction_errors(fit_components(train, pixel_max=255, seed=0), train)
    # 4 rows lie in 3 directions around their mean: all three rebuild them without error
    assert errors.shape == (4, 3)
    assert (errors[:, 1] > 1e-6).all()
    np.testing.assert_allclose(errors[:, 2], 0.0, atol=1e-15)


def test_many_inputs_take_the_same_leading_components(monkeypatch: pytest.MonkeyPatch) -> None:
    train, test = rows(60, inputs=40), rows(5, inputs=40, seed=1)
    exact = reconstruction_errors(fit_components(train, pixel_max=255, seed=0), test)
    monkeypatch.setattr("encdec.evaluation.principal_components.MAX_EXACT_INPUTS", 30)
    monkeypatch.setattr("encdec.evaluation.principal_components.MAX_COMPONENTS", 5)
    projected = reconstruction_errors(fit_components(train, pixel_max=255, seed=0), test)
    assert projected.shape == (5, 5)
    np.testing.assert_allclose(projected, exact[:, :5], rtol=0.02)


def test_one_row_has_no_components() -> None:
    with pytest.raises(ValueError, match="need at least 2 images in train, found 1"):
        fit_components(rows(1), pixel_max=255, seed=0)
