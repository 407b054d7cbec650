"""Candidate and champion, measured now, in one process, on the same rows: never from numbers of another test split."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from encdec.cards import ImageCard
from encdec.datasets.images import ImageSplit
from encdec.datasets.pairs import PairSplit
from encdec.evaluation.bootstrap import Interval, Resampling
from encdec.evaluation.comparison import Comparison, Opponent, compare
from encdec.evaluation.evaluate import check_card, score_images, score_pairs
from encdec.metrics.scores import Scores
from encdec.metrics.text import text_metrics
from encdec.models.build import fitting
from encdec.models.denoising_autoencoder.spec import DenoisingAutoencoderSpec
from encdec.models.storage import VOCABULARY_FOLDER, TrainedModel, load_model
from encdec.models.vae.spec import VaeSpec
from encdec.params.data import Evaluation

CHAMPION = "champion"


class Incomparable(ValueError):
    """The champion cannot be measured on this test split, or what it would be measured by is something else."""


class Stored(NamedTuple):
    """A model with the folder that it was read from."""

    folder: Path
    model: TrainedModel


def open_test(folder: Path, model: TrainedModel) -> ImageSplit | PairSplit:
    return ImageSplit.open(folder) if isinstance(model.card, ImageCard) else PairSplit.open(folder)


def measure(stored: Stored, test: ImageSplit | PairSplit, *, settings: Evaluation, seed: int) -> Scores:
    """The scores of a model on a split, as the evaluate stage measures them.

    Raises:
        ValueError: the model was trained on other data than the split has.
    """
    check_card(stored.model, test, stored.folder)
    if isinstance(test, ImageSplit):
        return score_images(stored.model, test, settings, seed=seed)
    return score_pairs(stored.model, test, settings, vocabulary=stored.folder / VOCABULARY_FOLDER, seed=seed)


def metric_names(model: TrainedModel, test: ImageSplit | PairSplit, *, settings: Evaluation, seed: int) -> list[str]:
    """The names of a model's metrics, found on a single row."""
    if isinstance(test, PairSplit):
        return [*(metric.name for metric in text_metrics(tokens=test.card.target_tokens)), "nll"]
    one = test.loaded(np.array([0]))
    return [metric.name for metric in score_images(model, one, settings, seed=seed).metrics]


def opponent_of(candidate: Stored, folder: Path) -> Stored:
    """The champion of a folder, where its task is the candidate's.

    Raises:
        Incomparable: it reads other data, removes other noise, or its first metric has another scale.
        StoredModelError: the folder holds no whole model.
    """
    champion, ours = load_model(folder), candidate.model
    if champion.name != ours.name:
        raise Incomparable(f"the champion is a {champion.name}, the candidate a {ours.name}")
    if champion.card != ours.card:
        raise Incomparable(
            f"the champion was trained on {champion.card.source} with the card {champion.card}, the candidate on "
            f"{ours.card.source} with the card {ours.card}"
        )
    if vocabulary_of(folder) != vocabulary_of(candidate.folder):
        raise Incomparable("the champion was trained with another vocabulary, so it reads other token ids")
    spec = champion.spec
    if isinstance(spec, VaeSpec) and spec.likelihood != fitting(ours.name, ours.spec, VaeSpec).likelihood:
        raise Incomparable(f"the champion's likelihood is {spec.likelihood}: its bound has another scale")
    if isinstance(spec, DenoisingAutoencoderSpec):
        noise = fitting(ours.name, ours.spec, DenoisingAutoencoderSpec).corruption
        if noise != spec.corruption:  # each is good at its own: who chose an easier one would win
            raise Incomparable(f"the champion removes {spec.corruption}, the candidate {noise}")
    return Stored(folder, champion)


def vocabulary_of(folder: Path) -> dict[str, bytes]:
    files = sorted((folder / VOCABULARY_FOLDER).glob("*.json"))
    return {file.name: file.read_bytes() for file in files}


def compare_with(candidate: Scores, champion: Scores | None, resampling: Resampling) -> Sequence[Comparison]:
    """Every metric of the candidate with its interval, and where there is a champion the paired difference.

    Raises:
        ValueError: the two have different numbers of rows.
    """
    if champion is None:
        return compare(candidate, [], resampling=resampling)
    names = tuple(metric.name for metric in candidate.metrics)
    return compare(candidate, [Opponent(CHAMPION, champion.columns, names)], resampling=resampling)


def gain_of(found: Comparison) -> Interval | None:
    """Candidate less champion, turned so that above 0 is better; None without a champion."""
    if found.difference is None:
        return None
    value, low, high = found.difference
    return Interval(value, low, high) if found.metric.higher_is_better else Interval(-value, -high, -low)
