"""Batches of real data, as they are and shifted in a known way: what the monitor says of them is counted.

A false alarm is measured where reference and batch are parts of one whole, drawn anew each time. What needs no model is
drawn from all rows of a kind; what models say from val and test, to which they were not fitted.
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
from encdec.monitoring.finding import Family
from encdec.monitoring.image_tests import ImageModels, KnownImages
from encdec.monitoring.result import judge
from encdec.monitoring.rows import ImageRows, TextRows, known_images, known_texts
from encdec.monitoring.text_tests import KnownTexts, TextAnswers
from encdec.params.data import SPLITS, Dates
from encdec.params.monitoring import Monitoring
from encdec.serving.texts import TextModel
from encdec.sources.dates import make_dates

EVERY = 10**9
NOISE_STD, DEGREES = 0.15, 20.0
Generator = np.random.Generator
ImageShift = Callable[[ImageRows, Generator], ImageRows]


class Images(NamedTuple):
    """`whole`: all rows; `held_out`: those of val and test."""

    whole: ImageRows
    held_out: ImageRows
    card: ImageCard
    models: ImageModels
    threshold: float


def open_images(prepared: Path, models: ImageModels, rules: Monitoring) -> Images:
    splits = {name: ImageSplit.open(prepared / name) for name in SPLITS}
    rows = {name: known_images(split, most=EVERY, seed=0) for name, split in splits.items()}
    card = splits["train"].card
    known = KnownImages(rows["train"], rows["val"], card)
    return Images(
        whole=joined([rows[name] for name in SPLITS]),
        held_out=joined([rows["val"], rows["test"]]),
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


def plain_image_families(
    images: Images, rows: int, generator: Generator, rules: Monitoring, shift: ImageShift
) -> list[Family]:
    inside, outside = split_rows(images.whole.num_rows, rows, generator)
    known = KnownImages(images.whole.take(outside), images.held_out, images.card)
    return list(image_tests.plain_families(known, shift(images.whole.take(inside), generator), rules, seed=0))


def spoken_image_families(
    images: Images, rows: int, generator: Generator, rules: Monitoring, shift: ImageShift
) -> list[Family]:
    inside, outside = split_rows(images.held_out.num_rows, rows, generator)
    val, batch = images.held_out.take(outside), shift(images.held_out.take(inside), generator)
    usual, found = (image_tests.answers_of(part, images.models) for part in (val, batch))
    families = image_tests.model_families(
        usual,
        found,
        labels=(val.labels, batch.labels),
        classes=images.card.classes,
        threshold=images.threshold,
        rules=rules,
        seed=0,
    )
    return list(families)


def image_alarm(images: Images, rows: int, generator: Generator, rules: Monitoring, shift: ImageShift) -> bool:
    """Whether the monitor calls one drawn batch drift."""
    families = plain_image_families(images, rows, generator, rules, shift)
    families += spoken_image_families(images, rows, generator, rules, shift)
    return is_alarm(families, rules)


def is_alarm(families: Sequence[Family], rules: Monitoring) -> bool:
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
    """`whole`: rows of all splits; `held_out`: rows of val and test, with what the model says about them."""

    whole: TextRows
    held_out: TextRows
    answers: TextAnswers
    model: TextModel
    alphabets: tuple[frozenset[str], frozenset[str]]


def open_texts(prepared: Path, model: TextModel, *, whole: int, held_out: int) -> Texts:
    """So many rows of each, drawn with a fixed seed."""
    tables = {name: pd.read_parquet(prepared / name / "rows.parquet") for name in SPLITS}
    late = known_texts(pd.concat([tables["val"], tables["test"]]), most=held_out, seed=0)
    return Texts(
        whole=known_texts(pd.concat(tables.values()), most=whole, seed=0),
        held_out=late,
        answers=text_tests.answers_of(late, model),
        model=model,
        alphabets=(frozenset("".join(tables["train"]["source"])), frozenset("".join(tables["train"]["target"]))),
    )


class TextBatch(NamedTuple):
    """Rows, and what the model says about them."""

    rows: TextRows
    answers: TextAnswers


TextShift = Callable[[TextBatch, Generator], TextBatch]


def plain_text_families(
    texts: Texts, rows: int, generator: Generator, rules: Monitoring, shift: TextShift
) -> list[Family]:
    inside, outside = split_rows(texts.whole.num_rows, rows, generator)
    known = texts.whole.take(outside)
    batch = shift(TextBatch(texts.whole.take(inside), texts.answers.take(np.arange(rows))), generator).rows
    known_rows = KnownTexts(known, known.take(np.arange(min(known.num_rows, rules.slow_rows))), texts.alphabets)
    return list(text_tests.plain_families(known_rows, batch, rules, seed=0))


def spoken_text_families(
    texts: Texts, rows: int, generator: Generator, rules: Monitoring, shift: TextShift
) -> list[Family]:
    inside, outside = split_rows(texts.held_out.num_rows, rows, generator)
    outside = outside[: rules.slow_rows]
    batch = shift(TextBatch(texts.held_out.take(inside), texts.answers.take(inside)), generator)
    targets = (texts.held_out.take(outside).targets, batch.rows.targets)
    found = text_tests.model_families(texts.answers.take(outside), batch.answers, targets=targets, rules=rules, seed=0)
    return list(found)


def text_alarm(texts: Texts, rows: int, generator: Generator, rules: Monitoring, shift: TextShift) -> bool:
    families = plain_text_families(texts, rows, generator, rules, shift)
    families += spoken_text_families(texts, rows, generator, rules, shift)
    return is_alarm(families, rules)


def same_texts(batch: TextBatch, generator: Generator) -> TextBatch:
    return batch


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
