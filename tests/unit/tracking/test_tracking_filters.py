"""Every filter that docs/compare.md prints, given to a real store: it is understood, and it finds what it says."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from mlflow.entities import Run

from encdec.params.loading import Loaded
from encdec.params.root import ModelName
from encdec.tracking import repro
from encdec.tracking.digests import dvc_digest
from encdec.tracking.evaluated import Headline
from encdec.tracking.handed_over import hand_over
from encdec.tracking.repro import DvcProcess
from encdec.tracking.run import Training
from encdec.tracking.stage import tracked_stage
from encdec.tracking.store import Store, search

ROOT = Path(__file__).parents[3]
PRINTED = re.compile(r"^\| ([^|]+) \| (`{1,2})((?:tags|attributes|metrics|params|dataset)\b.*?)\2 \|$", re.MULTILINE)
FILTERS = {want: text for want, _, text in PRINTED.findall((ROOT / "docs" / "compare.md").read_text(encoding="utf-8"))}
DATA = Path("data/03_prepared/images/train")


class Made(NamedTuple):
    """The names by which runs are expected below."""

    store: Store
    names: dict[str, str]


def model_folder(model: str) -> Path:
    return Path("data/05_models", model)


def train(loaded: Loaded, model: ModelName, seed: int, *, weights: str, again: bool = False) -> str:
    """As pipelines/train.py does, without training."""
    out = model_folder(model)
    seeded = loaded._replace(params=loaded.params.model_copy(update={"seed": seed}))
    section = {"training": {"batch_size": 64 if model == "cnn" else 32}}
    inputs = [DATA]
    with tracked_stage("train", loaded=seeded, item=model, inputs=inputs, outputs=[out], section=section) as run:
        run.log_input(DATA, context="training")
        out.mkdir(parents=True, exist_ok=True)
        (out / "model.safetensors").write_text(weights)
        (out / "spec.json").write_text(json.dumps({"model": model, "spec": {}}))
        run.log_training(Training("val/nll", 0.5, 3, 4, 1200 if model == "cnn" else 500_000, 7.5, ()))
        if again:
            assert hand_over(run.store, run.run_id, out.as_posix(), run.digest(out))
    return run.run_id


def evaluate(loaded: Loaded, model: ModelName, metric: str, value: float) -> None:
    better = "model" if model == "cnn" else "baseline"
    headline = Headline(metric, metric == "accuracy", value, 0.5, "other", better)  # type: ignore[arg-type]
    with tracked_stage(
        "evaluate", loaded=loaded, item=model, inputs=[model_folder(model)], outputs=[], section={}
    ) as run:
        run.log_evaluation(model_folder(model), metrics={metric: value}, baseline={metric: 0.5}, headline=headline)


def commit(folder: Path) -> None:
    shutil.copyfile(ROOT / "dvc.yaml", folder / "dvc.yaml")
    shutil.copyfile(ROOT / "params.yaml", folder / "params.yaml")
    (folder / ".gitignore").write_text("mlflow.db*\n.work\nmlruns\ndata\n")
    identity = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "x"]):
        subprocess.run([*identity, *arguments], check=True, cwd=folder)


@pytest.fixture
def made(store: Store, loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> Made:
    folder = store.project.tree
    commit(folder)
    DATA.mkdir(parents=True)
    (DATA / "images.npy").write_text("images")
    monkeypatch.setattr(repro, "dvc_process", lambda: None)
    names = {"vae 7": train(loaded, "vae", 7, weights="seven")}
    evaluate(loaded, "vae", "mse", 0.75)
    with monkeypatch.context() as patch:
        patch.setenv("DVC_EXP_NAME", "encdec-seed-1")
        names["vae 1"] = train(loaded, "vae", 1, weights="one")
        evaluate(loaded, "vae", "mse", 0.85)
    names["vae 1 again"] = train(loaded, "vae", 1, weights="one", again=True)
    (folder / "new.py").touch()  # from here on the tree is dirty
    monkeypatch.setattr(repro, "dvc_process", lambda: DvcProcess("here", 1, 1.0, "dvc repro"))
    names["cnn"] = train(loaded, "cnn", 7, weights="classifier")
    evaluate(loaded, "cnn", "accuracy", 0.95)
    (model_folder("cnn") / "model.safetensors").write_text("pulled")
    evaluate(loaded, "cnn", "accuracy", 0.55)
    with tracked_stage("tune", loaded=loaded, item="vae", inputs=[], outputs=[], section={}) as run:
        trial = run.child("trial 1")
        names["trial"] = run.outbox.ids[trial.run]
    with (
        pytest.raises(ValueError, match="diverged"),
        tracked_stage("train", loaded=loaded, item="seq2seq", inputs=[], outputs=[], section={}),
    ):
        raise ValueError("diverged")
    return Made(store, names)


def filled(text: str, made: Made) -> str:
    """The filter with a commit, a digest and a group of these runs in the place of the document's."""
    tags = made.store.client.get_run(made.names["vae 7"]).data.tags
    text = text.replace("1a2b3c4", tags["git.commit"][:7]).replace("<group>", tags["seed_group"])
    name = "dvc.in/data/03_prepared/images/train" if "dvc.in/" in text else "dvc.out/data/05_models/vae"
    return text.replace("<digest in dvc.lock>", tags[name])


def labels(made: Made, runs: list[Run]) -> set[str]:
    known = {run_id: name for name, run_id in made.names.items()}
    return {known.get(run.info.run_id, str(run.info.run_name)) for run in runs}


VAES = {"vae 7", "vae 1", "vae 1 again"}
RESTORED, SEEDS, FAILED = "train@cnn (restored)", "vae, 2 seeds", "train@seq2seq"
EXPECTED = {
    "one model through time": VAES,
    "all models of one kind of data": {*VAES, "cnn", RESTORED},
    "one source of data": {*VAES, "cnn", RESTORED},
    "what beats its baseline": {"cnn", RESTORED},
    "what a commit gives again": VAES,
    "what was trained at a commit": {*VAES, "cnn", FAILED},
    "what was trained on the same data": {*VAES, "cnn"},
    "the run of a model that you have as files": {"vae 7"},
    "one dataset, by its name": {*VAES, "cnn"},
    "accurate classifiers": {"cnn"},
    "better than the baseline by some margin": {"cnn", RESTORED},
    "small models": {"cnn"},
    "one value of a parameter": {"cnn"},
    "the means over seeds": {SEEDS},
    "a group of seeds with all of its trainings": {*VAES, SEEDS},
    "trainings and means over seeds (what the table shows first)": {*VAES, "cnn", RESTORED, SEEDS},
    "an evaluation that was copied (see [Names](#names))": {"vae 1 again"},
    "weights that came from a DVC cache or remote": {RESTORED},
    "what one experiment of DVC ran": {"vae 1", "evaluate@vae"},
    "trainings that failed": {FAILED},
    "trials of one study (a red cross is a trial that was pruned)": {"trial"},
}


def test_each_filter_of_the_document_finds_what_it_says(made: Made) -> None:
    store = made.store
    found = {want: labels(made, search(store, filled(text, made))) for want, text in FILTERS.items()}
    (parent,) = found.pop("one `dvc repro` with what it ran")
    assert parent.startswith("repro 2")
    assert found == EXPECTED
    assert dvc_digest(DATA) in filled(FILTERS["what was trained on the same data"], made)
