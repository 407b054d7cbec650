"""A run that is killed at any moment and started again gives the dvc.lock of one that was left alone.

That another clean run gives it, too, elsewhere and for another user: test_environment_place.py.
"""

import os
import random
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest
from small_project import Project, copy_project
from started import end, leftovers, start


def metric_steps(project: Project, run_id: str, key: str) -> list[int]:
    with sqlite3.connect(project.path / "mlflow.db") as connection:
        query = "SELECT step FROM metrics WHERE run_uuid = ? AND key = ? ORDER BY step"
        return [int(step) for (step,) in connection.execute(query, (run_id, key))]


def runs_named(project: Project, name: str) -> list[tuple[str, str]]:
    with sqlite3.connect(project.path / "mlflow.db") as connection:
        query = "SELECT run_uuid, status FROM runs WHERE name = ? AND lifecycle_stage = 'active' ORDER BY start_time"
        return list(connection.execute(query, (name,)))


@pytest.mark.xdist_group("kill")
def test_a_training_killed_and_started_again_ends_in_the_same_bytes_and_continues_its_run(
    finished: Project, tmp_path: Path
) -> None:
    plain = copy_project(finished, tmp_path / "plain")
    plain.edit_params("checkpoint_seconds", value=0.05)
    plain.edit_params("models", "autoencoder", "training", "max_epochs", value=60)
    plain.edit_params("models", "autoencoder", "training", "max_steps", value=600)
    plain.edit_params("models", "autoencoder", "training", "patience", value=60)
    killed = copy_project(plain, tmp_path / "killed")
    plain.repro("train@autoencoder")

    process = subprocess.Popen(
        ["dvc", "repro", "train@autoencoder"], cwd=killed.path, env=killed.env, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 300
    while not list((killed.path / ".work/checkpoints").glob("*/step-*.ckpt")):
        assert process.poll() is None, "the training ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (killed.path / "data/05_models/autoencoder").exists(), "an out appears whole or not at all"
    interrupted = runs_named(killed, "train@autoencoder")[-1][0]

    again = killed.repro("train@autoencoder")
    assert again.started()[-1] == "train@autoencoder"
    assert killed.lock()["train@autoencoder"]["outs"] == plain.lock()["train@autoencoder"]["outs"]
    continued, status = runs_named(killed, "train@autoencoder")[-1]
    assert (continued, status) == (interrupted, "FINISHED")
    whole, _ = runs_named(plain, "train@autoencoder")[-1]
    steps = metric_steps(killed, continued, "val/mse")
    assert steps == metric_steps(plain, whole, "val/mse"), "no epoch is logged twice and none is missing"
    assert len(steps) == len(set(steps)) > 4


@pytest.mark.xdist_group("kill")
@pytest.mark.parametrize("stage", ["ingest@pairs", "tune@cnn", "train@vae"])
def test_a_repro_killed_at_random_moments_ends_in_the_same_bytes(finished: Project, tmp_path: Path, stage: str) -> None:
    """dvc and its stage at once, as when the power fails: imports, work, outs and DVC's own files, whatever it hits."""
    project = copy_project(finished, tmp_path)
    expected, repro = project.lock()[stage]["outs"], ["dvc", "repro", "--single-item", "--force", stage]
    began = time.monotonic()
    assert end(start(project, repro)).code == 0
    seconds = time.monotonic() - began
    chance, codes = random.Random(f"{os.environ.get('ENCDEC_KILL_SEED', '0')} {stage}"), []
    for _ in range(3):
        project.run("python", "-m", "encdec.tracking.mend_lock")  # as make does: dvc may be killed at its own file
        process = start(project, repro)
        try:
            process.wait(timeout=chance.uniform(0.0, seconds))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        codes.append(end(process).code)
    assert -signal.SIGKILL in codes, codes
    project.run("python", "-m", "encdec.tracking.mend_lock")
    project.repro("--single-item", "--force", stage)
    assert project.lock()[stage]["outs"] == expected
    assert leftovers(project.path / "data") == []
