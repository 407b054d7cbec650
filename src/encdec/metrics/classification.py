"""Scores of a classifier's answers. Axes: N rows, K classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def ranks(logits: NDArray[Any], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many classes come before the right one, (N, K), (N,) -> (N,): 0 where the answer is right.

    Of classes with the same score the first comes first, as in argmax.
    """
    true = np.take_along_axis(logits, labels[:, None], axis=1)  # (N, 1)
    earlier = np.arange(logits.shape[1]) < labels[:, None]  # (N, K)
    return np.asarray(((logits > true) | ((logits == true) & earlier)).sum(axis=1))


def top_k_accuracy(rank: NDArray[Any], *, k: int) -> float:
    """The share of rows (N,) whose class is among the k first answers; with k = 1 the accuracy."""
    return float(np.mean(rank < k))


def confusion_matrix(labels: NDArray[Any], predictions: NDArray[Any], *, num_classes: int) -> NDArray[np.int64]:
    """Counts (K, K): rows are the true classes, columns the answers."""
    cells = np.bincount(labels * num_classes + predictions, minlength=num_classes**2)
    return cells.reshape(num_classes, num_classes)


def per_class_scores(confusion: NDArray[np.int64], *, classes: Sequence[str]) -> pd.DataFrame:
    """Columns class, precision, recall, f1, support, from counts (K, K); a share of nothing is 0."""
    hits = confusion.diagonal()
    answered, support = confusion.sum(axis=0), confusion.sum(axis=1)
    return pd.DataFrame(
        {
            "class": list(classes),
            "precision": shares(hits, answered),
            "recall": shares(hits, support),
            "f1": shares(2 * hits, answered + support),
            "support": support,
        }
    )


def confusion_rows(confusion: NDArray[np.int64], *, classes: Sequence[str]) -> pd.DataFrame:
    """Columns label, prediction, count: a row for each of the K * K cells."""
    names = np.array(list(classes), dtype=object)
    return pd.DataFrame(
        {
            "label": pd.Series(names.repeat(len(names)), dtype="str"),
            "prediction": pd.Series(np.tile(names, len(names)), dtype="str"),
            "count": confusion.ravel(),
        }
    )


def shares(parts: NDArray[np.int64], wholes: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.divide(parts, wholes, out=np.zeros(len(parts)), where=wholes > 0)
