"""How well images were rebuilt. Errors are in squared units of the pixel range [0, 1]."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from encdec.metrics.scores import Metric

LEAST_ERROR = float(np.finfo(np.float32).eps) ** 2
"""Squared rounding of a float32 pixel at 1: a smaller error is no error, and its PSNR would be infinite."""


def psnr(mse: NDArray[Any]) -> float:
    """Peak signal-to-noise ratio in dB of a peak of 1, 10 log10(1 / mse), the mean over images (N,).

    The mean of the ratios, not the ratio of the mean error. An image rebuilt exactly counts as rebuilt to the
    rounding of float32: 138 dB.
    """
    errors = np.maximum(np.asarray(mse, dtype=np.float64), LEAST_ERROR)
    return float((-10.0 * np.log10(errors)).mean())


RECONSTRUCTION_METRICS = (
    Metric("mse", lambda columns: float(columns["mse"].mean()), higher_is_better=False),
    Metric("psnr", lambda columns: psnr(columns["mse"]), higher_is_better=True),
)
"""The first is the headline. They need the column mse, the mean over the values of each image."""
