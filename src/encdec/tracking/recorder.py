"""What is written to one MLflow run: collected, and sent in few calls."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from encdec.tracking.flat import MAX_PARAM, MAX_TAG, cut, safe_key, shown
from encdec.tracking.store import Store

METRICS_PER_BATCH = 600  # with PAIRS_PER_BATCH params and tags of full length: below MLflow's 1000 entries and 1 MB
PAIRS_PER_BATCH = 70


class Point(NamedTuple):
    name: str
    value: float
    step: int
    timestamp: int  # milliseconds


class Recorder:
    """Collects metrics, parameters and tags of a run, and sends them at `flush`."""

    def __init__(self, store: Store, run_id: str) -> None:
        self.store = store
        self.run_id = run_id
        self.points: list[Point] = []
        self.params: dict[str, str] = {}
        self.tags: dict[str, str] = {}

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        self.add(*points_of(metrics, step))

    def add(self, points: Sequence[Point], tags: Mapping[str, str]) -> None:
        """What `points_of` gave."""
        self.points += points
        self.tags |= tags

    def log_params(self, params: Mapping[str, object]) -> None:
        self.params |= clean_params(params)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        self.tags |= clean_tags(tags)

    def flush(self) -> None:
        """Send what was collected; what could not be sent stays collected.

        MLflow takes the same value of the same step and time for one, so that it may be sent twice.
        """
        from mlflow.entities import Metric, Param, RunTag

        for points, params, tags in batches(self.points, self.params, self.tags):
            self.store.client.log_batch(
                self.run_id,
                metrics=[Metric(point.name, point.value, point.timestamp, point.step) for point in points],
                params=[Param(key, value) for key, value in params],
                tags=[RunTag(key, value) for key, value in tags],
            )
        self.points, self.params, self.tags = [], {}, {}


def points_of(metrics: Mapping[str, float], step: int | None) -> tuple[list[Point], dict[str, str]]:
    """Points as of now, and tags that name those which are not finite: they are kept as NaN.

    MLflow would show infinity as 1.8e308.
    """
    now, at = time.time_ns() // 1_000_000, step or 0
    points: list[Point] = []
    tags: dict[str, str] = {}
    for name, value in metrics.items():
        key, number = safe_key(name), float(value)
        if not math.isfinite(number):
            tags |= clean_tags({f"nonfinite/{key}": f"{number} at step {at}"})
            number = math.nan
        points.append(Point(key, number, at, now))
    return points, tags


def clean_params(params: Mapping[str, object]) -> dict[str, str]:
    return {safe_key(key): cut(shown(value), MAX_PARAM) for key, value in params.items()}


def clean_tags(tags: Mapping[str, str]) -> dict[str, str]:
    return {safe_key(key): cut(value, MAX_TAG) for key, value in tags.items()}


Pairs = Sequence[tuple[str, str]]


def batches(
    points: Sequence[Point], params: Mapping[str, str], tags: Mapping[str, str]
) -> Iterator[tuple[Sequence[Point], Pairs, Pairs]]:
    """Parts that MLflow takes in one call each; nothing where there is nothing."""
    param_pairs, tag_pairs = list(params.items()), list(tags.items())
    count = max(
        math.ceil(len(points) / METRICS_PER_BATCH),
        math.ceil(len(param_pairs) / PAIRS_PER_BATCH),
        math.ceil(len(tag_pairs) / PAIRS_PER_BATCH),
    )
    for index in range(count):
        metrics = slice(index * METRICS_PER_BATCH, (index + 1) * METRICS_PER_BATCH)
        pairs = slice(index * PAIRS_PER_BATCH, (index + 1) * PAIRS_PER_BATCH)
        yield points[metrics], param_pairs[pairs], tag_pairs[pairs]
