import json
from pathlib import Path

import pytest
from mlflow.entities import Run

from encdec.params.loading import Loaded
from encdec.tracking import repro, start
from encdec.tracking.evaluated import COPIED_TAG, Headline
from encdec.tracking.git import GitState
from encdec.tracking.handed_over import hand_over
from encdec.tracking.stage import tracked_stage
from encdec.tracking.store import Store

MODEL = Path("data/05_models/vae")
HEADLINE = Headline("mse", False, 0.1, 0.25, "PCA, 12 components", "model")


@pytest.fixture(autouse=True)
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Below a dvc the second training would go on in the run of the first, which is in no dvc.lock here."""
    monkeypatch.setattr(repro, "dvc_process", lambda: None)


def train(loaded: Loaded, text: str = "weights") -> tuple[str, bool]:
    """The run, and whether it got an evaluation."""
    with tracked_stage("train", loaded=loaded, item="vae", inputs=[], outputs=[MODEL], section={}) as run:
        MODEL.mkdir(parents=True, exist_ok=True)
        (MODEL / "model.safetensors").write_text(text)
        (MODEL / "spec.json").write_text(json.dumps({"model": "vae", "spec": {}}))
        run.outbox.send()
        got = hand_over(run.store, run.run_id, MODEL.as_posix(), run.digest(MODEL))
    return run.run_id, got


def evaluate(loaded: Loaded, mse: float = 0.1) -> str:
    for name in ("details", "figures"):
        Path(name).mkdir(exist_ok=True)
    Path("details", "scores.csv").write_text("1")
    for theme in ("light", "dark"):
        Path("figures", f"codes.{theme}.png").write_bytes(theme.encode())
    with tracked_stage("evaluate", loaded=loaded, item="vae", inputs=[MODEL], outputs=[], section={}) as run:
        run.log_evaluation(
            MODEL,
            metrics={"mse": mse},
            baseline={"mse": 0.25},
            headline=HEADLINE._replace(value=mse),
            artifacts={"evaluation": Path("details"), "figures": Path("figures")},
            side_by_side=[Path("figures", "codes.light.png")],
        )
    return run.run_id


def get(store: Store, run_id: str) -> Run:
    return store.client.get_run(run_id)


def files(store: Store, run_id: str, folder: str | None = None) -> set[str]:
    return {file.path for file in store.client.list_artifacts(run_id, folder) if not file.is_dir}


def test_the_same_bytes_get_the_evaluation_of_the_earlier_training(store: Store, loaded: Loaded) -> None:
    first, before = train(loaded)
    evaluation = evaluate(loaded)
    second, after = train(loaded)
    assert (before, after) == (False, True)
    row = get(store, second)
    numbers = {"test/headline": 0.1, "baseline/headline": 0.25, "test/headline_gain": 0.15, "test/mse": 0.1}
    assert {name: value for name, value in row.data.metrics.items() if not name.startswith("system/")} == {
        **numbers,
        "baseline/mse": 0.25,
    }
    tags = {COPIED_TAG: first, "evaluation.run_id": evaluation, "headline.metric": "mse", "headline.verdict": "better"}
    assert tags.items() <= row.data.tags.items()
    assert files(store, second) == {"codes.light.png"}
    assert files(store, second, "figures") == {"figures/codes.light.png", "figures/codes.dark.png"}
    assert files(store, second, "evaluation") == {"evaluation/scores.csv"}
    copy = Path(store.client.download_artifacts(second, "figures/codes.dark.png"))
    assert copy.read_bytes() == b"dark"


def test_other_weights_get_nothing(store: Store, loaded: Loaded) -> None:
    train(loaded)
    evaluate(loaded)
    other, got = train(loaded, "other weights")
    assert not got
    assert "test/mse" not in get(store, other).data.metrics


def test_an_evaluation_of_its_own_takes_the_place_of_the_copy(store: Store, loaded: Loaded) -> None:
    train(loaded)
    evaluate(loaded)
    second, _ = train(loaded)
    evaluation = evaluate(loaded, 0.2)
    row = get(store, second)
    assert row.data.metrics["test/mse"] == 0.2
    assert row.data.tags["evaluation.run_id"] == evaluation
    assert COPIED_TAG not in row.data.tags


def test_whether_it_was_evaluated_at_another_commit_is_said_of_the_new_training(
    store: Store, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "git_state", lambda tree, outs: GitState("a" * 40, "main", ()))
    train(loaded)
    evaluate(loaded)
    monkeypatch.setattr(start, "git_state", lambda tree, outs: GitState("b" * 40, "main", ()))
    second, _ = train(loaded)
    tags = get(store, second).data.tags
    assert (tags["evaluation.git.commit"], tags["evaluation.other_commit"]) == ("a" * 40, "true")
