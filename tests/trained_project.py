"""Trained models in the form that `dvc repro` leaves, made in less than a minute without DVC: for the playground."""

import json
import os
import shutil
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest
from filelock import FileLock

from encdec.models.storage import save_model
from encdec.params.data import SPLITS
from encdec.params.loading import Loaded, load_params
from encdec.params.root import KINDS, MODEL_NAMES, Kind, ModelName
from encdec.preparation.images import prepare_images
from encdec.preparation.pairs import prepare_pairs
from encdec.sources.ingest import ingest_images, ingest_pairs
from encdec.sources.reading import iter_images
from encdec.training.fitting import fit, open_data, use_threads

EPOCHS: dict[ModelName, int] = {
    "cnn": 10,
    "autoencoder": 30,
    "sparse_autoencoder": 10,
    "denoising_autoencoder": 30,
    "vae": 30,
    "seq2seq": 2,
}
VALUES: dict[ModelName, dict[str, float | int | str]] = {
    "cnn": {"network.dropout_prob": 0.1, "training.learning_rate": 4e-3},
    "seq2seq": {"network.hidden_dim": 64, "network.dropout_prob": 0.1, "training.learning_rate": 8e-3},
}
IMAGE_VALUES = {"training.learning_rate": 4e-3, "training.weight_decay": 1e-5}


class TrainedProject(NamedTuple):
    """`models` has a folder per model, `prepared` one per kind of data; both are read only."""

    models: Path
    prepared: Path


def shared_project(root: Path, factory: pytest.TempPathFactory) -> TrainedProject:
    """Trained once in a test session, whatever the number of workers."""
    shared = factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent
    folder = shared / "trained-project"
    with FileLock(shared / "trained-project.lock"):
        if not (folder / "done").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            train_project(root, folder)
            (folder / "done").touch()
    return TrainedProject(folder / "models", folder / "prepared")


def train_project(root: Path, folder: Path) -> None:
    """Digits and a few dates, from the real sources through the real rooms; only short of training."""
    use_threads(1)
    loaded = load_params(root / "params.yaml")
    project = TrainedProject(folder / "models", folder / "prepared")
    for kind in KINDS:
        prepare(kind, loaded, folder, project.prepared / kind)
    for name in MODEL_NAMES:
        train(name, loaded, project)


def prepare(kind: Kind, loaded: Loaded, folder: Path, prepared: Path) -> None:
    raw, outs = folder / "raw" / kind, {split: prepared / split for split in SPLITS}
    for path in (raw, *outs.values()):
        path.mkdir(parents=True)
    if kind == "images":
        ingest_images(loaded.params.images, user_dir=folder, out=raw)
        source = json.loads((raw / "source.json").read_text(encoding="utf-8"))
        shape, images = loaded.params.images.shape, iter_images(raw, loaded.params.images)
        prepare_images(images, pd.read_parquet(raw / "manifest.parquet"), card_shape=shape, source=source, outs=outs)
        return
    ingest_pairs(loaded.params.pairs, user_dir=folder, out=raw)
    manifest = pd.read_parquet(raw / "manifest.parquet")
    prepare_pairs(manifest, loaded.params.pairs.selected, loaded.params.pairs.source, outs)


def train(name: ModelName, loaded: Loaded, project: TrainedProject) -> None:
    spec = loaded.resolve(name, VALUES.get(name, IMAGE_VALUES))
    train_folder, val = (project.prepared / spec.kind / split for split in ("train", "val"))
    data = open_data(spec.kind, train=train_folder, val=val)
    fitted = fit(
        name, spec, data=data, seed=1, max_epochs=EPOCHS[name], max_steps=2000, checkpoints=None, accelerator="cpu",
        on_epoch=lambda epoch, metrics: None, label=f"train {name}",
    )  # fmt: skip
    out = project.models / name
    out.mkdir(parents=True)
    save_model(out, name=name, spec=spec, card=data.card, network=fitted.network, vocabulary=train_folder)
