"""Whether a classifier is right as often as it says."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class CalibrationBins(NamedTuple):
    """Per bin (K,): its rows, their mean confidence and the share of them that is right; 0 where there are none."""

    counts: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]


def bin_numbers(confidence: NDArray[Any], *, num_bins: int) -> NDArray[np.int64]:
    """The bin of each row (N,), of equal width; a confidence on an edge belongs to the bin below it, 0 to the first."""
    edges = np.linspace(0.0, 1.0, num_bins + 1)
    found = np.searchsorted(edges, np.asarray(confidence, dtype=np.float64), side="left") - 1
    return np.clip(found, 0, num_bins - 1)


def calibration_bins(confidence: NDArray[Any], correct: NDArray[Any], *, num_bins: int) -> CalibrationBins:
    """What a reliability diagram shows, from (N,), (N,) (arXiv:1706.04599)."""
    bins = bin_numbers(confidence, num_bins=num_bins)
    counts = np.bincount(bins, minlength=num_bins)
    sums = [
        np.bincount(bins, weights=np.asarray(values, dtype=np.float64), minlength=num_bins)
        for values in (confidence, correct)
    ]
    means = [np.divide(total, counts, out=np.zeros(num_bins), where=counts > 0) for total in sums]
    return CalibrationBins(counts, means[0], means[1])


def expected_calibration_error(confidence: NDArray[Any], correct: NDArray[Any], *, num_bins: int) -> float:
    """sum over bins of (share of rows) * |mean correct - mean confidence|, from (N,), (N,) (arXiv:1706.04599).

    The bins have equal width; a confidence on an edge belongs to the bin below it, as in the paper, and 0 to the first.
    """
    confidence = np.asarray(confidence, dtype=np.float64)
    bins = bin_numbers(confidence, num_bins=num_bins)
    # |mean correct - mean confidence| * rows of a bin = |sum of the differences|
    gaps = np.bincount(bins, weights=np.asarray(correct, dtype=np.float64) - confidence, minlength=num_bins)
    return float(np.abs(gaps).sum() / len(confidence))
