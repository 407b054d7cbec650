"""Both distributions of a test as shapes for an SVG: the reference as an area, the batch as a line or as bars."""

from collections.abc import Sequence
from typing import NamedTuple

from encdec.monitoring.finding import Bars, Histogram
from encdec.report.numbers import signed

WIDTH, HEIGHT, BASE = 320, 130, 104
"""The picture, and where its axis is; below it stand the names."""
LETTER = 6.5
"""Width of a letter below the axis, on the safe side of the mean."""


class Drawn(NamedTuple):
    """Paths of the SVG, and the words below the axis with their places from the left."""

    reference: str
    batch: str
    ticks: Sequence[tuple[float, str]]


def draw(shape: Histogram | Bars) -> Drawn:
    match shape:
        case Histogram():
            return draw_histogram(shape)
        case Bars():
            return draw_bars(shape)


def draw_histogram(shape: Histogram) -> Drawn:
    """Steps of one width; both have the same scale."""
    step = WIDTH / len(shape.reference)
    top = highest(shape.reference, shape.batch)
    ends = [(0.0, number(shape.edges[0])), (WIDTH / 2, number((shape.edges[0] + shape.edges[-1]) / 2))]
    ends.append((float(WIDTH), number(shape.edges[-1])))
    area = f"M0 {BASE}{steps(shape.reference, step, top)}L{WIDTH} {BASE}Z"
    return Drawn(area, f"M0 {BASE}{steps(shape.batch, step, top)}L{WIDTH} {BASE}", ends)


def steps(shares: Sequence[float], step: float, top: float) -> str:
    return "".join(
        f"L{place * step:.1f} {height(share, top):.1f}H{(place + 1) * step:.1f}" for place, share in enumerate(shares)
    )


def draw_bars(shape: Bars) -> Drawn:
    """Two bars beside each other for each name."""
    step, top = WIDTH / len(shape.names), highest(shape.reference, shape.batch)
    wide = step * 0.36

    def bars(shares: Sequence[float], shift: float) -> str:
        return "".join(
            f"M{place * step + shift:.1f} {BASE}V{height(share, top):.1f}h{wide:.1f}V{BASE}Z"
            for place, share in enumerate(shares)
        )

    names = [
        ((place + 0.5) * step, shortened(name, most=max(1, int(step / LETTER))))
        for place, name in enumerate(shape.names)
    ]
    return Drawn(bars(shape.reference, 0.12 * step), bars(shape.batch, 0.52 * step), names)


def highest(*sides: Sequence[float]) -> float:
    return max([share for side in sides for share in side]) or 1.0


def height(share: float, top: float) -> float:
    return BASE - (BASE - 8) * share / top


def shortened(name: str, *, most: int) -> str:
    """At most so many letters; a blank is shown as one."""
    shown = "␣" if name.isspace() else name
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def number(value: float) -> str:
    return signed(f"{value:.3g}")
