"""Really trained models, registered with their champions in a real store, and real servers of them."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from registered import Registry, register
from served import Served, started
from trained_project import TrainedProject, shared_project

from encdec.params.root import ModelName


@pytest.fixture(scope="session")
def trained(root: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainedProject:
    return shared_project(root, tmp_path_factory)


@pytest.fixture(scope="session")
def registry(trained: TrainedProject, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return register(tmp_path_factory.mktemp("registry"), trained.models, root)


@pytest.fixture
def own_registry(trained: TrainedProject, root: Path, tmp_path: Path) -> Registry:
    """One with the classifier alone, that a test may damage."""
    project = tmp_path / "project"
    project.mkdir()
    return register(project, trained.models, root, ["cnn"])


@pytest.fixture(scope="session", params=["cnn", "vae", "seq2seq"])
def mlflow_server(request: pytest.FixtureRequest, registry: Registry) -> Iterator[Served]:
    """`mlflow models serve -m models:/NAME@champion`, where the package encdec cannot be imported from src/."""
    name: ModelName = request.param
    command = ["mlflow", "models", "serve", "-m", f"models:/{name}@champion", "--env-manager", "local"]
    with started(name, command, registry.environment, registry.project) as served:
        yield served


@pytest.fixture(scope="session", params=["cnn", "vae", "seq2seq"])
def gated_server(request: pytest.FixtureRequest, registry: Registry, root: Path) -> Iterator[Served]:
    """`encdec serve models:/NAME@champion`."""
    name: ModelName = request.param
    environment = {**registry.environment, "PYTHONPATH": str(root / "src")}
    command = [sys.executable, "-m", "encdec.cli.main", "serve", f"models:/{name}@champion", "--max-megabytes", "1"]
    with started(name, command, environment, registry.project) as served:
        yield served
