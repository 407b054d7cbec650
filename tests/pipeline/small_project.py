"""A copy of the project that was run once, small: the real graph, the real tools, a few steps of training."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML

HERE = Path(__file__).parent
PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""Where MLflow keeps addresses of files."""


class Project(NamedTuple):
    """A clone with its own git history, cache and runs."""

    path: Path
    spy: Path

    @property
    def env(self) -> dict[str, str]:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("DVC_", "MLFLOW_", "GIT_"))}
        return {
            **inherited,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join([str(self.path / "src"), str(HERE / "spy")]),
            "ENCDEC_SPY": str(self.spy),
            "DVC_NO_ANALYTICS": "1",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "GIT_AUTHOR_NAME": "test",
            "GIT_AUTHOR_EMAIL": "test@localhost",
            "GIT_COMMITTER_NAME": "test",
            "GIT_COMMITTER_EMAIL": "test@localhost",
        }

    def run(
        self, *command: str, check: bool = True, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command, cwd=self.path, env={**self.env, **(env or {})}, capture_output=True, text=True, timeout=900
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done

    def repro(self, *targets: str, check: bool = True, env: Mapping[str, str] | None = None) -> "Repro":
        done = self.run("dvc", "repro", *targets, check=check, env=env)
        return Repro(done.returncode, done.stdout + done.stderr)

    def edit_params(self, *keys: str, value: object) -> None:
        yaml = YAML()
        path = self.path / "params.yaml"
        raw = yaml.load(path)
        node: Any = raw
        for key in keys[:-1]:
            node = node[key]
        node[keys[-1]] = value
        yaml.dump(raw, path)

    def lock(self) -> dict[str, Any]:
        stages: dict[str, Any] = YAML(typ="safe", pure=True).load(self.path / "dvc.lock")["stages"]
        return stages


class Repro(NamedTuple):
    code: int
    output: str

    def started(self) -> list[str]:
        """The stages whose command was run."""
        return [line.split("'")[1] for line in self.output.splitlines() if line.startswith("Running stage")]

    def restored(self) -> list[str]:
        """The stages whose result came from the run-cache."""
        return [line.split("'")[1] for line in self.output.splitlines() if "is cached - skipping run" in line]


def small_params(path: Path) -> None:
    """The project's own params.yaml with smaller numbers: the same keys, the same graph."""
    yaml = YAML()
    raw = yaml.load(path)
    raw["threads"] = 1
    raw["pairs"]["sources"]["dates"] |= {"rows": 1200, "locales": ["en", "ko", "ja", "de", "ar", "hi"]}
    for name, model in raw["models"].items():
        model["tuning"] = {"trials": 2, "max_epochs": 2, "max_steps": 6}
        model["training"] = {**model["training"], "max_epochs": 4, "max_steps": 24, "patience": 4}
        if name == "vae":
            model["beta_warmup_steps"] = 10
        if name == "seq2seq":
            model["network"]["hidden_dim"] = {"search": {"choices": [16, 24]}}
            model["network"]["embedding_dim"] = 16
    raw["evaluation"] |= {"bootstrap_resamples": 50, "importance_samples": 5}
    raw["promotion"]["min_rows"] = 20
    yaml.dump(raw, path)


def copy_tree(root: Path, to: Path) -> None:
    """What git has or would take: no environment, no data, no runs."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=True,
    )
    for name in listed.stdout.decode().split("\0"):
        if name and name != "dvc.lock" and not name.startswith("data/06_evaluation") and (root / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, to / name)


def new_project(root: Path, folder: Path) -> Project:
    project = Project(folder / "project", folder / "spy")
    project.path.mkdir(parents=True)
    project.spy.mkdir()
    copy_tree(root, project.path)
    small_params(project.path / "params.yaml")
    project.run("git", "init", "-q", "-b", "main")
    project.run("git", "add", "-A")
    project.run("git", "commit", "-qm", "start")
    return project


def copy_project(project: Project, folder: Path) -> Project:
    """A project of its own: its runs and models point to its own artifacts."""
    copy = Project(folder / "project", folder / "spy")
    shutil.copytree(project.path, copy.path, symlinks=True)
    copy.spy.mkdir()
    database = copy.path / "mlflow.db"
    if database.exists():
        with sqlite3.connect(database) as connection:
            old, new = project.path.as_uri(), copy.path.as_uri()
            for table, column in PLACES:
                connection.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (old, new))
    return copy
