import json

import pytest

from encdec.tracking.notes import EXPERIMENT_NOTE, NOTE_TAG
from encdec.tracking.store import Store, search
from encdec.tracking.views import SHOWN, VIEW_TAG, last_trainings, publish


def make(store: Store, *, stage: str, model: str, status: str, start: int) -> str:
    tags = {"stage": stage, "model": model}
    run = store.client.create_run(store.experiment_id, start_time=start, tags=tags, run_name=f"{stage}@{model}")
    store.client.set_terminated(run.info.run_id, status)
    return str(run.info.run_id)


def experiment_tags(store: Store) -> dict[str, str]:
    found: dict[str, str] = store.client.get_experiment(store.experiment_id).tags
    return found


def test_the_newest_finished_training_of_every_model_in_the_order_of_the_parameters(store: Store) -> None:
    vae_old = make(store, stage="train", model="vae", status="FINISHED", start=1)
    vae = make(store, stage="train", model="vae", status="FINISHED", start=2)
    cnn = make(store, stage="train", model="cnn", status="FINISHED", start=3)
    for number, status in enumerate(("FAILED", "KILLED")):
        make(store, stage="train", model="vae", status=status, start=10 + number)
        make(store, stage="train", model="seq2seq", status=status, start=10 + number)
    make(store, stage="evaluate", model="vae", status="FINISHED", start=20)
    make(store, stage="trial", model="autoencoder", status="FINISHED", start=20)
    assert [run.info.run_id for run in last_trainings(store)] == [cnn, vae]
    store.client.delete_run(vae)
    assert [run.info.run_id for run in last_trainings(store)] == [cnn, vae_old]


def test_the_table_shows_trainings_that_did_not_fail(store: Store) -> None:
    kept = [make(store, stage="train", model="vae", status=status, start=1) for status in ("FINISHED", "KILLED")]
    running = store.client.create_run(store.experiment_id, tags={"stage": "train"}).info.run_id
    make(store, stage="train", model="vae", status="FAILED", start=2)
    make(store, stage="tune", model="vae", status="FINISHED", start=2)
    assert {run.info.run_id for run in search(store, SHOWN)} == {*kept, running}


def test_the_view_and_the_description_are_kept_with_the_experiment_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(store)
    tags = experiment_tags(store)
    assert tags[NOTE_TAG] == EXPERIMENT_NOTE
    view = json.loads(tags[VIEW_TAG])
    assert view["searchFilter"] == SHOWN
    assert {"metrics.`test/headline`", "tags.`headline.verdict`"} <= set(view["selectedColumns"])
    assert view["orderByKey"] != "attributes.start_time"  # there MLflow hides stages in the row of their repro
    sent: list[str] = []
    monkeypatch.setattr(store.client, "set_experiment_tag", lambda _, key, __: sent.append(key))
    publish(store)
    assert sent == []


def test_an_older_view_is_renewed_and_a_description_by_hand_stays(store: Store) -> None:
    store.client.set_experiment_tag(store.experiment_id, VIEW_TAG, "{}")
    store.client.set_experiment_tag(store.experiment_id, NOTE_TAG, "ours")
    publish(store)
    tags = experiment_tags(store)
    assert tags[NOTE_TAG] == "ours"
    assert json.loads(tags[VIEW_TAG])["searchFilter"] == SHOWN
