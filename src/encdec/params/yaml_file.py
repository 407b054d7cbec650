"""params.yaml as a mapping of plain values; what could mean two things or hide something is refused with its line."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unicodedata import name as character_name

from ruamel.yaml import YAML
from ruamel.yaml.constructor import ConstructorError, SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    CollectionEndEvent,
    CollectionStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
)
from ruamel.yaml.nodes import Node

from encdec.params.problems import ParamsError, Problem, as_mapping, dotted, shown
from encdec.params.search import Path as KeyPath

MAX_BYTES = 2**18
"""The project's file has 11 kB; a longer one takes minutes to read and is another file."""
MAX_DEPTH = 32
"""Sections inside of sections; the project's file has seven."""
# What YAML allows as a character, without those that show a line in another order than it is read (CVE-2021-42574).
REFUSED = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\u2029\u202f-\u2065\u206a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
DIRECTIVE = re.compile("^%", re.MULTILINE)
MARKS = (
    (b"\xff\xfe\0\0", "UTF-32"),
    (b"\0\0\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)  # a longer mark first


class LocatedConstructor(SafeConstructor):
    """Says of a value that cannot be made, such as the date 2024-13-01, in which line it stands."""

    def construct_object(self, node: Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep=deep)
        except ValueError as error:
            raise ConstructorError(None, None, str(error), node.start_mark) from error


def read_yaml(path: Path) -> Mapping[str, Any]:
    """The file as nested mappings, lists and plain values, with texts as keys.

    Raises:
        ParamsError: no such file, not UTF-8, not YAML, or YAML that this project does not use: anchors and aliases (DVC
            would change a shared value in several sections at once), merges, tags, directives, keys that are no text.
    """
    text = read_text(path)
    try:
        problems = [*refused_lines(text)] or [*refused_events(text)]
        if problems:
            raise ParamsError(path.name, problems)
        raw = reader().load(text)
    except YAMLError as error:
        raise ParamsError(path.name, [Problem("", f"not valid YAML: {sentence(error)}")]) from None
    if raw is None:
        raise ParamsError(
            path.name, [Problem("", "is empty; `git checkout params.yaml` brings the project's own back")]
        )
    mapping = as_mapping(raw)
    if mapping is None:
        raise ParamsError(path.name, [Problem("", f"{shown(raw)}: should be a mapping of sections")])
    if problems := list(refused_keys(mapping)):
        raise ParamsError(path.name, problems)
    return mapping


def reader() -> YAML:
    """YAML 1.2 as DVC reads it, in Python: with lines in its mistakes and without tags that run code."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = LocatedConstructor
    return yaml


def read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ParamsError(path.name, [Problem("", f"no such file: {path.absolute()}")]) from None
    if len(data) > MAX_BYTES:
        told = f"has {len(data):,} bytes, expected at most {MAX_BYTES:,}: is it another file?"
        raise ParamsError(path.name, [Problem("", told)])
    for mark, encoding in MARKS:
        if data.startswith(mark):
            told = f"is written in {encoding}, expected UTF-8: save it as UTF-8"
            raise ParamsError(path.name, [Problem("", told)])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        told = f"line {line}: the byte 0x{data[error.start]:02x} is not UTF-8: save the file as UTF-8"
        raise ParamsError(path.name, [Problem("", told)]) from None


def sentence(error: YAMLError) -> str:
    """On one line, without the address of the file."""
    if isinstance(error, MarkedYAMLError) and error.problem_mark is not None:
        context = f" {error.context}" if error.context else ""
        place = f"line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}"
        return f"{place}:{context} {error.problem}"
    return " ".join(str(error).split())


def refused_lines(text: str) -> Iterator[Problem]:
    """What is refused before the parser sees it, which knows of directives only those of YAML 1.1 and 1.2."""
    for found in DIRECTIVE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Problem("", f"line {line}: remove the directive (%...): this is YAML 1.2 without tags")
    for found in REFUSED.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Problem("", f"line {line}: holds {described(found[0])}: remove it")


def described(character: str) -> str:
    other = "half of a surrogate pair" if "\ud800" <= character <= "\udfff" else "a control character"
    name = character_name(character, other)
    return f"U+{ord(character):04X} ({name.lower()})"


def refused_events(text: str) -> Iterator[Problem]:
    """What is refused before any value is made, so that neither a tag nor an alias nor a deep nest can do anything."""
    inside: list[bool | None] = []  # of each open collection, whether its next node is a key; None in a list
    for event in reader().parse(text):
        line = event.start_mark.line + 1
        for told in refusals(event, is_key=bool(inside and inside[-1])):
            yield Problem("", f"line {line}: {told}")
        if isinstance(event, CollectionEndEvent):
            inside.pop()
        elif isinstance(event, NodeEvent) and inside and inside[-1] is not None:
            inside[-1] = not inside[-1]
        if isinstance(event, CollectionStartEvent):
            inside.append(True if isinstance(event, MappingStartEvent) else None)
        if len(inside) > MAX_DEPTH:
            yield Problem("", f"line {line}: sections inside of sections, more than {MAX_DEPTH} deep")
            return


def refusals(event: Event, *, is_key: bool) -> Iterator[str]:
    if is_key and isinstance(event, CollectionStartEvent):
        yield "a key should be a text, not a list or a section"
    if isinstance(event, NodeEvent) and event.anchor:
        yield f"write the values out: an anchor or alias (&{event.anchor}) is not supported"
    if isinstance(event, CollectionStartEvent | ScalarEvent) and event.tag:
        yield f"write the value without its tag (!...): {shown(event.tag)} is not supported"
    if isinstance(event, ScalarEvent) and event.implicit[0] and event.value == "<<":
        yield "write the values out: a merge (<<) is not supported"
    if isinstance(event, ScalarEvent):
        yield from (f"an escape makes {described(found[0])}: remove it" for found in REFUSED.finditer(event.value))


def refused_keys(node: object, path: KeyPath = ()) -> Iterator[Problem]:
    """Keys that are no text, such as 1 or [a, b], or that cannot be shown on one line."""
    if isinstance(node, Mapping):
        for key, child in node.items():
            if not isinstance(key, str):
                yield Problem(dotted(path), f"the key {shown(key)} should be a text")
            elif not key.isprintable():
                yield Problem(dotted(path), f"the key {shown(key)} should be a name on one line")
            else:
                yield from refused_keys(child, (*path, key))
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from refused_keys(child, (*path, index))
