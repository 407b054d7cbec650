"""Outs appear whole or not at all."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

from encdec.remedies import named

OFF_FILE = "off.json"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""The last four are the wide forms, which some spreadsheets take for the narrow ones."""


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """A new folder beside `out` that takes its place when the block ends well, and is removed when it does not."""
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        if out.exists():
            shutil.rmtree(out)
        partial.replace(out)
    except OSError as error:
        raise named(error, out) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write a file so that a reader never sees a part of it. UTF-8, newlines as given."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write a file so that a reader never sees a part of it, and so that the old one stays where it does not fit."""
    partial = path.with_name(f".{path.name}.partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        raise named(error, path) from error
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, value: object) -> None:
    """Sorted keys, two spaces, a last newline; NaN and infinity are refused."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def switch_off(*outs: Path) -> None:
    """What a stage leaves when its model or its kind of data is switched off in params.yaml.

    Each out keeps its place in the graph: {} as a metrics file, empty as a table, else a folder with off.json alone.
    """
    for out in outs:
        match out.suffix:
            case ".json":
                write_json(out, {})
            case ".csv":
                write_text(out, "")
            case _:
                with whole_folder(out) as folder:
                    write_json(folder / OFF_FILE, {"enabled": False})


def table_text(table: "pd.DataFrame") -> str:
    """A table as CSV in which a spreadsheet finds no formula.

    A text that begins with =, +, -, @, a tab or a line break gets an apostrophe before it, which spreadsheets show as
    text (https://owasp.org/www-community/attacks/CSV_Injection). Only tables for people are written so: the data
    themselves stay as they are, and numbers stay numbers.
    """
    texts = {str(column): table[column] for column in table if table[column].dtype in (object, "str")}
    safe = table.assign(**{name: column.map(without_formula) for name, column in texts.items()})
    return str(safe.to_csv(index=False, lineterminator="\n"))


def without_formula(value: object) -> object:
    if not isinstance(value, str):
        return value
    lines = value.replace("\r\n", "\n").replace("\r", "\n")  # a carriage return alone would end the row unquoted
    return f"'{lines}" if lines.startswith(FORMULA_STARTS) else lines
