"""Columns of text from a user's .csv, .tsv, .jsonl or .parquet file; every mistake is named with its place."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from encdec.sources.delimited import read_delimited
from encdec.sources.json_lines import read_json_lines
from encdec.sources.parquet import read_parquet
from encdec.sources.rejections import Rejection, shown
from encdec.sources.row import Row

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")
MOST_SHOWN = 20


def read_rows(path: Path, wanted: Sequence[str], *, optional: Sequence[str] = ()) -> Iterator[Row | Rejection]:
    """Each row of a table with its wanted cells, then the optional ones ("" in a file that does not have them).

    A text is kept as it is: no quotes are removed in .tsv (a cell holds no tab and no line break), no text means
    "missing". An empty cell and a null are both "". Whole numbers become text; another value is a rejection, and so is
    a row with too few or too many cells, broken UTF-8, a control character or an enormous cell.

    Raises:
        ValueError: the file as a whole is no such table: another encoding, another delimiter, a missing column.
    """
    match path.suffix.lower():
        case ".csv" | ".tsv":
            return read_delimited(path, wanted, optional)
        case ".jsonl":
            return read_json_lines(path, wanted, optional)
        case ".parquet":
            return read_parquet(path, wanted, optional)
        case suffix:
            raise ValueError(f"{path}: unknown type of table {suffix!r} (valid: {', '.join(SUFFIXES)})")


def read_columns(path: Path, wanted: Sequence[str], *, optional: Sequence[str] = ()) -> list[Row]:
    """The same for a table of which every row has to be right.

    Raises:
        ValueError: the file is no such table, or a row is malformed: then with all of them, the first in words.
    """
    found = list(read_rows(path, wanted, optional=optional))
    wrong = [row for row in found if isinstance(row, Rejection)]
    if wrong:
        more = [f"... and {len(wrong) - MOST_SHOWN:,} more"] if len(wrong) > MOST_SHOWN else []
        raise ValueError("\n".join([*map(shown, wrong[:MOST_SHOWN]), *more]))
    return [row for row in found if isinstance(row, Row)]
