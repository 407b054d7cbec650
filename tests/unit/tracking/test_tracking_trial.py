from pathlib import Path

import pytest

from encdec.params.loading import Loaded
from encdec.tracking.stage import tracked_stage
from encdec.tracking.store import Store


@pytest.mark.parametrize(
    ("given", "status", "state"),
    [
        ("COMPLETE", "FINISHED", "COMPLETE"),
        ("PRUNED", "KILLED", "PRUNED"),
        ("FAIL", "FAILED", "FAIL"),
        ("FINISHED", "FINISHED", None),
        ("KILLED", "KILLED", None),
        ("FAILED", "FAILED", None),
    ],
)
def test_a_trial_ends_as_optuna_says(store: Store, loaded: Loaded, given: str, status: str, state: str | None) -> None:
    with tracked_stage("tune", loaded=loaded, item="vae", inputs=[], outputs=[], section={}) as run:
        trial = run.child("trial 3")
        trial.log_params({"training.learning_rate": 0.001})
        for step in range(3):
            trial.log_metrics({"val/nll": 1.0 - step / 4}, step=step)
        trial.end(given, {"optuna.reason": "because"})
    found = store.client.get_run(trial.outbox.ids[trial.run])
    assert (found.info.run_name, found.info.status) == ("trial 3", status)
    assert found.data.tags["mlflow.parentRunId"] == run.run_id
    assert found.data.tags.get("optuna.state") == state
    expected = {"stage": "trial", "model": "vae", "source": "digits", "optuna.reason": "because"}
    assert expected.items() <= found.data.tags.items()
    assert found.data.params == {"training.learning_rate": "0.001"}
    history = store.client.get_metric_history(trial.outbox.ids[trial.run], "val/nll")
    assert [(metric.step, metric.value) for metric in history] == [(0, 1.0), (1, 0.75), (2, 0.5)]


def test_an_unknown_end_is_an_error(store: Store, loaded: Loaded) -> None:
    with tracked_stage("tune", loaded=loaded, item="vae", inputs=[], outputs=[], section={}) as run:
        trial = run.child("trial 0")
        with pytest.raises(ValueError, match="status 'DONE' is not one of FINISHED, COMPLETE, PRUNED"):
            trial.end("DONE", {})


def test_trials_that_did_not_end_are_killed_with_the_study(store: Store, loaded: Loaded) -> None:
    Path("in").touch()
    ids: list[str] = []

    def stage(seed_of_key: int) -> None:
        section = {"a": seed_of_key}
        with tracked_stage("tune", loaded=loaded, item="vae", inputs=[Path("in")], outputs=[], section=section) as run:
            trial = run.child("trial 0")
            ids.append(trial.outbox.ids[trial.run])
            raise KeyboardInterrupt

    for key in (1, 2):  # the second start has other parameters, so nothing of the first is continued
        with pytest.raises(KeyboardInterrupt):
            stage(key)
    assert store.client.get_run(ids[0]).info.status == "KILLED"


@pytest.mark.parametrize("state", ["COMPLETE", "PRUNED"])
def test_a_continued_study_knows_which_trials_have_ended(store: Store, loaded: Loaded, state: str) -> None:
    def stage(trials: list[bool]) -> None:
        with tracked_stage("tune", loaded=loaded, item="vae", inputs=[], outputs=[], section={}) as run:
            trials += [run.has_ended(f"trial {number}") for number in (1, 2, 3)]
            run.child("trial 1").end(state, {})
            run.child("trial 2")
            raise KeyboardInterrupt

    first: list[bool] = []
    continued: list[bool] = []
    for trials in (first, continued):
        with pytest.raises(KeyboardInterrupt):
            stage(trials)
    assert first == [False, False, False]
    assert continued == [True, False, False]
