"""A copy of this project with its outs, to measure in: what is measured changes nothing here."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
VARIABLES = ("DVC_ROOT", "DVC_STAGE", "MLFLOW_TRACKING_URI")  # a run is not to land in the store of somebody's project


def copy_project(folder: Path) -> None:
    """What git has or would take, the outs of `make repro`, and a git repository around them.

    Raises:
        FileNotFoundError: the outs are not there.
    """
    if not (ROOT / "data/05_models").is_dir():
        raise FileNotFoundError(f"{ROOT}: has no outs to measure with: run `make repro` first")
    listed = run(ROOT, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        copy_file(ROOT / name, folder / name)
    for out in sorted((ROOT / "data").glob("0*")):
        if out.is_dir():
            shutil.copytree(out, folder / "data" / out.name, dirs_exist_ok=True)
        else:
            copy_file(out, folder / "data" / out.name)
    run(folder, "git", "init", "-q")
    run(folder, "git", "add", "-A")
    run(folder, "git", "-c", "user.name=copy", "-c", "user.email=copy@localhost", "commit", "-qm", "copy")


def copy_file(source: Path, target: Path) -> None:
    if source.is_file():  # a file that was deleted and not committed is listed too
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def run(folder: Path, *command: str, tracking: str | None = None) -> str:
    """The output of a command that runs in a copy, with the copy's own sources.

    Args:
        tracking: the address of an MLflow server; without it, the copy's own database.

    Raises:
        RuntimeError: it failed.
    """
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    environment |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(folder / "src"),
        "DVC_NO_ANALYTICS": "1",
        **({"MLFLOW_TRACKING_URI": tracking} if tracking else {}),
    }
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{folder}: {' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout
