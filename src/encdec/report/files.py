"""Reads the outs of other stages, and says which stage writes a file that is not there."""

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple


class Table(NamedTuple):
    """A CSV file: its name, the header, the first rows as text, and how many rows there are."""

    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    total: int

    @property
    def shortened(self) -> bool:
        return self.total > len(self.rows)

    def column(self, name: str) -> tuple[str, ...]:
        """The fields of a column; none where there is no such column."""
        if name not in self.header:
            return ()
        place = self.header.index(name)
        return tuple(row[place] for row in self.rows)


def read_bytes(path: Path, *, stage: str) -> bytes:
    """The content of an out.

    Raises:
        ValueError: no such file; the message names the stage that writes it.
    """
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise ValueError(f"{path}: no such file; it is written by `dvc repro {stage}`") from None


def read_mapping(path: Path, *, stage: str) -> Mapping[str, Any]:
    """A JSON object.

    Raises:
        ValueError: no such file, or something else in it.
    """
    value = read_json(path, stage=stage)
    if not isinstance(value, dict):
        raise ValueError(f"{path}: {type(value).__name__}, expected an object; run `dvc repro --force {stage}`")
    return value


def read_json(path: Path, *, stage: str) -> Any:
    """Any value of JSON.

    Raises:
        ValueError: no such file, or no JSON in it.
    """
    content = read_bytes(path, stage=stage)
    try:
        return json.loads(content)
    except ValueError as error:
        raise ValueError(f"{path}: not valid JSON ({error}); run `dvc repro --force {stage}`") from None


def read_table(path: Path, *, stage: str, most: int) -> Table:
    """A CSV file with a header, its first `most` rows kept; an empty file has neither header nor rows.

    Raises:
        ValueError: no such file, not UTF-8, or a row with more or fewer fields than the header.
    """
    try:
        text = read_bytes(path, stage=stage).decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8 ({error}); run `dvc repro --force {stage}`") from None
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # of the process; 131,072 characters by default
    # not splitlines(): a text of the data may hold a form feed or U+2028, which are no ends of a row
    lines = csv.reader(io.StringIO(text, newline=""))
    header = tuple(next(lines, ()))
    rows: list[tuple[str, ...]] = []
    total = 0
    for line in lines:
        total += 1
        if len(line) != len(header):
            found = f"row {total} has {len(line)} fields, expected {len(header)}"
            raise ValueError(f"{path}: {found}; run `dvc repro --force {stage}`")
        if total <= most:
            rows.append(tuple(line))
    return Table(path.name, header, tuple(rows), total)
