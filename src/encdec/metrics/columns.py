"""Columns that are made batch by batch."""

from collections.abc import Iterable

import numpy as np

from encdec.metrics.scores import Columns


def joined(parts: Iterable[Columns], *, rows: int) -> Columns:
    """The rows of all batches, in their order; `rows` is how many they are together.

    Each batch is copied to its place at once: a list of small arrays would keep the memory of a whole batch's
    intermediate results from being used again.

    Raises:
        ValueError: there is no row, or the batches have fewer rows or more.
    """
    columns: Columns = {}
    end = 0
    for part in parts:
        start, end = end, end + len(next(iter(part.values())))
        if end > rows:
            break
        if not columns:
            columns = {name: np.empty((rows, *column.shape[1:]), column.dtype) for name, column in part.items()}
        for name, column in part.items():
            columns[name][start:end] = column
    if end == 0:
        raise ValueError("the split to evaluate has no rows; give it a larger share in params.yaml")
    if end != rows:
        raise ValueError(f"the batches have {end} rows, expected {rows}, those of the split")
    return columns
