"""Rows of a .parquet file."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from encdec.sources.cells import rejection_of
from encdec.sources.header import find
from encdec.sources.printable import printable
from encdec.sources.rejections import Rejection
from encdec.sources.row import Row

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

BATCH_ROWS = 1024
MOST_CHARACTERS = 300


def read_parquet(path: Path, wanted: Sequence[str], optional: Sequence[str]) -> Iterator[Row | Rejection]:
    """Each row, or why it is none.

    Raises:
        ValueError: no Parquet file, a damaged or encrypted one, or one whose columns are missing or hold something else
            than text and whole numbers.
    """
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    with path.open("rb") as file:
        start = file.read(4)
    if start == b"PARE":
        raise ValueError(f"{path}: is an encrypted Parquet file: decrypt it first")
    if start != b"PAR1":
        raise ValueError(f"{path}: is no Parquet file, which begins with PAR1: give it the ending of what it is")
    try:
        with ParquetFile(path) as file:
            yield from rows_of(file, path, wanted, optional)
    except (ArrowException, OSError, UnicodeDecodeError) as error:
        said = printable(" ".join(str(error).split()))[:MOST_CHARACTERS]
        raise ValueError(f"{path}: cannot be read as Parquet, write it again: {said}") from error


def rows_of(
    file: "ParquetFile", path: Path, wanted: Sequence[str], optional: Sequence[str]
) -> Iterator[Row | Rejection]:
    header = list(file.schema_arrow.names)
    found = find(path, wanted, optional, found=header)
    names = (*wanted, *optional)
    check_types(path, file.schema_arrow, [name for name, at in zip(names, found, strict=True) if at is not None])
    present = [header[position] for position in found if position is not None]
    number = 0
    for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=present):
        columns = {name: texts(batch.column(name)) for name in present}
        for index in range(batch.num_rows):
            number += 1
            place = f"{path.name}: row {number}"
            cells = tuple(columns[name][index] if name in columns else "" for name in names)
            yield rejection_of(place, names, cells) or Row(place, cells)


def check_types(path: Path, schema: Any, names: Sequence[str]) -> None:
    import pyarrow.types as is_type

    wrong = []
    for name in dict.fromkeys(names):
        kind = schema.field(name).type
        kind = kind.value_type if is_type.is_dictionary(kind) else kind
        text = is_type.is_string(kind) or is_type.is_large_string(kind) or is_type.is_string_view(kind)
        if not (text or is_type.is_integer(kind) or is_type.is_null(kind)):
            wrong.append(f"{name} holds {schema.field(name).type}")
    if wrong:
        raise ValueError(f"{path}: {', '.join(wrong)}; expected text or whole numbers: convert it")


def texts(column: Any) -> list[str]:
    """A column of text or whole numbers; a null is "". A byte that is no UTF-8 becomes U+DC00 + byte."""
    import pyarrow as pa
    import pyarrow.types as is_type

    if is_type.is_dictionary(column.type):
        column = column.dictionary_decode()
    if is_type.is_integer(column.type) or is_type.is_null(column.type):
        return ["" if value is None else str(value) for value in column.to_pylist()]
    values = column.cast(pa.large_binary()).to_pylist()
    return ["" if value is None else value.decode("utf-8", errors="surrogateescape") for value in values]
