"""Loaders that hand over whole batches; the order of an epoch depends on seed and epoch alone."""

from collections.abc import Iterator
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Sampler

from encdec.batches import ImageBatch, PairBatch
from encdec.datasets.folder import spans
from encdec.datasets.images import ImageSplit
from encdec.datasets.orders import BatchList, cut, pooled_batches, shuffled_batches
from encdec.datasets.pairs import PairSplit

Split = ImageSplit | PairSplit
Loader = DataLoader[ImageBatch] | DataLoader[PairBatch]


class Order(Protocol):
    """The batches of an epoch; each epoch has as many."""

    def __call__(self, *, epoch: int) -> BatchList: ...


class EpochSampler(Sampler[NDArray[np.int64]]):
    """Yields the row numbers of one batch after the other; Lightning calls `set_epoch` before each epoch.

    Args:
        order: the batches of an epoch.
        first_epoch: where a resumed training goes on: Lightning makes its first iterator before it calls `set_epoch`.
        first_batch: how many batches of that epoch the training had seen; it begins behind them. The length stays
            that of a whole epoch, as Lightning counts what was seen.

    Raises:
        ValueError: the epoch has no such batch.
    """

    def __init__(self, order: Order, *, first_epoch: int = 0, first_batch: int = 0) -> None:
        self.order = order
        self.epoch = self.first_epoch = first_epoch
        self.first_batch = first_batch
        self.num_batches = len(order(epoch=0))
        if not 0 <= first_batch <= self.num_batches:
            raise ValueError(f"first_batch {first_batch} must lie in 0..{self.num_batches}, the batches of an epoch")

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self.num_batches

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        batches = self.order(epoch=self.epoch)
        return iter(batches[self.first_batch :] if self.epoch == self.first_epoch else batches)


def training_loader(split: Split, *, batch_size: int, seed: int, first_epoch: int = 0, first_batch: int = 0) -> Loader:
    """Every row once an epoch, in an order made from (seed, epoch); pairs of similar length share a batch.

    Raises:
        ValueError: a split without rows.
    """
    check_rows(split)
    match split:
        case ImageSplit():
            order = partial(shuffled_batches, len(split), batch_size=batch_size, seed=seed)
            sampler = EpochSampler(order, first_epoch=first_epoch, first_batch=first_batch)
            return DataLoader(split, batch_size=None, sampler=sampler)
        case PairSplit():
            order = partial(pooled_batches, split.lengths, batch_size=batch_size, seed=seed)
            sampler = EpochSampler(order, first_epoch=first_epoch, first_batch=first_batch)
            return DataLoader(split, batch_size=None, sampler=sampler)


def validation_loader(split: Split, *, batch_size: int) -> Loader:
    """Every row once, the same batches at each epoch: images in their order, pairs by length.

    Raises:
        ValueError: a split without rows.
    """
    check_rows(split)
    match split:
        case ImageSplit():
            batches = [np.arange(start, end) for start, end in spans(len(split), batch_size)]
            return DataLoader(split, batch_size=None, sampler=EpochSampler(lambda *, epoch: batches))
        case PairSplit():
            batches = cut(np.argsort(split.lengths, kind="stable"), batch_size)
            return DataLoader(split, batch_size=None, sampler=EpochSampler(lambda *, epoch: batches))


def check_rows(split: Split) -> None:
    if not len(split):
        raise ValueError(f"{split.folder}: no rows; give this split a larger share in params.yaml")
