"""Tests whose p-value is a permutation of rows: exact for any statistic, whatever depends on what inside a row."""

from collections.abc import Iterator

import numpy as np

from encdec.monitoring.finding import Array

CHUNK_VALUES = 4_000_000
"""Numbers drawn at once: 32 MB."""
ROUNDING = 1e-9
"""Statistics that differ by less, as a part of the observed one, count as equal: sums in another order round so."""


def memberships(reference_rows: int, batch_rows: int, *, permutations: int, seed: int) -> Iterator[Array]:
    """Chunks (P, N + M) of 0 and 1: which of all rows stand in the place of the batch, always M of them."""
    generator = np.random.default_rng(seed)
    total = reference_rows + batch_rows
    chunk = max(1, CHUNK_VALUES // total)
    for start in range(0, permutations, chunk):
        drawn = generator.random((min(chunk, permutations - start), total))
        bound = np.partition(drawn, batch_rows - 1, axis=1)[:, batch_rows - 1, None]
        yield (drawn <= bound).astype(np.float64)


def observed_membership(reference_rows: int, batch_rows: int) -> Array:
    """(1, N + M): the rows of the reference first."""
    return np.concatenate([np.zeros(reference_rows), np.ones(batch_rows)])[None]


def p_value(observed: float, permuted: Array) -> float:
    """(1 + how many are at least as large) / (1 + P): never 0, and valid for any P (Phipson and Smyth 2010)."""
    bound = observed - ROUNDING * abs(observed)
    return (1 + int((permuted >= bound).sum())) / (1 + len(permuted))
