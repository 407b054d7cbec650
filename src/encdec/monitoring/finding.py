"""What one test found, before it is corrected for the others; and the families that tests are corrected in."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

Array = NDArray[np.float64]


class Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Histogram(Record):
    """Shares of the rows between neighbouring `edges`; what lies outside is not there, the edges hold all of both."""

    edges: tuple[float, ...]
    reference: tuple[float, ...]
    batch: tuple[float, ...]


class Bars(Record):
    """Shares of the rows, or of the characters, by name."""

    names: tuple[str, ...]
    reference: tuple[float, ...]
    batch: tuple[float, ...]


class Finding(NamedTuple):
    """`statistic` and `effect` are names, `value` and `size` their numbers; `p` is not corrected.

    `said`: what is seen, as a sentence without its end. `shape`: both distributions, where there is a picture of them.
    """

    name: str
    statistic: str
    value: float
    p: float
    effect: str
    size: float
    reference_rows: int
    batch_rows: int
    said: str
    shape: Histogram | Bars | None = None


class Family(NamedTuple):
    """Tests that ask one thing; every family has the same part of the false-alarm rate."""

    name: str
    asks: str
    findings: Sequence[Finding]
