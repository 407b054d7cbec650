"""Which classes or slices got worse by more than noise: a paired permutation test for each, corrected for all.

Under the hypothesis that both models are alike, who gave which of the two answers to a row does not matter: they are
exchanged at random, row by row (Fisher). Exact in small slices, where a bootstrap is too sure.
"""

import math
from collections.abc import Mapping

import numpy as np

from encdec.evaluation.bootstrap import Resampling
from encdec.metrics.scores import Columns, Metric
from encdec.monitoring.correction import holm
from encdec.params.root import Params
from encdec.retraining.document import SliceLine
from encdec.retraining.measured import Both, Positions, at, groups_of


def slice_lines(both: Both, params: Params) -> tuple[SliceLine, ...]:
    """Each class or slice by the first metric, the most worsened first; nothing without a champion."""
    if both.theirs is None or both.headline.name not in both.names:
        return ()
    rules = params.promotion
    resampling = Resampling(rules.resamples, rules.confidence, params.seed)
    return lines_of(both.headline, both.ours.columns, both.theirs.columns, groups_of(both), resampling)


ENOUGH = 200
"""Exchanges with as low a gain, after which a slice is told from no loss no more (Besag and Clifford 1991)."""


def lines_of(
    metric: Metric, ours: Columns, theirs: Columns, groups: Mapping[str, Positions], resampling: Resampling
) -> tuple[SliceLine, ...]:
    lines, level = [], 1 - resampling.confidence
    # with fewer no chance could be as small as the correction for all slices asks
    enough = max(resampling.resamples, math.ceil(2 * len(groups) / level))
    resampling = resampling._replace(resamples=enough)
    for name, positions in groups.items():
        new, old = at(ours, positions), at(theirs, positions)
        after, before = metric.compute(new), metric.compute(old)
        gain = after - before if metric.higher_is_better else before - after
        p = worse_by_chance(metric, new, old, resampling) if gain < 0 else 1.0
        lines.append(SliceLine(name=name, rows=len(positions), before=before, after=after, gain=gain, p=p, worse=False))
    adjusted = holm([line.p for line in lines])
    marked = [line.model_copy(update={"worse": bool(p <= level)}) for line, p in zip(lines, adjusted, strict=True)]
    return tuple(sorted(marked, key=lambda line: (not line.worse, line.p, line.gain)))


def worse_by_chance(metric: Metric, ours: Columns, theirs: Columns, resampling: Resampling) -> float:
    """How often a gain is as low as this one, or lower, where the answers are exchanged at random; itself counted."""
    shared = [name for name in ours if name in theirs and ours[name].shape == theirs[name].shape]
    sign = 1.0 if metric.higher_is_better else -1.0
    seen = sign * (metric.compute(ours) - metric.compute(theirs))
    rows, generator = len(ours[shared[0]]), np.random.default_rng(resampling.seed)
    as_low = 1
    for done in range(1, resampling.resamples + 1):
        swap = generator.random(rows) < 0.5
        first = {name: chosen(swap, theirs[name], ours[name]) for name in shared}
        second = {name: chosen(swap, ours[name], theirs[name]) for name in shared}
        as_low += sign * (metric.compute(first) - metric.compute(second)) <= seen + 1e-12
        if as_low > ENOUGH:
            return as_low / (done + 1)
    return as_low / (resampling.resamples + 1)


def chosen(
    swap: "np.typing.NDArray[np.bool_]", one: "np.typing.NDArray[np.generic]", other: "np.typing.NDArray[np.generic]"
) -> "np.typing.NDArray[np.generic]":
    """Row by row the one where `swap` says so, else the other."""
    return np.where(swap.reshape(-1, *[1] * (one.ndim - 1)), one, other)
