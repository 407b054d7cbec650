"""How large a shift is, beside how certain: the population stability index, and histograms of both sides."""

import numpy as np
from numpy.typing import NDArray

from encdec.monitoring.finding import Array, Histogram

DECILES = np.arange(1, 10) / 10
PICTURE_BINS = 20
HALF = 0.5
"""Added to each count, so that a bin without a row of one side has a logarithm."""


def population_stability_index(reference: Array, batch: Array) -> float:
    """sum over bins of (q - p) ln(q / p); 0 for equal shares.

    The bins lie between the deciles of the reference, and a decile itself is one too: a value that many rows share,
    as black is of a pixel, is not put together with its neighbours. p and q are the shares of reference (N,) and batch
    (M,), half a row added to each bin. With B bins and no shift it is about (B - 1) (1 / N + 1 / M): a small batch has
    a PSI of some hundredths by chance.
    """
    edges = np.unique(np.quantile(reference, DECILES))
    counts = np.stack([counts_between(values, edges) for values in (reference, batch)])
    smooth = counts[:, counts.sum(axis=0) > 0] + HALF
    p, q = smooth / smooth.sum(axis=1, keepdims=True)
    return float(((q - p) * np.log(q / p)).sum())


def counts_between(values: Array, edges: Array) -> NDArray[np.int64]:
    """(2 E + 1,) how many lie below, at and above each of E edges."""
    places = np.searchsorted(edges, values, side="left") + np.searchsorted(edges, values, side="right")
    return np.bincount(places, minlength=2 * len(edges) + 1)


def histogram(reference: Array, batch: Array) -> Histogram:
    """Both sides in bins of one width from the least to the greatest value of either."""
    both = np.concatenate([reference, batch])
    low, high = float(both.min()), float(both.max())
    edges = np.linspace(low, high if high > low else low + 1.0, PICTURE_BINS + 1)
    shares = [np.histogram(values, edges)[0] / len(values) for values in (reference, batch)]
    return Histogram(edges=edges.tolist(), reference=shares[0].tolist(), batch=shares[1].tolist())
