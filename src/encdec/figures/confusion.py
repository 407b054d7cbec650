"""Which classes are taken for which: the matrix, or with many classes the pairs that are confused most."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from encdec.figures.fonts import label
from encdec.figures.picture import Picture, Words
from encdec.figures.style import SMALL, TEXT, Theme, airy, readable_on

Counts = NDArray[np.int64]
MOST_WITH_COUNTS, MOST_IN_MATRIX, MOST_PAIRS = 16, 50, 20


def confused_pairs(counts: Counts) -> list[tuple[int, int, int]]:
    """True class, answer and how often, of all mistakes in counts (K, K): the most frequent first, then by class."""
    off = counts * (1 - np.eye(len(counts), dtype=np.int64))
    rows, columns = np.nonzero(off)
    found = [(int(row), int(column), int(off[row, column])) for row, column in zip(rows, columns, strict=True)]
    return sorted(found, key=lambda pair: (-pair[2], pair[0], pair[1]))


def row_shares(counts: Counts) -> NDArray[np.float64]:
    """Counts (K, K) as shares of each true class; 0 where a class has no row."""
    totals = counts.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0), dtype=np.float64)


def confusion(counts: Counts, *, classes: Sequence[str]) -> Picture:
    """Counts (K, K): rows are the true classes, columns the answers."""
    pairs, names = confused_pairs(counts), [label(name, most=18) for name in classes]
    wrong, total = sum(pair[2] for pair in pairs), int(counts.sum())
    worst = ""
    if pairs:
        true, answer, count = pairs[0]
        worst = f" Most often {names[true]} was taken for {names[answer]} ({count} of {counts[true].sum()})."
    if len(classes) > MOST_IN_MATRIX:
        return most_confused(pairs[:MOST_PAIRS], names=names, wrong=wrong, total=total)
    words = Words(
        name="confusion",
        title="Confusion matrix",
        caption=(
            f"A row per true class, a column per answer; {total - wrong:,} of {total:,} images lie on the diagonal, "
            f"{wrong:,} beside it.{worst} Blue shades are shares of the row that are right, orange shades shares "
            f"that are wrong, stretched so that the largest is full."
        ),
        alt=f"Matrix of {len(classes)} true classes by answers; {wrong} of {total} answers are wrong.{worst}",
        group="quality",
    )
    side = max(300, min(640, 34 * len(classes)))
    margin = 40 + 6 * max(len(name) for name in names)

    def draw(figure: Figure, theme: Theme) -> None:
        airy(figure)
        draw_matrix(figure.add_subplot(), counts, names=names, theme=theme)

    return Picture(words, side + margin, side + min(margin, 140), draw)


def draw_matrix(axes: Axes, counts: Counts, *, names: Sequence[str], theme: Theme) -> None:
    shares, diagonal = row_shares(counts), np.eye(len(counts), dtype=bool)
    most_wrong = max(float(shares[~diagonal].max(initial=0.0)), 1e-12)
    right = theme.amounts(0.15 + 0.5 * shares)
    wrong = theme.mistakes(np.where(shares > 0, 0.2 + 0.8 * shares / most_wrong, 0.0))
    colours = np.where(diagonal[:, :, None], right, wrong)
    axes.imshow(colours)
    if len(counts) <= MOST_WITH_COUNTS:
        for row, column in zip(*np.nonzero(counts), strict=True):
            ink = readable_on(colours[row, column], theme)
            axes.text(column, row, f"{counts[row, column]}", ha="center", va="center", fontsize=SMALL, color=ink)
    places = np.arange(len(counts))
    long = max(len(name) for name in names) > 3
    axes.set_xticks(places, names, rotation=90 if long else 0)
    axes.set_yticks(places, names)
    axes.set_xticks(places[:-1] + 0.5, minor=True)
    axes.set_yticks(places[:-1] + 0.5, minor=True)
    axes.grid(which="minor", color=theme.line, linewidth=0.5)
    axes.tick_params(which="both", length=0)
    axes.set_xlabel("answer")
    axes.set_ylabel("true class")


def most_confused(pairs: Sequence[tuple[int, int, int]], *, names: Sequence[str], wrong: int, total: int) -> Picture:
    """Horizontal bars, the most frequent mistake on top."""
    shown = sum(pair[2] for pair in pairs)
    words = Words(
        name="confusion",
        title="Classes that are confused most",
        caption=(
            f"{wrong:,} of {total:,} answers are wrong; the {len(pairs)} most frequent mistakes make {shown:,} of "
            f"them. {len(names)} classes are too many for a matrix: confusion.csv has every cell."
        ),
        alt=f"Bars of the {len(pairs)} most frequent mistakes of {len(names)} classes.",
        group="quality",
    )

    def draw(figure: Figure, theme: Theme) -> None:
        airy(figure)
        axes = figure.add_subplot()
        places = np.arange(len(pairs))
        bars = axes.barh(places, [pair[2] for pair in pairs], color=theme.second, height=0.7)
        axes.bar_label(bars, padding=3, fontsize=SMALL, color=theme.ink)
        axes.set_yticks(places, [f"{names[true]} → {names[answer]}" for true, answer, _ in pairs], fontsize=TEXT)
        axes.invert_yaxis()
        axes.set_xlabel("images (true class → answer)")
        axes.grid(axis="x")
        axes.tick_params(axis="y", length=0, labelcolor=theme.ink)

    return Picture(words, 600, 90 + 24 * max(len(pairs), 1), draw)
