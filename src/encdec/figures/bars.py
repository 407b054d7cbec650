"""Bars: units of a code by how much they do, and rates by group with their intervals."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from encdec.figures.fonts import label
from encdec.figures.picture import Picture, Words
from encdec.figures.style import SMALL, Theme, airy

Array = NDArray[np.float64]
MOST_GROUPS = 40


def falling_bars(values: Array, *, words: Words, axis: str, unit: str, limit: float, limit_text: str) -> Picture:
    """Values (N,), the largest first; what is at or below `limit` is drawn as not at work."""
    order = np.argsort(-values, kind="stable")
    works = values[order] > limit
    rest = int((~works).sum())

    def draw(figure: Figure, theme: Theme) -> None:
        airy(figure)
        axes = figure.add_subplot()
        places = np.arange(len(values))
        axes.bar(places, values[order], color=np.where(works, theme.accent, theme.second), width=0.86)
        if limit > 0:
            axes.axhline(limit, color=theme.soft, linewidth=1.0, linestyle=(0, (4, 3)))
        if rest:
            axes.axvspan(len(values) - rest - 0.5, len(values) - 0.5, color=theme.second, alpha=0.18, linewidth=0)
            place = 1 - rest / len(values) if rest < 0.6 * len(values) else 0.5
            axes.text(
                place, 0.93, f"{rest} {limit_text} ", transform=axes.transAxes, ha="right", va="top", color=theme.ink
            )
        if len(values) <= 24:
            axes.set_xticks(places, [str(unit_) for unit_ in order], fontsize=SMALL)
        axes.margins(x=0.01)
        axes.set_xlabel(unit)
        axes.set_ylabel(axis)
        axes.grid(axis="y")

    return Picture(words, 560, 260, draw)


class Rates(NamedTuple):
    """`names` (N,) of the groups, how many `rows`, the `rate` and its interval."""

    names: Sequence[str]
    rows: NDArray[np.int64]
    rate: Array
    low: Array
    high: Array


def worst_first(rates: Rates) -> NDArray[np.int64]:
    """Groups by falling rate; equal rates by falling number of rows, then in the order given."""
    return np.lexsort((-rates.rows, -rates.rate))


def rates_by_group(rates: Rates, *, words: Words, axis: str, overall: float, ordered: bool) -> Picture:
    """Horizontal points with intervals; the worst group on top, or with `ordered` in the order given."""
    order = np.arange(len(rates.names)) if ordered else worst_first(rates)
    order = order[:MOST_GROUPS]
    names = [f"{label(rates.names[place], most=28)}  ({rates.rows[place]:,})" for place in order]
    value, low, high = rates.rate[order], rates.low[order], rates.high[order]

    def draw(figure: Figure, theme: Theme) -> None:
        airy(figure)
        axes = figure.add_subplot()
        places = np.arange(len(order))
        axes.barh(places, value, color=theme.second, height=0.66)
        axes.hlines(places, low, high, color=theme.ink, linewidth=1.3)
        axes.plot(high, places, linestyle="", marker="|", markersize=6, color=theme.ink)
        axes.plot(low, places, linestyle="", marker="|", markersize=6, color=theme.ink)
        axes.axvline(overall, color=theme.soft, linewidth=1.0, linestyle=(0, (4, 3)))
        axes.set_yticks(places, names)
        axes.tick_params(axis="y", length=0, labelcolor=theme.ink)
        axes.set_ylim(len(order) - 0.4, -0.6)
        axes.set_xlim(0, max(float(high.max(initial=0.0)) * 1.06, 1e-3))
        axes.set_xlabel(axis)
        axes.grid(axis="x")

    return Picture(words, 560, 80 + 22 * len(order), draw)
