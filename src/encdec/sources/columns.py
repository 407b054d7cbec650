"""Columns of text from a user's .csv, .tsv, .jsonl or .parquet file; every mistake is named with its place."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from encdec.sources.delimited import read_delimited
from encdec.sources.json_lines import read_json_lines
from encdec.sources.parquet import read_parquet
from encdec.sources.rejections import Rejection
from encdec.sources.row import Row

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")


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
