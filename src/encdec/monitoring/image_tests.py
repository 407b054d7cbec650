"""The tests of a batch of images, by family."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from encdec.cards import ImageCard
from encdec.models.storage import TrainedModel
from encdec.monitoring.answers import Classified, classify, image_codes, reconstruction_errors
from encdec.monitoring.codes import compare_codes
from encdec.monitoring.finding import Array, Family, Finding
from encdec.monitoring.image_statistics import cell_means, cell_names, image_statistics
from encdec.monitoring.logged import NOTHING, Logged
from encdec.monitoring.rows import ImageRows, draw
from encdec.monitoring.two_samples import compare_classes, compare_shares, compare_values
from encdec.params.monitoring import Monitoring
from encdec.report.numbers import significant


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
    """What the models say, row by row (N,); None, and no codes by the model's name, where one is left out."""

    classified: Classified | None
    errors: Array | None
    codes: Mapping[str, Array]

    def take(self, rows: NDArray[np.int64]) -> "ImageAnswers":
        return ImageAnswers(
            None if self.classified is None else self.classified.take(rows),
            None if self.errors is None else self.errors[rows],
            {name: codes[rows] for name, codes in self.codes.items()},
        )


def plain_families(
    known: KnownImages, batch: ImageRows, rules: Monitoring, *, seed: int, labels: Sequence[str] | None = None
) -> Iterator[Family]:
    """What needs no model: pixels, statistics, and the labels where the batch has some.

    Args:
        labels: of all rows, where `batch` is a part of them: one row of a new class is to be seen.
    """
    before, after = (measured(rows, known.card, rules) for rows in (known.train, batch))
    moves = np.ptp(np.concatenate([before.cells, after.cells]), axis=0) > 0  # others are known to tell nothing
    pixels = [
        compare_values(name, before.cells[:, place], after.cells[:, place], drawn=False)
        for place, name in enumerate(cell_names(known.card, grid=rules.pixel_grid))
        if moves[place]
    ]
    if pixels:
        yield Family("pixels", "Does each pixel have the values that it had?", pixels)
    yield Family(
        "statistics",
        "Are images as bright, sharp, centred and slanted as they were?",
        [compare_values(name, before.statistics[name], after.statistics[name]) for name in before.statistics],
    )
    labels = labels if labels is not None else batch.labels
    if labels is not None:
        yield label_family(known, labels, rules, seed=seed)


class Measured(NamedTuple):
    """`cells`: (N, F); `statistics`: (N,) by name."""

    cells: Array
    statistics: Mapping[str, Array]


def measured(rows: ImageRows, card: ImageCard, rules: Monitoring) -> Measured:
    cells, statistics = [], []
    for part in rows.scaled(card):
        images = part.astype(np.float64)
        cells.append(cell_means(images, grid=rules.pixel_grid))
        statistics.append(image_statistics(images))
    names = statistics[0].keys()
    return Measured(
        np.concatenate(cells), {name: np.concatenate([part[name] for part in statistics]) for name in names}
    )


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
        reference_rows=known.train.num_rows,
        batch_rows=len(labels),
        said=f"the reference does not have {'the class' if len(strange) == 1 else 'the classes'} {names} ({rows} rows)",
    )


def answers_of(rows: ImageRows, models: ImageModels, logged: Logged = NOTHING) -> ImageAnswers:
    """By the models, or as they were logged."""
    classified, errors, _ = logged
    if classified is None and models.classifier is not None:
        classified = classify(models.classifier, rows)
    if errors is None and models.autoencoder is not None:
        errors = reconstruction_errors(models.autoencoder, rows)
    codes: dict[str, Array] = {model.name: image_codes(model, rows) for model in models if model is not None}
    return ImageAnswers(classified, errors, codes)


def error_threshold(known: KnownImages, models: ImageModels, rules: Monitoring) -> float:
    """The quantile of the errors on train; infinite without an autoencoder."""
    if models.autoencoder is None:
        return float("inf")
    errors = reconstruction_errors(models.autoencoder, known.train)
    return float(np.quantile(errors, rules.error_quantile))


def model_families(
    usual: ImageAnswers,
    found: ImageAnswers,
    *,
    labels: tuple[Sequence[str] | None, Sequence[str] | None],
    classes: Sequence[str],
    threshold: float,
    rules: Monitoring,
    seed: int,
) -> Iterator[Family]:
    """What models say about the batch, beside what they say about val, which they were not fitted to.

    Args:
        usual: about val.
        found: about the batch.
        labels: of val and of the batch, as they are given.
        classes: those that are known.
        threshold: of reconstruction errors.
        rules: of params.yaml.
        seed: of permutations, and of what is drawn.
    """
    if usual.classified is not None and found.classified is not None:
        confidence = compare_values("cnn confidence", usual.classified.confidence, found.classified.confidence)
        yield Family("confidence", "Is the classifier as sure as it was?", [confidence])
        known, given = labels
        if known is not None and given is not None:
            yield from agreement_family(usual.classified, found.classified, known, given, classes=classes)
        else:
            yield prediction_family(usual.classified, found.classified, rules, seed=seed)
    if usual.errors is not None and found.errors is not None:
        yield error_family(usual.errors, found.errors, threshold=threshold, rules=rules)
    if usual.codes:
        codes = [code_finding(name, usual.codes[name], found.codes[name], rules, seed=seed) for name in usual.codes]
        yield Family("codes", "Do the encoders see what they saw?", codes)


def prediction_family(usual: Classified, found: Classified, rules: Monitoring, *, seed: int) -> Family:
    shares = compare_classes(
        "predicted classes", usual.classes, found.classes, permutations=rules.permutations, seed=seed
    )
    return Family("labels", "Are the classes that the classifier sees as frequent as they were?", [shares])


def agreement_family(
    usual: Classified, found: Classified, known: Sequence[str], given: Sequence[str], *, classes: Sequence[str]
) -> Iterator[Family]:
    """Rows of unknown classes are left out: those the classifier cannot name."""
    rows = [place for place, label in enumerate(given) if label in classes]
    if rows:
        agreed = np.array([label == answer for label, answer in zip(known, usual.classes, strict=True)])
        agrees = np.array([given[row] == found.classes[row] for row in rows])
        said = "the classifier agrees with the given label"
        agreement = compare_shares("cnn agreement", agreed, agrees, alternative="less", said=said)
        yield Family("agreement", "Are the given labels those that the classifier expects?", [agreement])


def error_family(usual: Array, found: Array, *, threshold: float, rules: Monitoring) -> Family:
    """The threshold is a quantile of train; how many lie above it where nothing has shifted is asked of val."""
    above = compare_shares(
        f"errors above the {100 * rules.error_quantile:g}th percentile of train",
        usual > threshold,
        found > threshold,
        alternative="greater",
        said=f"the error is above {significant(threshold, 3)}",
    )
    whole = compare_values("reconstruction error", usual, found)
    return Family("reconstruction", "Can the autoencoder rebuild the images as well as it could?", [above, whole])


def code_finding(name: str, usual: Array, found: Array, rules: Monitoring, *, seed: int) -> Finding:
    sides = [codes[draw(len(codes), most=rules.slow_rows, seed=seed)] for codes in (usual, found)]
    return compare_codes(f"{name} codes", *sides, test=rules.codes_test, permutations=rules.permutations, seed=seed)
