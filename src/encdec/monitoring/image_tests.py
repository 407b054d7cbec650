"""The tests of a batch of images, by family."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from encdec.cards import ImageCard
from encdec.models.storage import TrainedModel
from encdec.monitoring.answers import Classified, classify, image_codes, reconstruction_errors
from encdec.monitoring.codes import compare_codes
from encdec.monitoring.finding import Array, Family, Finding
from encdec.monitoring.image_statistics import image_statistics, pixel_cells
from encdec.monitoring.logged import Logged
from encdec.monitoring.rows import ImageRows, draw
from encdec.monitoring.two_samples import compare_classes, compare_shares, compare_values
from encdec.params.monitoring import Monitoring

SURE = 1.0
"""Odds that need no chance: it cannot happen where nothing has shifted."""


class ImageModels(NamedTuple):
    """None: left out."""

    classifier: TrainedModel | None
    autoencoder: TrainedModel | None


class KnownImages(NamedTuple):
    """`train` for what no model has touched; `val` for what models say, as they say too good things about train."""

    train: ImageRows
    val: ImageRows
    card: ImageCard


class ImageAnswers(NamedTuple):
    """What the models say about a batch: row by row (N,), None where the model is left out."""

    classified: Classified | None
    errors: Array | None


def plain_families(known: KnownImages, batch: ImageRows, rules: Monitoring, *, seed: int) -> Iterator[Family]:
    """What needs no model: pixels, statistics, and the labels where the batch has some."""
    reference, found = (rows.scaled(known.card).astype(np.float64) for rows in (known.train, batch))
    names, cells = pixel_cells(np.concatenate([reference, found]), grid=rules.pixel_grid)
    parts = np.split(cells, [len(reference)])
    pixels = [
        compare_values(name, parts[0][:, place], parts[1][:, place], drawn=False) for place, name in enumerate(names)
    ]
    if pixels:
        yield Family("pixels", "Does each pixel have the values that it had?", pixels)
    before, after = image_statistics(reference), image_statistics(found)
    yield Family(
        "statistics",
        "Are images as bright, sharp, centred and slanted as they were?",
        [compare_values(name, before[name], after[name]) for name in before],
    )
    if batch.labels is not None:
        yield label_family(known, batch.labels, rules, seed=seed)


def label_family(known: KnownImages, labels: Sequence[str], rules: Monitoring, *, seed: int) -> Family:
    """Counts of the known classes, and any class that is not known: that one cannot come about by chance."""
    familiar = [label for label in labels if label in known.card.classes]
    findings = []
    if familiar:
        before = known.train.labels or []
        findings.append(compare_classes("class counts", before, familiar, permutations=rules.permutations, seed=seed))
    strange = sorted({*labels} - {*known.card.classes})
    if strange:
        findings.append(unknown_classes(strange, labels, known))
    return Family("labels", "Are the classes as frequent as they were?", findings)


def unknown_classes(strange: Sequence[str], labels: Sequence[str], known: KnownImages) -> Finding:
    rows = sum(label in strange for label in labels)
    names = ", ".join(strange)
    return Finding(
        name="unknown classes",
        statistic="rows of classes that the reference does not have",
        value=float(rows),
        p=0.0,
        effect="share of the batch",
        size=rows / len(labels),
        reference_rows=len(known.train),
        batch_rows=len(labels),
        said=f"the reference does not have {'the class' if len(strange) == 1 else 'the classes'} {names} ({rows} rows)",
    )


def answers_of(batch: ImageRows, card: ImageCard, models: ImageModels, logged: Logged | None) -> ImageAnswers:
    """By the models, or as they were logged."""
    pixels = batch.scaled(card)
    classified = logged.classified if logged is not None else None
    errors = logged.errors if logged is not None else None
    if classified is None and models.classifier is not None:
        classified = classify(models.classifier, pixels)
    if errors is None and models.autoencoder is not None:
        errors = reconstruction_errors(models.autoencoder, pixels)
    return ImageAnswers(classified, errors)


def model_families(
    known: KnownImages, batch: ImageRows, models: ImageModels, answers: ImageAnswers, rules: Monitoring, *, seed: int
) -> Iterator[Family]:
    """What models say about the batch, beside what they say about val, which they were not fitted to."""
    if models.classifier is not None and answers.classified is not None:
        val = classify(models.classifier, known.val.scaled(known.card))
        yield from classifier_families(known, batch, val, answers.classified, rules, seed=seed)
    if models.autoencoder is not None and answers.errors is not None:
        yield error_family(known, models.autoencoder, answers.errors, rules)
    named = [model for model in models if model is not None]
    if named:
        yield Family(
            "codes",
            "Do the encoders see what they saw?",
            [codes_of(known, batch, model, rules, seed=seed) for model in named],
        )


def classifier_families(
    known: KnownImages, batch: ImageRows, val: Classified, found: Classified, rules: Monitoring, *, seed: int
) -> Iterator[Family]:
    yield Family(
        "confidence",
        "Is the classifier as sure as it was?",
        [compare_values("cnn confidence", val.confidence, found.confidence)],
    )
    if batch.labels is None or known.val.labels is None:
        shares = compare_classes(
            "predicted classes", val.classes, found.classes, permutations=rules.permutations, seed=seed
        )
        yield Family("labels", "Are the classes that the classifier sees as frequent as they were?", [shares])
        return
    familiar = [place for place, label in enumerate(batch.labels) if label in known.card.classes]
    if familiar:
        agrees = np.array([batch.labels[place] == found.classes[place] for place in familiar])
        agreed = np.array([label == answer for label, answer in zip(known.val.labels, val.classes, strict=True)])
        said = "the classifier agrees with the given label"
        agreement = compare_shares("cnn agreement", agreed, agrees, alternative="less", said=said)
        yield Family("agreement", "Are the given labels those that the classifier expects?", [agreement])


def error_family(known: KnownImages, model: TrainedModel, errors: Array, rules: Monitoring) -> Family:
    """The threshold is a quantile of train; how many lie above it where nothing has shifted is asked of val."""
    fitted, usual = (reconstruction_errors(model, rows.scaled(known.card)) for rows in (known.train, known.val))
    threshold = float(np.quantile(fitted, rules.error_quantile))
    above = compare_shares(
        f"{model.name} errors above the {100 * rules.error_quantile:g}th percentile of train",
        usual > threshold,
        errors > threshold,
        alternative="greater",
        said=f"the error is above {threshold:.3g}",
    )
    whole = compare_values(f"{model.name} error", usual, errors)
    return Family("reconstruction", "Can the autoencoder rebuild the images as well as it could?", [above, whole])


def codes_of(known: KnownImages, batch: ImageRows, model: TrainedModel, rules: Monitoring, *, seed: int) -> Finding:
    sides = [
        image_codes(model, rows.take(draw(len(rows), most=rules.slow_rows, seed=seed)).scaled(known.card))
        for rows in (known.val, batch)
    ]
    return compare_codes(
        f"{model.name} codes", *sides, test=rules.codes_test, permutations=rules.permutations, seed=seed
    )
