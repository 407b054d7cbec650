"""Principal components, the linear counterpart of an autoencoder, and their Gaussian, that of a Gaussian VAE.

At its optimum a linear autoencoder with squared error spans the principal components (Baldi & Hornik 1989), and a
linear Gaussian VAE is probabilistic PCA (Tipping & Bishop 1999; arXiv:1911.02469). Axes: N rows, D inputs,
M components.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MAX_COMPONENTS = 256
MAX_EXACT_INPUTS = 2048
"""Above this the D x D covariance is not formed, and the leading components come from a seeded random projection."""

Array = NDArray[np.float64]


class PrincipalComponents(NamedTuple):
    """Variances have the denominator rows - 1, as in scikit-learn.

    `mean` (D,); `directions` (M, D), orthonormal; `variances` (M,), falling; `total_variance`, the sum over all D
    inputs; `least_variance`, below which a variance is rounding of the stored pixels.
    """

    mean: Array
    directions: Array
    variances: Array
    total_variance: float
    least_variance: float


class Coordinates(NamedTuple):
    """Squared coordinates of rows along each component (N, M), and the squared length of what is outside all (N,)."""

    squared: Array
    outside: Array


def rounding_variance(pixel_max: int) -> float:
    """Variance of rounding to stored whole numbers, in units of the pixel range [0, 1]: step**2 / 12."""
    return 1.0 / (12.0 * pixel_max**2)


def fit_components(train: Array, *, pixel_max: int, seed: int) -> PrincipalComponents:
    """Up to 256 components of train rows (N, D).

    Raises:
        ValueError: fewer than two rows.
    """
    from sklearn.decomposition import PCA  # here: it takes a second, and who reads what was fitted needs none of it

    rows, inputs = train.shape
    if rows < 2:
        raise ValueError(f"principal components need at least 2 images in train, found {rows}")
    solver = "covariance_eigh" if inputs <= MAX_EXACT_INPUTS else "randomized"
    pca = PCA(min(inputs, rows - 1, MAX_COMPONENTS), svd_solver=solver, random_state=seed).fit(train)
    return PrincipalComponents(
        mean=pca.mean_,
        directions=pca.components_,
        variances=pca.explained_variance_,
        total_variance=float(train.var(axis=0, ddof=1).sum()),
        least_variance=rounding_variance(pixel_max),
    )


def coordinates(components: PrincipalComponents, x: Array) -> Coordinates:
    """Where rows (N, D) lie in the components."""
    centred = x - components.mean
    squared = np.square(centred @ components.directions.T)
    count, inputs = components.directions.shape
    if count == inputs:
        return Coordinates(squared, np.zeros(len(x)))
    return Coordinates(squared, np.maximum(np.square(centred).sum(axis=1) - squared.sum(axis=1), 0.0))


def residuals(found: Coordinates) -> Array:
    """Squared length of what the first k components leave of each row, for k = 1..M: (N, M).

    Summed from the last component, so that a small rest is not the difference of two large sums.
    """
    beyond = np.zeros_like(found.squared)
    beyond[:, :-1] = np.cumsum(found.squared[:, :0:-1], axis=1)[:, ::-1]
    return beyond + found.outside[:, None]


def reconstruction_errors(components: PrincipalComponents, x: Array) -> Array:
    """Mean squared error over the D inputs of each row from its first k components, for k = 1..M: (N, M)."""
    errors: Array = residuals(coordinates(components, x)) / x.shape[1]
    return errors


def project(components: PrincipalComponents, x: Array, *, count: int) -> Array:
    """Rows (N, D) rebuilt from their first `count` components: (N, D)."""
    directions = components.directions[:count]
    return np.asarray(components.mean + (x - components.mean) @ directions.T @ directions, dtype=np.float64)


def noise_variances(components: PrincipalComponents) -> Array:
    """Variance of the noise of probabilistic PCA with k components, for k = 1..M (M,).

    The maximum-likelihood value is the mean of the D - k variances that are left out (Tipping & Bishop 1999, eq. 8).
    It is no smaller than the rounding of the pixels: inputs that never vary in train would make the density infinite.
    """
    count, inputs = components.directions.shape
    left_out = inputs - np.arange(1, count + 1)
    rest = components.total_variance - np.cumsum(components.variances)
    noise: Array = rest / np.maximum(left_out, 1)
    return np.maximum(noise, components.least_variance)


def probabilistic_nll(components: PrincipalComponents, x: Array) -> Array:
    """Negative log-likelihood in nats of each row under probabilistic PCA with k components, for k = 1..M: (N, M).

    The covariance has the variances v_1..v_k along the components and the noise s in the other D - k directions, so
    2 nll = D log 2 pi + sum_i log v_i + (D - k) log s + sum_i y_i**2 / v_i + rest / s.
    """
    count, inputs = components.directions.shape
    found = coordinates(components, x)
    kept = np.maximum(components.variances, components.least_variance)
    noise = noise_variances(components)
    left_out = inputs - np.arange(1, count + 1)
    log_determinant = np.cumsum(np.log(kept)) + left_out * np.log(noise)
    distance = np.cumsum(found.squared / kept, axis=1) + residuals(found) / noise
    return np.asarray(0.5 * (inputs * np.log(2 * np.pi) + log_determinant + distance), dtype=np.float64)
