"""The file beside the report: found in a real store, by digest."""

import html
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from encdec.params.loading import Loaded
from encdec.tracking import repro, start
from encdec.tracking.digests import dvc_digest
from encdec.tracking.evaluated import restored_run
from encdec.tracking.git import GitState
from encdec.tracking.report_runs import write_report_runs
from encdec.tracking.repro import DvcProcess
from encdec.tracking.stage import tracked_stage
from encdec.tracking.store import Store

MODEL = Path("data/05_models/vae")
PAGE_ID = "ab" * 32


@pytest.fixture(autouse=True)
def one_repro(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repro, "dvc_process", lambda: DvcProcess("here", 1, 1.0, "dvc repro"))
    monkeypatch.setattr(start, "git_state", lambda tree, outs: GitState("c" * 40, "main", ("params.yaml",)))


@pytest.fixture
def page(store: Store) -> Path:
    path = store.project.tree / "data/07_report/index.html"
    path.parent.mkdir(parents=True)
    path.write_text(f'<meta name="encdec-page" content="{PAGE_ID}">', encoding="utf-8")
    return path


def train(loaded: Loaded, text: str = "weights", *, fails: bool = False) -> str:
    section = {"text": text}
    with tracked_stage("train", loaded=loaded, item="vae", inputs=[], outputs=[MODEL], section=section) as run:
        MODEL.mkdir(parents=True, exist_ok=True)
        (MODEL / "model.safetensors").write_text(text)
        if fails:
            raise ValueError(run.run_id)
    return run.run_id


def lock(*outs: Path, stage: str = "train@vae") -> None:
    """dvc.lock with these outs as they are now."""
    entries = [{"path": out.as_posix(), "hash": "md5", "md5": dvc_digest(out)} for out in outs]
    document = {"schema": "2.0", "stages": {stage: {"cmd": "x", "outs": entries}}}
    Path("dvc.lock").write_text(yaml.safe_dump(document))


def written(store: Store, page: Path, **settings: Any) -> dict[str, Any]:
    path = write_report_runs(store, page, **settings)
    assert path == page.with_name("runs.html")
    content = re.findall(r'<pre id="runs">(.*?)</pre>', path.read_text(encoding="utf-8"), re.DOTALL)[0]
    found: dict[str, Any] = json.loads(html.unescape(content))
    return found


def test_stage_has_the_newest_run_that_made_its_outs(store: Store, loaded: Loaded, page: Path) -> None:
    train(loaded)
    newest = train(loaded)
    lock(MODEL)
    train(loaded, "other weights")  # tried since, and not what dvc.lock has
    found = written(store, page)
    info = store.client.get_run(newest).info
    assert found["page"] == PAGE_ID
    assert found["stages"] == {
        "train@vae": {
            "state": "ran",
            "run": newest,
            "link": f"http://127.0.0.1:5000/#/experiments/{store.experiment_id}/runs/{newest}"
            "?workflowType=machine_learning",
            "started": info.start_time / 1000,
            "seconds": (info.end_time - info.start_time) / 1000,
            "commit": f"{'c' * 40}+",  # a file was changed since
        }
    }


def test_last_repro_is_the_parent_of_the_last_stage(store: Store, loaded: Loaded, page: Path) -> None:
    run = train(loaded)
    lock(MODEL)
    parent = store.client.get_run(run).data.tags["mlflow.parentRunId"]
    found = written(store, page)["repro"]
    assert found["run"] == parent
    assert found["commit"] == f"{'c' * 40}+"


def test_stage_whose_outs_no_run_made_was_restored(store: Store, loaded: Loaded, page: Path) -> None:
    train(loaded, "other weights")
    (MODEL / "model.safetensors").write_text("weights from a remote")
    lock(MODEL)
    found = written(store, page)
    line = {"state": "restored", "run": "", "link": "", "started": None, "seconds": None, "commit": ""}
    assert found["stages"] == {"train@vae": line}
    assert found["repro"] is None


def test_row_of_restored_weights_is_linked_and_has_no_time(store: Store, page: Path) -> None:
    MODEL.mkdir(parents=True)
    (MODEL / "model.safetensors").write_text("weights from a remote")
    lock(MODEL)
    row = restored_run(store, MODEL.as_posix(), dvc_digest(MODEL), spec={}, tags={"model": "vae"})
    line = written(store, page)["stages"]["train@vae"]
    assert (line["state"], line["run"], line["seconds"], line["started"]) == ("restored", row.info.run_id, None, None)


def test_training_is_told_rather_than_a_restored_row(store: Store, loaded: Loaded, page: Path) -> None:
    trained = train(loaded)
    lock(MODEL)
    restored_run(store, MODEL.as_posix(), dvc_digest(MODEL), spec={}, tags={"model": "vae"})
    assert written(store, page)["stages"]["train@vae"]["run"] == trained


def test_run_that_failed_made_nothing(store: Store, loaded: Loaded, page: Path) -> None:
    with pytest.raises(ValueError, match=r"[0-9a-f]{32}"):
        train(loaded, fails=True)
    lock(MODEL)
    assert written(store, page)["stages"]["train@vae"]["run"] == ""


def test_every_out_must_be_the_one_of_the_lock(store: Store, loaded: Loaded, page: Path) -> None:
    train(loaded)
    other = Path("data/other.txt")
    other.write_text("made by hand")
    lock(MODEL, other)
    assert written(store, page)["stages"]["train@vae"]["state"] == "restored"


def test_report_under_way_is_told_by_its_run(store: Store, loaded: Loaded, page: Path) -> None:
    with tracked_stage("report", loaded=loaded, item=None, inputs=[], outputs=[page], section={}) as run:
        found = written(store, page, current=run.run_id)["stages"]
    assert (found["report"]["state"], found["report"]["run"]) == ("running", run.run_id)
    assert found["report"]["seconds"] is None


def test_stage_that_is_not_tracked_is_left_out(store: Store, page: Path) -> None:
    Path("data/00_check.txt").write_text("ok")
    lock(Path("data/00_check.txt"), stage="check")
    assert written(store, page)["stages"] == {}


def test_link_leads_to_the_server_without_its_password(store: Store, loaded: Loaded, page: Path) -> None:
    run = train(loaded)
    lock(MODEL)
    server = store._replace(uri="https://user:hunter2@runs.example.org/mlflow/")
    text = write_report_runs(server, page).read_text()
    assert f"https://runs.example.org/mlflow/#/experiments/{store.experiment_id}/runs/{run}?workflow" in text
    assert "hunter2" not in text
    link = written(store, page, ui="http://127.0.0.1:5777/")["stages"]["train@vae"]["link"]
    assert link.startswith("http://127.0.0.1:5777/#/experiments/")


def test_command_writes_it_or_says_that_there_is_no_page(store: Store, page: Path, root: Path) -> None:
    params = store.project.tree / "params.yaml"
    params.write_text((root / "params.yaml").read_text())
    command = [sys.executable, "-m", "encdec.tracking.report_runs", "data/07_report/index.html"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    text = page.with_name("runs.html").read_text()
    assert PAGE_ID in text
    assert "<code>python -m encdec.tracking.report_runs data/07_report/index.html</code>" in text
    page.unlink()
    failed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert failed.stderr == "data/07_report/index.html: no such file; it is written by `dvc repro report`\n"
