"""Batches of real data, as they are and shifted in a known way: what the monitor says of them is counted.

A false alarm is measured where nothing has shifted, so the batch, what stands for train and what stands for val are
three parts, drawn anew each time, of the rows to which no model was fitted. A shift is measured as it is met: against
train itself, and against val and test but for the batch.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

from encdec.cards import ImageCard
from encdec.datasets.images import ImageSplit
from encdec.monitoring import image_tests, text_tests
from encdec.monitoring.answers import target_nll
from encdec.monitoring.codes import DISCREPANCY
from encdec.monitoring.finding import Family, Finding
from encdec.monitoring.image_tests import ImageAnswers, ImageModels, KnownImages
from encdec.monitoring.result import judge
from encdec.monitoring.rows import ImageRows, TextRows, known_images, known_texts
from encdec.monitoring.text_tests import KnownTexts, TextAnswers
from encdec.monitoring.tokens import ROWS_PERMUTED
from encdec.monitoring.two_samples import TABLES_DRAWN
from encdec.params.data import SPLITS, Dates
from encdec.params.monitoring import Monitoring
from encdec.serving.texts import TextModel
from encdec.sources.dates import make_dates

EVERY = 10**9
PERMUTED = (DISCREPANCY, ROWS_PERMUTED, TABLES_DRAWN)
FEW = 199
"""Permutations that are asked first."""
NOISE_STD, DEGREES = 0.15, 20.0
Generator = np.random.Generator
ImageShift = Callable[[ImageRows, Generator], ImageRows]


class ImageBatch(NamedTuple):
    """Rows, and what the models say about them."""

    rows: ImageRows
    answers: ImageAnswers

    def take(self, rows: NDArray[np.int64]) -> "ImageBatch":
        return ImageBatch(self.rows.take(rows), self.answers.take(rows))


class Images(NamedTuple):
    """`held_out`: the rows of val and test, to which no model was fitted."""

    train: ImageRows
    held_out: ImageBatch
    card: ImageCard
    models: ImageModels
    threshold: float


class ImageParts(NamedTuple):
    """What one verdict is about: every family is asked of these rows. `train`, `val`: what stands for them."""

    train: ImageRows
    val: ImageBatch
    batch: ImageBatch


def open_images(prepared: Path, models: ImageModels, rules: Monitoring) -> Images:
    splits = {name: ImageSplit.open(prepared / name) for name in SPLITS}
    rows = {name: known_images(split, most=EVERY, seed=0) for name, split in splits.items()}
    card = splits["train"].card
    known = KnownImages(rows["train"], rows["val"], card)
    late = joined([rows["val"], rows["test"]])
    return Images(
        train=rows["train"],
        held_out=ImageBatch(late, image_tests.answers_of(late, models)),
        card=card,
        models=models,
        threshold=image_tests.error_threshold(known, models, rules),
    )


def joined(parts: Sequence[ImageRows]) -> ImageRows:
    labels = [label for part in parts for label in part.labels or ()]
    names = [str(row) for row in range(len(labels))]
    return ImageRows(names, np.concatenate([part.pixels for part in parts]), labels)


def split_rows(count: int, batch: int, generator: Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows of a batch, and all others."""
    order = generator.permutation(count)
    return order[:batch], order[batch:]


def unlabelled(rows: ImageRows) -> ImageRows:
    return rows._replace(labels=None)


def same_images(images: Images, rows: int, generator: Generator, *, with_labels: bool) -> ImageParts:
    """Three parts of one whole: every order of its rows is as likely, whatever the models and the split are."""
    inside, outside = split_rows(images.held_out.rows.num_rows, rows, generator)
    train, val = np.array_split(outside, 2)
    batch = images.held_out.take(inside)
    if not with_labels:
        batch = batch._replace(rows=unlabelled(batch.rows))
    return ImageParts(images.held_out.rows.take(train), images.held_out.take(val), batch)


def beside_train(images: Images, rows: int, generator: Generator, shift: ImageShift) -> ImageParts:
    """As `encdec monitor` meets a batch: train is the one that the models were fitted to."""
    inside, outside = split_rows(images.held_out.rows.num_rows, rows, generator)
    batch = shift(images.held_out.rows.take(inside), generator)
    answers = image_tests.answers_of(batch, images.models)
    return ImageParts(images.train, images.held_out.take(outside), ImageBatch(batch, answers))


def image_families(images: Images, parts: ImageParts, rules: Monitoring) -> list[Family]:
    """Every family that `encdec monitor` asks of this batch."""
    known = KnownImages(parts.train, parts.val.rows, images.card)
    plain = image_tests.plain_families(known, parts.batch.rows, rules, seed=0)
    spoken = image_tests.model_families(
        parts.val.answers,
        parts.batch.answers,
        labels=(parts.val.rows.labels, parts.batch.rows.labels),
        classes=images.card.classes,
        threshold=images.threshold,
        rules=rules,
        seed=0,
    )
    return [*plain, *spoken]


def image_alarm(images: Images, parts: ImageParts, rules: Monitoring) -> bool:
    return is_alarm(lambda chosen: image_families(images, parts, chosen), rules)


def is_alarm(ask: Callable[[Monitoring], Sequence[Family]], rules: Monitoring) -> bool:
    """Whether the monitor says drift, with all permutations of the rules.

    They take most of the time, and few verdicts hang on them. The first ones are the same however many follow, so a few
    tell between which bounds each p-value will lie. The verdict rises with every p-value that falls: where it is one
    for both bounds, it is that of all permutations, and only elsewhere they are drawn.
    """
    if rules.permutations <= FEW:
        return has_drifted(ask(rules), rules)
    families = ask(rules.model_copy(update={"permutations": FEW}))
    surely, perhaps = (
        has_drifted(
            [
                family._replace(findings=[bounded(each, rules.permutations, others=others) for each in family.findings])
                for family in families
            ],
            rules,
        )
        for others in (rules.permutations - FEW, 0)
    )
    return surely if surely == perhaps else has_drifted(ask(rules), rules)


def bounded(finding: Finding, permutations: int, *, others: int) -> Finding:
    """The p-value if so many of the permutations that were not drawn are as far as the observed one."""
    if finding.statistic not in PERMUTED:
        return finding
    as_far = round(finding.p * (1 + FEW))  # the observed one is counted
    return finding._replace(p=(as_far + others) / (1 + permutations))


def has_drifted(families: Sequence[Family], rules: Monitoring) -> bool:
    return any(group.drifted for group in judge(families, rate=rules.false_alarm_rate, psi_large=1.0)[0])


def as_it_is(rows: ImageRows, generator: Generator) -> ImageRows:
    return rows


def noise(rows: ImageRows, generator: Generator) -> ImageRows:
    """Gaussian, of a standard deviation of 15 % of the range of pixels."""
    top = int(rows.pixels.max())
    noisy = rows.pixels + generator.normal(0.0, NOISE_STD * top, rows.pixels.shape)
    return rows._replace(pixels=np.clip(np.rint(noisy), 0, top).astype(np.uint8))


def rotation(rows: ImageRows, generator: Generator) -> ImageRows:
    """By 20 degrees."""
    turned = ndimage.rotate(rows.pixels.astype(np.float64), DEGREES, axes=(2, 3), reshape=False, order=1)
    return rows._replace(pixels=np.rint(turned).astype(np.uint8))


def missing_class(rows: ImageRows, generator: Generator) -> ImageRows:
    """Without any 3."""
    return rows.take(np.array([place for place, label in enumerate(rows.labels or ()) if label != "3"]))


def new_label(rows: ImageRows, generator: Generator) -> ImageRows:
    """One row has the label of a class that nobody knows."""
    return rows._replace(labels=["x", *(rows.labels or ())[1:]])


def swapped_labels(rows: ImageRows, generator: Generator) -> ImageRows:
    """Every fourth row has the label of another one."""
    labels = np.array(rows.labels or ())
    places = np.arange(0, len(labels), 4)
    labels[places] = labels[np.roll(places, 1)]
    return rows._replace(labels=labels.tolist())


IMAGE_SHIFTS: Mapping[str, tuple[ImageShift, bool]] = {
    "pixel noise, 15 % of the range": (noise, False),
    "rotation by 20 degrees": (rotation, False),
    "a missing class, not labelled": (missing_class, False),
    "a missing class, labelled": (missing_class, True),
    "a new class in one row, labelled": (new_label, True),
    "a quarter of the labels swapped": (swapped_labels, True),
}
"""With whether the batch has labels."""


def shifted(shift: ImageShift, *, with_labels: bool) -> ImageShift:
    def apply(rows: ImageRows, generator: Generator) -> ImageRows:
        found = shift(rows, generator)
        return found if with_labels else unlabelled(found)

    return apply


class NewClass(NamedTuple):
    """Models that were trained without a class, and the rows of that class."""

    images: Images
    strange: ImageRows

    def shift(self, share: float) -> ImageShift:
        """So many rows are replaced by ones of the unknown class; nobody labels them."""

        def apply(rows: ImageRows, generator: Generator) -> ImageRows:
            count = round(share * rows.num_rows)
            drawn = generator.choice(self.strange.num_rows, size=count, replace=False)
            pixels = np.concatenate([rows.pixels[count:], self.strange.pixels[drawn]])
            return ImageRows(rows.names, pixels, None)

        return apply


class Texts(NamedTuple):
    """`held_out`: rows of val and test, to which the model was not fitted, with what it says about them."""

    train: TextRows
    held_out: "TextBatch"
    model: TextModel
    alphabets: tuple[frozenset[str], frozenset[str]]


def open_texts(prepared: Path, model: TextModel, rules: Monitoring, *, held_out: int) -> Texts:
    """So many rows, drawn with a fixed seed."""
    tables = {name: pd.read_parquet(prepared / name / "rows.parquet") for name in SPLITS}
    late = known_texts(pd.concat([tables["val"], tables["test"]]), most=held_out, seed=0)
    return Texts(
        train=known_texts(tables["train"], most=rules.max_rows, seed=0),
        held_out=TextBatch(late, text_tests.answers_of(late, model)),
        model=model,
        alphabets=(frozenset("".join(tables["train"]["source"])), frozenset("".join(tables["train"]["target"]))),
    )


class TextBatch(NamedTuple):
    """Rows, and what the model says about them."""

    rows: TextRows
    answers: TextAnswers

    def take(self, rows: NDArray[np.int64]) -> "TextBatch":
        return TextBatch(self.rows.take(rows), self.answers.take(rows))


TextShift = Callable[[TextBatch, Generator], TextBatch]


class TextParts(NamedTuple):
    """As `ImageParts`."""

    train: TextRows
    val: TextBatch
    batch: TextBatch


def same_texts(texts: Texts, rows: int, generator: Generator, *, with_targets: bool) -> TextParts:
    """Three parts of one whole, as `same_images`."""
    inside, outside = split_rows(texts.held_out.rows.num_rows, rows, generator)
    train, val = np.array_split(outside, 2)
    batch = texts.held_out.take(inside)
    return TextParts(
        texts.held_out.take(train).rows, texts.held_out.take(val), batch if with_targets else without_targets(batch)
    )


def texts_beside_train(texts: Texts, rows: int, generator: Generator, shift: TextShift) -> TextParts:
    """As `beside_train`."""
    inside, outside = split_rows(texts.held_out.rows.num_rows, rows, generator)
    return TextParts(texts.train, texts.held_out.take(outside), shift(texts.held_out.take(inside), generator))


def without_targets(batch: TextBatch) -> TextBatch:
    return TextBatch(batch.rows._replace(targets=None), batch.answers._replace(nll=None))


def text_families(texts: Texts, parts: TextParts, rules: Monitoring) -> list[Family]:
    """Every family that `encdec monitor` asks of this batch; the rows of val stand in an order drawn at random."""
    known = KnownTexts(parts.train, parts.val.rows, texts.alphabets)
    plain = text_tests.plain_families(known, parts.batch.rows, rules, seed=0)
    val = parts.val.take(np.arange(min(parts.val.rows.num_rows, rules.slow_rows)))
    targets = (val.rows.targets, parts.batch.rows.targets)
    spoken = text_tests.model_families(val.answers, parts.batch.answers, targets=targets, rules=rules, seed=0)
    return [*plain, *spoken]


def text_alarm(texts: Texts, parts: TextParts, rules: Monitoring) -> bool:
    return is_alarm(lambda chosen: text_families(texts, parts, chosen), rules)


def swapped_targets(model: TextModel, share: float) -> TextShift:
    """So many rows have the target of another one."""

    def apply(batch: TextBatch, generator: Generator) -> TextBatch:
        targets = list(batch.rows.targets or ())
        count = round(share * len(targets))
        targets[:count] = [*targets[1:count], targets[0]]
        rows = batch.rows._replace(targets=targets)
        return TextBatch(rows, batch.answers._replace(nll=target_nll(model, rows.sources, targets)))

    return apply


def new_locale(strange: TextBatch, share: float) -> TextShift:
    """So many rows are replaced by ones of a locale that the models never read; nobody knows their targets."""

    def apply(batch: TextBatch, generator: Generator) -> TextBatch:
        count = round(share * batch.rows.num_rows)
        drawn, kept = (
            generator.choice(strange.rows.num_rows, size=count, replace=False),
            np.arange(count, batch.rows.num_rows),
        )
        old, new = batch.rows.take(kept), strange.rows.take(drawn)
        before, after = batch.answers.take(kept), strange.answers.take(drawn)
        answered = after.answered._replace(
            targets=[*before.answered.targets, *after.answered.targets],
            scores=np.concatenate([before.answered.scores, after.answered.scores]),
        )
        codes = np.concatenate([before.codes, after.codes])
        rows = TextRows([*old.names, *new.names], [*old.sources, *new.sources], None)
        return TextBatch(rows, TextAnswers(answered, codes, None))

    return apply


def rows_of_locale(params: Dates, locale: str, model: TextModel, *, rows: int) -> TextBatch:
    """Dates of a locale by the project's own source."""
    made = list(make_dates(params.model_copy(update={"locales": (locale,), "rows": rows})))
    texts = TextRows([pair.sample for pair in made], [pair.source for pair in made], None)
    return TextBatch(texts, text_tests.answers_of(texts, model))
