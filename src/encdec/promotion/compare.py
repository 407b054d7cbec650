"""Candidate and champion, measured now, in one process, on the same rows: never from numbers of another test split."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from encdec.cards import Card, ImageCard, PairCard
from encdec.datasets.images import ImageSplit
from encdec.datasets.pairs import PairSplit, TokenRows
from encdec.evaluation.bootstrap import Resampling
from encdec.evaluation.comparison import Comparison, Opponent, compare
from encdec.evaluation.evaluate import check_card, score_images, score_pairs
from encdec.metrics.scores import Scores
from encdec.metrics.text import text_metrics
from encdec.models.build import fitting
from encdec.models.denoising_autoencoder.spec import DenoisingAutoencoderSpec
from encdec.models.storage import VOCABULARY_FOLDER, TrainedModel, load_model
from encdec.models.vae.spec import VaeSpec
from encdec.params.data import Evaluation
from encdec.preparation.vocabulary import Vocabulary

CHAMPION = "champion"
OF_IDS = ("nll",)
"""Metrics that count in the tokens of a vocabulary: with another one they have another scale."""


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


def as_read_by(stored: Stored, test: ImageSplit | PairSplit) -> ImageSplit | PairSplit:
    """The same rows as a model reads them: the texts of pairs in the ids of its own vocabulary."""
    if isinstance(test, ImageSplit):
        return test
    rows, sides = test.rows, []
    for side in ("source", "target"):
        found = Vocabulary.load(stored.folder / VOCABULARY_FOLDER / f"{side}.json").encode_all(rows[side])
        sides.append(TokenRows(found.ids, found.offsets))
    card = fitting(stored.model.name, stored.model.card, PairCard)
    return PairSplit(test.folder, card=card, source=sides[0], target=sides[1])


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
    if task_of(champion.card) != task_of(ours.card):
        raise Incomparable(
            f"the champion was trained on {champion.card.source} with the card {champion.card}, the candidate on "
            f"{ours.card.source} with the card {ours.card}"
        )
    spec = champion.spec
    if isinstance(spec, VaeSpec) and spec.likelihood != fitting(ours.name, ours.spec, VaeSpec).likelihood:
        raise Incomparable(f"the champion's likelihood is {spec.likelihood}: its bound has another scale")
    if isinstance(spec, DenoisingAutoencoderSpec):
        noise = fitting(ours.name, ours.spec, DenoisingAutoencoderSpec).corruption
        if noise != spec.corruption:  # each is good at its own: who chose an easier one would win
            raise Incomparable(f"the champion removes {spec.corruption}, the candidate {noise}")
    return Stored(folder, champion)


def task_of(card: Card) -> object:
    """What two models must share: of pairs not the vocabulary, since what they answer are texts."""
    return (card.source, card.target_tokens) if isinstance(card, PairCard) else card


def shared_metrics(scores: Scores, ours: Stored, theirs: Stored) -> tuple[str, ...]:
    """The names of the metrics that mean the same for both."""
    left_out = () if vocabulary_of(ours.folder) == vocabulary_of(theirs.folder) else OF_IDS
    return tuple(metric.name for metric in scores.metrics if metric.name not in left_out)


def vocabulary_of(folder: Path) -> dict[str, bytes]:
    files = sorted((folder / VOCABULARY_FOLDER).glob("*.json"))
    return {file.name: file.read_bytes() for file in files}


def compare_with(
    candidate: Scores, champion: Scores | None, resampling: Resampling, *, names: Sequence[str] | None = None
) -> Sequence[Comparison]:
    """Every metric of the candidate with its interval, and of those named the paired difference from the champion's.

    Args:
        names: of metrics; None: all.

    Raises:
        ValueError: the two have different numbers of rows.
    """
    if champion is None:
        return compare(candidate, [], resampling=resampling)
    shared = tuple(metric.name for metric in candidate.metrics) if names is None else tuple(names)
    return compare(candidate, [Opponent(CHAMPION, champion.columns, shared)], resampling=resampling)
