"""What is written to one MLflow run: collected, and sent in batches."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from encdec.pauses import Pauses
from encdec.tracking.flat import MAX_PARAM, MAX_TAG, cut, safe_key, shown
from encdec.tracking.store import Store

FLUSH_SECONDS = 1.0
MAX_SHARE = 1 / 200
"""Of the time that goes by, what sending may take: where a call is slow, calls are further apart."""
METRICS_PER_BATCH = 600  # with PAIRS_PER_BATCH params and tags of full length: below MLflow's 1000 entries and 1 MB
PAIRS_PER_BATCH = 70


class Point(NamedTuple):
    name: str
    value: float
    step: int
    timestamp: int  # milliseconds


class Recorder:
    """Collects metrics, parameters and tags of a run; sends them every `flush_seconds` or later, and at `flush`.

    MLflow takes 20 ms or more per call: an epoch of a small model is quicker than that, and a call in every second
    would take more than a hundredth of a training. So the next one waits until a usual one takes at most `MAX_SHARE`.

    Args:
        continued: the run holds metrics of an earlier process; a step that it has is not written again.
    """

    def __init__(self, store: Store, run_id: str, *, continued: bool, flush_seconds: float = FLUSH_SECONDS) -> None:
        self.store = store
        self.run_id = run_id
        self.continued = continued
        self.points: list[Point] = []
        self.params: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        self.steps: dict[str, set[int]] = {}
        self.pauses = Pauses(flush_seconds, share=MAX_SHARE)
        self.next_flush = -math.inf

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Numbers that are not finite are kept as NaN (MLflow would show infinity as 1.8e308), with a tag."""
        now = time.time_ns() // 1_000_000
        for name, value in metrics.items():
            key, number, at = safe_key(name), float(value), step or 0
            if at in self.known_steps(key):
                continue
            if not math.isfinite(number):
                self.set_tags({f"nonfinite/{key}": f"{number} at step {at}"})
                number = math.nan
            self.points.append(Point(key, number, at, now))
        if time.monotonic() >= self.next_flush:
            self.flush()

    def known_steps(self, key: str) -> set[int]:
        if not self.continued:
            return set()
        if key not in self.steps:
            history = self.store.client.get_metric_history(self.run_id, key)
            self.steps[key] = {metric.step for metric in history}
        return self.steps[key]

    def log_params(self, params: Mapping[str, object]) -> None:
        self.params |= {safe_key(key): cut(shown(value), MAX_PARAM) for key, value in params.items()}

    def set_tags(self, tags: Mapping[str, str]) -> None:
        self.tags |= {safe_key(key): cut(value, MAX_TAG) for key, value in tags.items()}

    def flush(self) -> None:
        """Send what was collected; what could not be sent stays collected."""
        if not (self.points or self.params or self.tags):
            return  # and no measure of how long a call takes
        from mlflow.entities import Metric, Param, RunTag

        began = time.monotonic()
        for points, params, tags in batches(self.points, self.params, self.tags):
            self.store.client.log_batch(
                self.run_id,
                metrics=[Metric(point.name, point.value, point.timestamp, point.step) for point in points],
                params=[Param(key, value) for key, value in params],
                tags=[RunTag(key, value) for key, value in tags],
            )
        self.points, self.params, self.tags = [], {}, {}
        ended = time.monotonic()
        self.next_flush = ended + self.pauses.after(ended - began)


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
