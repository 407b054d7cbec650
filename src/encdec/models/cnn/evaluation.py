"""Scores a classifier on one split."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import torch
from torch.nn import functional as F

from encdec.datasets.images import ImageSplit
from encdec.metrics.calibration import calibration_bins, expected_calibration_error
from encdec.metrics.classification import confusion_matrix, confusion_rows, per_class_scores, ranks, top_k_accuracy
from encdec.metrics.columns import joined
from encdec.metrics.scores import Columns, Metric, Scores
from encdec.models.cnn.network import Cnn
from encdec.models.cnn.spec import CnnSpec
from encdec.params.data import Evaluation


def score(network: Cnn, spec: CnnSpec, split: ImageSplit, settings: Evaluation, *, seed: int) -> Scores:
    """Columns label, prediction, confidence, correct, rank, nll; tables per_class, confusion, answers, reliability.

    Nothing is drawn at random, so `seed` changes nothing. `rank`: how many classes come before the right one.
    """
    columns = classify(network, split, batch_size=settings.batch_size)
    classes = split.card.classes
    confusion = confusion_matrix(columns["label"], columns["prediction"], num_classes=len(classes))
    tables = {
        "per_class": per_class_scores(confusion, classes=classes),
        "confusion": confusion_rows(confusion, classes=classes),
        "answers": answers(columns, classes=classes),
        "reliability": reliability(columns, num_bins=settings.calibration_bins),
    }
    return Scores(columns, metrics(top_k=settings.top_k, calibration_bins=settings.calibration_bins), tables)


@torch.inference_mode()
def classify(network: Cnn, split: ImageSplit, *, batch_size: int) -> Columns:
    """A value per image of the split, in its order."""
    network.eval()
    return joined(classified(network, split, batch_size=batch_size), rows=len(split))


def classified(network: Cnn, split: ImageSplit, *, batch_size: int) -> Iterator[Columns]:
    """The same, batch by batch."""
    for images, labels in split.batches(batch_size, label="evaluate cnn"):
        logits = network(images).double()
        prediction = logits.argmax(dim=1)
        yield {
            "label": labels.numpy(),
            "prediction": prediction.numpy(),
            "confidence": logits.softmax(dim=1).amax(dim=1).numpy(),
            "correct": (prediction == labels).numpy(),
            "rank": ranks(logits.numpy(), labels.numpy()),
            "nll": F.cross_entropy(logits, labels, reduction="none").numpy(),
        }


def answers(columns: Columns, *, classes: Sequence[str]) -> pd.DataFrame:
    """Columns actual, predicted: the class names, a row per image, as DVC's template of a confusion matrix wants it."""
    names = np.array(list(classes), dtype=object)
    return pd.DataFrame(
        {
            side: names[columns[name].astype(np.int64)]
            for side, name in (("actual", "label"), ("predicted", "prediction"))
        }
    )


def reliability(columns: Columns, *, num_bins: int) -> pd.DataFrame:
    """Columns confidence, accuracy, images: a row per bin of confidence that is not empty."""
    bins = calibration_bins(columns["confidence"], columns["correct"], num_bins=num_bins)
    table = pd.DataFrame({"confidence": bins.confidence, "accuracy": bins.accuracy, "images": bins.counts})
    return table[table["images"] > 0]


def metrics(*, top_k: int, calibration_bins: int) -> tuple[Metric, ...]:
    """The first is the headline. They need the columns rank, nll, confidence and correct."""
    return (
        Metric("accuracy", lambda columns: top_k_accuracy(columns["rank"], k=1), higher_is_better=True),
        Metric(f"top{top_k}_accuracy", lambda columns: top_k_accuracy(columns["rank"], k=top_k), higher_is_better=True),
        Metric("nll", lambda columns: float(columns["nll"].mean()), higher_is_better=False),
        Metric(
            "ece",
            lambda columns: expected_calibration_error(
                columns["confidence"], columns["correct"], num_bins=calibration_bins
            ),
            higher_is_better=False,
        ),
    )
