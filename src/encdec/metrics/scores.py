"""What an evaluation hands over: a column per per-sample value, and metrics as functions of those columns.

A metric is computed from columns, so that a bootstrap resamples rows, and a baseline with the same columns
is measured by the same function.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Columns = Mapping[str, NDArray[np.generic]]


class Metric(NamedTuple):
    """`compute`: from columns, each with a row per sample (N, ...), to one number."""

    name: str
    compute: Callable[[Columns], float]
    higher_is_better: bool


class Scores(NamedTuple):
    """`columns`: per-sample values (N, ...); `metrics`: the first is the model's headline; `tables`: e.g. per class."""

    columns: Columns
    metrics: tuple[Metric, ...]
    tables: Mapping[str, pd.DataFrame]
