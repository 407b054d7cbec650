"""What a killed stage left on the disk is used as far as it is whole and belongs to what is asked for now."""

import os
import shlex
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rights import apart
from small_project import Project
from started import PATIENCE_SECONDS, Ended, command, digests, end, interrupt, leftovers, locked, outs, start

TRAIN, TUNE = "train@autoencoder", "tune@autoencoder"
CHECKPOINTS, STUDIES = ".work/checkpoints", ".work/studies"


@pytest.fixture(autouse=True)
def nothing_is_left_of_the_repro(project: Project) -> None:
    """It keeps its states until its next start sees that dvc.lock has its outs."""
    for folder in (CHECKPOINTS, STUDIES):
        shutil.rmtree(project.path / folder, ignore_errors=True)


def files(project: Project, folder: str) -> list[Path]:
    return sorted(file for file in (project.path / folder).glob("*/*") if not file.name.startswith("."))


def kill_with(project: Project, stage: str, folder: str, *, count: int) -> Ended:
    """Killed when it has written so many files of its state."""
    known = set(files(project, folder))
    process = start(project, command(project, stage))
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(set(files(project, folder)) - known) < count:
        assert process.poll() is None, end(process).output
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return interrupt(process, signal.SIGKILL)


def finish(project: Project, stage: str) -> Ended:
    ended = end(start(project, command(project, stage)))
    assert ended.code == 0, ended.output
    return ended


def runs(project: Project, name: str) -> list[tuple[str, str]]:
    """The ids and statuses of the runs of a name, the oldest first."""
    with sqlite3.connect(project.path / "mlflow.db") as connection:
        query = "SELECT run_uuid, status FROM runs WHERE name = ? ORDER BY start_time"
        return list(connection.execute(query, (name,)))


def tags(project: Project, run_id: str) -> dict[str, str]:
    with sqlite3.connect(project.path / "mlflow.db") as connection:
        return dict(connection.execute("SELECT key, value FROM tags WHERE run_uuid = ?", (run_id,)))


@pytest.fixture
def training(project: Project) -> Project:
    """One that lasts long enough to be killed, with as many checkpoints as their cost allows."""
    project.edit_params("checkpoint_seconds", value=0.05)
    for key, value in {"max_epochs": 60, "max_steps": 1200, "patience": 60}.items():
        project.edit_params("models", "autoencoder", "training", key, value=value)
    return project


def half(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def one_bit(file: Path) -> None:
    whole = bytearray(file.read_bytes())
    whole[len(whole) // 2] ^= 1
    file.write_bytes(whole)


@pytest.mark.parametrize("spoil", [half, one_bit])
def test_a_training_goes_on_from_the_checkpoint_before_where_the_last_one_is_not_whole(
    training: Project, spoil: Callable[[Path], None]
) -> None:
    finish(training, TRAIN)
    expected = digests(training, TRAIN)
    for _ in range(2):  # the first one of a process comes soon, and the next one when it has paid for itself
        assert kill_with(training, TRAIN, CHECKPOINTS, count=1).code == -signal.SIGKILL
    before, last = files(training, CHECKPOINTS)[-2:]
    spoil(last)
    (last.parent / f".{last.name}.partial").write_bytes(b"torn")  # as a kill in the middle of writing leaves it
    (run_id, status), known = runs(training, TRAIN)[-1], len(runs(training, TRAIN))
    assert status == "RUNNING"
    ended = finish(training, TRAIN)
    name = last.relative_to(training.path)
    assert f"{name}: the checkpoint cannot be used" in ended.output
    assert str(before.relative_to(training.path)) not in ended.output
    assert digests(training, TRAIN) == expected
    assert runs(training, TRAIN)[known - 1 :] == [(run_id, "FINISHED")]
    assert files(training, CHECKPOINTS) == []
    assert leftovers(training.path) == []


def change_a_parameter(project: Project) -> None:
    project.edit_params("models", "autoencoder", "training", "gradient_clip", value=0.5)


def change_the_data(project: Project) -> None:
    path = project.path / "data/03_prepared/images/train/images.npy"
    images = np.load(path)
    path.unlink()  # DVC may have made it a link into its cache
    images[0, 0, 0, 0] ^= 1
    np.save(path, images)


def change_the_code(project: Project) -> None:
    path = project.path / "src/encdec/losses/reconstruction.py"
    path.write_text(path.read_text() + "\n# another line\n")


@pytest.mark.parametrize("change", [change_a_parameter, change_the_data, change_the_code])
@pytest.mark.parametrize(("stage", "folder"), [(TRAIN, CHECKPOINTS), (TUNE, STUDIES)])
def test_a_state_of_other_parameters_data_or_code_is_not_gone_on_from(
    training: Project, stage: str, folder: str, change: Callable[[Project], None]
) -> None:
    kill_with(training, stage, folder, count=1)
    foreign = {file: file.read_bytes() for file in files(training, folder)}
    first = runs(training, stage)[-1][0]
    change(training)
    kill_with(training, stage, folder, count=1)
    ours = [file for file in files(training, folder) if file not in foreign]
    assert {file.parent for file in ours}.isdisjoint(file.parent for file in foreign)
    assert {file: file.read_bytes() for file in foreign} == foreign
    second = runs(training, stage)[-1][0]
    assert second != first
    assert "encdec.continued" not in tags(training, second)
    assert dict(runs(training, stage))[first] == "KILLED"
    assert tags(training, first)["encdec.abandoned"] == "started again with other parameters, data or code"


def test_a_disk_that_fills_up_in_the_middle_of_a_training_leaves_the_last_checkpoint_to_go_on_from(
    training: Project,
) -> None:
    """Room for the first checkpoint and not for the second: each has the weights, two moments of Adam and the best."""
    finish(training, TRAIN)
    expected = digests(training, TRAIN)
    room = int(1.5 * 4 * (training.path / "data/05_models/autoencoder/model.safetensors").stat().st_size)
    line = shlex.join(command(training, TRAIN))
    kill_with(training, TRAIN, CHECKPOINTS, count=1)
    ended = apart(
        training,
        f"mv {CHECKPOINTS} killed && mkdir {CHECKPOINTS} && mount -t tmpfs -o size={room} none {CHECKPOINTS} && "
        f"mv killed/* {CHECKPOINTS} && {{ {line}; echo code=$?; "
        f"find {CHECKPOINTS} -type f; mount -o remount,size=64m {CHECKPOINTS} && {line}; ls {CHECKPOINTS}; }}",
        env={},
    )
    assert ended.code == 0, ended.output
    first, again = ended.output.split("code=1\n")
    assert ".ckpt: it does not fit on its disk, which is full" in first
    assert "make room there, then start the same command again" in first
    assert "Traceback" not in ended.output
    lines = again.splitlines()  # what was left, what the second training said, and what it left
    assert [Path(line).suffix for line in lines if line.startswith(CHECKPOINTS)] == [".ckpt"]
    assert "cannot be read" not in again
    assert lines[-1].startswith("train autoencoder: best val/mse "), "the folder of the training is gone"
    assert digests(training, TRAIN) == expected
    (failed, status), (whole, done) = runs(training, TRAIN)[-2:]
    assert (status, done) == ("FAILED", "FINISHED"), "an error ends its run; the checkpoint alone goes on"
    assert failed != whole


def test_a_disk_that_fills_up_in_the_middle_of_a_study_leaves_the_ended_trials_to_go_on_from(project: Project) -> None:
    """Room for the first trial's file and not for the second's."""
    line = shlex.join(command(project, TUNE))
    ended = apart(
        project,
        f"mkdir -p {STUDIES} && mount -t tmpfs -o size={os.sysconf('SC_PAGE_SIZE')} none {STUDIES} && {{ {line}; "
        f"echo code=$?; cd {STUDIES}/*; find . -type f; cd - > /dev/null; "
        f"mount -o remount,size=1m {STUDIES} && {line}; ls {STUDIES}; }}",
        env={},
    )
    assert ended.code == 0, ended.output
    first, again = ended.output.split("code=1\n")
    assert "trial_2.json: it does not fit on its disk, which is full" in first
    assert "make room there, then start the same command again" in first
    assert "Traceback" not in ended.output
    said, _, rest = again.partition("\n")
    assert said == "./trial_1.json"
    assert "tune autoencoder: 1 of 2 trials of an interrupted study are kept, and it goes on" in rest
    assert rest.splitlines()[-1].startswith("tune autoencoder: best val/mse "), "the folder of the study is gone"
    assert digests(project, TUNE) == locked(project, TUNE)
    (failed, status), (whole, done) = runs(project, TUNE)[-2:]
    assert (status, done) == ("FAILED", "FINISHED"), "an error ends its run; the ended trials alone go on"
    trials = [run_id for name in ("trial 1", "trial 2") for run_id, _ in runs(project, name)]
    parents = [tags(project, run_id)["mlflow.parentRunId"] for run_id in trials]
    assert (parents.count(failed), parents.count(whole)) == (2, 2), "the kept trial is recorded in the new run, too"


def test_a_spoilt_trial_of_a_study_is_run_again_with_those_after_it(project: Project) -> None:
    project.edit_params("models", "autoencoder", "tuning", "trials", value=5)
    finish(project, TUNE)
    expected = digests(project, TUNE)
    kill_with(project, TUNE, STUDIES, count=3)
    spoilt = files(project, STUDIES)[1]
    half(spoilt)
    (run_id, _), known = runs(project, TUNE)[-1], len(runs(project, TUNE))
    ended = finish(project, TUNE)
    assert f"{spoilt.relative_to(project.path)} cannot be used (Invalid JSON: " in ended.output
    assert "trial 2 and those after it are run again" in ended.output
    assert "1 of 5 trials of an interrupted study are kept" in ended.output
    assert digests(project, TUNE) == expected
    assert runs(project, TUNE)[known - 1 :] == [(run_id, "FINISHED")]
    assert files(project, STUDIES) == []
    assert all(path.exists() for path in outs(project, TUNE))
