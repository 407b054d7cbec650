"""Killed -9 at random moments, several times in a row: a training and a study end as if nothing had happened.

Each stage is run once and left alone, which gives the bytes to end in, the run of MLflow to end in, and how long its
phases last: starting (imports and set-up), working (from the first state on the disk) and finishing (the outs, the
logged model, the end). Then it is killed once in each phase, in an order drawn by chance and at a moment drawn by
chance, and started again in between, as DVC does until dvc.lock has the outs. What decides about a moment is the
seed, and how busy the machine is.

ENCDEC_KILL_ROUNDS=20 does all of this twenty times per stage, ENCDEC_KILL_SEED=1 draws other moments.
"""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from small_project import Project
from started import PATIENCE_SECONDS, Ended, command, digests, end, leftovers, locked, outs, start

from encdec.params.root import MODEL_NAMES

ROUNDS = int(os.environ.get("ENCDEC_KILL_ROUNDS", "1"))
SEED = os.environ.get("ENCDEC_KILL_SEED", "0")
TWINS = () if "ENCDEC_KILL_ROUNDS" in os.environ else ("autoencoder", "sparse_autoencoder")
"""What trains as the denoising autoencoder does, but for the noise: left out of a single round."""
STAGES = (*(f"train@{model}" for model in MODEL_NAMES if model not in TWINS), "tune@seq2seq")
PHASES = ("starting", "working", "finishing")
ORDERS = (
    ("starting", "working", "finishing"),
    ("working", "starting", "finishing"),
    ("working", "finishing", "starting"),
)
"""Those in which work is left to be killed in: once it is done, a stage that goes on is finishing at once."""
WORK_FOLDERS = (".work/checkpoints", ".work/studies")


def is_of_the_model(metric: str) -> bool:
    """And not of the machine, which is another one at every moment."""
    return metric != "train_seconds" and not metric.startswith("system/")


class Recorded(NamedTuple):
    """What MLflow has of a run. `metrics`: name, step and value of every point, sorted: one that stands twice shows."""

    status: str
    params: dict[str, str]
    metrics: list[tuple[str, int, float]]
    ends: dict[str, str]
    children: dict[str, "Recorded"]
    models: list[str]
    inputs: int


def rows(project: Project, query: str, *values: str) -> list[Any]:
    with sqlite3.connect(project.path / "mlflow.db") as connection:
        return connection.execute(query, values).fetchall()


def runs_of(project: Project, stage: str) -> set[str]:
    found = rows(project, "SELECT run_uuid FROM runs WHERE name = ? AND lifecycle_stage = 'active'", stage)
    return {run_id for (run_id,) in found}


def recorded(project: Project, run_id: str) -> Recorded:
    ((status,),) = rows(project, "SELECT status FROM runs WHERE run_uuid = ?", run_id)
    metrics = rows(project, "SELECT key, step, value, is_nan FROM metrics WHERE run_uuid = ?", run_id)
    tags = dict(rows(project, "SELECT key, value FROM tags WHERE run_uuid = ?", run_id))
    children = rows(
        project,
        "SELECT name, run_uuid FROM runs JOIN tags USING (run_uuid)"
        " WHERE key = 'mlflow.parentRunId' AND value = ? AND lifecycle_stage = 'active'",
        run_id,
    )
    assert len(dict(children)) == len(children), "a trial stands twice"
    models = rows(
        project, "SELECT status FROM logged_models WHERE source_run_id = ? AND lifecycle_stage = 'active'", run_id
    )
    return Recorded(
        status=status,
        params=dict(rows(project, "SELECT key, value FROM params WHERE run_uuid = ?", run_id)),
        metrics=sorted((key, step, value, nan) for key, step, value, nan in metrics if is_of_the_model(key)),
        ends={key: value for key, value in tags.items() if key == "error" or key.startswith("optuna.")},
        children={name: recorded(project, child) for name, child in children},
        models=[status for (status,) in models],
        inputs=len(rows(project, "SELECT 1 FROM inputs WHERE destination_id = ? OR source_id = ?", run_id, run_id)),
    )


def states(project: Project) -> set[tuple[str, int]]:
    """The checkpoints, and the ended trials of a study, as they are now."""
    files = [file for folder in WORK_FOLDERS for file in (project.path / folder).rglob("*") if file.is_file()]
    found = set()
    for file in files:
        try:
            found.add((str(file), file.stat().st_mtime_ns))
        except FileNotFoundError:  # replaced meanwhile
            continue
    return found


class Stage(NamedTuple):
    """A stage that is under way, begun with the outs removed, as DVC does; `states` were there before."""

    project: Project
    name: str
    process: "subprocess.Popen[str]"
    states: set[tuple[str, int]]

    def wait_for(self, phase: str) -> None:
        """Until the phase has begun, or all is over."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.process.poll() is None and not self.has_begun(phase):
            assert time.monotonic() < deadline, f"{self.name} does not come to {phase}"
            time.sleep(0.002)

    def has_begun(self, phase: str) -> bool:
        finishing = any(path.exists() or partial(path).exists() for path in outs(self.project, self.name))
        match phase:
            case "starting":
                return True
            case "working":
                return finishing or bool(states(self.project) - self.states)
            case _:
                return finishing


def partial(out: Path) -> Path:
    return out.with_name(f".{out.name}.partial")


def begin(project: Project, name: str) -> Stage:
    for path in outs(project, name):
        shutil.rmtree(path, ignore_errors=True)
    before = states(project)
    return Stage(project, name, start(project, command(project, name), env={"DVC_STAGE": name}), before)


def take(project: Project, name: str) -> None:
    """As if dvc had taken the outs and the next start had seen it: nothing is left to go on from."""
    (pointer,) = (project.path / ".work/runs" / name).glob("*.json")
    assert json.loads(pointer.read_bytes())["outs"]
    for folder in (f".work/runs/{name}", *WORK_FOLDERS):
        shutil.rmtree(project.path / folder, ignore_errors=True)


def phase_seconds(project: Project, name: str) -> dict[str, float]:
    """How long the phases last where nobody interrupts."""
    stage, times = begin(project, name), []
    for phase in PHASES:
        stage.wait_for(phase)
        times.append(time.monotonic())
    ended = end(stage.process)
    assert ended.code == 0, ended.output
    times.append(time.monotonic())
    return {phase: later - earlier for phase, earlier, later in zip(PHASES, times, times[1:], strict=False)}


def kill(project: Project, name: str, *, phase: str, after: float) -> Ended:
    stage = begin(project, name)
    stage.wait_for(phase)
    try:
        stage.process.wait(timeout=after)
    except subprocess.TimeoutExpired:
        os.killpg(stage.process.pid, signal.SIGKILL)
    return end(stage.process)


def kill_and_finish(project: Project, name: str, *, seconds: dict[str, float], chance: random.Random) -> int:
    """Start a stage until it ends, killing it on the way; how many times it was killed."""
    kills = 0
    for phase in chance.choice(ORDERS):
        ended = kill(project, name, phase=phase, after=chance.uniform(0.0, seconds[phase]))
        assert ended.code in (0, -signal.SIGKILL), ended.output
        kills += ended.code != 0
        if ended.code == 0:
            return kills  # all was done before the kill came
    ended = end(begin(project, name).process)
    assert ended.code == 0, ended.output
    return kills


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_killed_at_random_moments_ends_in_the_same_bytes_and_the_same_run(project: Project, name: str) -> None:
    stage, _, model = name.partition("@")
    if stage == "tune":
        project.edit_params("models", model, "tuning", value={"trials": 6, "max_epochs": 4, "max_steps": 40})
        project.edit_params("tuning", "startup_trials", value=2)
    else:
        for key, value in {"max_epochs": 20, "max_steps": 200, "patience": 20}.items():
            project.edit_params("models", model, "training", key, value=value)
    project.edit_params("checkpoint_seconds", value=0.05)
    known = runs_of(project, name)
    for folder in (".work/runs", *WORK_FOLDERS):  # of the repro that made the project
        shutil.rmtree(project.path / folder, ignore_errors=True)
    seconds = phase_seconds(project, name)
    take(project, name)
    expected = digests(project, name)
    assert expected != locked(project, name), "with what dvc.lock has, a stage would not be started again"
    (alone,) = runs_of(project, name) - known
    chance, kills, rounds = random.Random(f"{SEED} {name}"), 0, 0
    for _ in range(4 * ROUNDS + 4):  # the drawn moment may lie behind the end: such a round is drawn again
        known = runs_of(project, name)
        came = kill_and_finish(project, name, seconds=seconds, chance=chance)
        assert digests(project, name) == expected
        (run_id,) = runs_of(project, name) - known
        assert recorded(project, run_id) == recorded(project, alone)
        assert leftovers(project.path) == []
        take(project, name)
        kills, rounds = kills + came, rounds + (came > 0)
        if rounds == ROUNDS:
            break
    print(f"{name}: {kills} kills in {rounds} rounds; phases of {seconds}")
    assert rounds == ROUNDS, "too few kills came in time"
