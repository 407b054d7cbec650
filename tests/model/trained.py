"""A trained model with the data that its behaviour is tried on."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from torch import Tensor, nn

from encdec.datasets.images import ImageSplit
from encdec.datasets.pairs import PairSplit
from encdec.models.storage import TrainedModel, load_model
from encdec.params.root import ModelName, ModelSpec


class Trained(NamedTuple):
    """`train`: (N, C * H * W) of the train split; `test` (M, C, H, W) and `labels` (M,) of the test split."""

    network: nn.Module
    spec: ModelSpec
    source: str
    train: Tensor
    test: Tensor
    labels: Tensor


class Given(NamedTuple):
    """What the command line names; `prepared` has the splits."""

    folder: Path
    model: TrainedModel
    prepared: Path


def given_model(config: pytest.Config) -> Given | None:
    """The model of --model-folder, or None where the tests train their own."""
    folder, prepared = config.getoption("--model-folder", None), config.getoption("--prepared-folder", None)
    if folder is None:
        return None
    if prepared is None:
        raise pytest.UsageError("--model-folder needs --prepared-folder: the data that the model reads")
    return Given(Path(folder), load_model(Path(folder)), Path(prepared))


def given_images(given: Given, *names: ModelName) -> Trained:
    """The given model, where it is one of these; else the test does not fit it."""
    if given.model.name not in names:
        pytest.skip(f"is about {', '.join(names)}, not {given.model.name}")
    train, test = (ImageSplit.open(given.prepared / split) for split in ("train", "test"))
    return trained(given.model.network, given.model.spec, train=train, test=test)


def trained(network: nn.Module, spec: ModelSpec, *, train: ImageSplit, test: ImageSplit) -> Trained:
    known, batch = train.batch(np.arange(len(train))).images.flatten(1), test.batch(np.arange(len(test)))
    return Trained(network, spec, test.card.source, known, batch.images, batch.labels)


def given_pairs(given: Given) -> PairSplit:
    if given.model.name != "seq2seq":
        pytest.skip(f"is about seq2seq, not {given.model.name}")
    return PairSplit.open(given.prepared / "test")
