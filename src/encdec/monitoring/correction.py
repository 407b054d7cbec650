"""One rate of false alarms for many tests: Bonferroni between families, Holm within each.

Both hold whatever the dependence of the tests is. A shift that concerns one kind of test has to beat the tests of its
own family alone, so that 64 pixels do not hide three lengths.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from encdec.monitoring.finding import Family


def holm(p_values: Sequence[float]) -> NDArray[np.float64]:
    """Adjusted p-values (N,) in the order given (Holm 1979).

    The i-th smallest of N is max over j <= i of (N - j + 1) p_(j), at most 1.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order])
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def corrected(families: Sequence[Family]) -> list[NDArray[np.float64]]:
    """For each family the p-values to be held against the rate of the whole: Holm's, times the number of families."""
    return [np.minimum(holm([finding.p for finding in family.findings]) * len(families), 1.0) for family in families]
