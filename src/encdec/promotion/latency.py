"""How long one row takes: a model is asked one row at a time, as a service is."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from encdec.datasets.images import ImageSplit
from encdec.datasets.pairs import PairSplit
from encdec.models.build import fitting
from encdec.models.storage import TrainedModel

WARM_UP = 10
"""Rows before the first that counts: the first calls allocate and choose kernels."""
ROUNDS = 3
"""Times that each row is asked; its best one counts, so that another process of the machine weighs less."""
Ask = Callable[[], object]


class Latency(NamedTuple):
    """Milliseconds a row: the median and the 95th percentile of so many, each at its best of `ROUNDS`."""

    p50: float
    p95: float
    rows: int


class Asked(NamedTuple):
    """A model and the test split as it reads it: the same rows for all."""

    model: TrainedModel
    test: ImageSplit | PairSplit


def measure_latency(asked: Sequence[Asked], *, rows: int, threads: int) -> tuple[Latency, ...]:
    """Of each model on the same rows, in turn, so that what else the machine does meets all of them alike.

    The rows are the first of the split, over again where it has fewer.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    seconds = np.full((len(asked), rows), np.inf)
    try:
        with torch.inference_mode():
            for number in [*range(-WARM_UP, 0), *np.tile(np.arange(rows), ROUNDS).tolist()]:
                for place, (model, test) in enumerate(asked):
                    ask = asking(model, test, number % len(test))
                    began = time.perf_counter()
                    ask()
                    if number >= 0:
                        seconds[place, number] = min(seconds[place, number], time.perf_counter() - began)
    finally:
        torch.set_num_threads(before)
    return tuple(summary(each) for each in seconds * 1000)


def summary(milliseconds: "np.typing.NDArray[np.float64]") -> Latency:
    p50, p95 = np.quantile(milliseconds, [0.5, 0.95])
    return Latency(float(p50), float(p95), len(milliseconds))


def asking(model: TrainedModel, test: ImageSplit | PairSplit, row: int) -> Ask:
    """One row, ready to be answered: from a tensor to probabilities, pixels or token ids."""
    if isinstance(test, PairSplit):
        from encdec.models.seq2seq.network import Seq2Seq
        from encdec.models.seq2seq.spec import Seq2SeqSpec

        network, spec = fitting(model.name, model.network, Seq2Seq), fitting(model.name, model.spec, Seq2SeqSpec)
        pair = test.batch(np.array([row]))
        return lambda: network.decode(pair.source_ids, pair.source_mask, spec.decoding)
    image = test.batch(np.array([row])).images
    return lambda: answer(model, image)


def answer(model: TrainedModel, image: Tensor) -> object:
    """(1, C, H, W) -> logits (1, K) or reconstruction (1, C, H, W); the VAE's at the mean of its code."""
    if model.name == "vae":
        from encdec.models.vae.network import VariationalAutoencoder

        vae = fitting(model.name, model.network, VariationalAutoencoder)
        return vae.decode(vae.encode(image)[0])
    return model.network(image)
