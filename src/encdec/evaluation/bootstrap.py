"""How sure a measured number is: the percentile bootstrap over the rows of a test split (Efron 1979).

It answers how much the number would move with another sample of test rows. It does not cover another training seed.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from encdec.metrics.scores import Columns, Metric

MAX_INDICES = 4_000_000
"""Indices drawn at once: 32 MB."""


class Interval(NamedTuple):
    """A number on all rows, and the bounds between which the given share of the resampled numbers lie."""

    value: float
    low: float
    high: float


class Resampling(NamedTuple):
    """`resamples`: how often the rows are drawn with replacement; `confidence`: the share between the bounds."""

    resamples: int
    confidence: float
    seed: int


def num_rows(columns: Columns) -> int:
    """Rows that all columns share.

    Raises:
        ValueError: no column, no row, or columns of different length.
    """
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"columns to resample must have one length, found {lengths}")
    rows = next(iter(lengths.values()))
    if rows == 0:
        raise ValueError(f"columns {sorted(lengths)} have no rows: there is nothing to measure")
    return rows


def draws(rows: int, resampling: Resampling) -> Iterator[NDArray[np.int64]]:
    """For each resample the rows drawn (rows,). The same seed and number of rows draw the same rows."""
    generator = np.random.default_rng(resampling.seed)
    chunk = max(1, MAX_INDICES // rows)
    for start in range(0, resampling.resamples, chunk):
        yield from generator.integers(0, rows, size=(min(chunk, resampling.resamples - start), rows))


def compute_all(metrics: Sequence[Metric], columns: Columns) -> NDArray[np.float64]:
    """Each metric of the columns (len(metrics),).

    Raises:
        ValueError: a metric is NaN or infinite.
    """
    values = np.array([metric.compute(columns) for metric in metrics], dtype=np.float64)
    for metric, value in zip(metrics, values, strict=True):
        if not np.isfinite(value):
            raise ValueError(f"metric {metric.name} is {value}, expected a finite number: look at its columns")
    return values


def resample(metrics: Sequence[Metric], columns: Columns, *, resampling: Resampling) -> NDArray[np.float64]:
    """Each metric on each resample of the rows (resamples, len(metrics)).

    Two sets of columns with the same rows, resampled with the same seed, are paired: the same rows are drawn.
    """
    return np.stack(
        [
            compute_all(metrics, {name: np.take(column, drawn, axis=0) for name, column in columns.items()})
            for drawn in draws(num_rows(columns), resampling)
        ]
    )


def percentile_interval(value: float, resampled: NDArray[np.float64], *, confidence: float) -> Interval:
    """The bounds that leave (1 - confidence) / 2 of the resampled numbers (resamples,) on either side."""
    low, high = np.quantile(resampled, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(value, float(low), float(high))


def bootstrap(metric: Metric, columns: Columns, *, resampling: Resampling) -> Interval:
    """A metric of the columns with its percentile interval."""
    resampled = resample([metric], columns, resampling=resampling)[:, 0]
    value = compute_all([metric], columns)[0]
    return percentile_interval(float(value), resampled, confidence=resampling.confidence)


def paired_bootstrap(metric: Metric, columns: Columns, other: Columns, *, resampling: Resampling) -> Interval:
    """The metric of `columns` less that of `other`, both of the same rows in the same order.

    Every resample draws the same rows of both, so that what makes a row easy or hard for both cancels.

    Raises:
        ValueError: the two have different numbers of rows.
    """
    if num_rows(columns) != num_rows(other):
        raise ValueError(f"a paired difference needs the same rows, found {num_rows(columns)} and {num_rows(other)}")
    value = compute_all([metric], columns)[0] - compute_all([metric], other)[0]
    resampled = resample([metric], columns, resampling=resampling) - resample([metric], other, resampling=resampling)
    return percentile_interval(float(value), resampled[:, 0], confidence=resampling.confidence)
