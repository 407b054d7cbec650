"""Counts of characters: letters of one row depend on each other, so whole rows are permuted."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from encdec.monitoring.finding import Array, Bars, Finding
from encdec.monitoring.permuted import memberships, observed_membership, p_value
from encdec.monitoring.two_samples import CRAMER, greatest_changes
from encdec.preparation.codepoints import code_points

ROWS_PERMUTED = "chi-squared, rows permuted"
MOST_CHARACTERS = 200
MOST_SHOWN = 12
REST = "others"


def compare_characters(
    name: str, reference: Sequence[str], batch: Sequence[str], *, permutations: int, seed: int
) -> Finding:
    """Chi-squared over the counts of each character in N and M texts; its p-value permutes the texts.

    Beyond the 200 most frequent characters of both sides together, the others are counted as one.
    """
    names, counts = character_counts([*reference, *batch])
    sides = observed_membership(len(reference), len(batch))
    value = float(chi_squared(sides, counts)[0])
    chunks = memberships(len(reference), len(batch), permutations=permutations, seed=seed)
    permuted = np.concatenate([chi_squared(chunk, counts) for chunk in chunks])
    inside = (sides @ counts)[0]
    totals = np.stack([counts.sum(axis=0) - inside, inside])
    shares = totals / totals.sum(axis=1, keepdims=True)
    shown = np.sort(np.argsort(-np.abs(shares[1] - shares[0]), kind="stable")[:MOST_SHOWN])
    return Finding(
        name=name,
        statistic=ROWS_PERMUTED,
        value=value,
        p=p_value(value, permuted),
        effect=CRAMER,
        size=float((value / counts.sum()) ** 0.5),
        reference_rows=len(reference),
        batch_rows=len(batch),
        said=greatest_changes([repr(each) if each != REST else each for each in names], shares[0], shares[1]),
        shape=Bars(
            names=[names[place] for place in shown],
            reference=shares[0, shown].tolist(),
            batch=shares[1, shown].tolist(),
        ),
    )


def character_counts(texts: Sequence[str]) -> tuple[list[str], Array]:
    """The names of V characters by falling frequency, and how often each text has them (N, V)."""
    points, offsets = code_points(texts)
    known, places = np.unique(points, return_inverse=True)
    rows = np.repeat(np.arange(len(texts)), np.diff(offsets))
    order = np.argsort(-np.bincount(places), kind="stable")
    column: NDArray[np.int64] = np.empty(len(known), dtype=np.int64)
    column[order] = np.minimum(np.arange(len(known)), MOST_CHARACTERS)
    width = min(len(known), MOST_CHARACTERS + 1)
    counts = np.bincount(rows * width + column[places], minlength=len(texts) * width).reshape(len(texts), width)
    names = [chr(point) for point in known[order][:MOST_CHARACTERS]]
    return [*names, *([REST] if width > MOST_CHARACTERS else [])], counts.astype(np.float64)


def chi_squared(sides: Array, counts: Array) -> Array:
    """(P,) for memberships (P, N) and counts (N, V): sum over both sides and all columns of (O - E)^2 / E."""
    totals = counts.sum(axis=0)
    inside = sides @ counts  # (P, V)
    share = inside.sum(axis=1, keepdims=True) / totals.sum()  # (P, 1)
    away = np.square(inside - share * totals)
    found: Array = (away / totals).sum(axis=1) / (share * (1 - share))[:, 0]  # E is share * totals, and the rest
    return found
