"""Challenger and champion on the same rows: those of the last commit's test split, those of now, and the new ones."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from encdec.datasets.images import ImageSplit
from encdec.datasets.pairs import PairSplit
from encdec.evaluation.bootstrap import Resampling, num_rows
from encdec.metrics.scores import Columns, Metric, Scores
from encdec.params.root import Params
from encdec.promotion.compare import Stored, as_read_by, compare_with, measure, open_test, shared_metrics
from encdec.promotion.decision import metric_lines
from encdec.retraining.document import Rows

Positions = NDArray[np.int64]


class Both(NamedTuple):
    """The scores of both on one split; `theirs`: None without a champion. `names`: metrics that mean the same for both.

    `keys`: what makes each row of the scores the same row in another split.
    """

    split: ImageSplit | PairSplit
    ours: Scores
    theirs: Scores | None
    names: tuple[str, ...]
    keys: Sequence[str]

    @property
    def headline(self) -> Metric:
        return self.ours.metrics[0]


def measure_both(folder: Path, challenger: Stored, champion: Stored | None, params: Params) -> Both:
    """
    Raises:
        ValueError: a model cannot be measured on these rows: another task, another shape, other classes.
    """
    split = open_test(folder, challenger.model)
    ours = measure(challenger, as_read_by(challenger, split), settings=params.evaluation, seed=params.seed)
    if champion is None:
        return Both(split, ours, None, (), keys_of(split))
    theirs = measure(champion, as_read_by(champion, split), settings=params.evaluation, seed=params.seed)
    return Both(split, ours, theirs, shared_metrics(ours, challenger, champion), keys_of(split))


def keys_of(split: ImageSplit | PairSplit) -> list[str]:
    """Of an image its pixels and its label; of a text pair the source, as a pair's scores have a row per source."""
    if isinstance(split, PairSplit):
        return [str(source) for source in split.rows["source"].drop_duplicates()]
    return [
        f"{sha256(np.ascontiguousarray(image).tobytes()).hexdigest()}:{split.card.classes[label]}"
        for image, label in zip(split.images, split.labels, strict=True)
    ]


def compared(both: Both, params: Params, positions: Positions | None = None) -> Rows:
    """Every metric with its interval and the paired gain, on all rows or on some."""
    ours, theirs = both.ours, both.theirs
    if positions is not None:
        ours = ours._replace(columns=at(ours.columns, positions))
        theirs = theirs and theirs._replace(columns=at(theirs.columns, positions))
    rules = params.promotion
    resampling = Resampling(rules.resamples, rules.confidence, params.seed)
    found = compare_with(ours, theirs, resampling, names=both.names if theirs is not None else None)
    return Rows(rows=num_rows(ours.columns), unit=unit_of(both.split), metrics=metric_lines(found))


def unit_of(split: ImageSplit | PairSplit) -> str:
    """What a row of the scores is."""
    return "distinct sources" if isinstance(split, PairSplit) else "images"


def at(columns: Columns, positions: Positions) -> Columns:
    return {name: np.take(column, positions, axis=0) for name, column in columns.items()}


def not_among(keys: Sequence[str], known: Sequence[str]) -> Positions:
    """Positions of the rows that the other split does not have."""
    there = set(known)
    return np.array([place for place, key in enumerate(keys) if key not in there], dtype=np.int64)


def groups_of(both: Both) -> Mapping[str, Positions]:
    """The rows of each class, or of each slice of texts; nothing where there is but one."""
    if isinstance(both.split, ImageSplit):
        names = np.array(both.split.card.classes, dtype=object)[both.split.labels]
    else:
        names = both.ours.columns["slice"].astype(object)
    found = {str(name): np.flatnonzero(names == name) for name in sorted(set(names.tolist()))}
    return found if len(found) > 1 else {}
