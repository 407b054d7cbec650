"""A trained model as a logged model of MLflow: code, weights, signature and digests, without pickle.

A package is a folder: it is built and checked on this machine without any store, and sent to one later.
"""

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
from encdec.params.root import SPEC_TYPES, ModelName
from encdec.serving.digests import write_digests
from encdec.tracking.imports import needed_files
from encdec.tracking.layout import DIGEST_TAG, MODEL_ARTIFACT
from encdec.tracking.store import Store, prepare_environment

if TYPE_CHECKING:
    from mlflow.models import ModelSignature
    from mlflow.types import ParamSchema

CODE = Path(__file__).parents[1]  # the package encdec
REQUIREMENTS = ("mlflow", "numpy", "pandas", "pydantic", "safetensors", "tokenizers", "torch")
IMAGE_MODULES = ("encdec.tracking.layout", "encdec.serving.images", "encdec.serving.digests")
TEXT_MODULES = ("encdec.tracking.layout", "encdec.serving.texts", "encdec.serving.digests")
Example = NDArray[np.float32] | Sequence[str]
"""Images (N, C, H, W) in [0, 1], or source texts."""


def log_package(store: Store, run_id: str, *, folder: Path, name: str, example: Example) -> str:
    """Log the model of a folder under a run, and return its address, models:/<id>.

    It is written and checked on this machine first, so that a mistake leaves no broken model in the store.

    Raises:
        ValueError: the example is not what the model reads.
    """
    with TemporaryDirectory() as temporary:
        package = Path(temporary, "model")
        build_package(folder, to=package, example=example)
        return send_package(store, run_id, package, name=name)


def build_package(folder: Path, *, to: Path, example: Example) -> None:
    """Write what `mlflow.pyfunc.load_model` loads; no store is asked, and nothing of this machine is in it.

    Requirements are given, so that MLflow starts no process to guess them.

    Args:
        folder: model.safetensors and spec.json; for seq2seq also vocabulary/.
        to: a folder that is not there yet.
        example: an input to show.

    Raises:
        ValueError: the example is not what the model reads.
    """
    prepare_environment()
    import mlflow.pyfunc
    from mlflow.models import Model

    logging.getLogger("mlflow.pyfunc").setLevel(logging.WARNING)
    card = read_card(folder)
    parameters = parameter_schema(folder)
    defaults = {each.name: each.default for each in parameters.params}
    with TemporaryDirectory() as temporary:
        mlflow.pyfunc.save_model(
            path=str(to),
            python_model=str(serving_file(card)),
            artifacts={MODEL_ARTIFACT: str(folder)},
            code_paths=[str(copy_code(Path(temporary), card))],
            signature=signature_of(card, output_shape(folder, card), parameters),
            input_example=(input_example(card, example), defaults),
            pip_requirements=[f"{name}=={version(name).partition('+')[0]}" for name in REQUIREMENTS],
        )
    document = Model.load(str(to))
    flavor = document.flavors["python_function"]
    flavor["model_code_path"] = serving_file(card).name  # they said where the files lie here
    flavor["artifacts"][MODEL_ARTIFACT]["uri"] = flavor["artifacts"][MODEL_ARTIFACT]["path"]
    document.save(str(to / "MLmodel"))


def send_package(store: Store, run_id: str, package: Path, *, name: str) -> str:
    """Log a package under a run, and return its address, models:/<id>; the package stays as it is.

    A run has one model: where a killed process had begun to log it, that one is written over, so that this may be
    repeated. Where sending fails, what was begun is removed; what was whole before stays, since versions may be of it.
    The SHA-256 of digests.json, which has that of every file, is kept in the database, where who can write the files
    alone cannot change it.
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
        with TemporaryDirectory() as temporary:
            copy = Path(temporary, "model")
            shutil.copytree(package, copy)
            document = Model.load(str(copy))
            document.model_id = document.model_uuid = created.model_id
            document.run_id = run_id
            document.artifact_path = created.artifact_location
            document.save(str(copy / "MLmodel"))
            digest = write_digests(copy)
            client.log_model_artifacts(created.model_id, str(copy))
            client.set_logged_model_tags(created.model_id, {DIGEST_TAG: digest})  # after the files: those before stay
        client.finalize_logged_model(created.model_id, "READY")
        linked = [output.model_id for output in run.outputs.model_outputs] if run.outputs else []
        if created.model_id not in linked:
            client.log_outputs(run_id, [LoggedModelOutput(created.model_id, step=0)])
    except BaseException:
        if not begun:  # what another process began may be linked, or registered
            client.delete_logged_model(created.model_id)
        raise
    return f"models:/{created.model_id}"


def serving_file(card: Card) -> Path:
    return CODE / "tracking" / ("serving_texts.py" if isinstance(card, PairCard) else "serving_images.py")


def copy_code(folder: Path, card: Card) -> Path:
    """The part of this package that a served model needs: half of it, and each file is a call to a server."""
    modules = TEXT_MODULES if isinstance(card, PairCard) else IMAGE_MODULES
    for file in needed_files(CODE, list(modules)):
        copy = folder / file.relative_to(CODE.parent)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    return folder / CODE.name


def read_card(folder: Path) -> Card:
    card = json.loads((folder / "spec.json").read_bytes())["card"]
    kind = PairCard if card["kind"] == "pairs" else ImageCard
    return kind.model_validate_json(json.dumps(card))  # through JSON: there a list stands for a tuple


def parameter_schema(folder: Path) -> "ParamSchema":
    """What a request may ask for, with the defaults of the model's spec."""
    from mlflow.types import DataType, ParamSchema, ParamSpec

    from encdec.serving.options import default_options

    document = json.loads((folder / "spec.json").read_bytes())
    name: ModelName = document["model"]
    spec = SPEC_TYPES[name].model_validate_json(json.dumps(document["spec"]))
    types = {float: DataType.double, int: DataType.long, str: DataType.string}
    defaults = default_options(name, spec).model_dump()
    return ParamSchema([ParamSpec(key, types[type(value)], value) for key, value in defaults.items()])


def output_shape(folder: Path, card: Card) -> tuple[int, ...]:
    """Of the answer for images; -1 is the number of images. Nothing for texts."""
    if isinstance(card, PairCard):
        return ()
    classifies = json.loads((folder / "spec.json").read_bytes())["model"] == "cnn"
    return (-1, len(card.classes)) if classifies else (-1, card.channels, card.height, card.width)


def signature_of(card: Card, output: tuple[int, ...], parameters: "ParamSchema") -> "ModelSignature":
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema, TensorSpec

    if isinstance(card, PairCard):
        inputs = Schema([ColSpec(DataType.string, "source")])
        answers = Schema([ColSpec(DataType.string, "target"), ColSpec(DataType.double, "score")])
    else:
        single = np.dtype(np.float32)
        inputs = Schema([TensorSpec(single, (-1, card.channels, card.height, card.width))])
        answers = Schema([TensorSpec(single, output)])
    return ModelSignature(inputs=inputs, outputs=answers, params=parameters)


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
