"""Rows as the tests read them: of a batch that somebody gave, or of a prepared split."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from encdec.cards import ImageCard
from encdec.datasets.images import ImageSplit

AT_ONCE = 256
"""Rows of one call of a network."""


class ImageRows(NamedTuple):
    """`pixels`: (N, C, H, W), stored units. `labels`: the class of each, None where nobody knows them."""

    names: Sequence[str]
    pixels: NDArray[np.uint8]
    labels: Sequence[str] | None

    @property
    def num_rows(self) -> int:
        return len(self.names)

    def take(self, rows: NDArray[np.int64]) -> "ImageRows":
        labels = None if self.labels is None else [self.labels[row] for row in rows]
        return ImageRows([self.names[row] for row in rows], self.pixels[rows], labels)

    def scaled(self, card: ImageCard) -> Iterator[NDArray[np.float32]]:
        """Parts (B, C, H, W) in [0, 1], as the networks read them: memory holds one of them, however many rows."""
        for start in range(0, self.num_rows, AT_ONCE):
            yield self.pixels[start : start + AT_ONCE].astype(np.float32) / np.float32(card.pixel_max)


class TextRows(NamedTuple):
    """Texts in Unicode's NFC. `targets`: None where nobody knows them."""

    names: Sequence[str]
    sources: Sequence[str]
    targets: Sequence[str] | None

    @property
    def num_rows(self) -> int:
        return len(self.names)

    def take(self, rows: NDArray[np.int64]) -> "TextRows":
        targets = None if self.targets is None else [self.targets[row] for row in rows]
        return TextRows([self.names[row] for row in rows], [self.sources[row] for row in rows], targets)


def draw(count: int, *, most: int, seed: int) -> NDArray[np.int64]:
    """All of so many rows, or of more `most` of them, rising."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, size=most, replace=False))


def known_images(split: ImageSplit, *, most: int, seed: int) -> ImageRows:
    """Rows of a prepared split, at most so many."""
    rows = draw(len(split), most=most, seed=seed)
    labels = [split.card.classes[label] for label in split.labels[rows]]
    return ImageRows([str(row) for row in rows], np.asarray(split.images[rows]), labels)


def known_texts(table: pd.DataFrame, *, most: int, seed: int) -> TextRows:
    """Rows of a prepared split's table (columns sample, source, target), at most so many."""
    chosen = table.iloc[draw(len(table), most=most, seed=seed)]
    return TextRows(chosen["sample"].tolist(), chosen["source"].tolist(), chosen["target"].tolist())
