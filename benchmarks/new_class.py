"""Models of digits that never saw one class: to be shown that class afterwards."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from benchmarks.drift import NewClass, open_images
from encdec.datasets.images import ImageSplit
from encdec.models.storage import TrainedModel
from encdec.monitoring.image_tests import ImageModels
from encdec.monitoring.rows import ImageRows
from encdec.params.data import SPLITS
from encdec.params.loading import Loaded
from encdec.params.root import ModelName
from encdec.pixels import fit_pixels
from encdec.preparation.images import prepare_images
from encdec.sources.ingest import ingest_images
from encdec.sources.reading import iter_images
from encdec.training.fitting import fit, open_data

VALUES: dict[str, float | int | str] = {"training.learning_rate": 4e-3}
SEARCHED: dict[ModelName, dict[str, float | int | str]] = {
    "cnn": {**VALUES, "network.dropout_prob": 0.1},
    "autoencoder": {**VALUES, "training.weight_decay": 1e-5},
}


class Budget(NamedTuple):
    """Of a training."""

    epochs: int
    steps: int


def train_without(label: str, loaded: Loaded, folder: Path, *, budget: Budget) -> NewClass:
    """The digits without a class through the project's own rooms, a classifier and an autoencoder trained on them."""
    raw, prepared = folder / "raw", folder / "prepared"
    outs = {split: prepared / split for split in SPLITS}
    for path in (raw, *outs.values()):
        path.mkdir(parents=True)
    ingest_images(loaded.params.images, user_dir=folder, out=raw)
    source = json.loads((raw / "source.json").read_text(encoding="utf-8"))
    manifest = pd.read_parquet(raw / "manifest.parquet")
    images = list(iter_images(raw, loaded.params.images))
    is_strange = (manifest["label"] == label).to_numpy()
    shape = loaded.params.images.shape
    prepare_images(
        [image for image, strange in zip(images, is_strange, strict=True) if not strange],
        manifest[~is_strange].reset_index(drop=True),
        card_shape=shape,
        source={**source, "classes": [name for name in source["classes"] if name != label]},
        outs=outs,
    )
    models = ImageModels(*(train(name, loaded, prepared, budget) for name in ("cnn", "autoencoder")))
    pixels = np.stack([fit_pixels(image, shape) for image, strange in zip(images, is_strange, strict=True) if strange])
    strange = ImageRows([str(row) for row in range(len(pixels))], pixels, [label] * len(pixels))
    return NewClass(open_images(prepared, models, loaded.params.monitoring), strange)


def train(name: ModelName, loaded: Loaded, prepared: Path, budget: Budget) -> TrainedModel:
    spec = loaded.resolve(name, SEARCHED[name])
    data = open_data("images", train=prepared / "train", val=prepared / "val")
    fitted = fit(
        name,
        spec,
        data=data,
        seed=1,
        max_epochs=budget.epochs,
        max_steps=budget.steps,
        checkpoints=None,
        accelerator="cpu",
        on_epoch=lambda epoch, metrics: None,
        label=f"train {name}",
    )
    return TrainedModel(name, spec, ImageSplit.open(prepared / "train").card, fitted.network.eval())
