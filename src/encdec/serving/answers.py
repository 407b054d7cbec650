"""From inputs to answers, a batch at a time: memory holds one batch, however many inputs there are."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple, TypeVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from encdec.cards import ImageCard
from encdec.models.build import fitting
from encdec.models.storage import TrainedModel
from encdec.serving.images import MAX_IMAGES, code_of, predict_images
from encdec.serving.inputs import BadInput, ImageInput, TextInput
from encdec.serving.options import Options, TextOptions
from encdec.serving.problems import InputError
from encdec.serving.texts import MAX_TEXTS, TextModel, encode, predict_texts

Item = TypeVar("Item")
Value = str | float | int | list[float] | dict[str, float]


class Answer(NamedTuple):
    """`row`: what is written, the input's name first. `picture`: of an autoencoder, (C, H, W) uint8, 0 to 255."""

    row: dict[str, Value]
    picture: NDArray[np.uint8] | None = None
    failed: bool = False


def answer_images(
    model: TrainedModel,
    inputs: Iterable[ImageInput | BadInput],
    *,
    batch_size: int,
    options: Options,
    with_code: bool = False,
) -> Iterator[Answer]:
    """An answer for each input, in their order."""
    card = fitting(model.name, model.card, ImageCard)
    for part in in_batches(inputs, min(batch_size, MAX_IMAGES)):
        good = [each for each in part if isinstance(each, ImageInput)]
        answers: Iterator[Answer] = iter(())
        if good:
            pixels = np.stack([each.pixels for each in good]).astype(np.float32) / np.float32(card.pixel_max)
            predicted = predict_images(model, pixels, batch_size=batch_size, options=options)
            if model.name == "cnn":
                answers = (classified(each.name, row, card) for each, row in zip(good, predicted, strict=True))
            else:
                codes = codes_of(model, pixels) if with_code else None
                answers = rebuilt(good, pixels, predicted, codes)
        for each in part:
            yield failure(each) if isinstance(each, BadInput) else next(answers)


def answer_texts(
    model: TextModel, inputs: Iterable[TextInput | BadInput], *, batch_size: int, options: TextOptions
) -> Iterator[Answer]:
    """An answer for each input, in their order; with samples, so many for each."""
    each = max(1, options.num_samples)
    size = min(batch_size, MAX_TEXTS // each)
    for part in in_batches((readable(model, one) for one in inputs), size):
        good = [one for one in part if isinstance(one, TextInput)]
        found = pd.DataFrame({"target": [], "score": []})
        if good:
            table = pd.DataFrame({"source": [one.source for one in good]})
            found = predict_texts(model, table, batch_size=batch_size, options=options)
        rows = zip(found["target"], found["score"].tolist(), strict=True)
        for one in part:
            if isinstance(one, BadInput):
                yield failure(one)
                continue
            for number in range(each):
                target, score = next(rows)
                row: dict[str, Value] = {"input": one.name, "source": one.source, "target": target, "score": score}
                yield Answer({**row, "sample": number} if options.num_samples else row)


def readable(model: TextModel, one: TextInput | BadInput) -> TextInput | BadInput:
    if isinstance(one, BadInput):
        return one
    try:
        encode(model, one.source, one.name)
    except InputError as error:
        return BadInput(one.name, str(error).removeprefix(f"{one.name}: "))
    return one


def failure(bad: BadInput) -> Answer:
    return Answer({"input": bad.name, "error": bad.error}, failed=True)


def classified(name: str, probabilities: NDArray[np.float32], card: ImageCard) -> Answer:
    best = int(probabilities.argmax())
    by_class = {label: float(value) for label, value in zip(card.classes, probabilities, strict=True)}
    row: dict[str, Value] = {"input": name, "class": card.classes[best], "probability": float(probabilities[best])}
    return Answer({**row, "probabilities": by_class})


def rebuilt(
    inputs: list[ImageInput],
    pixels: NDArray[np.float32],
    predicted: NDArray[np.float32],
    codes: NDArray[np.float32] | None,
) -> Iterator[Answer]:
    errors = np.square(predicted.astype(np.float64) - pixels).reshape(len(pixels), -1).mean(axis=1)
    for index, each in enumerate(inputs):
        row: dict[str, Value] = {"input": each.name, "reconstruction_error": float(errors[index])}
        if codes is not None:
            row["code"] = codes[index].tolist()
        yield Answer(row, np.rint(predicted[index] * 255).astype(np.uint8))


@torch.inference_mode()
def codes_of(model: TrainedModel, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    codes: NDArray[np.float32] = code_of(model.network, torch.from_numpy(pixels)).numpy()
    return codes


def in_batches(items: Iterable[Item], size: int) -> Iterator[tuple[Item, ...]]:
    waiting = iter(items)
    while part := tuple(islice(waiting, size)):
        yield part
