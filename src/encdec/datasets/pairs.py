"""One split of prepared text pairs as token ids, memory-mapped, read and padded a whole batch at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from encdec.batches import PairBatch
from encdec.cards import BOS_ID, EOS_ID, PAD_ID, PairCard
from encdec.datasets.folder import read_array, read_card, read_runs, runs, spans


class TokenRows(NamedTuple):
    """Rows of different lengths, laid end to end: row i is ids[offsets[i]:offsets[i + 1]]."""

    ids: NDArray[np.int32]  # (total,)
    offsets: NDArray[np.int64]  # (N + 1,)

    @property
    def lengths(self) -> NDArray[np.int64]:
        return np.diff(self.offsets)

    def loaded(self, rows: NDArray[np.int64]) -> "TokenRows":
        """These ascending rows alone, read into memory."""
        first, end = runs(rows)
        ids = read_runs(self.ids, self.offsets[first], self.offsets[end])
        return TokenRows(ids, np.concatenate([[0], np.cumsum(self.offsets[rows + 1] - self.offsets[rows])]))

    def padded(
        self, indices: NDArray[np.int64], *, before: int, after: int
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The rows `indices` (B,) side by side, with free places around each row's tokens.

        Returns:
            ids (B, before + longest + after), PAD_ID where there is no token, and the mask of the places that hold
            a token or are one of its row's free places.
        """
        starts = self.offsets[indices]  # (B,)
        lengths = self.offsets[indices + 1] - starts  # (B,)
        width = before + int(lengths.max(initial=0)) + after
        steps = np.arange(width) - before  # (S,), 0 at a row's first token
        is_token = (steps >= 0) & (steps < lengths[:, None])  # (B, S)
        ids = np.full((len(indices), width), PAD_ID, dtype=np.int64)
        ids[is_token] = self.ids[(starts[:, None] + steps)[is_token]]
        return ids, steps < lengths[:, None] + after


class PairSplit:
    """The sources and targets of train, val or test.

    Raises:
        ValueError: the two sides do not have the same number of rows, offsets do not fit the ids, or an id is
            outside of the card's vocabulary.
    """

    def __init__(self, folder: Path, *, card: PairCard, source: TokenRows, target: TokenRows) -> None:
        sides = (("source", source, card.source_vocab_size), ("target", target, card.target_vocab_size))
        for side, tokens, vocab_size in sides:
            offsets = tokens.offsets
            if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != len(tokens.ids) or (np.diff(offsets) < 0).any():
                expected = f"rise from 0 to the {len(tokens.ids)} ids"
                raise ValueError(f"{folder}/{side}_offsets.npy: must {expected}; run the prepare stage")
            if len(tokens.ids) and not (tokens.ids.min() >= 0 and tokens.ids.max() < vocab_size):
                found = f"ids from {tokens.ids.min()} to {tokens.ids.max()}, the card says {vocab_size} tokens"
                raise ValueError(f"{folder}/{side}_ids.npy: {found}; run the prepare stage")
        if len(source.offsets) != len(target.offsets):
            found = f"{len(source.offsets) - 1} sources but {len(target.offsets) - 1} targets"
            raise ValueError(f"{folder}: {found}; run the prepare stage")
        self.folder = folder
        self.card = card
        self.source = source
        self.target = target

    @classmethod
    def open(cls, folder: Path) -> "PairSplit":
        """Map the arrays of a prepared folder.

        Raises:
            ValueError: a file is missing or is not what the card says.
        """
        source, target = (
            TokenRows(
                read_array(folder / f"{side}_ids.npy", dtype=np.int32, ndim=1),
                np.array(read_array(folder / f"{side}_offsets.npy", dtype=np.int64, ndim=1)),
            )
            for side in ("source", "target")
        )
        return cls(folder, card=read_card(folder, PairCard), source=source, target=target)

    def __len__(self) -> int:
        return len(self.source.offsets) - 1

    @property
    def num_bytes(self) -> int:
        """What the ids take in memory, as they are stored."""
        return self.source.ids.nbytes + self.target.ids.nbytes

    @property
    def rows(self) -> pd.DataFrame:
        """`sample`, `group`, `slice`, `source` and `target` (texts) of each row, read from the disk at each use."""
        return pd.read_parquet(self.folder / "rows.parquet")

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(N,) source tokens plus target tokens of each row: what it costs."""
        return self.source.lengths + self.target.lengths

    def batch(self, indices: NDArray[np.int64]) -> PairBatch:
        """The rows `indices` (B,) at once, no wider than the longest; BOS and EOS are put around each target."""
        indices = np.asarray(indices)
        source_ids, source_mask = self.source.padded(indices, before=0, after=0)
        target_ids, target_mask = self.target.padded(indices, before=1, after=1)
        target_ids[:, 0] = BOS_ID
        target_ids[np.arange(len(indices)), target_mask.sum(axis=1) - 1] = EOS_ID
        return PairBatch(
            torch.from_numpy(source_ids),
            torch.from_numpy(source_mask),
            torch.from_numpy(target_ids),
            torch.from_numpy(target_mask),
        )

    def loaded(self, rows: NDArray[np.int64]) -> "PairSplit":
        """The split of these ascending rows alone, read into memory."""
        source, target = (tokens.loaded(rows) for tokens in (self.source, self.target))
        return PairSplit(self.folder, card=self.card, source=source, target=target)

    def batches(self, batch_size: int) -> Iterator[PairBatch]:
        """Every row once and in order; the last batch may be smaller."""
        for start, end in spans(len(self), batch_size):
            yield self.batch(np.arange(start, end))
