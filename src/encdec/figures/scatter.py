"""A code of many units on paper: its two directions of largest variance, a colour, a marker and a name per class."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from encdec.figures.fonts import label
from encdec.figures.picture import Picture, Words
from encdec.figures.style import MARKERS, TEXT, Theme, airy

Array = NDArray[np.floating]
MOST_POINTS, MOST_CLASSES = 2000, 20
PUSHES, LEAST_GAP = 60, 0.06
"""How often names are moved, and how far apart they end, as a share of the extent of the points."""


class Plane(NamedTuple):
    """`points` (N, 2) of each row, and the share of the variance along both directions."""

    points: NDArray[np.float64]
    shares: tuple[float, float]


def principal_plane(code: Array) -> Plane:
    """The first two principal components of code (N, Z). The sign of each makes its largest weight positive."""
    centred = np.asarray(code, dtype=np.float64) - code.mean(axis=0)
    _, values, directions = np.linalg.svd(centred, full_matrices=False)
    directions = directions[:2]
    largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1)
    points = centred @ (directions * np.sign(largest)).T
    variance = np.square(values)
    shares = [float(each) for each in variance[:2] / max(float(variance.sum()), 1e-300)]
    missing = 2 - points.shape[1]  # a code of one unit has one direction
    return Plane(np.pad(points, ((0, 0), (0, missing))), (shares[0], shares[1] if len(shares) > 1 else 0.0))


def thinned(rows: int) -> NDArray[np.int64]:
    """At most 2,000 rows, evenly spaced."""
    return np.unique(np.linspace(0, rows - 1, min(rows, MOST_POINTS)).round().astype(np.int64))


def shown_classes(labels: NDArray[np.int64]) -> list[int]:
    """The classes with most rows, at most 20, in their own order."""
    found, counts = np.unique(labels, return_counts=True)
    most = found[np.argsort(-counts, kind="stable")][:MOST_CLASSES]
    return sorted(int(each) for each in most)


def pushed_apart(places: NDArray[np.float64], points: NDArray[np.float64], *, letters: int = 1) -> NDArray[np.float64]:
    """Names (K, 2) that would lie on each other, moved apart: at least a share of the extent of the points (N, 2).

    Names of many letters need more room sideways than up and down.
    """
    extent = np.maximum(np.ptp(points, axis=0), 1e-12) * [max(1.0, 0.3 * letters), 1.0]
    moved = places / extent
    order = 1e-6 * np.sign(np.arange(len(places))[:, None] - np.arange(len(places)))
    for _ in range(PUSHES):
        gaps = moved[:, None] - moved[None]  # (K, K, 2)
        gaps[:, :, 1] += np.where((gaps == 0).all(axis=2), order, 0.0)  # of two at one place the later goes up
        apart = np.linalg.norm(gaps, axis=2) + 1e-9
        close = (apart < LEAST_GAP) & ~np.eye(len(moved), dtype=bool)
        away = gaps / apart[:, :, None]
        moved = moved + np.where(close[:, :, None], away * (LEAST_GAP - apart)[:, :, None] / 4, 0.0).sum(axis=1)
    return np.asarray(moved * extent, dtype=np.float64)


def latent_scatter(
    code: Array, labels: NDArray[np.int64], *, classes: Sequence[str], what: str = "the code"
) -> Picture:
    """Code (N, Z) and labels (N,), indices into the classes."""
    plane, kept = principal_plane(code), thinned(len(code))
    named = shown_classes(labels)
    first, second = (100 * share for share in plane.shares)
    rest = " Classes beyond the 20 largest are grey." if len(classes) > len(named) else ""
    words = Words(
        name="latent",
        title="Latent space",
        caption=(
            f"{len(kept):,} test images at their place in {what}: its {code.shape[1]} units, seen along the two "
            f"directions of largest variance ({first:.0f} % and {second:.0f} % of it). Each name stands at the "
            f"median of its class. The network was never told the classes.{rest}"
        ),
        alt=f"Scatter of {len(kept)} codes in two dimensions, {len(named)} classes by colour and marker.",
        group="code",
    )

    def draw(figure: Figure, theme: Theme) -> None:
        airy(figure)
        axes = figure.add_subplot()
        points, kinds = plane.points[kept], labels[kept]
        other = ~np.isin(kinds, named)
        axes.scatter(points[other, 0], points[other, 1], s=10, color=theme.line)
        for number, kind in enumerate(named):
            axes.scatter(
                points[kinds == kind, 0],
                points[kinds == kind, 1],
                s=26,
                marker=MARKERS[number % len(MARKERS)],
                color=theme.classes[number % len(theme.classes)],
                alpha=0.75,
                linewidths=0.4,
                edgecolors=theme.surface,
                label=label(classes[kind], most=14),
            )
        halo = [withStroke(linewidth=3.5, foreground=theme.surface)]
        medians = np.array([np.median(plane.points[labels == kind], axis=0) for kind in named]).reshape(-1, 2)
        letters = max(len(label(classes[kind], most=14)) for kind in named)
        for kind, (x, y) in zip(named, pushed_apart(medians, plane.points, letters=letters), strict=True):
            name = label(classes[kind], most=14)
            axes.text(x, y, name, ha="center", va="center", fontsize=TEXT + 4, path_effects=halo)
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handletextpad=0.2)
        axes.set_xlabel(f"first component ({first:.0f} % of the variance)")
        axes.set_ylabel(f"second ({second:.0f} %)")
        axes.grid()

    return Picture(words, 620, 460, draw)
