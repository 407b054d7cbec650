"""Data that no run of this database made: linked to a run where there is one, recorded as restored where not."""

import json
from pathlib import Path

import pytest
import yaml
from mlflow import MlflowClient
from mlflow.entities import Run

from encdec.params.loading import Loaded
from encdec.tracking import repro
from encdec.tracking.digests import dvc_digest, out_tag
from encdec.tracking.evaluated import training_run_of
from encdec.tracking.repro import DvcProcess
from encdec.tracking.stage import tracked_stage
from encdec.tracking.store import Store, search

SOURCE, RAW, CHECKED = Path("data/00_source/images"), Path("data/01_raw/images"), Path("data/02_validation/images")
PREPARED, TUNING, MODEL = Path("data/03_prepared/images/train"), Path("data/04_tuning/vae"), Path("data/05_models/vae")
GRAPH = {
    "check": ([], [Path("data/00_check.txt")]),
    "ingest@images": ([Path("data/00_check.txt"), SOURCE], [RAW]),
    "validate@images": ([RAW], [CHECKED]),
    "prepare@images": ([RAW, CHECKED], [PREPARED]),
    "tune@vae": ([PREPARED], [TUNING]),
    "train@vae": ([PREPARED, TUNING], [MODEL]),
}


@pytest.fixture(autouse=True)
def one_repro(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repro, "dvc_process", lambda: DvcProcess("here", 1, 1.0, "dvc repro"))


def entries(paths: list[Path]) -> list[dict[str, str]]:
    return [{"path": path.as_posix(), "hash": "md5", "md5": dvc_digest(path)} for path in paths]


@pytest.fixture
def pulled(store: Store) -> Store:
    """Everything that another machine made, as `dvc pull` leaves it: data and dvc.lock, and no run."""
    for number, path in enumerate([SOURCE, RAW, CHECKED, PREPARED, TUNING, MODEL]):
        path.mkdir(parents=True)
        (path / "file.txt").write_text(str(number))
    Path("data/00_check.txt").write_text("valid")
    Path("pyproject.toml").write_text("")
    (MODEL / "spec.json").write_text(json.dumps({"spec": {"network": {"latent_dim": 12}}}))
    stages = {
        label: {"cmd": "x", "deps": entries([*deps, Path("pyproject.toml")]), "outs": entries(outs)}
        for label, (deps, outs) in GRAPH.items()
    }
    Path("dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))
    return store


def evaluate(loaded: Loaded) -> str:
    with tracked_stage("evaluate", loaded=loaded, item="vae", inputs=[MODEL], outputs=[], section={}) as run:
        run.log_evaluation(MODEL, metrics={"mse": 0.1}, baseline={})
    return run.run_id


def restored(store: Store) -> dict[str, Run]:
    found = search(store, "tags.`encdec.restored` = 'true'")
    named = {str(run.info.run_name): run for run in found}
    assert len(named) == len(found)
    return named


def test_what_was_pulled_is_recorded_as_restored_up_to_the_source(pulled: Store, loaded: Loaded) -> None:
    run_id = evaluate(loaded)
    rows = restored(pulled)
    labels = {"ingest@images", "validate@images", "prepare@images", "tune@vae", "train@vae"}  # check makes no runs
    assert rows.keys() == {f"{label} (restored)" for label in labels}
    assert {row.info.status for row in rows.values()} == {"FINISHED"}
    train = rows["train@vae (restored)"]
    assert train.data.params == {"network.latent_dim": "12"}
    read = {key: value for key, value in train.data.tags.items() if key.startswith("dvc.in/")}
    assert read == {f"dvc.in/{path.as_posix()}": dvc_digest(path) for path in (PREPARED, TUNING)}  # and no code
    assert train.data.tags["dvc.from/data/04_tuning/vae"] == rows["tune@vae (restored)"].info.run_id
    assert "git.commit" not in train.data.tags
    assert "model" not in rows["prepare@images (restored)"].data.tags
    tags = pulled.client.get_run(run_id).data.tags
    assert tags["dvc.from/data/05_models/vae"] == tags["training.run_id"] == train.info.run_id
    assert pulled.client.get_run(train.info.run_id).data.metrics["test/mse"] == 0.1


def test_it_is_recorded_once(pulled: Store, loaded: Loaded) -> None:
    evaluate(loaded)
    first = {run.info.run_id for run in restored(pulled).values()}
    evaluate(loaded)
    assert {run.info.run_id for run in restored(pulled).values()} == first


def test_a_run_that_made_it_is_linked_instead(pulled: Store, loaded: Loaded) -> None:
    with tracked_stage(
        "train", loaded=loaded, item="vae", inputs=[PREPARED, TUNING], outputs=[MODEL], section={}
    ) as run:
        pass
    made = run.run_id
    rows = restored(pulled).keys()
    assert "train@vae (restored)" not in rows
    assert "tune@vae (restored)" in rows
    assert pulled.client.get_run(evaluate(loaded)).data.tags["dvc.from/data/05_models/vae"] == made


def test_data_that_nobody_knows_are_left_alone(pulled: Store, loaded: Loaded) -> None:
    (SOURCE / "file.txt").write_text("a user's own")
    with tracked_stage("ingest", loaded=loaded, item="images", inputs=[SOURCE], outputs=[], section={}) as run:
        pass
    assert restored(pulled) == {}
    assert not [key for key in pulled.client.get_run(run.run_id).data.tags if key.startswith("dvc.from/")]


def test_a_training_that_becomes_known_later_is_preferred_to_the_row_that_stood_for_it(
    pulled: Store, loaded: Loaded
) -> None:
    """Its server was away while it was trained; others had pulled the weights meanwhile."""
    evaluate(loaded)
    row = restored(pulled)["train@vae (restored)"]
    tags = {"stage": "train", out_tag(MODEL.as_posix()): dvc_digest(MODEL)}
    started = row.info.start_time - 1000
    trained = pulled.client.create_run(pulled.experiment_id, tags=tags, start_time=started).info.run_id
    pulled.client.set_terminated(trained, "FINISHED")
    found = training_run_of(pulled, MODEL.as_posix(), dvc_digest(MODEL))
    assert found is not None
    assert found.info.run_id == trained


def test_a_row_whose_process_was_killed_is_finished_and_not_doubled(
    pulled: Store, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_terminated = MlflowClient.set_terminated

    def die(self: MlflowClient, run_id: str, *arguments: object, **named: object) -> None:
        if "(restored)" in str(self.get_run(run_id).info.run_name):
            raise SystemError
        set_terminated(self, run_id, *arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "set_terminated", die)
        with pytest.raises(SystemError):
            evaluate(loaded)
    (begun,) = restored(pulled).values()
    assert begun.info.status == "RUNNING"
    evaluate(loaded)
    assert restored(pulled)[str(begun.info.run_name)].info.run_id == begun.info.run_id
    assert {run.info.status for run in restored(pulled).values()} == {"FINISHED"}
