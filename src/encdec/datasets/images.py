"""One split of prepared images, memory-mapped and read a whole batch at a time."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from encdec.batches import ImageBatch
from encdec.cards import ImageCard
from encdec.datasets.folder import read_array, read_card, read_runs, runs, spans
from encdec.progress import watched


class ImageSplit:
    """The images and labels of train, val or test.

    Axes: N images, C channels, H height, W width.

    Args:
        folder: where `rows.parquet` lies.
        card: shape, classes and the stored value that means 1.0.
        images: (N, C, H, W) uint8, stored units.
        labels: (N,) int64, indices into the classes.

    Raises:
        ValueError: the arrays do not have the same length, or not the shape or the classes of the card.
    """

    def __init__(self, folder: Path, *, card: ImageCard, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
        shape = (card.channels, card.height, card.width)
        if images.shape[1:] != shape:
            found = f"images of shape {images.shape[1:]}, the card says {shape}"
            raise ValueError(f"{folder}: {found}; run the prepare stage")
        if len(images) != len(labels):
            raise ValueError(f"{folder}: {len(images)} images but {len(labels)} labels; run the prepare stage")
        if len(labels) and not (labels.min() >= 0 and labels.max() < len(card.classes)):
            found = f"labels from {labels.min()} to {labels.max()}, the card names {len(card.classes)} classes"
            raise ValueError(f"{folder}: {found}; run the prepare stage")
        self.folder = folder
        self.card = card
        self.images = images
        self.labels = labels

    @classmethod
    def open(cls, folder: Path) -> "ImageSplit":
        """Map the arrays of a prepared folder.

        Raises:
            ValueError: a file is missing or is not what the card says.
        """
        card = read_card(folder, ImageCard)
        images = read_array(folder / "images.npy", dtype=np.uint8, ndim=4)
        labels = np.array(read_array(folder / "labels.npy", dtype=np.int64, ndim=1))  # small, and wanted at each step
        return cls(folder, card=card, images=images, labels=labels)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def num_bytes(self) -> int:
        """What the images take in memory, as they are stored."""
        return self.images.nbytes

    @property
    def rows(self) -> pd.DataFrame:
        """`sample` and `label` (the class name) of each row, read from the disk at each use."""
        return pd.read_parquet(self.folder / "rows.parquet")

    def batch(self, indices: NDArray[np.int64]) -> ImageBatch:
        """The rows `indices` (B,) at once, scaled so that the card's `pixel_max` is 1.0."""
        return self.scaled(np.asarray(self.images).take(indices, axis=0), self.labels.take(indices))

    def loaded(self, rows: NDArray[np.int64]) -> "ImageSplit":
        """The split of these ascending rows alone, read into memory."""
        images = read_runs(self.images, *runs(rows))
        return ImageSplit(self.folder, card=self.card, images=images, labels=self.labels[rows])

    def batches(self, batch_size: int, *, label: str | None = None) -> Iterator[ImageBatch]:
        """Every row once and in order; the last batch may be smaller. With a label, progress is shown behind it."""
        parts: Iterable[tuple[int, int]] = spans(len(self), batch_size)
        if label is not None:
            parts = watched(parts, label, total=len(self), unit="images", weigh=lambda part: part[1] - part[0])
        for start, end in parts:
            # copies: torch cannot hold the read-only memory of a mapped file
            yield self.scaled(np.array(self.images[start:end]), self.labels[start:end].copy())

    def scaled(self, images: NDArray[Any], labels: NDArray[Any]) -> ImageBatch:
        return ImageBatch(torch.from_numpy(images) / self.card.pixel_max, torch.from_numpy(labels))


class ResidentImages(ImageSplit):
    """A split whose images lie in a device's memory as they are stored: a batch is gathered and scaled there.

    The batches are those of the split, already on the device.
    """

    def __init__(self, split: ImageSplit, device: torch.device) -> None:
        super().__init__(split.folder, card=split.card, images=split.images, labels=split.labels)
        self.stored = torch.from_numpy(np.array(split.images)).to(device)  # (N, C, H, W) uint8
        self.label_indices = torch.from_numpy(split.labels).to(device)  # (N,)

    def batch(self, indices: NDArray[np.int64]) -> ImageBatch:
        rows = torch.from_numpy(np.asarray(indices)).to(self.stored.device)
        images = self.stored.index_select(0, rows) / self.card.pixel_max
        return ImageBatch(images, self.label_indices.index_select(0, rows))
