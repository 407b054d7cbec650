"""A model's interval above its baseline's, drawn to one scale, the better end always at the right."""

from typing import NamedTuple

from encdec.report.results import Interval, Row

WIDTH, MARGIN = 170, 8


class Bar(NamedTuple):
    """Places from the left: the ends of the interval and the value itself."""

    low: float
    value: float
    high: float


class Bars(NamedTuple):
    """`theirs` is None where there is no baseline."""

    ours: Bar
    theirs: Bar | None


def draw_bars(row: Row) -> Bars:
    """Both intervals of a metric; where lower is better, the scale runs from right to left."""
    intervals = [row.ours] + ([row.theirs] if row.theirs else [])
    least, most = min(each.low for each in intervals), max(each.high for each in intervals)
    return Bars(
        bar(row.ours, least, most, mirrored=not row.higher_is_better),
        bar(row.theirs, least, most, mirrored=not row.higher_is_better) if row.theirs else None,
    )


def bar(interval: Interval, least: float, most: float, *, mirrored: bool) -> Bar:
    places = [place(number, least, most, mirrored=mirrored) for number in (interval.low, interval.value, interval.high)]
    left, right = sorted((places[0], places[2]))
    return Bar(left, places[1], right)


def place(number: float, least: float, most: float, *, mirrored: bool) -> float:
    """From MARGIN to WIDTH - MARGIN; in the middle where all numbers are equal."""
    share = (number - least) / (most - least) if most > least else 0.5
    return round(MARGIN + (WIDTH - 2 * MARGIN) * (1 - share if mirrored else share), 1)
