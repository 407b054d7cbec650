"""Rows of a .csv file (quoted as RFC 4180 says) or a .tsv file (no quoting: a cell holds no tab and no line break)."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from encdec.sources.cells import REFUSED, rejection_of
from encdec.sources.encoding import decode_text
from encdec.sources.header import find
from encdec.sources.rejections import Rejection
from encdec.sources.row import Row

DELIMITERS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}
HEADER_CHARACTERS = 100_000


class Record(NamedTuple):
    """The lines `first` to `last` of the file; no cells where they are no record, which `error` then says."""

    first: int
    last: int
    cells: Sequence[str]
    error: str = ""


def read_delimited(path: Path, wanted: Sequence[str], optional: Sequence[str]) -> Iterator[Row | Rejection]:
    """Each row below the header, or why it is none. An empty line is no row.

    Raises:
        ValueError: no text of UTF-8, a wrong header or delimiter, or a quoted cell that never ends.
    """
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    text = decode_text(path)
    with cells_of_any_length(text):
        records = list(read_records(text, delimiter))
        if not records:
            raise ValueError(f"{path}: is empty, expected a header with {', '.join(wanted)} and rows below it")
        header = records[0]
        positions = positions_of(path, wanted, optional, header=header, start=text[:HEADER_CHARACTERS])
    for record in records[1:]:
        place = f"{path.name}:{record.first}"
        if record.error and record.last > record.first:
            told = f"a quoted cell begins here, and at line {record.last} it has not ended rightly"
            raise ValueError(f"{path}:{record.first}: {told} ({record.error}): double a quote inside of a cell")
        rejected = malformed(place, record, width=len(header.cells))
        if rejected is not None:
            yield rejected
            continue
        cells = tuple("" if position is None else record.cells[position] for position in positions)
        yield rejection_of(place, (*wanted, *optional), cells) or Row(place, cells)


@contextmanager
def cells_of_any_length(text: str) -> Iterator[None]:
    """By itself the csv module gives up at 131,072 characters; which row is too long is told by its own line here."""
    before = csv.field_size_limit(len(text) + 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def read_records(text: str, delimiter: str) -> Iterator[Record]:
    lines = csv.reader(
        StringIO(text, newline=""),
        delimiter=delimiter,
        quoting=csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL,
        strict=True,
    )
    while True:
        first = lines.line_num + 1
        try:
            cells = next(lines)
        except StopIteration:
            return
        except csv.Error as error:
            yield Record(first, lines.line_num, (), str(error))
            continue
        if cells:
            yield Record(first, lines.line_num, cells)


def malformed(place: str, record: Record, *, width: int) -> Rejection | None:
    if record.error:
        return Rejection(
            place, "broken quotes", f"{record.error}: quote a cell with a quote in it, and double the quote"
        )
    # bytes that are no UTF-8 spoil the row wherever they stand: they may have been a delimiter
    bad = REFUSED.search("".join(record.cells))
    if bad is not None and "\udc80" <= bad[0] <= "\udcff":
        cell = next(index for index, text in enumerate(record.cells) if bad[0] in text)
        return rejection_of(place, [f"cell {cell + 1}"], [record.cells[cell]])
    if len(record.cells) != width:
        lines = f" in lines {record.first} to {record.last}" if record.last > record.first else ""
        ending = " (the last is empty: is there a delimiter at the end?)" if record.cells[-1] == "" else ""
        count = f"{len(record.cells)} cell{'s' if len(record.cells) > 1 else ''}"
        return Rejection(place, "ragged row", f"{count}{lines}, expected {width} as in the header{ending}")
    return None


def positions_of(
    path: Path, wanted: Sequence[str], optional: Sequence[str], *, header: Record, start: str
) -> list[int | None]:
    """Where the columns stand in a row.

    Raises:
        ValueError: the header is no record, is no UTF-8, or lacks a column, perhaps because of its delimiter.
    """
    if header.error:
        raise ValueError(f"{path}:{header.first}: the header has broken quotes: {header.error}")
    if bad := rejection_of(path.name, ["the header"], ["".join(header.cells)]):
        raise ValueError(f"{path}:{header.first}: {bad.detail}")
    try:
        return find(path, wanted, optional, found=header.cells)
    except ValueError as error:
        own = "tabs" if path.suffix.lower() == ".tsv" else "commas"
        for other, name in DELIMITERS.items():
            if name != own and set(wanted) <= set(next(read_records(start, other)).cells):
                raise ValueError(
                    f"{path}: its header is separated by {name}, but a {path.suffix} file has {own}: save it so"
                ) from error
        raise
