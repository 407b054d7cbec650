"""What the models say of one image. Pure functions; axes C channels, H height, W width, K classes, N images."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from encdec.cards import ImageCard
from encdec.datasets.images import ImageSplit
from encdec.models.storage import TrainedModel
from encdec.serving.images import predict_images

BATCH_SIZE = 512
Pixels = NDArray[np.float32]


class ClassProbability(NamedTuple):
    name: str
    probability: float


def pixels_of(stored: NDArray[np.uint8], card: ImageCard) -> Pixels:
    """(N, C, H, W) in stored units -> [0, 1]."""
    pixels: Pixels = stored.astype(np.float32) / np.float32(card.pixel_max)
    return pixels


def classify(model: TrainedModel, pixels: Pixels, classes: tuple[str, ...]) -> list[ClassProbability]:
    """The classes of one image (C, H, W) with their probabilities, the most probable first."""
    probabilities = predict_images(model, pixels[None], batch_size=1)[0]
    order = np.argsort(-probabilities, kind="stable")
    return [ClassProbability(classes[index], float(probabilities[index])) for index in order]


def rebuild(model: TrainedModel, pixels: Pixels) -> Pixels:
    """(N, C, H, W) in [0, 1] -> the same, decoded from the code."""
    return predict_images(model, pixels, batch_size=BATCH_SIZE)


def squared_errors(pixels: Pixels, rebuilt: Pixels) -> NDArray[np.float64]:
    """The mean over the values of each image: (N,)."""
    errors: NDArray[np.float64] = np.square(rebuilt.astype(np.float64) - pixels).reshape(len(pixels), -1).mean(axis=1)
    return errors


@torch.inference_mode()
def codes_of(model: TrainedModel, pixels: Pixels) -> Pixels:
    """(N, C, H, W) in [0, 1] -> codes (N, Z); the VAE's is the mean of q(z|x)."""
    network = model.network
    encode = getattr(network, "encode", None)
    if encode is None:
        raise ValueError(f"model {model.name} has no code")
    parts = []
    for start in range(0, len(pixels), BATCH_SIZE):
        encoded = encode(torch.from_numpy(pixels[start : start + BATCH_SIZE]))
        parts.append((encoded[0] if isinstance(encoded, tuple) else encoded).numpy())
    codes: Pixels = np.concatenate(parts)
    return codes


def spread(split: ImageSplit, most: int) -> NDArray[np.int64]:
    """Numbers of at most so many rows, evenly from the first to the last."""
    rows = np.arange(len(split), dtype=np.int64)
    return rows if len(rows) <= most else np.unique(np.linspace(0, len(split) - 1, most).round().astype(np.int64))
