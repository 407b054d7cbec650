"""The linear Wiener filter: the best linear estimate of a clean image from a corrupted one (Wiener 1949).

Nothing is sampled to fit it: each corruption's first two moments follow from those of the clean images. Axes: N rows,
D inputs, M components.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from encdec.evaluation.principal_components import PrincipalComponents, noise_variances
from encdec.params.corruption import Corruption, GaussianNoise, Masking, SaltAndPepper

Array = NDArray[np.float64]


class CorruptedMoments(NamedTuple):
    """A corrupted image y has mean `gain` * E[x] + `offset`, and covariance gain**2 Cov(x) + diag(`noise`).

    Its covariance with the clean image x is gain * Cov(x). `noise` (D,) is the variance that the corruption adds.
    """

    gain: float
    offset: float
    noise: Array


class WienerFilter(NamedTuple):
    """`clean` of train, and what the corruption makes of it."""

    clean: PrincipalComponents
    corrupted: CorruptedMoments


def corrupted_moments(corruption: Corruption, *, mean: Array, variance: Array) -> CorruptedMoments:
    """Moments after the corruption of images whose inputs have these means and variances (D,).

    Each input is corrupted by itself. With E[x**2] = variance + mean**2, the added variance is E[y**2] - E[y]**2 less
    gain**2 variance.
    """
    square = variance + np.square(mean)
    match corruption:
        case GaussianNoise(noise_std=noise_std):
            return CorruptedMoments(1.0, 0.0, np.full_like(mean, noise_std**2))
        case Masking(mask_prob=mask_prob):
            gain, offset, ones = 1.0 - mask_prob, 0.0, 0.0
        case SaltAndPepper(flip_prob=flip_prob):
            gain, offset, ones = 1.0 - flip_prob, flip_prob / 2, flip_prob / 2
    total = gain * square + ones - np.square(gain * mean + offset)
    return CorruptedMoments(gain, offset, np.maximum(total - gain**2 * variance, 0.0))


def fit_wiener(clean: PrincipalComponents, corruption: Corruption) -> WienerFilter:
    """The filter for images with these components and this corruption."""
    factors, rest = covariance_factors(clean)
    variance = rest + np.square(factors).sum(axis=1)
    return WienerFilter(clean, corrupted_moments(corruption, mean=clean.mean, variance=variance))


def covariance_factors(clean: PrincipalComponents) -> tuple[Array, float]:
    """Train's covariance as factors @ factors.T + rest * identity: factors (D, M), with all components that there are.

    Of the directions without a component only the mean variance is known, as in probabilistic PCA.
    """
    rest = float(noise_variances(clean)[-1])
    excess = np.maximum(clean.variances - rest, 0.0)
    return clean.directions.T * np.sqrt(excess), rest


def restore(wiener: WienerFilter, y: Array) -> Array:
    """The linear least-squares estimate of the clean rows from corrupted ones (N, D), clipped to the range [0, 1].

    x_hat = E[x] + Cov(x, y) Cov(y)^-1 (y - E[y]). Cov(y) is diagonal plus rank M, so its inverse is that of an M x M
    matrix (Woodbury): with A = gain * factors and d = gain**2 rest + noise,
    Cov(y)^-1 r = r / d - (A / d) (I + A.T (A / d))^-1 (A / d).T r.
    """
    clean, (gain, offset, noise) = wiener
    factors, rest = covariance_factors(clean)
    diagonal = gain**2 * rest + noise  # (D,)
    scaled = gain * factors / diagonal[:, None]  # (D, M)
    inner = np.eye(factors.shape[1]) + gain * factors.T @ scaled  # (M, M)
    centred = y - (gain * clean.mean + offset)
    whitened = centred / diagonal - np.linalg.solve(inner, (centred @ scaled).T).T @ scaled.T  # (N, D)
    estimate = clean.mean + gain * ((whitened @ factors) @ factors.T + rest * whitened)
    return np.asarray(np.clip(estimate, 0.0, 1.0), dtype=np.float64)
