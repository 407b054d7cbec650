"""Models of all kinds, trained once in a test session on real data."""

from pathlib import Path

import pytest
from trained_project import TrainedProject, shared_project


@pytest.fixture(scope="session")
def trained(root: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainedProject:
    return shared_project(root, tmp_path_factory)
