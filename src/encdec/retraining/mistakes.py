"""The worst new errors: rows that the champion got right and the challenger gets wrong, as a list and as pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from encdec.datasets.images import ImageSplit
from encdec.datasets.pairs import PairSplit
from encdec.figures.fonts import label
from encdec.figures.image_grid import cards
from encdec.figures.picture import Picture as Drawing
from encdec.figures.picture import Words, rendered
from encdec.figures.selection import largest
from encdec.figures.style import LIGHT
from encdec.figures.texts import WrongText, wrong_texts
from encdec.metrics.scores import Columns
from encdec.report.numbers import significant
from encdec.retraining.document import PICTURES, Mistake, Picture
from encdec.retraining.measured import Both

SHOWN, COLUMNS = 16, 8


class Turned(NamedTuple):
    """`rows`: those to show, the worst first; `num_mistakes` and `num_mended`: rows that became wrong, and right.

    Of a model that is never right or wrong, rows whose error grew to more than double, or fell below half.
    """

    rows: NDArray[np.int64]
    num_mistakes: int
    num_mended: int


def turned(ours: Columns, theirs: Columns) -> Turned:
    """Which rows changed sides, by the columns correct, exact_match or mse."""
    if "correct" in ours or "exact_match" in ours:
        name = "correct" if "correct" in ours else "exact_match"
        now, before = ours[name].astype(bool), theirs[name].astype(bool)
        wrong, mended = ~now & before, now & ~before
        weight = ours["confidence" if name == "correct" else "edits"].astype(np.float64)
    else:
        error, old = ours["mse"].astype(np.float64), theirs["mse"].astype(np.float64)
        wrong, mended, weight = error > 2 * old, 2 * error < old, error - old
    rows = largest(np.where(wrong, weight, -np.inf), count=SHOWN)
    return Turned(np.asarray(rows[wrong[rows]], dtype=np.int64), int(wrong.sum()), int(mended.sum()))


def list_mistakes(both: Both, rows: NDArray[np.int64], *, new: Sequence[int]) -> tuple[Mistake, ...]:
    """Those rows in words; nothing without a champion.

    Args:
        new: positions of the rows that the old test split did not have.
    """
    if both.theirs is None:
        return ()
    fresh = set(new)
    if isinstance(both.split, ImageSplit):
        samples = both.split.rows["sample"].tolist()
        return tuple(
            Mistake(sample=samples[row], new=row in fresh, given=None, **image_words(both.split, both, row))
            for row in rows.tolist()
        )
    then, now = (scores.tables["predictions"] for scores in (both.theirs, both.ours))
    return tuple(
        Mistake(
            sample=str(now["sample"].iloc[row]),
            new=row in fresh,
            given=str(now["source"].iloc[row]),
            expected=str(now["reference"].iloc[row]),
            before=str(then["prediction"].iloc[row]),
            after=str(now["prediction"].iloc[row]),
        )
        for row in rows.tolist()
    )


def image_words(split: ImageSplit, both: Both, row: int) -> dict[str, str]:
    """The true class and both answers, or both errors."""
    assert both.theirs is not None
    classes = split.card.classes
    sides = {"before": both.theirs.columns, "after": both.ours.columns}
    if "prediction" in both.ours.columns:
        answers = {side: classes[int(columns["prediction"][row])] for side, columns in sides.items()}
    else:
        answers = {side: f"error {significant(float(columns['mse'][row]), 3)}" for side, columns in sides.items()}
    return {"expected": classes[int(split.labels[row])], **answers}


def draw_mistakes(
    both: Both, rows: NDArray[np.int64], mistakes: Sequence[Mistake], model: str, to: Path
) -> tuple[Picture, ...]:
    """A PNG for light pages; none without a mistake.

    Args:
        to: the folder of retrain.json.
    """
    if not mistakes:
        return ()
    told = "that the champion got right and the challenger gets wrong"
    if "mse" in both.ours.columns:
        told = "whose error is more than twice that of the champion"
    words = Words(
        name=f"{model}-worst-new-errors",
        title="Worst new errors",
        caption=f"The worst {len(mistakes)} test rows {told}.",
        alt=f"{len(mistakes)} test rows with what is true, what the champion said and what the challenger says.",
        group="mistakes",
    )
    if isinstance(both.split, PairSplit):
        texts = [WrongText(str(one.given), one.expected, one.after, "new" if one.new else "") for one in mistakes]
        drawing: Drawing = wrong_texts(texts, words=words, score="row")
    else:
        labels = [
            f"true {label(one.expected, most=12)}\nwas {label(one.before, most=14)}\nnow {label(one.after, most=14)}"
            for one in mistakes
        ]
        images = both.split.batch(rows).images.numpy()
        drawing = cards(images, words=words, columns=COLUMNS, labels=labels, target=64)
    file = f"{PICTURES}/{words.name}.png"
    (to / PICTURES).mkdir(parents=True, exist_ok=True)
    (to / file).write_bytes(rendered(drawing, LIGHT))
    return (Picture(file=file, title=words.title, caption=words.caption, alt=words.alt),)
