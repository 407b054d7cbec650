"""Two-sample tests: one number of each row, a class of each row, and a yes or no of each row."""

import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from encdec.monitoring.finding import Array, Bars, Finding
from encdec.monitoring.stability import histogram, population_stability_index
from encdec.report.numbers import significant

LEAST_EXPECTED = 5.0
"""Rows that the chi-squared distribution needs in every cell (Cochran 1954); below it tables are drawn instead."""
MOST_NAMED = 5
TABLES_DRAWN = "chi-squared, tables drawn"
KOLMOGOROV_SMIRNOV, CHI_SQUARED, FISHER = "Kolmogorov-Smirnov D", "chi-squared", "Fisher's exact test, odds ratio"
PSI, CRAMER, DIFFERENCE = "PSI", "Cramér's V", "difference of shares"
Alternative = Literal["two-sided", "less", "greater"]


def compare_values(name: str, reference: Array, batch: Array, *, drawn: bool = True) -> Finding:
    """Numbers of rows (N,) and (M,) by Kolmogorov and Smirnov: exact without ties, with them on the safe side.

    Args:
        drawn: whether the finding has a histogram of both.
    """
    with warnings.catch_warnings():  # where the exact p-value is out of reach scipy says so, and gives the limit's
        warnings.simplefilter("ignore", RuntimeWarning)
        found = stats.ks_2samp(reference, batch)
    place = float(found.statistic_location)
    below = [percent(float((values <= place).mean())) for values in (reference, batch)]
    return Finding(
        name=name,
        statistic=KOLMOGOROV_SMIRNOV,
        value=float(found.statistic),
        p=float(found.pvalue),
        effect=PSI,
        size=population_stability_index(reference, batch),
        reference_rows=len(reference),
        batch_rows=len(batch),
        said=f"{below[0]} of the reference and {below[1]} of the batch are at most {significant(place, 3)}",
        shape=histogram(reference, batch) if drawn else None,
    )


def compare_classes(
    name: str, reference: Sequence[str], batch: Sequence[str], *, permutations: int, seed: int
) -> Finding:
    """The class of each row: chi-squared over the table of 2 x K counts.

    Where a cell expects fewer than 5 rows, the p-value is the share of random tables with the same margins that are
    at least as far from the expected one (Patefield 1981), so that it holds for any counts.
    """
    names = sorted({*reference, *batch})
    counts = [Counter(side) for side in (reference, batch)]
    table = np.array([[count[each] for each in names] for count in counts])
    if len(names) == 1:
        method, value, p, size = None, 0.0, 1.0, 0.0
    else:
        expected = stats.contingency.expected_freq(table)
        generator = np.random.default_rng(seed)
        method = None if expected.min() >= LEAST_EXPECTED else stats.MonteCarloMethod(permutations, rng=generator)
        found = stats.chi2_contingency(table, correction=False, method=method)
        value, p = float(found.statistic), float(found.pvalue)
        size = float((value / table.sum()) ** 0.5)  # Cramér's V of a table with two rows
    shares = table / table.sum(axis=1, keepdims=True)
    return Finding(
        name=name,
        statistic=CHI_SQUARED if method is None else TABLES_DRAWN,
        value=value,
        p=p,
        effect=CRAMER,
        size=size,
        reference_rows=len(reference),
        batch_rows=len(batch),
        said=greatest_changes(names, shares[0], shares[1]),
        shape=Bars(names=names, reference=shares[0].tolist(), batch=shares[1].tolist()),
    )


def greatest_changes(names: Sequence[str], reference: Array, batch: Array) -> str:
    """`3: 10.1 % to 0 %, 8: 9.7 % to 14.2 %`: those that changed most, the most first."""
    order = np.argsort(-np.abs(batch - reference), kind="stable")[:MOST_NAMED]
    told = [f"{names[place]}: {percent(reference[place])} to {percent(batch[place])}" for place in order]
    return f"shares from reference to batch: {', '.join(told)}"


def compare_shares(
    name: str, reference: NDArray[np.bool_], batch: NDArray[np.bool_], *, alternative: Alternative, said: str
) -> Finding:
    """Rows that are so, (N,) and (M,): Fisher's exact test.

    Args:
        alternative: of the batch: "greater" asks whether more of its rows are so than of the reference.
        said: what is so, for the sentence "... of x % of the reference and of y % of the batch".
    """
    yes = [int(rows.sum()) for rows in (batch, reference)]
    table = [[yes[0], len(batch) - yes[0]], [yes[1], len(reference) - yes[1]]]
    found = stats.fisher_exact(table, alternative=alternative)
    shares = [yes[0] / len(batch), yes[1] / len(reference)]
    ratio = (yes[0] + 0.5) * (table[1][1] + 0.5) / ((table[0][1] + 0.5) * (yes[1] + 0.5))  # finite (Haldane 1956)
    return Finding(
        name=name,
        statistic=FISHER,
        value=float(ratio),
        p=min(1.0, float(found.pvalue)),
        effect=DIFFERENCE,
        size=shares[0] - shares[1],
        reference_rows=len(reference),
        batch_rows=len(batch),
        said=f"{said} in {percent(shares[1])} of the reference and {percent(shares[0])} of the batch",
    )


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"
