"""The gain of each metric as a picture: an interval on a rail with a mark at 0, the better end always at the right."""

from collections.abc import Sequence
from typing import NamedTuple

from encdec.promotion.decision import Bounds, MetricLine
from encdec.promotion.gate import Check

WIDTH, MARGIN = 320, 10


class Gain(NamedTuple):
    """Places from the left; `limit` is where the interval must not reach below, None where the gate asks nothing."""

    metric: str
    low: float
    value: float
    high: float
    zero: float
    limit: float | None


def draw_gains(lines: Sequence[MetricLine], checks: Sequence[Check]) -> tuple[Gain, ...]:
    """A rail for each metric with a gain, each to its own scale; the first one's limit is that of the gate."""
    limit = next((check.limit for check in checks if check.name == "champion"), None)
    compared = [line for line in lines if line.gain is not None]
    return tuple(
        draw_gain(line.metric, line.gain, limit if place == 0 else None)
        for place, line in enumerate(compared)
        if line.gain is not None
    )


def draw_gain(metric: str, gain: Bounds, limit: float | None) -> Gain:
    marks = [gain.low, gain.value, gain.high, 0.0, *([limit] if limit is not None else [])]
    least, most = min(marks), max(marks)
    low, value, high, zero, *rest = (place(mark, least, most) for mark in marks)
    return Gain(metric, low, value, high, zero, rest[0] if rest else None)


def place(number: float, least: float, most: float) -> float:
    """From MARGIN to WIDTH - MARGIN; in the middle where all numbers are equal."""
    share = (number - least) / (most - least) if most > least else 0.5
    return round(MARGIN + (WIDTH - 2 * MARGIN) * share, 1)
