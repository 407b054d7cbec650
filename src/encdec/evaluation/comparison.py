"""A model's metrics beside a baseline's, each with an interval, and their paired difference."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from encdec.evaluation.bootstrap import Interval, Resampling, compute_all, num_rows, percentile_interval, resample
from encdec.metrics.scores import Columns, Metric, Scores

Better = Literal["model", "baseline", "unclear"]


class Opponent(NamedTuple):
    """A baseline's columns for the same rows in the same order, and the metrics that it is compared by."""

    name: str
    columns: Columns
    metrics: tuple[str, ...]


class Comparison(NamedTuple):
    """`difference`: model less baseline. Without an opponent the last four say nothing."""

    metric: Metric
    model: Interval
    opponent: str | None
    baseline: Interval | None
    difference: Interval | None
    better: Better | None


def verdict(difference: Interval, *, higher_is_better: bool) -> Better:
    """Whose number is better, where the interval of the difference (model less baseline) leaves 0 out."""
    if difference.low <= 0.0 <= difference.high:
        return "unclear"
    return "model" if (difference.low > 0.0) == higher_is_better else "baseline"


def compare(scores: Scores, opponents: Sequence[Opponent], *, resampling: Resampling) -> tuple[Comparison, ...]:
    """Every metric of the scores in their order; the rows drawn are the same for the model and each opponent.

    Raises:
        ValueError: an opponent has other rows, an unknown metric, or a metric that another one has too.
    """
    check(scores, opponents)
    values = compute_all(scores.metrics, scores.columns)
    resampled = resample(scores.metrics, scores.columns, resampling=resampling)
    found: dict[str, Comparison] = {}
    for position, metric in enumerate(scores.metrics):
        interval = percentile_interval(
            float(values[position]), resampled[:, position], confidence=resampling.confidence
        )
        found[metric.name] = Comparison(metric, interval, None, None, None, None)
    places = {metric.name: position for position, metric in enumerate(scores.metrics)}
    for opponent in opponents:
        metrics = [scores.metrics[places[name]] for name in opponent.metrics]
        theirs = compute_all(metrics, opponent.columns)
        theirs_resampled = resample(metrics, opponent.columns, resampling=resampling)
        for position, metric in enumerate(metrics):
            found[metric.name] = beside(
                found[metric.name],
                opponent.name,
                value=float(theirs[position]),
                ours=resampled[:, places[metric.name]],
                theirs=theirs_resampled[:, position],
                confidence=resampling.confidence,
            )
    return tuple(found.values())


def beside(
    alone: Comparison,
    opponent: str,
    *,
    value: float,
    ours: NDArray[np.float64],
    theirs: NDArray[np.float64],
    confidence: float,
) -> Comparison:
    """The comparison with an opponent's value, from both metrics on the same resamples (resamples,)."""
    difference = percentile_interval(alone.model.value - value, ours - theirs, confidence=confidence)
    return alone._replace(
        opponent=opponent,
        baseline=percentile_interval(value, theirs, confidence=confidence),
        difference=difference,
        better=verdict(difference, higher_is_better=alone.metric.higher_is_better),
    )


def gain_of(found: Comparison) -> Interval | None:
    """Model less baseline, turned so that above 0 is better; None without an opponent."""
    if found.difference is None:
        return None
    value, low, high = found.difference
    return Interval(value, low, high) if found.metric.higher_is_better else Interval(-value, -high, -low)


def check(scores: Scores, opponents: Sequence[Opponent]) -> None:
    rows = num_rows(scores.columns)
    known = [metric.name for metric in scores.metrics]
    taken: set[str] = set()
    for opponent in opponents:
        if num_rows(opponent.columns) != rows:
            raise ValueError(
                f"baseline {opponent.name} has {num_rows(opponent.columns)} rows, the model {rows}: "
                "both must be of the same test split; run the baselines stage"
            )
        for name in opponent.metrics:
            if name not in known:
                raise ValueError(f"baseline {opponent.name}: the model has no metric {name}, only {', '.join(known)}")
            if name in taken:
                raise ValueError(f"baseline {opponent.name}: metric {name} has another baseline already")
            taken.add(name)


def as_json(comparisons: Sequence[Comparison]) -> Mapping[str, Mapping[str, object]]:
    """What stands in evaluation.json, by metric; `baseline`, `difference` and `better` are null without an opponent."""
    return {
        comparison.metric.name: {
            **comparison.model._asdict(),
            "baseline": comparison.baseline and {"name": comparison.opponent, **comparison.baseline._asdict()},
            "difference": comparison.difference and comparison.difference._asdict(),
            "higher_is_better": comparison.metric.higher_is_better,
            "better": comparison.better,
        }
        for comparison in comparisons
    }
