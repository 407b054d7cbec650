"""What is measured of each image before any model sees it."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from encdec.cards import ImageCard
from encdec.monitoring.finding import Array

COLOURS = ("red", "green", "blue")
BRIGHT = 0.5


def image_statistics(images: Array) -> Mapping[str, Array]:
    """Numbers (N,) of images (N, C, H, W) in [0, 1], by name; all but the colours are of the mean over the channels.

    `centre x`, `centre y`: of the brightness, 0 to 1 across the image. `aspect`, `slant`: (Mxx - Myy) / (Mxx + Myy)
    and 2 Mxy / (Mxx + Myy) of its central second moments: a stroke that is turned moves between them, without the jump
    of an angle from 180 to 0 degrees. `sharpness`: the variance of the Laplacian.
    """
    grey = images.mean(axis=1)  # (N, H, W)
    found: dict[str, Array] = {
        "brightness": grey.mean(axis=(1, 2)),
        "contrast": grey.std(axis=(1, 2)),
        "bright share": (grey > BRIGHT).mean(axis=(1, 2)),
        "sharpness": ndimage.laplace(grey, axes=(1, 2)).var(axis=(1, 2)),
        **moments(grey),
    }
    if images.shape[1] == len(COLOURS):
        found |= {colour: images[:, place].mean(axis=(1, 2)) for place, colour in enumerate(COLOURS)}
    return found


def moments(grey: Array) -> dict[str, Array]:
    """Of images (N, H, W); one without any brightness has its centre in the middle and no direction."""
    total = grey.sum(axis=(1, 2))
    weights = np.where(total > 0, total, 1.0)
    y, x = (((np.arange(size) + 0.5) / size) for size in grey.shape[1:])
    centre_x = np.where(total > 0, (grey.sum(axis=1) @ x) / weights, 0.5)
    centre_y = np.where(total > 0, (grey.sum(axis=2) @ y) / weights, 0.5)
    away_x, away_y = x - centre_x[:, None], y - centre_y[:, None]  # (N, W), (N, H)
    mxx = (grey.sum(axis=1) * away_x**2).sum(axis=1)
    myy = (grey.sum(axis=2) * away_y**2).sum(axis=1)
    mxy = np.einsum("nhw,nh,nw->n", grey, away_y, away_x)
    spread = np.where(mxx + myy > 0, mxx + myy, 1.0)
    return {
        "centre x": centre_x,
        "centre y": centre_y,
        "aspect": (mxx - myy) / spread,
        "slant": 2 * mxy / spread,
    }


def cell_means(images: Array, *, grid: int) -> Array:
    """The pixels of images (N, C, H, W), or of larger ones the means of at most grid x grid cells: (N, F)."""
    rows, columns = (bounds(size, grid) for size in images.shape[2:])
    sums = np.add.reduceat(np.add.reduceat(images, rows[:-1], axis=2), columns[:-1], axis=3)
    means: Array = sums / (np.diff(rows)[:, None] * np.diff(columns))  # (N, C, R, K)
    return means.reshape(len(images), -1)


def cell_names(card: ImageCard, *, grid: int) -> list[str]:
    """Of the F cells, in their order."""
    rows, columns = min(card.height, grid), min(card.width, grid)
    what = "pixel" if (rows, columns) == (card.height, card.width) else "cell"
    channels = [f", {colour}" for colour in COLOURS] if card.channels == len(COLOURS) else [""]
    return [
        f"{what} {row + 1}, {column + 1}{channel}"
        for channel in channels
        for row in range(rows)
        for column in range(columns)
    ]


def bounds(size: int, grid: int) -> NDArray[np.int64]:
    """Where each of min(size, grid) cells of nearly one size begins, and the end of the last."""
    return np.linspace(0, size, min(size, grid) + 1).round().astype(np.int64)
