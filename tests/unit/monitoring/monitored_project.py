"""A project with a dvc.lock around really trained models, and batches of its test rows to be compared with it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray
from PIL import Image
from trained_project import TrainedProject

from encdec.params.data import SPLITS
from encdec.params.loading import load_params
from encdec.params.root import Params
from encdec.tracking.digests import dvc_digest
from encdec.tracking.project import Project
from encdec.tracking.store import Store, open_store

MODELS = {"images": ("cnn", "autoencoder"), "pairs": ("seq2seq",)}


def make_project(root: Path, trained: TrainedProject, tree: Path) -> Path:
    """As `dvc repro` leaves it, with what the monitor reads alone."""
    (tree / "data").mkdir(parents=True)
    (tree / "data" / "03_prepared").symlink_to(trained.prepared)
    (tree / "data" / "05_models").symlink_to(trained.models)
    for name in ("params.yaml", "dvc.yaml"):
        (tree / name).write_bytes((root / name).read_bytes())
    write_lock(tree)
    return tree


def write_lock(tree: Path) -> None:
    stages: dict[str, Mapping[str, Sequence[Mapping[str, str]]]] = {}
    for kind, models in MODELS.items():
        splits = [f"data/03_prepared/{kind}/{split}" for split in SPLITS]
        stages[f"prepare@{kind}"] = {"outs": [locked(tree, path) for path in splits]}
        for model in models:
            outs = [locked(tree, f"data/05_models/{model}")]
            stages[f"train@{model}"] = {"deps": [locked(tree, splits[0])], "outs": outs}
    (tree / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}), encoding="utf-8")


def locked(tree: Path, path: str) -> dict[str, str]:
    return {"path": path, "md5": dvc_digest(tree / path)}


def opened(tree: Path) -> tuple[Store, Params]:
    return open_store("encdec", Project(tree, tree)), load_params(tree / "params.yaml").params


def digits_of_test(tree: Path) -> tuple[NDArray[np.uint8], NDArray[np.str_]]:
    """(N, 1, 8, 8) and the class of each."""
    folder = tree / "data" / "03_prepared" / "images" / "test"
    return np.load(folder / "images.npy"), np.load(folder / "labels.npy").astype(str)


def write_images(folder: Path, images: NDArray[np.uint8], labels: Sequence[str]) -> Path:
    """A PNG for each image in the folder of its label, or beside each other where it has none."""
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        path = folder / label / f"{number:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[0]).save(path)
    return folder


def dates_of_test(tree: Path, rows: int) -> pd.DataFrame:
    """Columns source and target."""
    table = pd.read_parquet(tree / "data" / "03_prepared" / "pairs" / "test" / "rows.parquet")
    return table.sample(rows, random_state=3)[["source", "target"]].reset_index(drop=True)
