"""Multinomial logistic regression on pixels: what a classifier reaches without any hidden layer."""

import warnings
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from encdec.metrics.classification import ranks
from encdec.metrics.scores import Columns
from encdec.progress import watched

STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0)
"""The values of C that are tried, from the most to the least regularised, until val gets worse."""
MAX_ITERATIONS = 100
"""Per value of C, each of which starts from the weights of the one before."""


class Rows(NamedTuple):
    """`pixels` (N, D) float32 in [0, 1]; `labels` (N,) as numbers of the classes."""

    pixels: NDArray[np.float32]
    labels: NDArray[np.int64]


class Classifier(NamedTuple):
    """`log_probs` of test (N, K); `strength`, the C that was best on val; `val_nll` by C in nats per image."""

    log_probs: NDArray[np.float64]
    strength: float
    val_nll: Mapping[float, float]


def classify(train: Rows, val: Rows, test: NDArray[np.float32], *, num_classes: int) -> Classifier:
    """Fit on train with less and less of a penalty, keep the fit with the least NLL on val, and predict test (N, D).

    A fit that ends at MAX_ITERATIONS is taken as it is: to stop early is one more penalty, and val judges it.
    """
    val_nll: dict[float, float] = {}
    best = np.zeros((len(test), num_classes))
    regression = LogisticRegression(max_iter=MAX_ITERATIONS, warm_start=True)
    for strength in watched(STRENGTHS, "baselines: logistic regression", total=len(STRENGTHS), unit="fits"):
        fit(regression, train, strength=strength)
        on_val = log_probabilities(regression, val.pixels, train=train.labels, num_classes=num_classes)
        nll = -float(on_val[np.arange(len(val.labels)), val.labels].mean())
        worse = bool(val_nll) and nll >= min(val_nll.values())
        val_nll[strength] = nll
        if worse:
            break
        best = log_probabilities(regression, test, train=train.labels, num_classes=num_classes)
    return Classifier(best, min(val_nll, key=lambda strength: val_nll[strength]), val_nll)


def fit(regression: LogisticRegression, train: Rows, *, strength: float) -> None:
    """Where train has one class alone there is nothing to fit."""
    if len(np.unique(train.labels)) == 1:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        regression.set_params(C=strength).fit(train.pixels, train.labels)


def log_probabilities(
    regression: LogisticRegression, pixels: NDArray[np.float32], *, train: NDArray[np.int64], num_classes: int
) -> NDArray[np.float64]:
    """Of every class (N, K). One that the labels of train lack gets 1 / (rows + K), as Laplace's rule has it."""
    present = np.unique(train)
    share = 1.0 / (len(train) + num_classes)
    full = np.full((len(pixels), num_classes), np.log(share))
    seen = present_log_probabilities(regression, pixels) if len(present) > 1 else np.zeros((len(pixels), 1))
    full[:, present] = seen + np.log1p(-share * (num_classes - len(present)))
    return full


def present_log_probabilities(regression: LogisticRegression, pixels: NDArray[np.float32]) -> NDArray[np.float64]:
    """Of each class that was fitted (N, fewer or K): finite where a probability itself would be rounded to 0."""
    scores = np.asarray(regression.decision_function(pixels), dtype=np.float64)
    if scores.ndim == 1:  # two classes: one score, the log odds of the second
        scores = np.stack([np.zeros_like(scores), scores], axis=1)
    return np.asarray(log_softmax(scores, axis=1), dtype=np.float64)


def label_columns(log_probs: NDArray[np.float64], labels: NDArray[np.int64]) -> Columns:
    """What a classifier's metrics are made of (N,), from log-probabilities (N, K) and labels (N,).

    `rank`: how many classes come before the right one; of equal classes the first comes first.
    """
    rows = np.arange(len(labels))
    prediction = log_probs.argmax(axis=1)
    return {
        "label": labels,
        "prediction": prediction,
        "confidence": np.exp(log_probs[rows, prediction]),
        "correct": prediction == labels,
        "rank": ranks(log_probs, labels),
        "nll": -log_probs[rows, labels],
    }
