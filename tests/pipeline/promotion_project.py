"""A project with three real classifiers of digits: two good ones of different seeds, and one of a few steps."""

import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from small_project import Project, new_project

LOCKED_SECONDS = 0.7
"""A store that is locked for so long is held by a trigger of ours: its own transactions take milliseconds."""


class Trainings(NamedTuple):
    """The runs that trained them, as addresses; the last one lies in the project."""

    good: str
    other: str
    poor: str


def train_three(root: Path, folder: Path) -> Project:
    """`dvc repro evaluate@cnn` three times: the second with another seed, the third for a few steps."""
    project = new_project(root, folder)
    cnn = ("models", "cnn")
    project.edit_params(*cnn, "tuning", value={"trials": 1, "max_epochs": 1, "max_steps": 3})
    project.edit_params(*cnn, "network", "dropout_prob", value=0.1)
    project.edit_params("promotion", "models", "cnn", "margin", value=0.1)
    project.edit_params("promotion", "behaviour", value=False)  # a test of its own switches it on
    addresses = []
    for seed, steps in ((7, 250), (8, 250), (9, 12)):
        training = {"max_epochs": 12, "max_steps": steps, "patience": 12, "learning_rate": 0.004}
        for key, value in training.items():
            project.edit_params(*cnn, "training", key, value=value)
        project.edit_params("seed", value=seed)
        project.repro("evaluate@cnn")
        addresses.append(newest_training(project))
    (folder / "trainings.json").write_text(json.dumps(addresses))
    return project


def newest_training(project: Project) -> str:
    rows = query(
        project,
        "SELECT r.run_uuid FROM runs r JOIN tags t ON t.run_uuid = r.run_uuid AND t.key = 'stage' "
        "WHERE t.value = 'train' ORDER BY r.start_time DESC LIMIT 1",
    )
    return f"runs:/{rows[0][0]}"


def read_trainings(folder: Path) -> Trainings:
    return Trainings(*json.loads((folder / "trainings.json").read_text()))


def query(project: Project, sql: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(f"file:{project.path / 'mlflow.db'}?mode=ro", uri=True) as connection:
        return connection.execute(sql).fetchall()


def aliases(project: Project) -> dict[str, int]:
    return dict(query(project, "SELECT alias, version FROM registered_model_aliases WHERE name = 'cnn'"))


def versions(project: Project) -> list[int]:
    return [row[0] for row in query(project, "SELECT version FROM model_versions WHERE name = 'cnn' ORDER BY version")]


def decision_runs(project: Project) -> list[tuple[str, str]]:
    """Name and status of each decision's run, the oldest first."""
    return query(
        project,
        "SELECT r.name, r.status FROM runs r JOIN tags t ON t.run_uuid = r.run_uuid AND t.key = 'stage' "
        "WHERE t.value IN ('promote', 'rollback') ORDER BY r.start_time",
    )


def version_tags(project: Project, version: int) -> dict[str, str]:
    rows = query(project, f"SELECT key, value FROM model_version_tags WHERE name = 'cnn' AND version = {version}")
    return dict(rows)


def start(project: Project, *command: str, env: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        ["encdec", *command],
        cwd=project.path,
        env={**project.env, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def kill_at(project: Project, step: str, *command: str) -> None:
    """Start a command, and kill it when it is in the midst of a statement.

    The statement meets a trigger that counts for minutes, within the transaction: what it would write is not there
    after the kill, all before it is.

    Args:
        step: `INSERT ON table WHEN condition`, or UPDATE.
    """
    write(
        project,
        "CREATE VIEW counted AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000000000) "
        "SELECT i FROM n",
        f"CREATE TRIGGER slow BEFORE {step} BEGIN SELECT count(*) FROM counted; END",
    )
    process = start(project, *command)
    wait_until_locked(project, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    write(project, "DROP TRIGGER slow", "DROP VIEW counted")


def pause_between_writes(project: Project, process: "subprocess.Popen[str]") -> None:
    """Stop a process while it holds no lock on the database: one that is stopped within a transaction shuts others out.

    It goes on at SIGCONT.
    """
    while True:
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)  # until then it may still begin one
        if not is_locked(project, "EXCLUSIVE"):
            return
        process.send_signal(signal.SIGCONT)
        time.sleep(0.002)


def wait_until_locked(project: Project, process: "subprocess.Popen[str]") -> None:
    since = None
    while since is None or time.monotonic() - since < LOCKED_SECONDS:
        if process.poll() is not None:
            raise AssertionError(f"it ended before it came to that step:\n{process.communicate()[0]}")
        since = (since or time.monotonic()) if is_locked(project, "IMMEDIATE") else None
        time.sleep(0.05)


def is_locked(project: Project, transaction: str) -> bool:
    """Whether a transaction of this kind cannot begin now."""
    try:
        with sqlite3.connect(project.path / "mlflow.db", timeout=0) as connection:
            connection.execute(f"BEGIN {transaction}")
            connection.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return True
    return False


def write(project: Project, *statements: str) -> None:
    with sqlite3.connect(project.path / "mlflow.db", timeout=60) as connection:
        for statement in statements:
            connection.execute(statement)
