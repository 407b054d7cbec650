import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import BAD_REQUEST

from encdec.tracking.notes import NOTE_TAG
from encdec.tracking.seeds.summary import STAGE, bring_all_up_to_date, bring_up_to_date, rows_of
from encdec.tracking.store import Store, search

OUT = "dvc.out/data/05_models/vae"
RACER = Path(__file__).with_name("racing_seed.py")


def row(
    store: Store,
    seed: int,
    metrics: Mapping[str, float],
    *,
    weights: str = "",
    evaluation: str = "e",
    verdict: str = "better",
    rate: str = "0.1",
) -> str:
    """A training as the stages leave it: trained, evaluated, finished."""
    tags = {"stage": "train", "model": "vae", "kind": "images", "source": "digits", "seed_group": "g"}
    tags |= {
        "evaluation.seed_group": evaluation,
        OUT: weights or f"weights of {seed}",
        "tuned": "training.learning_rate",
    }
    tags |= {"headline.metric": "mse", "headline.verdict": verdict, "headline.baseline": "PCA", "git.commit": "c"}
    run_id: str = store.client.create_run(store.experiment_id, tags=tags).info.run_id
    for name, value in {"best_epoch": 3.0, **metrics}.items():
        store.client.log_metric(run_id, name, value)
    for name, param in {"seed": str(seed), "training.learning_rate": rate, "network.latent_dim": "12"}.items():
        store.client.log_param(run_id, name, param)
    store.client.set_terminated(run_id, "FINISHED")
    return run_id


def summaries(store: Store) -> list[Run]:
    return search(store, f"tags.stage = '{STAGE}'")


def test_one_seed_has_no_row_of_its_own(store: Store) -> None:
    row(store, 1, {"test/mse": 0.1})
    bring_up_to_date(store, "g")
    assert summaries(store) == []


def test_mean_and_sample_standard_deviation_over_seeds(store: Store) -> None:
    """By hand: 1, 2, 6 have the mean 3 and the variance (4 + 1 + 9) / 2 = 7."""
    for seed, value in ((3, 6.0), (1, 1.0), (2, 2.0)):
        row(
            store,
            seed,
            {"test/mse": value, "val/mse": 9.0, "baseline/mse": 5.0, "system/cpu": 1.0, "train_seconds": value},
        )
    bring_up_to_date(store, "g")
    (found,) = summaries(store)
    expected = {"num_seeds": 3.0, "test/mse": 3.0, "test/mse/std": 7**0.5, "baseline/mse": 5.0, "baseline/mse/std": 0.0}
    expected |= {"best_epoch": 3.0, "best_epoch/std": 0.0, "train_seconds": 3.0, "train_seconds/std": 7**0.5}
    assert found.data.metrics == pytest.approx(expected)
    assert found.info.run_name == "vae, 3 seeds"
    assert found.info.status == "FINISHED"
    tags = {"model": "vae", "source": "digits", "kind": "images", "seeds": "1, 2, 3", "headline.verdict": "better"}
    assert (
        tags | {"headline.metric": "mse", "headline.baseline": "PCA", "git.commit": "c"}
    ).items() <= found.data.tags.items()
    assert "mlflow.parentRunId" not in found.data.tags
    content = json.loads(Path(store.client.download_artifacts(found.info.run_id, "seeds.json")).read_text())
    assert [(each["seed"], each["metrics"]["test/mse"]) for each in content["seeds"]] == [(1, 1.0), (2, 2.0), (3, 6.0)]
    assert "| mse | 3 ± 2.646 | 5 ± 0 |" in found.data.tags[NOTE_TAG]


def test_a_seed_more_goes_into_the_same_row(store: Store) -> None:
    for seed, value, rate in ((1, 1.0, "0.1"), (2, 2.0, "0.1"), (3, 6.0, "0.2")):
        row(store, seed, {"test/mse": value}, rate=rate)
        bring_up_to_date(store, "g")
    (found,) = summaries(store)
    assert (found.info.run_name, found.data.metrics["num_seeds"]) == ("vae, 3 seeds", 3.0)
    assert found.data.metrics["test/mse"] == pytest.approx(3.0)
    assert found.data.params == {"network.latent_dim": "12"}, "no tuned value: two seeds agreed, the third does not"
    counts = [(m.step, m.value) for m in store.client.get_metric_history(found.info.run_id, "num_seeds")]
    assert counts == [(0, 2.0), (1, 3.0)]


def test_the_newest_run_of_a_seed_counts_and_the_same_weights_count_once(store: Store) -> None:
    row(store, 1, {"test/mse": 50.0}, weights="old")
    row(store, 1, {"test/mse": 1.0}, weights="one")
    row(store, 2, {"test/mse": 3.0}, weights="two")
    row(store, 3, {"test/mse": 3.0}, weights="two")
    bring_up_to_date(store, "g")
    (found,) = summaries(store)
    assert (found.data.metrics["num_seeds"], found.data.metrics["test/mse"]) == (2.0, 2.0)
    assert found.data.tags["seeds"] == "1, 3"


def test_what_was_evaluated_in_another_way_is_another_row(store: Store) -> None:
    for seed, evaluation in ((1, "e"), (2, "e"), (3, "f"), (4, "f"), (5, "alone")):
        row(store, seed, {"test/mse": float(seed)}, evaluation=evaluation)
    bring_up_to_date(store, "g")
    assert sorted(found.data.metrics["test/mse"] for found in summaries(store)) == [1.5, 3.5]


def test_nothing_is_written_where_nothing_changed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in (1, 2):
        row(store, seed, {"test/mse": float("nan") if seed == 1 else 1.0})
    bring_up_to_date(store, "g")
    written: list[str] = []
    for name in ("log_batch", "log_text", "set_tag", "update_run", "create_run"):
        monkeypatch.setattr(store.client, name, lambda *_, name=name, **__: written.append(name))
    bring_up_to_date(store, "g")
    assert written == []


def test_seeds_that_do_not_agree_on_the_verdict_leave_it_unclear(store: Store) -> None:
    row(store, 1, {"test/mse": 1.0})
    row(store, 2, {"test/mse": 1.0}, verdict="worse")
    bring_up_to_date(store, "g")
    assert summaries(store)[0].data.tags["headline.verdict"] == "unclear"


def test_a_deleted_training_leaves_the_mean_when_the_ui_is_opened(store: Store) -> None:
    runs = [row(store, seed, {"test/mse": float(seed)}) for seed in (1, 2, 6)]
    bring_up_to_date(store, "g")
    store.client.delete_run(runs[2])
    bring_all_up_to_date(store)
    (found,) = summaries(store)
    assert found.data.metrics["test/mse"] == 1.5
    assert found.info.run_name == "vae, 2 seeds"
    store.client.delete_run(runs[1])
    bring_all_up_to_date(store)
    assert summaries(store) == []


def test_rows_are_found_by_the_weights_of_their_seeds(store: Store) -> None:
    for seed in (1, 2):
        row(store, seed, {"test/mse": float(seed)})
    weights = {seed: (OUT.removeprefix("dvc.out/"), f"weights of {seed}") for seed in (1, 2, 3)}
    ((name, text),) = rows_of(store, weights)
    assert (name, text) == ("vae, 2 seeds", "tags.seed_group = 'g'")
    assert len(search(store, text)) == 3


def test_machines_that_end_at_once_leave_one_row_with_all_seeds(store: Store, tmp_path: Path) -> None:
    """Each process has a folder of locks of its own, as on a machine of its own; they wait for each other's start."""
    environment = {**os.environ, "MLFLOW_TRACKING_URI": store.uri}
    arguments = [[str(tmp_path / f"machine-{seed}"), str(seed)] for seed in range(1, 6)]
    racing = [
        subprocess.Popen(
            [sys.executable, str(RACER), *each],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for each in arguments
    ]
    for process in racing:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in racing:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.wait(120) for process in racing] == [0] * 5
    (found,) = summaries(store)
    assert found.data.metrics["num_seeds"] == 5.0
    assert found.data.metrics["test/mse"] == 3.0
    assert found.data.tags["seeds"] == "1, 2, 3, 4, 5"
    assert found.info.run_name == "vae, 5 seeds"


def test_a_row_that_another_machine_takes_away_while_it_is_written_is_made_anew(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_text = MlflowClient.log_text
    taken: list[str] = []

    def take_away(self: MlflowClient, run_id: str, text: str, path: str) -> None:
        if not taken:
            taken.append(run_id)
            self.delete_run(run_id)
        log_text(self, run_id, text, path)

    for seed in (1, 2):
        row(store, seed, {"test/mse": float(seed)})
    monkeypatch.setattr(MlflowClient, "log_text", take_away)
    bring_up_to_date(store, "g")
    (found,) = summaries(store)
    assert found.info.run_id not in taken
    assert found.data.metrics["test/mse"] == 1.5


def test_parameters_that_another_machine_writes_at_the_same_moment_are_taken_from_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database refuses the second of two that insert the same parameter."""
    log_batch = MlflowClient.log_batch
    collided: list[str] = []

    def collide(self: MlflowClient, run_id: str, **batch: Sequence[Metric | Param | RunTag]) -> None:
        if not collided:
            collided.append(run_id)
            log_batch(self, run_id, params=batch["params"])
            raise MlflowException("UNIQUE constraint failed: params.key, params.run_uuid", BAD_REQUEST)
        log_batch(self, run_id, **batch)

    for seed in (1, 2):
        row(store, seed, {"test/mse": float(seed)})
    monkeypatch.setattr(MlflowClient, "log_batch", collide)
    bring_up_to_date(store, "g")
    (found,) = summaries(store)
    assert collided == [found.info.run_id]
    assert (found.data.metrics["test/mse"], found.info.run_name) == (1.5, "vae, 2 seeds")


def test_a_row_that_cannot_be_written_is_an_error(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise MlflowException("disk full", BAD_REQUEST)

    for seed in (1, 2):
        row(store, seed, {"test/mse": float(seed)})
    monkeypatch.setattr(MlflowClient, "log_batch", refuse)
    with pytest.raises(MlflowException, match="disk full"):
        bring_up_to_date(store, "g")
