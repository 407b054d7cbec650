"""Interrupted anywhere by Ctrl-C, SIGTERM or kill -9: a line is said, nothing stays half-written, and it goes on."""

import os
import signal
import sqlite3
import subprocess
import time
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGTERM

import psutil
import pytest
from small_project import Project
from started import command, digests, end, interrupt, leftovers, locked, paused, start

# A stage of each kind, and a path that it writes in the middle of its work.
MIDDLES = {
    "check": "data/.00_check.txt.partial",
    "ingest@images": "01_raw/.images.partial/files",
    "validate@pairs": "02_validation/.pairs.partial",
    "prepare@images": "03_prepared/images/.train.partial",
    "baselines@pairs": "06_evaluation/baselines/.pairs.partial",
    "tune@cnn": "04_tuning/.cnn.partial",
    "train@cnn": ".work/checkpoints",
    "evaluate@cnn": "06_evaluation/cnn/.details.partial",
    "report": "07_report/.index.html.partial",
}
GOES_ON = "nothing half-written is left, and the same command goes on from here"


def last_run(project: Project, name: str) -> tuple[str, str]:
    """The id and the status of the newest run of a stage."""
    with sqlite3.connect(project.path / "mlflow.db") as connection:
        query = "SELECT run_uuid, status FROM runs WHERE name = ? ORDER BY start_time DESC LIMIT 1"
        ((run_id, status),) = connection.execute(query, (name,))
    return run_id, status


def errors_of(project: Project, run_id: str) -> list[str]:
    with sqlite3.connect(project.path / "mlflow.db") as connection:
        query = "SELECT value FROM tags WHERE run_uuid = ? AND key = 'error'"
        return [text for (text,) in connection.execute(query, (run_id,))]


@pytest.mark.parametrize("stage", list(MIDDLES))
def test_a_stage_interrupted_in_the_middle_says_so_and_ends_in_the_same_bytes_when_started_again(
    project: Project, tmp_path: Path, stage: str
) -> None:
    project.edit_params("checkpoint_seconds", value=0.05)
    ids = set()
    for number in (SIGINT, SIGTERM):
        stopped = interrupt(paused(project, stage, at=MIDDLES[stage], mark=tmp_path / "mark"), number)
        assert stopped.code == 128 + number
        assert stopped.output.endswith(f"\nstopped by {number.name}: {GOES_ON}\n")
        assert "Traceback" not in stopped.output
        assert leftovers(project.path / "data") == []
        if stage != "check":
            run_id, status = last_run(project, stage)
            assert (status, errors_of(project, run_id)) == ("KILLED", [f"stopped by {number.name}"])
            ids.add(run_id)
    killed = interrupt(paused(project, stage, at=MIDDLES[stage], mark=tmp_path / "mark"), SIGKILL)
    assert killed.code == -SIGKILL
    if stage not in ("evaluate@cnn", "train@cnn"):  # they had put nothing in its place yet: the old outs are whole
        assert digests(project, stage) == locked(project, stage)

    again = end(start(project, command(project, stage), env={"DVC_STAGE": stage}))
    assert again.code == 0, again.output
    assert digests(project, stage) == locked(project, stage)
    assert leftovers(project.path / "data") == []
    if stage != "check":
        run_id, status = last_run(project, stage)
        assert (status, errors_of(project, run_id)) == ("FINISHED", [])
        assert ids == {run_id}, "it went on in its own run"


@pytest.mark.parametrize(("stage", "module"), [("ingest@images", "pandas"), ("train@cnn", "torch")])
def test_a_signal_while_a_stage_is_still_importing_is_a_line_as_well(
    project: Project, tmp_path: Path, stage: str, module: str
) -> None:
    for number in (SIGINT, SIGTERM):
        stopped = interrupt(paused(project, stage, at=f"import {module}", mark=tmp_path / "mark"), number)
        assert stopped == (128 + number, f"\nstopped by {number.name}: {GOES_ON}\n")


def test_ctrl_c_in_a_terminal_ends_dvc_and_its_stage_without_a_traceback(project: Project, tmp_path: Path) -> None:
    """A terminal sends SIGINT to dvc and to the stage alike."""
    repro = ["dvc", "repro", "--single-item", "--force", "tune@cnn"]
    process = paused(project, "tune@cnn", at=MIDDLES["tune@cnn"], mark=tmp_path / "mark", argv=repro)
    os.killpg(process.pid, SIGINT)
    stopped = end(process)
    assert stopped.code != 0
    assert f"stopped by SIGINT: {GOES_ON}" in stopped.output
    assert "ERROR: failed to reproduce 'tune@cnn'" in stopped.output
    assert "Traceback" not in stopped.output
    assert not (project.path / "data/04_tuning/cnn").exists()
    assert leftovers(project.path / "data") == []
    expected = locked(project, "tune@cnn")
    again = project.repro("--single-item", "tune@cnn")  # DVC may have the same bytes in its cache
    assert [*again.started(), *again.restored()] == ["tune@cnn"]
    assert digests(project, "tune@cnn") == expected == locked(project, "tune@cnn")


def wait_for_end(pid: int) -> None:
    deadline = time.monotonic() + 30
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the stage outlived its dvc"
        time.sleep(0.05)


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
def test_a_stage_whose_dvc_ended_while_it_was_importing_does_not_begin(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: str
) -> None:
    """DVC starts a stage in $SHELL: dash waits for it, bash makes way for it."""
    monkeypatch.setenv("SHELL", shell)
    repro, mark = ["dvc", "repro", "--single-item", "--force", "train@cnn"], tmp_path / "mark"
    process = paused(project, "train@cnn", at="import torch", mark=mark, argv=repro, seconds=5)
    process.send_signal(SIGKILL)
    stopped = end(process)
    wait_for_end(int(mark.read_text()))
    assert f"the dvc that started this stage (process {process.pid}) has ended" in stopped.output
    assert stopped.output.endswith(f"stopped by SIGTERM: {GOES_ON}\n")
    assert leftovers(project.path / "data") == []


@pytest.mark.parametrize("number", [SIGTERM, SIGKILL])
def test_a_stage_ends_with_its_dvc_so_that_the_next_one_is_alone(
    project: Project, tmp_path: Path, number: signal.Signals
) -> None:
    """`kill <dvc>`, or the machine short of memory: dvc does not end its stage."""
    repro = ["dvc", "repro", "--single-item", "--force", "ingest@images"]
    mark = tmp_path / "mark"
    process = paused(project, "ingest@images", at=MIDDLES["ingest@images"], mark=mark, argv=repro)
    stage = int(mark.read_text())
    process.send_signal(number)
    stopped = end(process)
    wait_for_end(stage)
    assert stopped.code == -number
    assert f"the dvc that started this stage (process {process.pid}) has ended" in stopped.output
    assert f"stopped by SIGTERM: {GOES_ON}" in stopped.output
    assert leftovers(project.path / "data") == []
    expected = locked(project, "ingest@images")
    project.repro("--single-item", "ingest@images")
    assert digests(project, "ingest@images") == expected


def test_a_kill_while_the_database_is_made_leaves_none_that_could_not_be_used(project: Project) -> None:
    database = project.path / "mlflow.db"
    database.unlink()
    stage = start(project, command(project, "ingest@images"))
    deadline = time.monotonic() + 60
    partial = project.path / "mlflow.db.partial"
    while not (partial.exists() and partial.stat().st_size > 0):  # MLflow makes its tables one by one, for seconds
        assert stage.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert interrupt(stage, SIGKILL).code == -SIGKILL
    assert not database.exists()
    again = end(start(project, command(project, "ingest@images")))
    assert again.code == 0, again.output
    assert last_run(project, "ingest@images")[1] == "FINISHED"
    untracked = project.run("git", "status", "--porcelain", "--untracked-files=all").stdout
    assert "mlflow" not in untracked


def test_a_trial_that_is_interrupted_is_killed_and_not_failed(project: Project) -> None:
    for section in ("tuning", "training"):
        project.edit_params("models", "cnn", section, "max_epochs", value=2000)
        project.edit_params("models", "cnn", section, "max_steps", value=200_000)
    process = start(project, command(project, "tune@cnn"))
    deadline = time.monotonic() + 60
    while last_run(project, "tune@cnn")[1] != "RUNNING" or last_run(project, "trial 1")[1] != "RUNNING":
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(1.0)  # in the middle of the training of the trial: Lightning turns Ctrl-C into an exit of its own
    stopped = interrupt(process, SIGINT)
    assert (stopped.code, stopped.output.count("stopped by SIGINT")) == (130, 1)
    assert "Traceback" not in stopped.output
    assert [last_run(project, name)[1] for name in ("tune@cnn", "trial 1")] == ["KILLED", "KILLED"]


def test_make_repro_passes_an_interrupt_on(project: Project, tmp_path: Path) -> None:
    (project.path / ".venv").mkdir()
    for name in (".python", ".runtime"):
        (project.path / ".venv" / name).touch()
    project.edit_params("seed", value=11)
    process = paused(project, "check", at=MIDDLES["check"], mark=tmp_path / "mark", argv=["make", "repro"])
    os.killpg(process.pid, SIGINT)
    stopped = end(process)
    assert stopped.code != 0
    assert f"stopped by SIGINT: {GOES_ON}" in stopped.output
    assert "Traceback" not in stopped.output
    assert subprocess.run(["make", "-n", "repro"], cwd=project.path, check=False, capture_output=True).returncode == 0


def test_a_lock_that_dvc_could_not_finish_is_put_back_and_nothing_is_computed_again(project: Project) -> None:
    """DVC writes it in its place after every stage: a kill at that moment leaves the beginning of it."""
    lock = project.path / "dvc.lock"
    text, whole = lock.read_bytes(), project.lock()
    lock.write_bytes(text[: text.index(b"outs:", len(text) // 2) + 3])
    refused = project.repro(check=False)
    assert refused.code != 0, "DVC mends it by itself now: encdec.tracking.mend_lock can go"
    assert "encdec.tracking.mend_lock" in project.run("make", "-n", "repro").stdout
    said = project.run("python", "-m", "encdec.tracking.mend_lock").stderr
    assert "what was computed comes from DVC's run-cache" in said
    again = project.repro()
    assert again.started() == []
    assert project.lock() == whole
