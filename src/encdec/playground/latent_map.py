"""Codes as places on a map: the plane in which they differ most."""

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from encdec.datasets.images import ImageSplit
from encdec.figures.picture import rendered
from encdec.figures.scatter import latent_scatter, principal_plane
from encdec.figures.style import DARK, LIGHT, Theme
from encdec.models.storage import TrainedModel
from encdec.playground.answers import Pixels, codes_of, spread

PLACES = 2000
"""More points hide each other."""


class LatentMap(NamedTuple):
    """Codes (N, Z) of known images and their labels (N,). A code lies at (code - mean) @ directions (Z, 2)."""

    codes: NDArray[np.float64]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    mean: NDArray[np.float64]
    directions: NDArray[np.float64]


def draw_map(model: TrainedModel, train: ImageSplit) -> LatentMap:
    """The map of at most 2,000 images, evenly spaced."""
    batch = train.batch(spread(train, PLACES))
    codes = codes_of(model, batch.images.numpy()).astype(np.float64)
    mean = codes.mean(axis=0)
    directions = np.linalg.lstsq(codes - mean, principal_plane(codes).points, rcond=None)[0]
    return LatentMap(codes, batch.labels.numpy(), train.card.classes, mean, directions)


def place_of(model: TrainedModel, known: LatentMap, pixels: Pixels) -> tuple[float, float]:
    """Where one image (C, H, W) lies."""
    x, y = ((codes_of(model, pixels[None])[0] - known.mean) @ known.directions).tolist()
    return x, y


def nearest_classes(known: LatentMap, place: tuple[float, float], *, count: int) -> list[tuple[str, int]]:
    """Of the `count` places on the map next to a place, the classes and how many, the most first: the map in words."""
    places = (known.codes - known.mean) @ known.directions
    nearest = np.argsort(np.square(places - place).sum(axis=1), kind="stable")[:count]
    labels, counts = np.unique(known.labels[nearest], return_counts=True)
    found = sorted(zip(labels.tolist(), counts.tolist(), strict=True), key=lambda pair: (-pair[1], pair[0]))
    return [(known.classes[label], number) for label, number in found]


class DrawnMap(NamedTuple):
    """The map as PNG in each theme, and where its axes lie in it: shares of its width and height, from the top left.

    A place is marked on top of it by the page, so that the map is drawn once and not for each image.
    """

    light: bytes
    dark: bytes
    width: int
    left: float
    right: float
    top: float
    bottom: float
    x: tuple[float, float]
    y: tuple[float, float]

    def share_of(self, place: tuple[float, float]) -> tuple[float, float, bool]:
        """Where a place lies in the picture, and whether it is inside of the axes; outside, the nearest point is given.

        Returns:
            Shares of the picture's width from the left and of its height from the top.
        """
        along = (place[0] - self.x[0]) / (self.x[1] - self.x[0])
        up = (place[1] - self.y[0]) / (self.y[1] - self.y[0])
        inside = 0 <= along <= 1 and 0 <= up <= 1
        along, up = min(max(along, 0.0), 1.0), min(max(up, 0.0), 1.0)
        return self.left + along * (self.right - self.left), self.bottom - up * (self.bottom - self.top), inside


def drawn(known: LatentMap) -> DrawnMap:
    """The scatter that the evaluation draws, of images of train."""
    base = latent_scatter(known.codes, known.labels, classes=known.classes)
    seen: list[Figure] = []

    def draw(figure: Figure, theme: Theme) -> None:
        base.draw(figure, theme)
        seen.append(figure)

    light, dark = (rendered(base._replace(draw=draw), theme) for theme in (LIGHT, DARK))
    (axes,) = seen[0].axes
    box = axes.get_position()  # of the last drawing: the layout is made while it is drawn
    x, y = axes.get_xlim(), axes.get_ylim()
    return DrawnMap(light, dark, base.width, box.x0, box.x1, 1 - box.y1, 1 - box.y0, x, y)
