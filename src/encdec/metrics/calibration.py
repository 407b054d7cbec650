"""Whether a classifier is right as often as it says."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def expected_calibration_error(confidence: NDArray[Any], correct: NDArray[Any], *, num_bins: int) -> float:
    """sum over bins of (share of rows) * |mean correct - mean confidence|, from (N,), (N,) (arXiv:1706.04599).

    The bins have equal width; a confidence on an edge belongs to the bin below it, as in the paper, and 0 to the first.
    """
    confidence = np.asarray(confidence, dtype=np.float64)
    edges = np.linspace(0.0, 1.0, num_bins + 1)
    bins = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, num_bins - 1)
    # |mean correct - mean confidence| * rows of a bin = |sum of the differences|
    gaps = np.bincount(bins, weights=np.asarray(correct, dtype=np.float64) - confidence, minlength=num_bins)
    return float(np.abs(gaps).sum() / len(confidence))
