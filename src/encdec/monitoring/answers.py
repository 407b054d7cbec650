"""What the trained models say about rows: classes, confidences, errors, codes, targets."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from encdec.cards import BOS_ID, EOS_ID, ImageCard
from encdec.losses.sequence import sequence_nll
from encdec.models.build import fitting
from encdec.models.cnn.network import Cnn
from encdec.models.storage import TrainedModel
from encdec.monitoring.finding import Array
from encdec.monitoring.rows import AT_ONCE, ImageRows
from encdec.serving.answers import codes_of
from encdec.serving.images import predict_images
from encdec.serving.options import default_options, read_options
from encdec.serving.texts import TextModel, encode, padded, predict_texts


class Classified(NamedTuple):
    """The most probable class of each row, and its probability (N,)."""

    classes: Sequence[str]
    confidence: Array

    def take(self, rows: NDArray[np.int64]) -> "Classified":
        return Classified([self.classes[row] for row in rows], self.confidence[rows])


class Answered(NamedTuple):
    """The target that was found for each source, and its log-probability in nats (N,)."""

    targets: Sequence[str]
    scores: Array

    def take(self, rows: NDArray[np.int64]) -> "Answered":
        return Answered([self.targets[row] for row in rows], self.scores[rows])


def classify(model: TrainedModel, rows: ImageRows) -> Classified:
    card = fitting(model.name, model.card, ImageCard)
    probabilities = np.concatenate([predict_images(model, part, batch_size=AT_ONCE) for part in parts(model, rows)])
    classes = [card.classes[best] for best in probabilities.argmax(axis=1)]
    return Classified(classes, probabilities.max(axis=1).astype(np.float64))


def reconstruction_errors(model: TrainedModel, rows: ImageRows) -> Array:
    """(N,) the mean squared error of each image, pixels in [0, 1]."""
    options = read_options(model.name, default_options(model.name, model.spec), {"output": "error"})
    errors = [predict_images(model, part, batch_size=AT_ONCE, options=options) for part in parts(model, rows)]
    return np.concatenate(errors).astype(np.float64)


@torch.inference_mode()
def image_codes(model: TrainedModel, rows: ImageRows) -> Array:
    """(N, Z): of a classifier what its head reads, of an autoencoder its code (of a variational one the mean)."""
    if model.name == "cnn":
        network = fitting(model.name, model.network, Cnn)
        found = [network.encoder(torch.from_numpy(part)).numpy() for part in parts(model, rows)]
    else:
        found = [codes_of(model, part) for part in parts(model, rows)]
    return np.concatenate(found).astype(np.float64)


def parts(model: TrainedModel, rows: ImageRows) -> Iterator[NDArray[np.float32]]:
    return rows.scaled(fitting(model.name, model.card, ImageCard))


def translate(model: TextModel, sources: Sequence[str]) -> Answered:
    """As `encdec predict` answers, by the model's own decoding."""
    found = predict_texts(model, pd.DataFrame({"source": list(sources)}), batch_size=AT_ONCE)
    return Answered(found["target"].tolist(), found["score"].to_numpy(np.float64))


@torch.inference_mode()
def text_codes(model: TextModel, sources: Sequence[str]) -> Array:
    """(N, M) the encoder's outputs, the mean over the real tokens of each source."""
    found = []
    for start in range(0, len(sources), AT_ONCE):
        rows = [encode(model, text, "batch") for text in sources[start : start + AT_ONCE]]
        ids, mask = padded(rows)
        memory = model.network.encode(ids, mask).memory  # (B, S, M)
        weights = mask[:, :, None].to(memory.dtype)
        found.append(((memory * weights).sum(dim=1) / weights.sum(dim=1)).numpy())
    return np.concatenate(found).astype(np.float64)


@torch.inference_mode()
def target_nll(model: TextModel, sources: Sequence[str], targets: Sequence[str]) -> Array:
    """(N,) nats per token of each target, EOS counted, given its source: lower is better."""
    found = []
    for start in range(0, len(sources), AT_ONCE):
        ids, mask = padded([encode(model, text, "batch") for text in sources[start : start + AT_ONCE]])
        spelled = [model.target.encode(text) for text in targets[start : start + AT_ONCE]]
        target_ids, target_mask = padded([torch.tensor([BOS_ID, *row, EOS_ID]) for row in spelled])
        logits = model.network(ids, mask, target_ids)
        nll = sequence_nll(logits, target_ids[:, 1:], target_mask[:, 1:])
        found.append((nll / target_mask[:, 1:].sum(dim=1)).numpy())
    return np.concatenate(found).astype(np.float64)
