"""Answers that `encdec predict` wrote for a batch, put into the order of its rows."""

import csv
import json
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any, Literal, NamedTuple
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from encdec.monitoring.answers import Answered, Classified
from encdec.monitoring.finding import Array
from encdec.monitoring.rows import ImageRows, TextRows
from encdec.sources.printable import printable

KEYS: Mapping[str, tuple[str, ...]] = {
    "classes": ("class", "probability"),
    "errors": ("reconstruction_error",),
    "texts": ("source", "target", "score"),
}
Answers = Literal["classes", "errors", "texts"]
Line = Mapping[str, Any]
SHOWN = 60


class Logged(NamedTuple):
    """What a file holds, a value per row of the batch; the others are None."""

    classified: Classified | None
    errors: Array | None
    answered: Answered | None

    def take(self, rows: NDArray[np.int64]) -> "Logged":
        return Logged(
            None if self.classified is None else self.classified.take(rows),
            None if self.errors is None else self.errors[rows],
            None if self.answered is None else self.answered.take(rows),
        )


NOTHING = Logged(None, None, None)


def read_logged(path: Path, rows: ImageRows | TextRows) -> Logged:
    """The answers in the order of the batch, matched by the key `input`, the name of a row.

    Raises:
        ValueError: the file is not one of `encdec predict`, or not of this batch; it names the row and the key.
    """
    lines = read_lines(path)
    if len(lines) != rows.num_rows:
        raise ValueError(f"{path}: has {len(lines):,} answers, and the batch {rows.num_rows:,} rows: one for each row")
    kind = kind_of(path, lines[0], rows)
    check(path, lines, KEYS[kind])
    ordered = matched(path, lines, rows)
    if kind == "errors":
        return Logged(None, numbers(path, ordered, "reconstruction_error", low=0.0), None)
    if kind == "classes":
        confidence = numbers(path, ordered, "probability", low=0.0, high=1.0)
        return Logged(Classified([str(line["class"]) for line in ordered], confidence), None, None)
    scores = numbers(path, ordered, "score")
    return Logged(None, None, Answered([str(line["target"]) for line in ordered], scores))


def read_lines(path: Path) -> list[Line]:
    """JSON lines or CSV, by the name of the file; each with its number as `#`."""
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file of predictions")
    found: list[dict[str, Any]] = []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            if path.suffix.lower() == ".csv":
                found = [dict(row) for row in csv.DictReader(file, strict=True)]
            else:
                found = [parsed(path, number, line) for number, line in enumerate(file, start=1) if line.strip()]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: neither JSON lines nor a CSV of `encdec predict`: {error}") from error
    return [{**line, "#": number} for number, line in enumerate(found, start=1)]


def parsed(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise ValueError(f"{path}: row {number}: is no JSON: {error}") from error
    if not isinstance(row, dict):
        raise ValueError(f"{path}: row {number}: is a {type(row).__name__}, expected an object")
    return row


def kind_of(path: Path, first: Line, rows: ImageRows | TextRows) -> Answers:
    fits: tuple[Answers, ...] = ("classes", "errors") if isinstance(rows, ImageRows) else ("texts",)
    for kind in fits:
        if all(key in first for key in KEYS[kind]):
            return kind
    wanted = " or ".join(f"input, {', '.join(KEYS[kind])}" for kind in fits)
    missing = next(key for key in ("input", *KEYS[fits[0]]) if key not in first)
    raise ValueError(f"{path}: row 1: has no key {missing!r}, expected the keys {wanted}, as `encdec predict` writes")


def check(path: Path, lines: Sequence[Line], keys: Sequence[str]) -> None:
    for line in lines:
        if line.get("error"):
            raise ValueError(f"{path}: row {line['#']}: key 'error': has no answer ({shown(line['error'])})")
        for key in ("input", *keys):
            if line.get(key) is None:
                raise ValueError(f"{path}: row {line['#']}: has no key {key!r}")


def matched(path: Path, lines: Sequence[Line], rows: ImageRows | TextRows) -> list[Line]:
    by_name: dict[str, Line] = {}
    for line in lines:
        name = str(line["input"])
        if name in by_name:
            raise ValueError(f"{path}: row {line['#']}: key 'input': {shown(name)} stands already in row "
                             f"{by_name[name]['#']}: one answer for each row")  # fmt: skip
        by_name[name] = line
    known = {printable(name) for name in rows.names}
    for name, line in by_name.items():
        if name not in known:
            raise ValueError(
                f"{path}: row {line['#']}: key 'input': {shown(name)} is no row of the batch (the first is "
                f"{shown(printable(rows.names[0]))}): predict the same path"
            )
    ordered = [by_name[printable(name)] for name in rows.names]
    if isinstance(rows, TextRows):
        for line, source in zip(ordered, rows.sources, strict=True):
            if normalize("NFC", str(line["source"])) != source:
                raise ValueError(f"{path}: row {line['#']}: key 'source': {shown(line['source'])} is not the batch's "
                                 f"{shown(source)}")  # fmt: skip
    return ordered


def numbers(path: Path, lines: Sequence[Line], key: str, *, low: float = -np.inf, high: float = np.inf) -> Array:
    found = []
    for line in lines:
        try:
            value = float(line[key])
        except (TypeError, ValueError):
            value = float("nan")
        if not isfinite(value) or not low <= value <= high:
            raise ValueError(f"{path}: row {line['#']}: key {key!r}: {shown(line[key])} is no number that it can be")
        found.append(value)
    return np.array(found)


def shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
