"""Which rows a figure shows: chosen by rule, so that the same rows come each time and none is chosen for its looks."""

import numpy as np
from numpy.typing import NDArray

SMALL_SIDE = 32
"""Pixels up to which an image counts as small."""


def shown(side: int) -> int:
    """How many images stand side by side: fewer of those that need more room."""
    return 10 if side <= SMALL_SIDE else 6


def one_of_each(labels: NDArray[np.int64], *, count: int) -> NDArray[np.int64]:
    """The first row of each class in the order of the classes, then the second of each and so on: (count,) or fewer."""
    order = np.argsort(labels, kind="stable")
    _, starts, sizes = np.unique(labels[order], return_index=True, return_counts=True)
    place = np.arange(len(labels)) - np.repeat(starts, sizes)  # 0 for the first row of each class
    return np.asarray(order[np.lexsort((labels[order], place))][:count], dtype=np.int64)


def largest(values: NDArray[np.floating], *, count: int) -> NDArray[np.int64]:
    """Rows of the largest values (N,), the largest first; of equal ones the earlier."""
    return np.argsort(-np.asarray(values, dtype=np.float64), kind="stable")[:count]
