"""A trained model on the disk: its weights, and the spec and card that build its network. No pickle."""

import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.torch
from pydantic import ValidationError
from safetensors import SafetensorError
from torch import Tensor, nn

from encdec.cards import Card, ImageCard, PairCard
from encdec.models.build import build_network
from encdec.nn.layout import channels_last
from encdec.outs import OFF_FILE, write_json
from encdec.params.root import MODEL_NAMES, SPEC_TYPES, ModelName, ModelSpec

WEIGHTS_FILE = "model.safetensors"
SPEC_FILE = "spec.json"
VOCABULARY_FOLDER = "vocabulary"
NAMED_AT_MOST = 4


class StoredModelError(ValueError):
    """A folder does not hold the model that it should hold."""


class TrainedModel(NamedTuple):
    """`network` is in eval mode."""

    name: ModelName
    spec: ModelSpec
    card: Card
    network: nn.Module


def save_model(
    folder: Path,
    *,
    name: ModelName,
    spec: ModelSpec,
    card: Card,
    network: nn.Module,
    vocabulary: Path | None = None,
) -> None:
    """Write the same bytes for the same model: model.safetensors, spec.json and, for pairs, vocabulary/.

    Args:
        folder: must exist.
        name: of the model.
        spec: what built the network, searched values resolved.
        card: of the data that it was trained on.
        network: its parameters and buffers are stored.
        vocabulary: the prepared train folder, whose vocabulary/ a model of pairs needs; images have none.

    Raises:
        ValueError: a model of pairs without a vocabulary.
    """
    state = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
    # no metadata: the order of its keys differs between processes
    (folder / WEIGHTS_FILE).write_bytes(safetensors.torch.save(state))
    document = {"model": name, "spec": spec.model_dump(mode="json"), "card": card.model_dump(mode="json")}
    write_json(folder / SPEC_FILE, document)
    if card.kind == "pairs":
        if vocabulary is None or not (vocabulary / VOCABULARY_FOLDER).is_dir():
            raise ValueError(f"model {name} needs the vocabulary of its train folder, was given {vocabulary}")
        shutil.copytree(vocabulary / VOCABULARY_FOLDER, folder / VOCABULARY_FOLDER, copy_function=shutil.copyfile)


def load_model(folder: Path) -> TrainedModel:
    """Build the network that spec.json describes and give it the stored weights.

    Raises:
        StoredModelError: a file is missing or broken, or the weights are not those of the network.
    """
    name, spec, card = read_spec(folder)
    network = channels_last(build_network(name, spec, card))
    state = read_weights(folder)
    check_weights(folder / WEIGHTS_FILE, found=state, expected=network.state_dict(), name=name)
    network.load_state_dict(state)
    return TrainedModel(name, spec, card, network.eval())


def read_spec(folder: Path) -> tuple[ModelName, ModelSpec, Card]:
    """What spec.json says.

    Raises:
        StoredModelError: it is missing, broken, or names no model, or the spec in it is another model's.
    """
    path = folder / SPEC_FILE
    if (folder / OFF_FILE).exists():
        raise StoredModelError(f"{folder}: this model is switched off in params.yaml; switch it on and train it")
    if not path.is_file():
        raise StoredModelError(f"{path}: no such file; run the train stage")
    try:
        document: Any = json.loads(path.read_bytes())
    except ValueError as error:
        raise StoredModelError(f"{path}: not valid JSON ({error}); run the train stage") from error
    if not isinstance(document, dict) or document.keys() != {"model", "spec", "card"}:
        raise StoredModelError(f"{path}: must have the keys model, spec and card; run the train stage")
    name = next((name for name in MODEL_NAMES if name == document["model"]), None)
    if name is None:
        known = ", ".join(MODEL_NAMES)
        raise StoredModelError(f"{path}: unknown model {document['model']!r}, expected one of {known}")
    spec_type = SPEC_TYPES[name]
    card_type = PairCard if spec_type.kind == "pairs" else ImageCard
    try:
        # through JSON again: there a list stands for a tuple, which strict validation of a dict would refuse
        spec = spec_type.model_validate_json(json.dumps(document["spec"]))
        card = card_type.model_validate_json(json.dumps(document["card"]))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(key) for key in first["loc"])
        found = f"not the {error.title} of model {name} ({where}: {first['msg']})"
        raise StoredModelError(f"{path}: {found}; run the train stage") from error
    return name, spec, card


def read_weights(folder: Path) -> dict[str, Tensor]:
    path = folder / WEIGHTS_FILE
    if not path.is_file():
        raise StoredModelError(f"{path}: no such file; run the train stage")
    try:
        return safetensors.torch.load_file(path)
    except SafetensorError as error:
        raise StoredModelError(f"{path}: not a readable safetensors file ({error}); run the train stage") from error


def check_weights(path: Path, *, found: dict[str, Tensor], expected: dict[str, Tensor], name: ModelName) -> None:
    """Raises StoredModelError unless the tensors have the names, shapes and types that the network has."""
    problems = [f"{key} is missing" for key in expected.keys() - found.keys()]
    problems += [f"{key} is unknown" for key in found.keys() - expected.keys()]
    for key in expected.keys() & found.keys():
        stored, built = found[key], expected[key]
        if stored.shape != built.shape or stored.dtype != built.dtype:
            is_, should_be = described(stored), described(built)
            problems.append(f"{key} is {is_}, expected {should_be}")
    if problems:
        first = "; ".join(sorted(problems)[:NAMED_AT_MOST])
        more = f" and {len(problems) - NAMED_AT_MOST} more" if len(problems) > NAMED_AT_MOST else ""
        what = f"not the weights of the {name} that {SPEC_FILE} describes: {first}{more}"
        raise StoredModelError(f"{path}: {what}; run the train stage")


def described(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
