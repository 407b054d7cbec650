"""A real SQLite store for each test: made once (seconds), then copied."""

import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from encdec.params.loading import Loaded, load_params
from encdec.tracking.project import Project
from encdec.tracking.store import Store, open_store

ROOT = Path(__file__).parents[3]
VARIABLES = ("MLFLOW_TRACKING_URI", "DVC_ROOT", "DVC_STAGE", "DVC_EXP_NAME", "DVC_EXP_BASELINE_REV")


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database with MLflow's schema, shared by the processes of pytest-xdist."""
    shared = tmp_path_factory.getbasetemp().parent / "encdec-migrated"
    with FileLock(f"{shared}.lock"):
        if not (shared / "mlflow.db").is_file():
            patch = pytest.MonkeyPatch()
            for name in VARIABLES:
                patch.delenv(name, raising=False)
            shared.mkdir(exist_ok=True)
            open_store("empty", Project(shared, shared))
            patch.undo()
    return shared / "mlflow.db"


@pytest.fixture
def project(tmp_path: Path, migrated: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project of its own, and the working directory, without anything of dvc or MLflow in the environment."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "dvc.yaml").write_text("stages: {}\n", encoding="utf-8")
    shutil.copyfile(migrated, tmp_path / "mlflow.db")
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path, tmp_path)


@pytest.fixture
def store(project: Project) -> Store:
    return open_store("encdec", project)


@pytest.fixture(scope="session")
def loaded() -> Loaded:
    return load_params(ROOT / "params.yaml")
