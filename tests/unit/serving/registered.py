"""Trained models that are registered with their champions, and the command called there."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from mlflow.entities import LoggedModel

from encdec.cards import PairCard
from encdec.params.root import ModelName
from encdec.tracking.package import Example, log_package, read_card
from encdec.tracking.project import Project
from encdec.tracking.registry import logged_model
from encdec.tracking.store import Store, open_store

REGISTERED: tuple[ModelName, ...] = ("cnn", "autoencoder", "vae", "seq2seq")


class Registry(NamedTuple):
    """A project with a store in which each model is registered by its name, version 1 the champion."""

    project: Path
    store: Store
    models: Path

    @property
    def environment(self) -> dict[str, str]:
        """As a person has it who installed MLflow but not this project."""
        inherited = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH",)}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {**inherited, "PATH": path, "MLFLOW_TRACKING_URI": self.store.uri, "OMP_NUM_THREADS": "1"}

    def package(self, name: ModelName) -> Path:
        return Path(self.model(name).artifact_location.removeprefix("file://"))

    def model(self, name: ModelName) -> LoggedModel:
        return logged_model(self.store, f"models:/{name}@champion")


def register(project: Path, models: Path, root: Path, names: Sequence[ModelName] = REGISTERED) -> Registry:
    (project / "dvc.yaml").write_text("stages: {}\n", encoding="utf-8")
    (project / "params.yaml").write_bytes((root / "params.yaml").read_bytes())
    store = open_store("encdec", Project(project, project))
    for name in names:
        run_id = str(store.client.create_run(store.experiment_id).info.run_id)
        address = log_package(store, run_id, folder=models / name, name=name, example=example_of(models / name))
        store.client.create_registered_model(name)
        with pytest.MonkeyPatch.context() as patch:  # this call looks the model up by the global address
            patch.setenv("MLFLOW_TRACKING_URI", store.uri)
            store.client.create_model_version(name, source=address, model_id=address.removeprefix("models:/"))
        store.client.set_registered_model_alias(name, "champion", "1")
    return Registry(project, store, models)


def example_of(folder: Path) -> Example:
    card = read_card(folder)
    if isinstance(card, PairCard):
        return ["3 May 2001"]
    return np.zeros((1, card.channels, card.height, card.width), dtype=np.float32)


def run_encdec(
    root: Path, registry: Registry, *arguments: str, given: bytes = b""
) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-m", "encdec.cli.main", *arguments],
        cwd=registry.project,
        env={**registry.environment, "PYTHONPATH": str(root / "src")},
        input=given,
        capture_output=True,
        check=False,
        timeout=300,
    )
