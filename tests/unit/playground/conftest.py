"""Really trained models, and what the page works out of them."""

from pathlib import Path

import pytest
from trained_project import TrainedProject, shared_project

from encdec.playground.known import Known, get_to_know
from encdec.playground.opening import Opened, open_everything


@pytest.fixture(scope="session")
def trained(root: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainedProject:
    return shared_project(root, tmp_path_factory)


@pytest.fixture(scope="session")
def opened(trained: TrainedProject) -> Opened:
    return open_everything(trained.models, trained.prepared, chosen={})


@pytest.fixture(scope="session")
def known(opened: Opened) -> Known:
    return get_to_know(opened, seed=7)
