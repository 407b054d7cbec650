import json
import subprocess
from pathlib import Path
from typing import Literal

import pytest
from mlflow.entities import Run

from encdec.params.loading import Loaded
from encdec.tracking import repro, start
from encdec.tracking.digests import dvc_digest
from encdec.tracking.evaluated import Headline
from encdec.tracking.git import GitState
from encdec.tracking.repro import DvcProcess
from encdec.tracking.run import Training
from encdec.tracking.stage import tracked_stage
from encdec.tracking.store import Store, search

MODEL = Path("data/05_models/vae")


@pytest.fixture(autouse=True)
def one_repro(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repro, "dvc_process", lambda: DvcProcess("here", 1, 1.0, "dvc repro"))


def at_commit(monkeypatch: pytest.MonkeyPatch, commit: str) -> None:
    monkeypatch.setattr(start, "git_state", lambda tree, outs: GitState(commit, "main", ()))


def train(loaded: Loaded, text: str = "weights") -> str:
    with tracked_stage(
        "train", loaded=loaded, item="vae", inputs=[], outputs=[MODEL], section={"network": {"latent_dim": 12}}
    ) as run:
        MODEL.mkdir(parents=True, exist_ok=True)
        (MODEL / "model.safetensors").write_text(text)
        (MODEL / "spec.json").write_text(json.dumps({"model": "vae", "spec": {"network": {"latent_dim": 12}}}))
        run.log_metrics({"val/nll": 0.5}, step=3)
    return run.run_id


def evaluate(loaded: Loaded, elbo: float = 20.0) -> str:
    with tracked_stage("evaluate", loaded=loaded, item="vae", inputs=[MODEL], outputs=[], section={}) as run:
        run.log_evaluation(MODEL, metrics={"negative_elbo": elbo, "mse": 0.1}, baseline={"mse": 0.2})
    return run.run_id


def get(store: Store, run_id: str) -> Run:
    return store.client.get_run(run_id)


def own_metrics(run: Run) -> dict[str, float]:
    """Without those of the machine."""
    return {name: value for name, value in run.data.metrics.items() if not name.startswith("system/")}


def rows(store: Store) -> list[Run]:
    return search(store, "tags.stage = 'train'")


def test_the_training_run_becomes_the_models_row(store: Store, loaded: Loaded) -> None:
    trained, evaluated = train(loaded), evaluate(loaded)
    numbers = {"test/negative_elbo": 20.0, "test/mse": 0.1, "baseline/mse": 0.2}
    assert own_metrics(get(store, evaluated)) == numbers
    row = get(store, trained)
    assert own_metrics(row) == {"val/nll": 0.5, **numbers}
    assert row.data.tags["evaluation.run_id"] == evaluated
    assert get(store, evaluated).data.tags["training.run_id"] == trained
    assert [run.info.run_id for run in rows(store)] == [trained]


def test_an_evaluation_again_writes_only_what_is_new(store: Store, loaded: Loaded) -> None:
    trained = train(loaded)
    for elbo in (20.0, 20.0, 19.0):
        evaluate(loaded, elbo)
    history = store.client.get_metric_history(trained, "test/negative_elbo")
    assert [metric.value for metric in history] == [20.0, 19.0]
    assert len(store.client.get_metric_history(trained, "test/mse")) == 1
    assert get(store, trained).data.metrics["test/negative_elbo"] == 19.0  # the last one counts


def test_the_newest_finished_training_of_the_same_weights_is_the_row(store: Store, loaded: Loaded) -> None:
    train(loaded)
    second = train(loaded)
    unfinished = store.client.create_run(
        store.experiment_id, tags={"stage": "train", f"dvc.out/{MODEL.as_posix()}": dvc_digest(MODEL)}
    )
    evaluated = evaluate(loaded)
    assert get(store, evaluated).data.tags["training.run_id"] == second
    assert "test/mse" not in get(store, unfinished.info.run_id).data.metrics


def test_weights_that_nobody_here_trained_get_a_row_that_says_so(store: Store, loaded: Loaded) -> None:
    trained = train(loaded)
    (MODEL / "model.safetensors").write_text("pulled from a remote")
    first, second = evaluate(loaded), evaluate(loaded)
    (row,) = [run for run in rows(store) if run.info.run_id != trained]
    tags = {"encdec.restored": "true", "model": "vae", "kind": "images", "source": "digits"}
    assert tags.items() <= row.data.tags.items()
    assert row.data.tags["dvc.out/data/05_models/vae"] == dvc_digest(MODEL)
    assert row.data.tags["mlflow.parentRunId"] == get(store, first).data.tags["mlflow.parentRunId"]
    assert row.data.params == {"network.latent_dim": "12"}  # as spec.json beside the weights says
    assert row.data.metrics["test/mse"] == 0.1
    assert row.info.status == "FINISHED"
    assert {get(store, run_id).data.tags["training.run_id"] for run_id in (first, second)} == {row.info.run_id}
    assert "test/mse" not in get(store, trained).data.metrics
    assert "git.commit" not in row.data.tags  # nobody knows at which commit they were trained


def test_an_evaluation_at_another_commit_says_so(store: Store, loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    at_commit(monkeypatch, "a" * 40)
    trained = train(loaded)
    same = evaluate(loaded)
    assert get(store, same).data.tags["evaluation.other_commit"] == "false"
    at_commit(monkeypatch, "b" * 40)
    other = evaluate(loaded)
    assert get(store, other).data.tags["evaluation.other_commit"] == "true"
    tags = get(store, trained).data.tags
    assert (tags["git.commit"], tags["evaluation.git.commit"]) == ("a" * 40, "b" * 40)
    assert tags["evaluation.other_commit"] == "true"


def test_datasets_are_recorded_by_their_digest_without_being_loaded(store: Store, loaded: Loaded) -> None:
    folder = Path("data/03_prepared/images/train")
    folder.mkdir(parents=True)
    (folder / "images.npy").write_bytes(b"not an array")
    with tracked_stage("train", loaded=loaded, item="vae", inputs=[folder], outputs=[], section={}) as run:
        run.log_input(folder, context="training")
    inputs = get(store, run.run_id).inputs
    assert inputs is not None
    (found,) = inputs.dataset_inputs
    digest = dvc_digest(folder)
    assert (found.dataset.name, found.dataset.digest) == ("digits train", digest[:12])
    assert json.loads(found.dataset.source) == {"uri": "data/03_prepared/images/train"}
    tags = {tag.key: tag.value for tag in found.tags}
    assert tags == {"mlflow.data.context": "training", "dvc.md5": digest, "kind": "images"}


def test_artifacts_and_versions_are_kept(store: Store, loaded: Loaded, root: Path) -> None:
    details = Path("details")
    details.mkdir()
    (details / "a.csv").write_text("1")
    with tracked_stage("train", loaded=loaded, item="vae", inputs=[], outputs=[], section={}) as run:
        run.log_artifact(details, "evaluation")
        run.log_artifact(details / "a.csv")
        lock = Path("requirements.lock")
        lock.write_text("numpy==0.1\n")
        (different,) = run.log_versions(lock)
    assert different.endswith("differs from 0.1")
    assert get(store, run.run_id).data.tags["lock.differences"] == "1"
    where = Path(store.client.download_artifacts(run.run_id, ""))
    files = {file.relative_to(where).as_posix() for file in where.rglob("*") if file.is_file()}
    assert files == {"a.csv", "evaluation/details/a.csv", "versions/installed.txt", "versions/differences.txt"}
    assert "mlflow==" in (where / "versions" / "installed.txt").read_text()


def test_git_of_the_tree_is_recorded(store: Store, loaded: Loaded) -> None:
    identity = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    (store.project.tree / ".gitignore").write_text("mlflow.db\n.work\nmlruns\n")
    for arguments in (["init", "-q", "-b", "work"], ["add", "-A"], ["commit", "-qm", "x"]):
        subprocess.run([*identity, *arguments], check=True)
    run_id = train(loaded)
    tags = get(store, run_id).data.tags
    assert (tags["git.branch"], tags["git.dirty"]) == ("work", "false")
    assert len(tags["git.commit"]) == 40
    Path("new.py").touch()
    tags = get(store, train(loaded)).data.tags  # its own out counts no more than before, the new file does
    assert (tags["git.dirty"], tags["git.changed"]) == ("true", "new.py")


def measure(loaded: Loaded, headline: Headline, figures: Path) -> str:
    with tracked_stage("evaluate", loaded=loaded, item="vae", inputs=[MODEL], outputs=[], section={}) as run:
        run.log_evaluation(
            MODEL,
            metrics={headline.metric: headline.value},
            baseline={},
            headline=headline,
            artifacts={"figures": figures},
            side_by_side=sorted(figures.glob("*.light.png")),
        )
    return run.run_id


def test_the_headline_has_the_same_names_in_every_model(store: Store, loaded: Loaded, tmp_path: Path) -> None:
    trained = train(loaded)
    figures = tmp_path / "drawn"
    figures.mkdir()
    (figures / "codes.png").write_bytes(b"png")
    measure(loaded, Headline("mse", False, 0.1, 0.25, "PCA, 12 components", "model"), figures)
    row = get(store, trained)
    numbers = {"test/headline": 0.1, "baseline/headline": 0.25, "test/headline_gain": 0.15, "test/mse": 0.1}
    assert numbers.items() <= row.data.metrics.items()
    tags = {"headline.metric": "mse", "headline.verdict": "better", "headline.baseline": "PCA, 12 components"}
    assert (tags | {"headline.better": "lower"}).items() <= row.data.tags.items()
    assert "better than PCA, 12 components at 0.25." in row.data.tags["mlflow.note.content"]


def test_figures_are_with_the_evaluation_and_with_the_models_row(store: Store, loaded: Loaded, tmp_path: Path) -> None:
    trained = train(loaded)
    figures = tmp_path / "drawn"
    figures.mkdir()
    for theme in ("light", "dark"):
        (figures / f"codes.{theme}.png").write_bytes(b"png")
    done = measure(loaded, Headline("mse", False, 0.1, None, None, None), figures)
    for run_id in (trained, done):
        paths = [file.path for file in store.client.list_artifacts(run_id, "figures")]
        assert paths == ["figures/codes.dark.png", "figures/codes.light.png"]
    top = [file.path for file in store.client.list_artifacts(trained) if not file.is_dir]
    assert top == ["codes.light.png"]  # where the page of comparison looks
    tags = get(store, trained).data.tags
    assert tags["headline.verdict"] == "no baseline"
    assert "headline.baseline" not in tags


@pytest.mark.parametrize(
    ("higher", "better", "gain", "verdict"), [(True, "baseline", -0.5, "worse"), (False, "unclear", 0.5, "unclear")]
)
def test_a_gain_is_above_zero_where_the_model_is_better(
    higher: bool, better: Literal["baseline", "unclear"], gain: float, verdict: str
) -> None:
    headline = Headline("any", higher, 0.25, 0.75, "other", better)
    assert headline.metrics["test/headline_gain"] == gain
    assert headline.tags["headline.verdict"] == verdict


def test_a_training_is_recorded_by_names_that_every_model_has(store: Store, loaded: Loaded) -> None:
    with tracked_stage("train", loaded=loaded, item="vae", inputs=[], outputs=[], section={}) as run:
        run.log_training(Training("val/nll", 0.5, 3, 4, 1200, 7.5, ("training.learning_rate",)))
    row = get(store, run.run_id)
    assert own_metrics(row) == {
        "best_val/nll": 0.5,
        "best_epoch": 3.0,
        "epochs": 4.0,
        "num_parameters": 1200.0,
        "train_seconds": 7.5,
    }
    assert {"monitor": "val/nll", "tuned": "training.learning_rate"}.items() <= row.data.tags.items()
    note = row.data.tags["mlflow.note.content"]
    assert "with 1,200 parameters. Epoch 3 of 4 was kept (`val/nll` 0.5)." in note
