"""The MLflow server dies while a stage runs. A real server, killed and started again, and real processes beside it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow_server import Server

from encdec.tracking.digests import dvc_digest

pytestmark = pytest.mark.xdist_group("tracking server")
STAGE = Path(__file__).parent / "recording_stage.py"
STEPS = 40


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "server").mkdir()
    server = Server(tmp_path / "server")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def tree(tmp_path: Path, root: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "dvc.yaml").write_text("stages: {}\n")
    shutil.copyfile(root / "params.yaml", folder / "params.yaml")
    return folder


def environment(server: Server) -> dict[str, str]:
    return {**os.environ, "MLFLOW_TRACKING_URI": server.base}


class Stage:
    """A process that records `STEPS` steps, each when it is told to."""

    def __init__(self, server: Server, tree: Path, mode: str = "end") -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(STAGE), str(STEPS), mode],
            cwd=tree,
            env=environment(server),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.run_id = self.process.stdout.readline().strip()
        assert self.run_id, self.process.communicate()[1]

    def go(self, steps: int) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        for _ in range(steps):
            self.process.stdin.write("\n")
            self.process.stdin.flush()
            assert self.process.stdout.readline().startswith("step")

    def finish(self) -> tuple[int, str]:
        _, said = self.process.communicate(timeout=120)
        return self.process.returncode, said


def command(server: Server, tree: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    program = [sys.executable, "-c", "from encdec.cli.main import main; main()", *arguments]
    return subprocess.run(program, cwd=tree, env=environment(server), capture_output=True, text=True, check=False)


def check_whole(server: Server, tree: Path, run_id: str) -> Run:
    """Nothing is missing, nothing is there twice, and all of it is in order."""
    client = MlflowClient(server.base)
    run = client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["beta"] == "1.0"
    history = client.get_metric_history(run_id, "val/nll")
    assert [(each.step, each.value) for each in history] == [(step, 1.0 / (step + 1)) for step in range(STEPS)]
    assert [each.timestamp for each in history] == sorted(each.timestamp for each in history)
    children = client.search_runs([run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{run_id}'")
    assert sorted((child.info.run_name, child.info.status) for child in children) == [
        ("trial 1", "FINISHED"),
        ("trial 2", "KILLED"),
    ]
    assert all(child.data.metrics["val/nll"] == 0.5 for child in children)
    assert [each.path for each in client.list_artifacts(run_id, "figures")] == ["figures/curve.png"]
    assert Path(client.download_artifacts(run_id, "figures/curve.png")).read_bytes() == b"a picture"
    assert run.data.tags["dvc.out/out"] == dvc_digest(tree / "out")
    (model,) = client.search_logged_models([run.info.experiment_id], f"source_run_id = '{run_id}'")
    assert str(model.status) == "READY"
    assert not list((tree / ".work" / "outbox").iterdir())
    return run


def test_a_server_that_is_killed_and_started_again_misses_nothing(server: Server, tree: Path) -> None:
    stage = Stage(server, tree)
    stage.go(5)
    server.kill()
    stage.go(20)
    server.start()
    stage.go(STEPS - 25)
    code, said = stage.finish()
    assert code == 0, said
    assert said.count("the stage goes on") <= 1, said
    check_whole(server, tree, stage.run_id)


def test_what_a_server_that_is_still_down_misses_is_sent_later_and_once(server: Server, tree: Path) -> None:
    stage = Stage(server, tree, "impatient")
    stage.go(5)
    server.kill()
    stage.go(STEPS - 5)
    code, said = stage.finish()
    assert code == 0, said
    assert "encdec sync" in said
    assert (tree / "out" / "model.safetensors").is_file()
    away = command(server, tree, "sync")
    assert away.returncode == 1
    assert "cannot be used" in away.stderr
    assert "Traceback" not in away.stderr
    server.start()
    first, second = command(server, tree, "sync"), command(server, tree, "sync")
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert first.stdout.startswith("tune@vae: sent (")
    assert second.stdout.startswith("nothing waits")
    check_whole(server, tree, stage.run_id)


def test_a_stage_that_is_killed_while_the_server_is_down_is_continued_whole(server: Server, tree: Path) -> None:
    """Both die: what was recorded between is on the disk alone."""
    stage = Stage(server, tree)
    stage.go(5)
    server.kill()
    stage.go(20)
    stage.process.kill()
    stage.finish()
    server.start()
    again = Stage(server, tree)
    assert again.run_id == stage.run_id
    client = MlflowClient(server.base)
    assert len(client.get_metric_history(stage.run_id, "val/nll")) == 25
    again.go(STEPS)
    code, said = again.finish()
    assert code == 0, said
    assert check_whole(server, tree, stage.run_id).data.tags["encdec.continued"] == "1"


def test_a_server_that_is_down_at_the_start_is_said_in_seconds_and_nothing_begins(server: Server, tree: Path) -> None:
    server.kill()
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, str(STAGE), "1", "end"], cwd=tree, env=environment(server), capture_output=True, text=True
    )
    assert time.monotonic() - began < 30  # imports included
    assert done.returncode == 1
    assert "cannot be used" in done.stderr
    assert "Start the server" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tree / "out").exists()


def test_a_stage_that_is_stopped_while_the_server_is_down_ends_at_once(server: Server, tree: Path) -> None:
    stage = Stage(server, tree)
    stage.go(5)
    server.kill()
    stage.go(1)
    began = time.monotonic()
    stage.process.send_signal(signal.SIGTERM)
    code, said = stage.finish()
    assert code == 128 + signal.SIGTERM
    assert time.monotonic() - began < 10
    assert "encdec sync" in said
    server.start()
    assert command(server, tree, "sync").returncode == 0
    run = MlflowClient(server.base).get_run(stage.run_id)
    assert (run.info.status, run.data.tags["error"]) == ("KILLED", "stopped by SIGTERM")
