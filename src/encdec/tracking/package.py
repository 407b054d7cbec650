"""A trained model as a logged model of MLflow: code, weights and signature, without pickle."""

import json
import logging
import shutil
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from encdec.cards import Card, ImageCard, PairCard
from encdec.tracking.imports import needed_files
from encdec.tracking.layout import MODEL_ARTIFACT
from encdec.tracking.store import Store

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

CODE = Path(__file__).parents[1]  # the package encdec
REQUIREMENTS = ("mlflow", "numpy", "pandas", "pydantic", "safetensors", "tokenizers", "torch")
Example = NDArray[np.float32] | Sequence[str]
"""Images (N, C, H, W) in [0, 1], or source texts."""


def send_package(store: Store, run_id: str, package: Path, *, name: str) -> str:
    """Log a package as the model of a run, and return its address, models:/<id>.

    Where sending it fails, what was begun is removed. A run has one model: where a killed process had begun to log
    it, that one is written over.
    """
    from mlflow.entities import LoggedModelOutput
    from mlflow.models import Model

    client = store.client
    run = client.get_run(run_id)
    begun = client.search_logged_models([store.experiment_id], f"source_run_id = '{run_id}'")
    created = (
        begun[0]
        if begun
        else client.create_logged_model(
            store.experiment_id, name=name, source_run_id=run_id, params=run.data.params, model_type=name
        )
    )
    try:
        document = Model.load(str(package))
        document.model_id = document.model_uuid = created.model_id
        document.run_id = run_id
        document.artifact_path = created.artifact_location
        document.save(str(package / "MLmodel"))
        client.log_model_artifacts(created.model_id, str(package))
        client.finalize_logged_model(created.model_id, "READY")
        if not (run.outputs and run.outputs.model_outputs):
            client.log_outputs(run_id, [LoggedModelOutput(created.model_id, step=0)])
    except BaseException:
        client.delete_logged_model(created.model_id)
        raise
    return f"models:/{created.model_id}"


def log_package(store: Store, run_id: str, *, folder: Path, name: str, example: Example) -> str:
    """Both at once: a mistake of ours leaves no broken model in the store."""
    with TemporaryDirectory() as temporary:
        package = Path(temporary, "model")
        build_package(folder, to=package, example=example)
        return send_package(store, run_id, package, name=name)


def build_package(folder: Path, *, to: Path, example: Example) -> None:
    """Write the model of a folder as MLflow serves it, and check it, on this machine alone.

    Raises:
        ValueError: the example is not what the model reads.
    """
    from mlflow.models import Model

    card = read_card(folder)
    write_package(to, folder=folder, card=card, example=example)
    document = Model.load(str(to))
    document.flavors["python_function"]["model_code_path"] = serving_file(card).name  # it said where it lies here
    document.save(str(to / "MLmodel"))


def write_package(package: Path, *, folder: Path, card: Card, example: Example) -> None:
    """What `mlflow.pyfunc.load_model` loads. Requirements are given, so that MLflow starts no process to guess them."""
    import mlflow.pyfunc

    logging.getLogger("mlflow.pyfunc").setLevel(logging.WARNING)
    with TemporaryDirectory() as temporary:
        mlflow.pyfunc.save_model(
            path=str(package),
            python_model=str(serving_file(card)),
            artifacts={MODEL_ARTIFACT: str(folder)},
            code_paths=[str(copy_code(Path(temporary)))],
            signature=signature_of(card, output_shape(folder, card)),
            input_example=input_example(card, example),
            pip_requirements=[f"{name}=={version(name).partition('+')[0]}" for name in REQUIREMENTS],
        )


def serving_file(card: Card) -> Path:
    return CODE / "tracking" / ("serving_texts.py" if isinstance(card, PairCard) else "serving_images.py")


def copy_code(folder: Path) -> Path:
    """The part of this package that a served model needs: half of it, and each file is a call to a server."""
    for file in needed_files(CODE, ["encdec.tracking.layout", "encdec.tracking.prediction"]):
        copy = folder / file.relative_to(CODE.parent)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    return folder / CODE.name


def read_card(folder: Path) -> Card:
    card = json.loads((folder / "spec.json").read_bytes())["card"]
    kind = PairCard if card["kind"] == "pairs" else ImageCard
    return kind.model_validate_json(json.dumps(card))  # through JSON: there a list stands for a tuple


def output_shape(folder: Path, card: Card) -> tuple[int, ...]:
    """Of the answer for images; -1 is the number of images. Nothing for texts."""
    if isinstance(card, PairCard):
        return ()
    classifies = json.loads((folder / "spec.json").read_bytes())["model"] == "cnn"
    return (-1, len(card.classes)) if classifies else (-1, card.channels, card.height, card.width)


def signature_of(card: Card, output: tuple[int, ...]) -> "ModelSignature":
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema, TensorSpec

    if isinstance(card, PairCard):
        answers = Schema([ColSpec(DataType.string, "target"), ColSpec(DataType.double, "score")])
        return ModelSignature(inputs=Schema([ColSpec(DataType.string, "source")]), outputs=answers)
    single = np.dtype(np.float32)
    shape = (-1, card.channels, card.height, card.width)
    return ModelSignature(inputs=Schema([TensorSpec(single, shape)]), outputs=Schema([TensorSpec(single, output)]))


def input_example(card: Card, example: Example) -> NDArray[np.float32] | pd.DataFrame:
    if isinstance(card, PairCard):
        texts = [text for text in example if isinstance(text, str)]
        if not texts or len(texts) != len(example):
            raise ValueError(f"the example of a model of pairs must be source texts, not {example!r:.80}")
        return pd.DataFrame({"source": texts})
    images = np.asarray(example)
    channels, height, width = card.channels, card.height, card.width
    if images.dtype != np.float32 or images.shape[1:] != (channels, height, width):
        expected = f"float32 (N, {channels}, {height}, {width})"
        raise ValueError(f"the example of a model of images must be {expected}, not {images.dtype} {images.shape}")
    return images
