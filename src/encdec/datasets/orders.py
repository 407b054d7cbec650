"""Which rows make which batch: pure functions of the data's size, the seed and the epoch."""

import numpy as np
from numpy.typing import NDArray

BatchList = list[NDArray[np.int64]]
POOL_BATCHES = 50  # rows of similar length are looked for among so many batches


def shuffled_batches(size: int, *, batch_size: int, seed: int, epoch: int) -> BatchList:
    """Every row once, in random order, in as few batches as `batch_size` allows.

    The batches differ by one row at most, so that no step weighs a row much more than another step does, and
    batch normalisation never meets a last batch of one row.
    """
    return cut(np.random.default_rng([seed, epoch]).permutation(size), batch_size)


def pooled_batches(lengths: NDArray[np.int64], *, batch_size: int, seed: int, epoch: int) -> BatchList:
    """As `shuffled_batches`, but the rows of a batch have similar lengths, so that little is padding.

    Rows are shuffled, sorted by length inside pools of POOL_BATCHES batches, and the batches shuffled again.
    """
    rng = np.random.default_rng([seed, epoch])
    batches = cut(rng.permutation(len(lengths)), batch_size)
    for start in range(0, len(batches), POOL_BATCHES):
        pool = batches[start : start + POOL_BATCHES]
        rows = np.concatenate(pool)
        rows = rows[np.argsort(lengths[rows], kind="stable")]
        batches[start : start + POOL_BATCHES] = np.array_split(rows, len(pool))
    return [batches[index] for index in rng.permutation(len(batches))]


def cut(rows: NDArray[np.int64], batch_size: int) -> BatchList:
    """As few batches as possible, of sizes that differ by one at most.

    Raises:
        ValueError: a batch of no rows.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size {batch_size} must be at least 1")
    count = -(-len(rows) // batch_size)
    return np.array_split(rows, count) if count else []
