import math

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from encdec.tracking.recorder import Point, Recorder, batches, points_of
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
    recorder = Recorder(store, run_id)
    for step in range(700):
        recorder.log_metrics({"val/nll": step / 8, "val/mse": 1.0}, step=step)
    recorder.flush()
    assert calls == [600, 600, 200]
    assert history(store, run_id, "val/nll") == [(step, step / 8) for step in range(700)]


def test_numbers_that_are_not_finite_are_kept_as_nan_and_named(store: Store, run_id: str) -> None:
    recorder = Recorder(store, run_id)
    recorder.log_metrics({"loss": math.inf, "other": math.nan, "fine": 1.0}, step=3)
    recorder.flush()
    data = store.client.get_run(run_id).data
    assert math.isnan(data.metrics["loss"])
    assert math.isnan(data.metrics["other"])
    assert data.metrics["fine"] == 1.0
    assert data.tags["nonfinite/loss"] == "inf at step 3"
    assert data.tags["nonfinite/other"] == "nan at step 3"
    assert "nonfinite/fine" not in data.tags


def test_names_and_values_of_any_length_are_taken(store: Store, run_id: str) -> None:
    recorder = Recorder(store, run_id)
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


def test_what_is_sent_twice_is_kept_once(store: Store, run_id: str) -> None:
    """A server that died may have taken it."""
    points, tags = points_of({"val/nll": 1.0, "val/mse": math.nan}, 3)
    for _ in range(2):
        recorder = Recorder(store, run_id)
        recorder.add(points, tags)
        recorder.log_params({"beta": 2.0})
        recorder.flush()
    assert history(store, run_id, "val/nll") == [(3, 1.0)]
    assert len(history(store, run_id, "val/mse")) == 1
    assert store.client.get_run(run_id).data.params == {"beta": "2.0"}
