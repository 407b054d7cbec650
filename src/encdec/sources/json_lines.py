"""Rows of a .jsonl file: an object per line."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from encdec.params.problems import shown
from encdec.sources.cells import REFUSED, refused, rejection_of
from encdec.sources.encoding import decode_text
from encdec.sources.header import find
from encdec.sources.rejections import Rejection
from encdec.sources.row import Row


class WholeNumber(str):
    """A whole number as it is written, however long."""


def read_json_lines(path: Path, wanted: Sequence[str], optional: Sequence[str]) -> Iterator[Row | Rejection]:
    """Each line's row, or why it is none. An empty line is no row; an optional column may be missing in any line.

    Raises:
        ValueError: no text of UTF-8, or a wanted column that no line has.
    """
    seen: dict[str, None] = {}
    for number, line in enumerate(decode_text(path).split("\n"), start=1):
        text = line.strip(" \t\r")
        if text:
            place = f"{path.name}:{number}"
            try:
                values = parsed(place, text)
            except BrokenLine as broken:
                yield broken.rejection
                continue
            seen.update(dict.fromkeys(values))
            yield row_of(place, values, wanted, optional)
    if seen:
        find(path, wanted, (), found=list(seen))


class BrokenLine(Exception):
    def __init__(self, rejection: Rejection) -> None:
        super().__init__(rejection.detail)
        self.rejection = rejection


def parsed(place: str, text: str) -> dict[str, Any]:
    """The object of a line.

    Raises:
        BrokenLine: it is none, or says something twice.
    """
    if (bad := REFUSED.search(text)) is not None:
        raise BrokenLine(refused(place, "the line", found=bad))
    try:
        values = json.loads(text, parse_int=WholeNumber, parse_constant=no_constant, object_pairs_hook=unique)
    except RecursionError as error:
        raise BrokenLine(Rejection(place, "broken JSON", "values inside of values, too deep to be read")) from error
    except ValueError as error:
        raise BrokenLine(Rejection(place, "broken JSON", str(error))) from error
    if not isinstance(values, dict):
        told = f"holds {described(values)}, expected an object with names and texts"
        raise BrokenLine(Rejection(place, "broken JSON", told))
    return values


def no_constant(name: str) -> None:
    raise ValueError(f"{name} is no value of JSON; write null where there is no text")


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {shown(max(names, key=names.count))} stands twice")
    return values


def row_of(place: str, values: dict[str, Any], wanted: Sequence[str], optional: Sequence[str]) -> Row | Rejection:
    missing = [name for name in wanted if name not in values]
    if missing:
        return Rejection(place, "missing column", f"has no {', '.join(missing)}, but {', '.join(map(shown, values))}")
    names = (*wanted, *optional)
    cells = [values.get(name) for name in names]
    for name, cell in zip(names, cells, strict=True):
        if not (cell is None or isinstance(cell, str)):
            return Rejection(place, "no text", f"{name} is {described(cell)}, expected a text or a whole number")
    texts = tuple("" if cell is None else str(cell) for cell in cells)
    return rejection_of(place, names, texts) or Row(place, texts)


def described(value: object) -> str:
    match value:
        case list():
            return "a list"
        case dict():
            return "an object"
        case str():
            return "a text"
        case _:
            return json.dumps(value)
