"""What a team has beside GitHub: a repository, DVC's remote, an MLflow server, and a place where new data come in."""

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from github_workflow import Event, Job, Kept, Kill, run_workflow
from mlflow_server import Server
from small_project import Project

IMAGES = "data/00_source/images"
LATER = "remote://incoming/"
"""Where new data are found: a second remote in .dvc/config."""


class World(NamedTuple):
    kept: Kept
    server: Server
    incoming: Path
    seed: Project

    def run(self, workflow: str, event: Event, *, kill: Kill | None = None) -> dict[str, Job]:
        """On new machines, which are there for people to look at afterwards."""
        runs = self.kept.folder / "runs"
        run_id = len(list(runs.glob("*"))) + 1
        (runs / str(run_id)).mkdir(parents=True)
        return run_workflow(self.kept, workflow, event, run_id=run_id, kill=kill)

    def aliases(self, model: str = "cnn") -> dict[str, int]:
        return dict(self.query("SELECT alias, version FROM registered_model_aliases WHERE name = ?", model))

    def query(self, sql: str, *values: str) -> list[tuple[str, int]]:
        with sqlite3.connect(f"file:{self.server.folder / 'server.db'}?mode=ro", uri=True) as connection:
            return connection.execute(sql, values).fetchall()

    def outcomes(self) -> list[tuple[str, str]]:
        """Status and outcome of each retraining's run, the oldest first."""
        return self.query(  # type: ignore[return-value]
            "SELECT r.status, coalesce(o.value, '') FROM runs r "
            "JOIN tags t ON t.run_uuid = r.run_uuid AND t.key = 'stage' AND t.value = 'retrain' "
            "LEFT JOIN tags o ON o.run_uuid = r.run_uuid AND o.key = 'retraining.outcome' ORDER BY r.start_time"
        )

    def git(self, *arguments: str) -> str:
        """In the repository that everybody pushes to."""
        command = ["git", "--git-dir", str(self.kept.origin), *arguments]
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout

    @property
    def person(self) -> dict[str, str]:
        """The environment of somebody who may push."""
        home = self.kept.folder / "person"
        home.mkdir(exist_ok=True)
        (home / ".gitconfig").write_text("[http]\n\textraHeader = token\n")
        return {**self.seed.env, "HOME": str(home)}

    def merge(self, branch: str) -> None:
        """What the button of a pull request does."""
        self.push_after("merge", "-q", "--no-ff", f"origin/{branch}")

    def revert(self) -> None:
        """Undo the last merge, as the text of a pull request says."""
        self.push_after("revert", "--no-edit", "-m", "1", "HEAD")

    def push_after(self, *command: str) -> None:
        clone = self.kept.folder / "merging"
        subprocess.run(["git", "clone", "-q", str(self.kept.origin), str(clone)], check=True)
        person = self.person | {"GIT_MERGE_AUTOEDIT": "no"}
        for each in (command, ("push", "-q", "origin", "main")):
            subprocess.run(["git", *each], cwd=clone, env=person, check=True, capture_output=True)
        shutil.rmtree(clone)


@contextmanager
def opened_world(seed: Project, folder: Path) -> Iterator[World]:
    """A trained project that a team shares: its data by DVC's remote, its runs by a server, itself by a repository."""
    origin, incoming = folder / "origin.git", folder / "incoming"
    for made in (incoming, folder / "server"):
        made.mkdir(parents=True)
    share_data(seed, storage=folder / "storage", incoming=incoming)
    seed.run("git", "clone", "-q", "--bare", str(seed.path), str(origin))
    write_hook(origin)
    server = Server(folder / "server")
    share_runs(seed, server)
    server.start()
    kept = Kept(folder / "github", origin, {"MLFLOW_TRACKING_URI": server.base}, {"MLFLOW_TRACKING_PASSWORD": ""})
    kept.folder.mkdir()
    (kept.folder / "github.json").write_text('{"pulls": [], "started": [], "comments": []}')
    try:
        yield World(kept, server, incoming, seed)
    finally:
        server.kill()


def write_hook(origin: Path) -> None:
    """Who pushes shows a token, as to GitHub: git has it by `gh auth setup-git`."""
    hook = origin / "hooks" / "pre-receive"
    asked = 'test "$(git config --global http.extraHeader)" = token'
    hook.write_text(f"#!/bin/sh\n{asked} || {{ echo 'no token' >&2; exit 1; }}\n")
    hook.chmod(0o755)


def share_data(seed: Project, *, storage: Path, incoming: Path) -> None:
    seed.run("git", "rm", "-rq", "--cached", IMAGES)
    seed.run("dvc", "add", IMAGES)
    seed.run("dvc", "remote", "add", "--default", "storage", str(storage))
    seed.run("dvc", "remote", "add", "incoming", str(incoming))
    seed.edit_params("retraining", "remote", value=True)
    seed.run("git", "add", "-A")
    seed.run("git", "commit", "-qm", "Share data and results")
    seed.run("dvc", "push", "--run-cache")


def share_runs(seed: Project, server: Server) -> None:
    """The database and the artifacts that the project kept by itself, under the server's own addresses."""
    shutil.copyfile(seed.path / "mlflow.db", server.folder / "server.db")
    shutil.copytree(seed.path / "mlruns", server.folder / "kept")
    old, new = (seed.path / "mlruns").as_uri(), "mlflow-artifacts:/"
    with sqlite3.connect(server.folder / "server.db") as connection:
        for table, column in (
            ("experiments", "artifact_location"),
            ("runs", "artifact_uri"),
            ("logged_models", "artifact_location"),
        ):
            moved = f"replace(replace({column}, ?, ?), ?, ?)"
            connection.execute(f"UPDATE {table} SET {column} = {moved}", (f"{old}/", new, old, new))
