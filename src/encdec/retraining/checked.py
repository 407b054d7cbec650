"""New data held against the suite of their source, in a scratch folder, before anything in data/ is touched."""

import json
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from encdec.params.data import Check, Folder, ImageChecks, PairChecks, Table
from encdec.params.root import Kind, Params
from encdec.retraining.batch import Batch
from encdec.sources.batch import Described, describe_images, describe_pairs
from encdec.sources.folder import PIXEL_MAX
from encdec.sources.ingest import ingest_images, ingest_pairs
from encdec.validation.findings import Finding, ValidationReport, row_line
from encdec.validation.validate import validate_images, validate_pairs

Checks = TypeVar("Checks", ImageChecks, PairChecks)
MOST_ROWS = 3
ONE_ROW = {"min_rows": 1}
WARNING = {"severity": "warning"}


class InvalidData(ValueError):
    """The data cannot be used; the message names what was found, in the words of ingest or of the suite."""


def describe(params: Params, batch: Batch, *, scratch: Path) -> Described:
    """The rows of a batch by itself.

    Raises:
        InvalidData: it cannot be read, or too much of it.
    """
    try:
        section = params.images.selected if batch.kind == "images" else params.pairs.selected
        if isinstance(section, Folder):
            scratch.mkdir(parents=True, exist_ok=True)
            return describe_images(section, batch.path, scratch=scratch)
        assert isinstance(section, Table)  # `check_source` has seen to it
        return describe_pairs(section, batch.path)
    except ValueError as error:
        raise InvalidData(f"the batch cannot be used: {error}") from error


def check_alone(params: Params, batch: Batch, rows: pd.DataFrame) -> ValidationReport:
    """A batch by itself: with the tolerances of its source, so that a bad one does not hide among many good rows.

    How many rows there are, of which class and in which split is the concern of all data together.

    Raises:
        InvalidData: a check of severity error fails.
    """
    source: dict[str, Any] = {"name": "batch", "split": {}}
    if batch.kind == "images":
        images = params.images.selected
        assert isinstance(images, Folder)
        classes = list(images.classes or sorted(set(rows["label"])))
        source |= {"classes": classes, "pixel_max": PIXEL_MAX, "split": images.split.shares()}
        return passed(validate_images(rows, easier(images.validation), source), "the batch")
    pairs = params.pairs.selected
    assert isinstance(pairs, Table)
    source["split"] = pairs.split.shares()
    report = validate_pairs(rows, easier(pairs.validation), source, max_characters=pairs.max_characters)
    return passed(report, "the batch")


def easier(checks: Checks) -> Checks:
    fewer: dict[str, Check] = {"row_count": checks.row_count.model_copy(update=ONE_ROW)}
    fewer["split_proportions"] = checks.split_proportions.model_copy(update=WARNING)
    if isinstance(checks, ImageChecks):
        fewer["class_balance"] = checks.class_balance.model_copy(update=WARNING)
    return checks.model_copy(update=fewer)


def check_together(params: Params, kind: Kind, *, user_dir: Path, scratch: Path) -> ValidationReport:
    """A kind of data as it will be: ingested and validated as the stages do it.

    Args:
        scratch: a folder that is not there yet.

    Raises:
        InvalidData: they cannot be ingested, or a check of severity error fails.
    """
    scratch.mkdir(parents=True)
    try:
        if kind == "images":
            ingest_images(params.images, user_dir=user_dir, out=scratch)
        else:
            ingest_pairs(params.pairs, user_dir=user_dir, out=scratch)
    except ValueError as error:
        raise InvalidData(f"the {kind} cannot be ingested: {error}") from error
    rows = pd.read_parquet(scratch / "manifest.parquet")
    source = json.loads((scratch / "source.json").read_bytes())
    if kind == "images":
        report = validate_images(rows, params.images.selected.validation, source)
    else:
        selected = params.pairs.selected
        report = validate_pairs(rows, selected.validation, source, max_characters=selected.max_characters)
    return passed(report, f"all {kind} together")


def passed(report: ValidationReport, what: str) -> ValidationReport:
    if report.errors:
        raise InvalidData(f"{what} fails validation: {'; '.join(told(finding) for finding in report.errors)}")
    return report


def told(finding: Finding) -> str:
    """What was found, with the first rows that fail."""
    rows = ", ".join(row_line(row) for row in finding.rows[:MOST_ROWS])
    return f"{finding.check}: {finding.message}{f' (first: {rows})' if rows else ''}"
