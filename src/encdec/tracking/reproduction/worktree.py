"""A commit of the project in a folder of its own, which is there for a while."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from filelock import FileLock, Timeout

from encdec.tracking.git import git
from encdec.tracking.project import Project

FOLDER = "reproductions"
FOREIGN = ("DVC_", "GIT_", "MLFLOW_", "ENCDEC_SUMMARY", "ENCDEC_OPTUNA_STORAGE")
"""Variables that would send DVC, git or the runs of the copy elsewhere begin so."""


@contextmanager
def temporary_worktree(project: Project, commit: str, *, diff: bytes | None, keep: bool) -> Iterator[Path]:
    """The tree of the project at a commit, with a diff applied; yields the folder with its dvc.yaml.

    It lies in .work, beside the cache, and goes when the block ends, however it ends; what a killed process left goes
    with the next. With `keep` it stays.

    Raises:
        ValueError: there is no such commit here, or the diff does not fit it.
    """
    folder = project.work / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    sweep(project, folder)
    top = folder / f"{commit[:8]}-{uuid4().hex[:8]}"
    lock = FileLock(f"{top}.lock")
    with lock:
        try:
            add(project, commit, top)
            if diff:
                apply(top, diff)
            yield top / (git(project.tree, "rev-parse", "--show-prefix") or "").strip()
        finally:
            if not keep:
                discard(project, top)
            Path(lock.lock_file).unlink(missing_ok=True)


def add(project: Project, commit: str, top: Path) -> None:
    if git(project.tree, "cat-file", "-e", f"{commit}^{{commit}}") is None:
        raise ValueError(
            f"commit {commit} is not in this repository: fetch the branch that has it (git fetch --all), or, where it "
            "was only ever on another machine, reproduce it there"
        )
    command = ["git", "-c", f"core.hooksPath={os.devnull}", "worktree", "add", "--detach", "--quiet", str(top), commit]
    done = subprocess.run(command, cwd=project.tree, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"git made no worktree of commit {commit}: {done.stderr.strip()}")


def apply(top: Path, diff: bytes) -> None:
    command = ["git", "apply", "--binary", "--whitespace=nowarn", "-"]
    done = subprocess.run(command, cwd=top, input=diff, capture_output=True, check=False)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        raise ValueError(f"the diff that was kept with the run does not fit its commit: {said}")


def sweep(project: Project, folder: Path) -> None:
    """Remove what killed processes left: their locks are free."""
    for lock in folder.glob("*.lock"):
        try:
            with FileLock(lock, timeout=0):
                discard(project, lock.with_suffix(""))
            lock.unlink(missing_ok=True)
        except Timeout:
            continue


def discard(project: Project, top: Path) -> None:
    git(project.tree, "worktree", "remove", "--force", str(top))
    shutil.rmtree(top, ignore_errors=True)
    git(project.tree, "worktree", "prune")
