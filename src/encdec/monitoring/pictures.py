"""Pictures of a batch of images: the mean beside the known mean, and the rows that the models find hardest."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from encdec.cards import ImageCard
from encdec.figures.fonts import label
from encdec.figures.image_grid import Row, cards, image_rows
from encdec.figures.picture import Picture, Words
from encdec.monitoring.rows import ImageRows

MOST_CLASSES = 10
MOST_LETTERS = 12
HARDEST = {
    "error": ("Rebuilt worst", "the greatest reconstruction error", "its error"),
    "confidence": ("Least sure", "the lowest confidence of the classifier", "the class it chose and its probability"),
}


def mean_images(known: ImageRows, batch: ImageRows, card: ImageCard) -> Picture:
    """Of all images and, where the batch is labelled, of the classes that both have."""
    names: list[str] = ["all"]
    if batch.labels is not None and known.labels is not None:
        names += [name for name in card.classes if name in batch.labels and name in known.labels][:MOST_CLASSES]
    means = [np.stack([mean_of(rows, card, name) for name in names]) for rows in (known, batch)]
    words = Words(
        name="means",
        title="Mean images",
        caption="The mean of train, the mean of the batch, and the batch less train: where it is darker or brighter.",
        alt=f"Mean images of train and of the batch and their difference, which is at most "
        f"{np.abs(means[1] - means[0]).max():.2f} of the range of pixels.",
        group="samples",
    )
    rows = [Row("reference", means[0]), Row("batch", means[1]), Row("difference", means[1] - means[0], "signed")]
    return image_rows(rows, words=words, above=[label(name, most=MOST_LETTERS) for name in names])


def mean_of(rows: ImageRows, card: ImageCard, name: str) -> NDArray[np.float64]:
    """(C, H, W) in [0, 1]; "all" is every row."""
    pixels = rows.pixels
    if name != "all" and rows.labels is not None:
        pixels = pixels[np.array([each == name for each in rows.labels])]
    mean: NDArray[np.float64] = pixels.mean(axis=0, dtype=np.float64) / card.pixel_max
    return mean


def hardest_images(what: str, images: NDArray[np.float32], labels: Sequence[str]) -> Picture:
    title, because, below = HARDEST[what]
    words = Words(
        name=what,
        title=title,
        caption=f"The rows of the batch with {because}; below each {below}.",
        alt=f"{len(images)} images of the batch with {because}: {', '.join(labels)}.",
        group="mistakes",
    )
    return cards(images, words=words, columns=8, labels=[label(text, most=MOST_LETTERS) for text in labels])
