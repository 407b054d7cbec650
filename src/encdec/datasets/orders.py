"""Which rows make which batch: pure functions of the data's size, the seed and the epoch."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BatchList = list[NDArray[np.int64]]
POOL_BATCHES = 50  # rows of similar length are looked for among so many batches
WINDOW_BLOCKS = 1024  # from so many places of the data come the rows that are shuffled together where not all can be


class Windows(NamedTuple):
    """How rows are read that do not all fit into memory: `batches` in a window, `rows` in a block of neighbours."""

    batches: int
    rows: int


def plan_windows(*, size: int, num_bytes: int, batch_size: int, memory: int) -> Windows | None:
    """Windows of which two take no more than `memory` bytes (one is used while the next is read); None where all fits.

    A window has at least one batch, however little memory there is.
    """
    if num_bytes <= memory:
        return None
    window_rows = memory * size // (2 * num_bytes)
    batches = max(1, window_rows // batch_size)
    return Windows(batches=batches, rows=max(1, batches * batch_size // WINDOW_BLOCKS))


def shuffled_batches(size: int, *, batch_size: int, seed: int, epoch: int, windows: Windows | None = None) -> BatchList:
    """Every row once, in random order, in as few batches as `batch_size` allows.

    The batches differ by one row at most, so that no step weighs a row much more than another step does, and
    batch normalisation never meets a last batch of one row. With windows, blocks of neighbours are shuffled, and
    the rows inside each window.
    """
    rng = np.random.default_rng([seed, epoch])
    if windows is None:
        return cut(rng.permutation(size), batch_size)
    return [batch for window in random_windows(size, batch_size, windows, rng) for batch in window]


def pooled_batches(
    lengths: NDArray[np.int64], *, batch_size: int, seed: int, epoch: int, windows: Windows | None = None
) -> BatchList:
    """As `shuffled_batches`, but the rows of a batch have similar lengths, so that little is padding.

    Rows are shuffled, sorted by length inside pools of POOL_BATCHES batches, and the batches shuffled again.
    """
    rng = np.random.default_rng([seed, epoch])
    if windows is None:
        return pooled(cut(rng.permutation(len(lengths)), batch_size), lengths, rng)
    parts = random_windows(len(lengths), batch_size, windows, rng)
    return [batch for window in parts for batch in pooled(window, lengths, rng)]


def pooled(batches: BatchList, lengths: NDArray[np.int64], rng: np.random.Generator) -> BatchList:
    for start in range(0, len(batches), POOL_BATCHES):
        pool = batches[start : start + POOL_BATCHES]
        batches[start : start + POOL_BATCHES] = by_length(pool, lengths)
    return [batches[index] for index in rng.permutation(len(batches))]


def by_length(batches: BatchList, lengths: NDArray[np.int64]) -> BatchList:
    """The same rows from the shortest to the longest, in as many batches."""
    rows = np.concatenate(batches)
    return np.array_split(rows[np.argsort(lengths[rows], kind="stable")], len(batches))


def random_windows(size: int, batch_size: int, windows: Windows, rng: np.random.Generator) -> list[BatchList]:
    """Batches of a window have rows of its blocks alone, and blocks lie anywhere in the data."""
    starts = rng.permutation(-(-size // windows.rows)) * windows.rows
    rows = (starts[:, np.newaxis] + np.arange(windows.rows)).ravel()
    parts = in_windows(cut(rows[rows < size], batch_size), windows)
    return [np.array_split(rng.permutation(np.concatenate(part)), len(part)) for part in parts]


def in_windows(batches: BatchList, windows: Windows) -> list[BatchList]:
    """The batches as they are, a list for each window."""
    return [batches[start : start + windows.batches] for start in range(0, len(batches), windows.batches)]


def cut(rows: NDArray[np.int64], batch_size: int) -> BatchList:
    """As few batches as possible, of sizes that differ by one at most.

    Raises:
        ValueError: a batch of no rows.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size {batch_size} must be at least 1")
    count = -(-len(rows) // batch_size)
    return np.array_split(rows, count) if count else []
