"""A copy of the project that was run once, small, for all tests of the graph."""

import os
import shutil
from pathlib import Path

import pytest
from filelock import FileLock
from retraining_project import train_base
from small_project import Project, copy_project, new_project


@pytest.fixture(scope="session")
def finished(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Run once in a test session, whatever the number of workers. Tests read it; those that change take `project`."""
    shared = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent
    folder = shared / "finished"
    with FileLock(shared / "finished.lock"):
        if not (folder / "done").exists():
            shutil.rmtree(folder, ignore_errors=True)
            project = new_project(root, folder)
            output = project.repro().output
            project.run("git", "add", "-A")
            project.run("git", "commit", "-qm", "first results")
            (folder / "done").write_text(output)
    return Project(folder / "project", folder / "spy")


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A finished project that a test may change."""
    return copy_project(finished, tmp_path)


@pytest.fixture(scope="session")
def base(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """What `encdec retrain` begins from: a user's own pictures, one model, results that are committed."""
    shared = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent
    folder = shared / "retraining-base"
    with FileLock(shared / "retraining-base.lock"):
        if not (folder / "done").exists():
            shutil.rmtree(folder, ignore_errors=True)
            train_base(root, folder)
            (folder / "done").touch()
    return Project(folder / "project", folder / "spy")
