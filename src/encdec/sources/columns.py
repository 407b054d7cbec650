"""Columns of text from a user's .csv, .tsv, .jsonl or .parquet file; every mistake is named with its place."""

import csv
import json
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from encdec.params.problems import nearest

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")


class Row(NamedTuple):
    """`place`: file and line (or row, from 1), for error messages. `cells`: the texts of the wanted columns."""

    place: str
    cells: tuple[str, ...]


def read_columns(path: Path, wanted: Sequence[str], *, optional: Sequence[str] = ()) -> list[Row]:
    """The wanted columns of a table, then the optional ones ("" in a file that does not have them).

    A text is kept as it is: no quotes are removed in .tsv (a cell holds no tab and no line break), no text means
    "missing". An empty cell and a null are both "". Whole numbers become text; other values are a mistake.

    Raises:
        ValueError: the file is no such table, is not UTF-8, lacks a column, or a row is malformed.
    """
    match path.suffix.lower():
        case ".csv" | ".tsv":
            rows = delimited(path, wanted, optional)
        case ".jsonl":
            rows = json_lines(path, wanted, optional)
        case ".parquet":
            rows = parquet(path, wanted, optional)
        case suffix:
            raise ValueError(f"{path}: unknown type of table {suffix!r} (valid: {', '.join(SUFFIXES)})")
    return list(rows)


def delimited(path: Path, wanted: Sequence[str], optional: Sequence[str]) -> Iterator[Row]:
    text = StringIO(utf8(path.read_bytes(), place=str(path)), newline="")
    if path.suffix.lower() == ".tsv":
        lines = csv.reader(text, delimiter="\t", quoting=csv.QUOTE_NONE)
    else:
        lines = csv.reader(text, strict=True)
    try:
        header = next(lines, [])
        positions = find(path, wanted, optional, found=header)
        for cells in lines:
            place = f"{path}:{lines.line_num}"
            if cells and len(cells) != len(header):
                raise ValueError(f"{place}: cells: {len(cells)}, but the header has {len(header)}")
            if cells:
                yield Row(place, tuple("" if position is None else cells[position] for position in positions))
    except csv.Error as error:
        raise ValueError(f"{path}:{lines.line_num}: {error}") from error


def json_lines(path: Path, wanted: Sequence[str], optional: Sequence[str]) -> Iterator[Row]:
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        place = f"{path}:{number}"
        text = utf8(line, place=place).strip()
        if not text:
            continue
        try:
            values = json.loads(text)
        except ValueError as error:
            raise ValueError(f"{place}: is no JSON: {error}") from error
        if not isinstance(values, dict):
            raise ValueError(f"{place}: holds {type(values).__name__}, expected an object with {', '.join(wanted)}")
        find(place, wanted, optional, found=list(values))
        yield Row(place, tuple(as_text(values.get(name), f"{place}: {name}") for name in (*wanted, *optional)))


def parquet(path: Path, wanted: Sequence[str], optional: Sequence[str]) -> Iterator[Row]:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            header = list(file.schema_arrow.names)
            positions = find(path, wanted, optional, found=header)
            table = file.read(columns=[header[position] for position in positions if position is not None])
    except (ArrowException, OSError) as error:
        raise ValueError(f"{path}: cannot be read as Parquet: {error}") from error
    present = {name: table.column(name).to_pylist() for name in table.column_names}
    names = (*wanted, *optional)
    for index in range(table.num_rows):
        place = f"{path}: row {index + 1}"
        cells = (present[name][index] if name in present else None for name in names)
        yield Row(place, tuple(as_text(cell, f"{place}: {name}") for name, cell in zip(names, cells, strict=True)))


def utf8(data: bytes, *, place: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        byte = f"0x{data[error.start]:02x} at position {error.start} (line {line})"
        raise ValueError(f"{place}: the byte {byte} is not UTF-8: save the file as UTF-8") from error


def find(place: object, wanted: Sequence[str], optional: Sequence[str], *, found: Sequence[str]) -> list[int | None]:
    """The position of each wanted, then of each optional column (None where it is missing)."""
    for name in (*wanted, *optional):
        if found.count(name) > 1:
            raise ValueError(f"{place}: has {found.count(name)} columns {name!r}")
        if name not in found and name in wanted:
            names = f"columns found: {', '.join(found)}" if found else "the file is empty"
            raise ValueError(f"{place}: has no column {name!r}{nearest(name, found)}; {names}")
    return [found.index(name) if name in found else None for name in (*wanted, *optional)]


def as_text(value: object, place: str) -> str:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise ValueError(f"{place}: holds {value!r}, expected a text or a whole number")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{place}: holds half of a surrogate pair, {value!r}, which is no Unicode text") from error
    return value
