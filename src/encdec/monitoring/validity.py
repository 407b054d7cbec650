"""Whether a batch may be compared at all: what could not be read, and the suite of its source over the rest."""

from collections.abc import Sequence
from typing import NamedTuple

from encdec.cards import ImageCard, PairCard
from encdec.monitoring.batch import SHARES, Batch
from encdec.params.root import Params
from encdec.validation.findings import Finding
from encdec.validation.validate import validate_images, validate_pairs

OF_A_BATCH = frozenset(
    {
        *("schema", "types", "duplicates"),
        *("image_size", "channels", "constant_images", "pixel_range"),
        *("empty_texts", "long_texts", "control_characters", "length_ratio"),
    }
)
"""Checks of a source that hold for any rows of it. The others are about the whole data set and its splits, or are what
the monitor tests: classes, balance, characters that train lacks."""
MOST_ROWS = 3


class Validity(NamedTuple):
    """Sentences; a batch with an error is not compared with anything."""

    errors: Sequence[str]
    warnings: Sequence[str]


def check_batch(batch: Batch, params: Params, card: ImageCard | PairCard) -> Validity:
    """Every reason at once; the suite judges the rows that could be read."""
    if batch.manifest.empty:
        return Validity(batch.problems or ["it has no row"], ())
    split = {"train": 0.0, "val": 0.0, **SHARES}
    if isinstance(card, ImageCard):
        described = {"name": card.source, "classes": list(card.classes), "pixel_max": card.pixel_max, "split": split}
        report = validate_images(batch.manifest, params.images.selected.validation, described)
    else:
        section = params.pairs.selected
        report = validate_pairs(
            batch.manifest,
            section.validation,
            {"name": card.source, "split": split},
            max_characters=section.max_characters,
        )
    return Validity(
        [*batch.problems, *(sentence(each) for each in report.errors if concerns(each, batch))],
        [sentence(each) for each in report.warnings if concerns(each, batch)],
    )


def concerns(finding: Finding, batch: Batch) -> bool:
    """Whether a check is about rows, and not about targets or labels that nobody knows."""
    about_targets = finding.check == "length_ratio" or any(name.startswith("target") for name in finding.columns)
    return finding.check in OF_A_BATCH and (batch.labelled or not about_targets)


def sentence(finding: Finding) -> str:
    first = [str(row["sample"]) for row in finding.rows[:MOST_ROWS] if "sample" in row]
    return f"{finding.check}: {finding.message}" + (f" (first: {', '.join(first)})" if first else "")
