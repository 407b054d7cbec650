"""`encdec retrain` on a real project: nothing new, bad data, good data, a worse model, kills, two at once."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from promotion_project import aliases
from retraining_project import (
    BATCH,
    kill_at,
    results,
    retrain,
    retrain_runs,
    start,
    write_digits,
)
from small_project import Project, copy_project

from encdec.tracking.digests import dvc_digest

pytestmark = pytest.mark.xdist_group("retraining")
REFUSED, INVALID = 10, 20


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("batch")
    write_digits(folder, BATCH)
    return folder


@pytest.fixture
def project(base: Project, tmp_path: Path) -> Project:
    return copy_project(base, tmp_path)


@pytest.fixture(scope="module")
def grown(base: Project, batch: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy in which two processes were given the same batch at once, with --promote."""
    project = copy_project(base, tmp_path_factory.mktemp("grown"))
    given = ("--batch", str(batch), "--kind", "images", "--promote")
    both = [start(project, *given) for _ in range(2)]
    ended = [(process.communicate(timeout=600), process.returncode) for process in both]
    assert [code for _, code in ended] == [0, 0], ended
    (project.path / "both.json").write_text(json.dumps([json.loads(said) for (said, _), _ in ended]))
    return project


def everything(project: Project) -> tuple[str, ...]:
    """What a command that changes nothing leaves as it is."""
    tree = project.path
    status = project.run("git", "status", "--porcelain").stdout
    return (dvc_digest(tree / "data"), (tree / "params.yaml").read_text(), (tree / "dvc.lock").read_text(), status)


def test_with_nothing_new_nothing_runs(project: Project) -> None:
    before = everything(project)
    document = retrain(project, "--reason", "schedule")
    assert document["sentence"].startswith("Not retraining: nothing changed since run ")
    assert (document["outcome"], document["retrained"], document["changed"]) == ("nothing", False, False)
    assert everything(project) == before
    assert retrain_runs(project) == []
    assert not (results(project) / "pull-request.md").exists()


def test_drift_is_a_reason_with_new_data_and_none_without(project: Project, batch: Path, tmp_path: Path) -> None:
    monitor, few = tmp_path / "drift.json", tmp_path / "few"
    monitor.write_text(json.dumps({"verdict": "drift", "sentence": "The images are brighter."}))
    write_digits(few, slice(BATCH.start, BATCH.start + 2))
    alone = retrain(project, "--monitor", str(monitor), "--decide")
    assert "there is drift (The images are brighter), but no new data to learn from" in alone["sentence"]
    given = ("--batch", str(few), "--kind", "images", "--decide")
    assert retrain(project, *given)["sentence"] == (
        "Not retraining: 8 new rows, and retraining.min_new_rows asks for 20."
    )
    drifted = retrain(project, *given, "--monitor", str(monitor))
    assert drifted["outcome"] == "decided"
    assert drifted["sentence"] == "Retraining: new data (8 rows of images) and drift (The images are brighter)."
    before = everything(project)
    monitor.write_text(json.dumps({"verdict": "drift", "sentence": "It moved.", "batch": {"digest": dvc_digest(few)}}))
    assert retrain(project, *given, "--monitor", str(monitor))["outcome"] == "decided"
    other = ("--batch", str(batch), "--kind", "images", "--monitor", str(monitor))
    done = project.run("encdec", "retrain", *other, check=False)
    assert done.returncode == 1
    assert f"the monitor looked at {dvc_digest(few)}, this is {dvc_digest(batch)}" in " ".join(done.stderr.split())
    assert everything(project) == before
    monitor.write_text(json.dumps({"verdict": "invalid", "sentence": "Half of it is black."}))
    assert "Half of it is black" in retrain(project, *given, "--monitor", str(monitor), status=INVALID)["details"]


@pytest.mark.parametrize("fault", ["class", "files", "archive"])
def test_data_that_fail_validation_stop_it_before_anything_is_touched(
    project: Project, batch: Path, tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = tmp_path / "bad"
    shutil.copytree(batch, bad)
    if fault == "class":
        (bad / "0").rename(bad / "<img src=x>")
        told = "declared_labels"
    elif fault == "archive":
        whole = Path(shutil.make_archive(str(tmp_path / "bad"), "zip", bad)).read_bytes()
        bad = tmp_path / "bad.zip"
        bad.write_bytes(whole[: len(whole) // 2])
        told = "bad.zip: is no whole archive"
    else:
        for file in list((bad / "1").iterdir())[:20]:
            file.write_bytes(b"no picture")
        told = "20 unreadable image"
    before = everything(project)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    document = retrain(project, "--batch", str(bad), "--kind", "images", "--promote", status=INVALID)
    assert document["outcome"] == "invalid"
    assert told in document["details"]
    assert everything(project) == before
    assert aliases(project) == {}
    summary = (tmp_path / "summary.md").read_text()
    assert told in summary.replace("\\", "")
    assert "<img" not in summary.replace("\\<img", "")
    assert "neither the data, nor the models, nor the champion" in summary
    assert [(status, outcome) for _, status, outcome in retrain_runs(project)] == [("FINISHED", "invalid")]


def test_two_at_once_are_one_retraining_with_good_data_and_a_better_model(grown: Project, batch: Path) -> None:
    first, second = sorted(json.loads((grown.path / "both.json").read_text()), key=lambda each: not each["retrained"])
    assert first["sentence"] == "Retraining: new data (360 rows of images)."
    assert (first["outcome"], first["accepted"], first["promoted"], first["changed"]) == ("accepted", True, True, True)
    assert second["sentence"].startswith("Not retraining: nothing changed since run ")
    assert len(retrain_runs(grown)) == 1
    assert aliases(grown) == {"champion": 1}
    (model,) = first["models"]
    assert model["fixed"]["rows"] + model["new"]["rows"] == model["whole"]["rows"]
    assert model["whole"]["metrics"][0]["gain"] is not None
    assert {line["name"] for line in model["slices"]} == {"0", "1", "2", "3"}
    (line,) = first["data"]
    assert (line["rows_before"], line["rows_after"], line["added"], line["removed"]) == (240, 600, 360, 0)
    check_body((results(grown) / "pull-request.md").read_text(), grown)


def check_body(body: str, project: Project) -> None:
    for part in (
        "## Retraining: new data (360 rows of images).",
        "### What triggered it",
        "### Data and parameters",
        "of the last commit's test split",
        "that are new in the test split",
        "### Classes and slices",
        "### Worst new errors",
        "### The gate",
        "cnn had no champion before",
    ):
        assert part in body
    assert (results(project) / "report.html").read_bytes() == (
        project.path / "data" / "07_report" / "index.html"
    ).read_bytes()
    folder = project.path / "data" / "00_source" / "images"
    assert len(list(folder.glob("*/batch-*"))) == 4
    assert not list((results(project)).glob("staged/*"))


def test_the_same_batch_again_is_nothing_new(grown: Project, batch: Path, tmp_path: Path) -> None:
    shutil.copytree(batch, tmp_path / "elsewhere")
    before = everything(grown)
    document = retrain(grown, "--batch", str(tmp_path / "elsewhere"), "--kind", "images")
    assert document["sentence"].startswith("Not retraining: nothing changed since run ")
    assert everything(grown) == before


def test_a_worse_challenger_is_refused_with_numbers(grown: Project, tmp_path: Path) -> None:
    project = copy_project(grown, tmp_path)
    project.run("git", "add", "-A")
    project.run("git", "commit", "-qm", "grown")
    steps = "models.cnn.training.max_steps=1"
    document = retrain(project, "--set", steps, "--promote", status=REFUSED)
    assert document["sentence"] == "Retraining: a changed parameter (models.cnn.training.max_steps)."
    assert (document["outcome"], document["accepted"], document["promoted"]) == ("refused", False, False)
    assert aliases(project)["champion"] == 1
    (model,) = document["models"]
    assert model["summary"].startswith("cnn is refused: gain in accuracy over version 1")
    assert model["new"] is None
    assert any(line["worse"] for line in model["slices"])
    assert model["num_mistakes"] == len(model["mistakes"]) or len(model["mistakes"]) == 16
    body = (results(project) / "pull-request.md").read_text()
    assert "got worse in accuracy by more than noise" in body
    assert "`models.cnn.training.max_steps`" in body
    (picture,) = model["pictures"]
    assert f"]({picture['file']})" in body
    assert (results(project) / picture["file"]).read_bytes().startswith(b"\x89PNG")
    # back again: from the run-cache, and nothing to compare
    back = retrain(project, "--set", "models.cnn.training.max_steps=60")
    assert (back["outcome"], back["models"], back["changed"]) == ("unchanged", [], False)


def test_a_model_that_nobody_has_any_more_is_no_first_one(project: Project) -> None:
    """As on a machine that forgets everything, without a remote."""
    shutil.rmtree(project.path / ".dvc" / "cache")
    then = json.loads(project.run("git", "show", "HEAD:data/06_evaluation/cnn/metrics.json").stdout)
    document = retrain(project, "--set", "models.cnn.training.max_steps=61", "--promote", status=REFUSED)
    assert (document["outcome"], document["accepted"], document["promoted"]) == ("refused", False, False)
    assert aliases(project) == {}
    (model,) = document["models"]
    commit = project.run("git", "rev-parse", "HEAD").stdout[:8]
    reason = f"the model of commit {commit} cannot be compared: neither DVC's cache here nor a remote has it: run"
    assert model["summary"].startswith(f"cnn is refused: {reason}")
    assert "retraining.remote of params.yaml" in model["summary"]
    assert (model["fixed_passed"], model["recorded"]) == (False, then)
    assert model["whole"]["metrics"][0]["champion"] is None
    body = (results(project) / "pull-request.md").read_text()
    assert "| not measured |" in body
    assert "none" not in body.split("### What triggered it")[0]
    assert "### Before, as the last commit has it (measured then)" in body


def test_a_clone_whose_processor_gives_other_bytes_compares_with_what_it_made(project: Project) -> None:
    """dvc.lock of the commit was written on another machine; `make repro` has run here, and nothing was committed."""
    lock = project.path / "dvc.lock"
    here, (out,) = lock.read_text(), project.lock()["train@cnn"]["outs"]
    lock.write_text(here.replace(out["md5"], f"{'0' * 32}.dir"))
    project.run("git", "commit", "-qam", "as another machine has it")
    lock.write_text(here)
    document = retrain(project, "--set", "models.cnn.training.max_steps=62")
    (model,) = document["models"]
    assert model["champion"].endswith(" as it was made again here")
    assert model["whole"]["metrics"][0]["gain"] is not None
    assert (model["recorded"], model["notes"]) == ({}, [])


def test_test_rows_that_another_split_trains_on_are_left_out(project: Project) -> None:
    old = samples(project, "test")
    shares = {"train": 0.7, "val": 0.22, "test": 0.08}
    values = [f"images.sources.folder.split.{name}={share}" for name, share in shares.items()]
    document = retrain(project, *(word for value in values for word in ("--set", value)), status=10)
    learned = old & (samples(project, "train") | samples(project, "val"))
    assert 0 < len(learned) < len(old)
    (model,) = document["models"]
    left = len(old) - len(learned)
    assert model["fixed"]["rows"] == left
    told = f"{left} images of the last commit's test split are too few to compare on: promotion.min_rows asks for 20"
    assert (model["fixed_reason"], model["accepted"]) == (told, False)
    (note,) = model["notes"]
    told = f"{len(learned)} of the {len(old)} images of the last commit's test split are in the train or val split now"
    assert note.startswith(told)
    assert f"> {told}" in (results(project) / "pull-request.md").read_text()


def samples(project: Project, split: str) -> set[str]:
    """The files of a prepared split."""
    return set(pd.read_parquet(project.path / f"data/03_prepared/images/{split}/rows.parquet")["sample"])


def test_what_is_killed_goes_on_and_ends_as_if_it_had_not_been(
    base: Project, grown: Project, batch: Path, tmp_path: Path
) -> None:
    project = copy_project(base, tmp_path)
    given = ("--batch", str(batch), "--kind", "images", "--promote")
    kill_at(project, "00_source/images/2/batch-", tmp_path / "placing", given)
    assert len(list((project.path / "data" / "00_source" / "images").glob("*/batch-*/*.png"))) < 360
    kill_at(project, "05_models/.cnn.partial", tmp_path / "training", given)
    kill_at(project, "retraining/next/.retrain.json", tmp_path / "results", given)
    document = retrain(project, *given)
    uninterrupted = json.loads((results(grown) / "retrain.json").read_text())
    assert comparable(document) == comparable(uninterrupted)
    assert [(status, outcome) for _, status, outcome in retrain_runs(project)] == [("FINISHED", "accepted")]
    assert aliases(project) == {"champion": 1}
    assert retrain(project, *given)["outcome"] == "nothing"
    assert project.lock()["train@cnn"]["outs"] == grown.lock()["train@cnn"]["outs"]


def comparable(document: dict) -> dict:
    """Without the ids of runs, the hour in the name of the batch, times, and what ran again."""
    (model,) = document["models"]
    kept = ("champion", "fixed", "new", "whole", "slices", "num_mistakes", "num_mended", "accepted", "promoted")
    checks = [(check["name"], check["passed"]) for check in model["gate"]["checks"]]
    same = {key: document[key] for key in ("sentence", "outcome", "reasons", "data", "parameters", "promoted")}
    return {**same, **{key: model[key] for key in kept if key != "champion"}, "checks": checks}
