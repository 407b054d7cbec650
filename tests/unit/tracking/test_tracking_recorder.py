import math
from itertools import pairwise

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from encdec.tracking.recorder import FLUSH_SECONDS, Point, Recorder, batches
from encdec.tracking.store import Store


@pytest.fixture
def run_id(store: Store) -> str:
    return str(store.client.create_run(store.experiment_id).info.run_id)


def history(store: Store, run_id: str, name: str) -> list[tuple[int, float]]:
    return [(metric.step, metric.value) for metric in store.client.get_metric_history(run_id, name)]


def test_metrics_arrive_whole_and_in_few_calls(store: Store, run_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    log_batch = type(store.client).log_batch

    def counted(
        self: MlflowClient, run_id: str, metrics: list[Metric], params: list[Param], tags: list[RunTag]
    ) -> None:
        calls.append(len(metrics))
        log_batch(self, run_id, metrics=metrics, params=params, tags=tags)

    monkeypatch.setattr(type(store.client), "log_batch", counted)
    recorder = Recorder(store, run_id, continued=False, flush_seconds=60)
    for step in range(700):
        recorder.log_metrics({"val/nll": step / 8, "val/mse": 1.0}, step=step)
    recorder.flush()
    assert calls == [2, 600, 600, 198]  # the first at once, then what is collected, 600 to a call
    assert history(store, run_id, "val/nll") == [(step, step / 8) for step in range(700)]


class Clock:
    """Stands still but when a test or a call moves it."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("encdec.tracking.recorder.time.monotonic", clock.monotonic)
    return clock


def test_a_slow_run_is_seen_as_it_goes(store: Store, run_id: str, clock: Clock) -> None:
    recorder = Recorder(store, run_id, continued=False, flush_seconds=30.0)
    seen = []
    for step, clock.now in enumerate([0.0, 29.0, 30.0]):
        recorder.log_metrics({"loss": 1.0}, step=step)
        seen.append(len(history(store, run_id, "loss")))
    assert seen == [1, 1, 3]


def test_a_slow_store_takes_no_more_than_its_share_of_the_time(
    store: Store, run_id: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(self: MlflowClient, run_id: str, **batch: object) -> None:
        clock.now += 2.0

    monkeypatch.setattr(type(store.client), "log_batch", slow)
    recorder = Recorder(store, run_id, continued=False)
    spent, began = 0.0, clock.now
    for step in range(5000):
        clock.now += 1.0  # an epoch
        before = clock.now
        recorder.log_metrics({"loss": 1.0}, step=step)
        spent += clock.now - before
    # a call of 2 s, then none for 2 s * 200: in 5,000 s at 1, 403, 805, ... the 13th at 4,825
    assert spent == 13 * 2.0
    assert spent / (clock.now - began) < 1 / 100


def test_a_store_that_was_slow_once_is_not_left_alone_for_long(
    store: Store, run_id: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[float] = []

    def call(self: MlflowClient, run_id: str, **batch: object) -> None:
        calls.append(clock.now)
        clock.now += 120.0 if len(calls) in (1, 10) else 0.001

    monkeypatch.setattr(type(store.client), "log_batch", call)
    recorder, began = Recorder(store, run_id, continued=False), clock.now
    for step in range(2000):
        clock.now += 1.0
        recorder.log_metrics({"loss": 1.0}, step=step)
    pauses = [later - earlier for earlier, later in pairwise(calls)]
    assert calls[0] == began + 1
    assert 900 <= pauses[0] - 120 < 903, "the first call says all that is known"
    assert all(pause <= 120 + FLUSH_SECONDS + 1 for pause in pauses[1:]), pauses
    assert len(calls) > 100


def test_epochs_that_the_run_has_say_nothing_about_how_long_a_call_takes(
    store: Store, run_id: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Recorder(store, run_id, continued=False)
    for step in range(20):
        first.log_metrics({"loss": 1.0}, step=step)
    first.flush()
    calls: list[float] = []

    def slow(self: MlflowClient, run_id: str, **batch: object) -> None:
        calls.append(clock.now)
        clock.now += 2.0

    monkeypatch.setattr(type(store.client), "log_batch", slow)
    continued = Recorder(store, run_id, continued=True)
    for step in range(500):
        clock.now += 1.0
        continued.log_metrics({"loss": 1.0}, step=step)
    assert calls == [21, 423], "2 s, then none for 2 s * 200"


def test_numbers_that_are_not_finite_are_kept_as_nan_and_named(store: Store, run_id: str) -> None:
    recorder = Recorder(store, run_id, continued=False)
    recorder.log_metrics({"loss": math.inf, "other": math.nan, "fine": 1.0}, step=3)
    recorder.flush()
    data = store.client.get_run(run_id).data
    assert math.isnan(data.metrics["loss"])
    assert math.isnan(data.metrics["other"])
    assert data.metrics["fine"] == 1.0
    assert data.tags["nonfinite/loss"] == "inf at step 3"
    assert data.tags["nonfinite/other"] == "nan at step 3"
    assert "nonfinite/fine" not in data.tags


def test_a_continued_run_does_not_write_a_step_twice(store: Store, run_id: str) -> None:
    first = Recorder(store, run_id, continued=False)
    for step in range(3):
        first.log_metrics({"val/nll": 10.0 - step}, step=step)
    first.flush()
    second = Recorder(store, run_id, continued=True)
    for step in range(5):  # it starts again from an earlier checkpoint
        second.log_metrics({"val/nll": 10.0 - step, "new": 1.0}, step=step)
    second.flush()
    assert history(store, run_id, "val/nll") == [(step, 10.0 - step) for step in range(5)]
    assert len(history(store, run_id, "new")) == 5


def test_names_and_values_of_any_length_are_taken(store: Store, run_id: str) -> None:
    recorder = Recorder(store, run_id, continued=False)
    recorder.log_params({f"p{index}": "x" * 10_000 for index in range(150)} | {"key@" * 100: True})
    recorder.set_tags({f"t{index}": "y" * 10_000 for index in range(150)})
    recorder.log_metrics({"m" * 300: 1.0})
    recorder.flush()
    data = store.client.get_run(run_id).data
    assert len(data.params) == 151
    assert len(data.params["p149"]) == 6000
    assert len(data.tags["t149"]) == 5000
    assert "true" in data.params.values()


def test_a_batch_of_the_longest_texts_is_below_a_megabyte() -> None:
    points = [Point("m" * 250, 1.0, step, 1_700_000_000_000) for step in range(2000)]
    pairs = {f"{index:0250}": "v" * 6000 for index in range(200)}
    tags = {f"{index:0250}": "v" * 5000 for index in range(200)}
    parts = list(batches(points, pairs, tags))
    assert [len(metrics) for metrics, _, _ in parts] == [600, 600, 600, 200]
    for metrics, params, tagged in parts:
        assert len(metrics) + len(params) + len(tagged) <= 1000
        assert sum(len(key) + len(value) for key, value in [*params, *tagged]) < 900_000
