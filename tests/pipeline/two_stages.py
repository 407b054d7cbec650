"""A project of two quick stages with its own git history, DVC cache and runs: what a reproduction has to deal with."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from mlflow.entities import Run

from encdec.tracking.project import Project
from encdec.tracking.store import Store, open_store, search

STAGE = """
from encdec.starting import begin
begin(__name__)
import json
import sys
import time
from pathlib import Path
from encdec.params.loading import load_params
from encdec.tracking.stage import tracked_stage
stage, source, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
loaded = load_params(Path("params.yaml"))
with tracked_stage(stage, loaded=loaded, item="images", inputs=[source], outputs=[out], section={}) as run:
    out.mkdir(parents=True)
    text = "".join(file.read_text() for file in sorted(source.glob("*.txt")))
    (out / "rows.txt").write_text(f"{stage} {text}")
    (out / "metrics.json").write_text(json.dumps({"rows": [len(text), SALT], "seed": loaded.params.seed}))
"""
GRAPH = """
stages:
  ingest:
    cmd: python stage.py ingest data/source data/raw
    deps: [data/source]
    params: [seed]
    outs: [data/raw]
  prepare:
    cmd: python stage.py prepare data/raw data/prepared
    deps: [data/raw]
    params: [seed]
    outs: [data/prepared]
"""
CLOCK = "time.time()"


class TwoStages(NamedTuple):
    path: Path

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("DVC_", "MLFLOW_", "GIT_"))}
        names = {f"GIT_{who}_{what}": "t@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        found = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        quiet = {"DVC_NO_ANALYTICS": "1", "MLFLOW_DISABLE_TELEMETRY": "true", "GIT_CONFIG_GLOBAL": os.devnull}
        done = subprocess.run(
            command,
            cwd=self.path,
            env={**inherited, **names, **quiet, "PATH": found},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def encdec(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-c", "from encdec.cli.main import main; main()", *arguments, check=check)

    def repro(self, *arguments: str) -> None:
        self.run(sys.executable, "-m", "dvc", "repro", *arguments)

    def commit(self, message: str) -> None:
        self.run("git", "add", "-A")
        self.run("git", "commit", "-qm", message)

    def salt(self, value: str) -> None:
        """What the stages write beside what they read; `CLOCK` is another each time."""
        (self.path / "stage.py").write_text(STAGE.replace("SALT", value))

    @property
    def store(self) -> Store:
        return open_store("encdec", Project(self.path, self.path))

    def last(self, stage: str) -> Run:
        return search(self.store, f"tags.DVC_STAGE = '{stage}' and attributes.status = 'FINISHED'")[0]

    def copy(self, to: Path) -> "TwoStages":
        """Another clone with the same cache; its artifacts are those of this one."""
        shutil.copytree(self.path, to, symlinks=True)
        return TwoStages(to)


def make(folder: Path, *, params: Path, database: Path | None = None, files: Mapping[str, str]) -> TwoStages:
    """Run once, and committed with its results.

    Args:
        files: of the user's own data.
    """
    project = TwoStages(folder)
    source = folder / "data" / "source"
    source.mkdir(parents=True)
    for name, text in files.items():
        (source / name).write_text(text)
    shutil.copyfile(params, folder / "params.yaml")
    if database is not None:
        shutil.copyfile(database, folder / "mlflow.db")
    (folder / "dvc.yaml").write_text(GRAPH)
    (folder / ".gitignore").write_text("mlflow.db*\nmlruns\n.work\n__pycache__\n")
    project.salt("1")
    project.run("git", "init", "-q", "-b", "main")
    project.run(sys.executable, "-m", "dvc", "init", "-q")
    (folder / ".dvcignore").write_text(".work\n")
    project.commit("start")
    project.repro()
    project.commit("its results")
    return project
