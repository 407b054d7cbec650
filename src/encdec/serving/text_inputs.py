"""Sources to answer, one after the other: lines, and a column of a table, read by the rules of the pipeline's tables.

Those readers hold a whole file in memory, of which they check everything; here a file is read line by line.
"""

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from encdec.serving.inputs import BadInput, TextInput
from encdec.serving.problems import InputError
from encdec.sources.cells import MAX_CHARACTERS, rejection_of
from encdec.sources.encoding import BEGINNINGS
from encdec.sources.header import find, listed
from encdec.sources.rejections import Rejection

STDIN = "-"
COLUMN = "source"
LINES = ".txt"
SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet", LINES)
MAX_LINE_BYTES = 16 * MAX_CHARACTERS
"""A line of a table may have some cells of the greatest size."""
BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"


def read_texts(paths: Sequence[str], column: str | None) -> Iterator[TextInput | BadInput]:
    """Every source in the order of the paths; `-` is standard input, a text in each line. Empty lines are no rows.

    Args:
        column: of tables; None: `source`, or the only one.

    Raises:
        InputError: a path leads to nothing, to a file of another type or encoding, or the table lacks the column.
    """
    for path in paths:
        if path == STDIN:
            yield from lines_as_texts(sys.stdin.buffer, "stdin")
            continue
        file = Path(path)
        if not file.is_file():
            raise InputError(f"{path}: there is no such file")
        match file.suffix.lower():
            case ".parquet":
                yield from parquet_texts(file, column)
            case ".csv" | ".tsv" | ".jsonl" | ".txt":
                with file.open("rb") as content:
                    yield from file_texts(content, file, column)
            case suffix:
                raise InputError(f"{path}: unknown type of file {suffix!r} (valid: {', '.join(SUFFIXES)}, or -)")


def file_texts(content: BinaryIO, file: Path, column: str | None) -> Iterator[TextInput | BadInput]:
    match file.suffix.lower():
        case ".csv" | ".tsv":
            return delimited_texts(content, file, column)
        case ".jsonl":
            return json_texts(content, file, column)
        case _:
            return lines_as_texts(content, file.name)


def lines_of(content: BinaryIO, name: str) -> Iterator[tuple[int, str]]:
    """Each line with its number and its end; a byte that is no UTF-8 becomes a lone surrogate.

    Raises:
        InputError: the file is in another encoding or of another type, or has a line without end.
    """
    number = 0
    while line := content.readline(MAX_LINE_BYTES + 1):
        number += 1
        if number == 1:
            for beginning, told in BEGINNINGS:
                if line.startswith(beginning):
                    raise InputError(f"{name}: {told}")
        if len(line) > MAX_LINE_BYTES:
            raise InputError(f"{name}:{number}: the line has more than {MAX_LINE_BYTES:,} bytes: is it a text file?")
        text = line.decode("utf-8", errors="surrogateescape")
        yield number, text.removeprefix(BOM) if number == 1 else text


def lines_as_texts(content: BinaryIO, name: str) -> Iterator[TextInput | BadInput]:
    for number, line in lines_of(content, name):
        text = line.rstrip("\r\n")
        if text:
            yield checked(f"{name}:{number}", text)


def checked(place: str, text: str) -> TextInput | BadInput:
    refused = rejection_of(place, [COLUMN], [text])
    return TextInput(place, text) if refused is None else bad(refused)


def bad(rejection: Rejection) -> BadInput:
    return BadInput(rejection.sample, rejection.detail)


def delimited_texts(content: BinaryIO, file: Path, column: str | None) -> Iterator[TextInput | BadInput]:
    tabs = file.suffix.lower() == ".tsv"
    rows = csv.reader(
        (line for _, line in lines_of(content, str(file))),
        delimiter="\t" if tabs else ",",
        quoting=csv.QUOTE_NONE if tabs else csv.QUOTE_MINIMAL,
        strict=True,
    )
    try:
        header = next(rows, [])
    except csv.Error as error:
        raise InputError(f"{file}:1: the header has broken quotes: {error}") from error
    position = header.index(chosen_column(file, header, column))
    while True:
        place = f"{file.name}:{rows.line_num + 1}"
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield BadInput(place, f"{error}: quote a cell with a quote in it, and double the quote")
            continue
        if cells and len(cells) != len(header):
            yield BadInput(place, f"{len(cells)} cells, expected {len(header)} as in the header")
        elif cells:
            yield checked(place, cells[position])


def json_texts(content: BinaryIO, file: Path, column: str | None) -> Iterator[TextInput | BadInput]:
    wanted = COLUMN if column is None else column
    for number, line in lines_of(content, str(file)):
        place = f"{file.name}:{number}"
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield BadInput(place, f"is no JSON: {error}")
            continue
        text = row.get(wanted) if isinstance(row, dict) else None
        if isinstance(text, str):
            yield checked(place, text)
        else:
            yield BadInput(place, f"is no object with a text as {wanted!r}")


def parquet_texts(file: Path, column: str | None) -> Iterator[TextInput | BadInput]:
    from pyarrow import ArrowException
    from pyarrow.parquet import read_schema

    from encdec.sources.parquet import read_parquet

    try:
        names = list(read_schema(file).names)
    except (ArrowException, OSError) as error:
        raise InputError(f"{file}: cannot be read as Parquet: {error}") from error
    for row in read_parquet(file, [chosen_column(file, names, column)], []):
        yield bad(row) if isinstance(row, Rejection) else TextInput(row.place, row.cells[0])


def chosen_column(file: Path, header: Sequence[str], column: str | None) -> str:
    if column is None and COLUMN not in header:
        if len(header) != 1:
            found = listed(list(header))
            raise InputError(f"{file}: has no column {COLUMN!r} (found: {found}): name the one to read with --column")
        return header[0]
    wanted = COLUMN if column is None else column
    find(file, [wanted], [], found=list(header))
    return wanted
