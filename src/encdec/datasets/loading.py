"""Loaders that hand over whole batches; the order of an epoch depends on seed and epoch alone."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import zip_longest
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import distributed

from encdec.batches import ImageBatch, PairBatch
from encdec.datasets.images import ImageSplit
from encdec.datasets.orders import (
    BatchList,
    Windows,
    by_length,
    cut,
    in_windows,
    plan_windows,
    pooled_batches,
    shuffled_batches,
)
from encdec.datasets.pairs import PairSplit

Split = ImageSplit | PairSplit
Batches = Iterator[ImageBatch | PairBatch]
# A number and not the machine's own memory: the order of the rows depends on it, and must be the same everywhere.
MEMORY = 2**30


class Order(Protocol):
    """The batches of an epoch; each epoch has as many."""

    def __call__(self, *, epoch: int) -> BatchList: ...


class EpochSampler:
    """Yields the row numbers of one batch after the other; Lightning calls `set_epoch` before each epoch.

    Args:
        order: the batches of an epoch.
        first_epoch: where a resumed training goes on: Lightning makes its first iterator before it calls `set_epoch`.
        first_batch: how many batches of that epoch the training had seen; it begins behind them. The length stays
            that of a whole epoch, as Lightning counts what was seen.

    Attributes:
        last_batch: where an epoch ends before it has seen every row; nothing behind it is read. None for all.

    Raises:
        ValueError: the epoch has no such batch.
    """

    def __init__(self, order: Order, *, first_epoch: int = 0, first_batch: int = 0) -> None:
        self.order = order
        self.epoch = self.first_epoch = first_epoch
        self.first_batch = first_batch
        self.last_batch: int | None = None
        self.num_batches = len(order(epoch=0))
        if not 0 <= first_batch <= self.num_batches:
            raise ValueError(f"first_batch {first_batch} must lie in 0..{self.num_batches}, the batches of an epoch")

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    @property
    def begun(self) -> int:
        """How many batches of this epoch are left out because they were seen."""
        return self.first_batch if self.epoch == self.first_epoch else 0

    def __len__(self) -> int:
        return self.num_batches

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        batches = self.order(epoch=self.epoch)
        return iter(batches[self.begun : self.last_batch])


class Loader:
    """The batches of a split in the order of its sampler, which Lightning finds under that name.

    Whole batches cost less than what a DataLoader does for each. Where torch.distributed is initialised, a batch is
    this process's share of it: all of the batch's rows in the order of the ranks, as even as can be. (Gradients that
    are averaged over ranks are those of the whole batch where the shares are equal.)

    Args:
        windows: how a split is read that is larger than memory; None for one of which any row can be read at any time.
    """

    def __init__(self, split: Split, sampler: EpochSampler, *, windows: Windows | None = None) -> None:
        self.split = split
        self.sampler = sampler
        self.batch_sampler = None  # Lightning looks for it where there is a sampler
        self.windows = windows

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Batches:
        """
        Raises:
            ValueError: a batch has fewer rows than there are processes.
        """
        batches = list(self.sampler)
        if self.windows is None:
            return map(self.split.batch, [share(rows) for rows in batches])
        # windows are counted from the beginning of the epoch, wherever a resumed training begins
        first = self.windows.batches - self.sampler.begun % self.windows.batches
        return streamed(self.split, [batches[:first], *in_windows(batches[first:], self.windows)])


def share(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The part of a batch that is this process's."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return rows
    world = distributed.get_world_size()
    if len(rows) < world:
        raise ValueError(f"a batch of {len(rows)} rows cannot be shared by {world} processes: raise batch_size")
    return np.array_split(rows, world)[distributed.get_rank()]


def streamed(split: Split, windows: list[BatchList]) -> Batches:
    """The batches of one window after the other; while one is used, a thread reads the next."""
    with ThreadPoolExecutor(1) as reader:
        full = [window for window in windows if window]
        reading = [reader.submit(in_memory, split, window) for window in full[:1]]
        for window, following in zip_longest(full, full[1:]):
            rows, part = reading.pop().result()
            if following is not None:
                reading.append(reader.submit(in_memory, split, following))
            for batch in window:
                yield part.batch(np.searchsorted(rows, share(batch)))


def in_memory(split: Split, window: BatchList) -> tuple[NDArray[np.int64], Split]:
    """The rows of a window in their order on the disk, and what they hold."""
    rows = np.sort(np.concatenate(window))
    return rows, split.loaded(rows)


def training_loader(
    split: Split, *, batch_size: int, seed: int, first_epoch: int = 0, first_batch: int = 0, memory: int = MEMORY
) -> Loader:
    """Every row once an epoch, in an order made from (seed, epoch); pairs of similar length share a batch.

    Args:
        memory: bytes; a larger split is read from the disk window by window, and shuffled in them.

    Raises:
        ValueError: a split without rows.
    """
    windows = windows_of(split, batch_size=batch_size, memory=memory)
    order: Order
    match split:
        case ImageSplit():
            order = partial(shuffled_batches, len(split), batch_size=batch_size, seed=seed, windows=windows)
        case PairSplit():
            order = partial(pooled_batches, split.lengths, batch_size=batch_size, seed=seed, windows=windows)
    return Loader(split, EpochSampler(order, first_epoch=first_epoch, first_batch=first_batch), windows=windows)


def validation_loader(split: Split, *, batch_size: int, memory: int = MEMORY) -> Loader:
    """Every row once, the same batches at each epoch: images in their order, pairs by length.

    Args:
        memory: bytes; a larger split is read from the disk window by window, and sorted by length in them.

    Raises:
        ValueError: a split without rows.
    """
    windows = windows_of(split, batch_size=batch_size, memory=memory)
    batches = cut(np.arange(len(split)), batch_size)
    if isinstance(split, PairSplit):
        parts = [batches] if windows is None else in_windows(batches, windows)
        batches = [batch for part in parts for batch in by_length(part, split.lengths)]
    return Loader(split, EpochSampler(lambda *, epoch: batches), windows=windows)


def windows_of(split: Split, *, batch_size: int, memory: int) -> Windows | None:
    if not len(split):
        raise ValueError(f"{split.folder}: no rows; give this split a larger share in params.yaml")
    return plan_windows(size=len(split), num_bytes=split.num_bytes, batch_size=batch_size, memory=memory)
