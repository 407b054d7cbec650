"""Really trained models, the real data that they read, and the rules of params.yaml."""

from pathlib import Path

import pytest
from trained_project import TrainedProject, shared_project

from benchmarks.drift import Images, NewClass, Texts, open_images, open_texts
from benchmarks.new_class import Budget, train_without
from encdec.models.storage import load_model
from encdec.monitoring.image_tests import ImageModels
from encdec.params.loading import Loaded, load_params
from encdec.params.monitoring import Monitoring
from encdec.serving.texts import load_text_model
from encdec.training.fitting import use_threads


@pytest.fixture(scope="session")
def trained(root: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainedProject:
    return shared_project(root, tmp_path_factory)


@pytest.fixture(scope="session")
def loaded(root: Path) -> Loaded:
    use_threads(1)
    return load_params(root / "params.yaml")


@pytest.fixture(scope="session")
def rules(loaded: Loaded) -> Monitoring:
    """Those that are shipped."""
    return loaded.params.monitoring


@pytest.fixture(scope="session")
def images(trained: TrainedProject, rules: Monitoring) -> Images:
    models = ImageModels(*(load_model(trained.models / name) for name in ("cnn", "autoencoder")))
    return open_images(trained.prepared / "images", models, rules)


@pytest.fixture(scope="session")
def new_class(loaded: Loaded, tmp_path_factory: pytest.TempPathFactory) -> NewClass:
    return train_without("9", loaded, tmp_path_factory.mktemp("nine"), budget=Budget(epochs=20, steps=400))


@pytest.fixture(scope="session")
def texts(trained: TrainedProject, rules: Monitoring) -> Texts:
    model = load_text_model(trained.models / "seq2seq")
    return open_texts(trained.prepared / "pairs", model, rules, held_out=800)
