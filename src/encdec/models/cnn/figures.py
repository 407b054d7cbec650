"""The figures of a classifier: what it confuses, how sure it is, and its worst mistakes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from encdec.datasets.images import ImageSplit
from encdec.figures.confusion import confusion
from encdec.figures.fonts import label
from encdec.figures.image_grid import cards
from encdec.figures.picture import Picture, Words
from encdec.figures.reliability import Bins, reliability
from encdec.figures.selection import largest
from encdec.metrics.calibration import calibration_bins, expected_calibration_error
from encdec.metrics.classification import confusion_matrix
from encdec.metrics.scores import Columns, Scores
from encdec.params.data import Evaluation

SHOWN, COLUMNS = 16, 8


def figures(split: ImageSplit, scores: Scores, settings: Evaluation) -> list[Picture]:
    """Drawn from the columns that `score` measured; no image goes through the network again."""
    columns, classes = scores.columns, split.card.classes
    counts = confusion_matrix(columns["label"], columns["prediction"], num_classes=len(classes))
    bins = calibration_bins(columns["confidence"], columns["correct"], num_bins=settings.calibration_bins)
    error = expected_calibration_error(columns["confidence"], columns["correct"], num_bins=settings.calibration_bins)
    return [
        confusion(counts, classes=classes),
        reliability(Bins(*bins), error=error),
        *mistakes(split, columns, classes=classes),
    ]


def worst_mistakes(columns: Columns) -> NDArray[np.int64]:
    """Rows of the wrong answers, the surest first."""
    wrong = ~columns["correct"].astype(bool)
    rows = largest(np.where(wrong, columns["confidence"].astype(np.float64), -1.0), count=SHOWN)
    return np.asarray(rows[wrong[rows]], dtype=np.int64)


def mistakes(split: ImageSplit, columns: Columns, *, classes: Sequence[str]) -> list[Picture]:
    """None where every answer is right."""
    rows, total = worst_mistakes(columns), int((~columns["correct"].astype(bool)).sum())
    if not len(rows):
        return []
    names = [label(name, most=12) for name in classes]
    true, said, sure = (columns[name][rows] for name in ("label", "prediction", "confidence"))
    labels = [
        f"true {names[int(one)]}\nsaid {names[int(two)]}\n{100 * float(share):.0f} %"
        for one, two, share in zip(true, said, sure, strict=True)
    ]
    which = f"All {total} wrong answers" if len(rows) == total else f"The surest {len(rows)} of {total} wrong answers"
    words = Words(
        name="worst_mistakes",
        title="Worst mistakes",
        caption=(
            f"{which}, the surest first: the true "
            f"class, what it said, and how sure it was. A wrong label in the data shows up here."
        ),
        alt=f"{len(rows)} misclassified images with true class, answer and confidence.",
        group="mistakes",
    )
    images = split.batch(rows).images.numpy()
    return [cards(images, words=words, columns=COLUMNS, labels=labels, target=64)]
