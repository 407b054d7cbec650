"""Search spaces: `{search: {...}}` in the place of a model's value means that Optuna looks for it."""

from collections.abc import Iterator, Mapping
from itertools import product
from math import isfinite
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from encdec.params.problems import shown
from encdec.params.section import Section

Scalar = str | int | float | bool
MAX_COMBINATIONS = 64


def one_value(value: object) -> object:
    """Said once and in words, where pydantic says of each type in turn that it is not the one."""
    if not isinstance(value, Scalar) or (isinstance(value, float) and not isfinite(value)):
        raise ValueError(f"{shown(value)}: a choice is one text, one number, or true or false")
    return value


def one_number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ValueError(f"{shown(value)}: should be a number")
    return value


Number = Annotated[int | float, BeforeValidator(one_number)]


class Choices(Section):
    choices: Annotated[tuple[Annotated[Scalar, BeforeValidator(one_value)], ...], Field(min_length=2)]

    @model_validator(mode="after")
    def check_twice(self) -> Self:
        if len(set(self.choices)) < len(self.choices):
            raise ValueError(f"a choice stands twice in {list(self.choices)}")
        return self

    def extremes(self) -> tuple[Scalar, ...]:
        return self.choices


class Range(Section):
    """From low to high, both included; whole numbers where both are written as whole numbers."""

    low: Number
    high: Number
    log: bool = False

    @model_validator(mode="after")
    def check_order(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low {self.low} must be below high {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"low {self.low} must be above 0 on a logarithmic scale")
        return self

    @property
    def kind(self) -> Literal["int", "float"]:
        return "int" if isinstance(self.low, int) and isinstance(self.high, int) else "float"

    def extremes(self) -> tuple[Scalar, ...]:
        return (self.low, self.high)


Search = Choices | Range
Path = tuple[str | int, ...]


def is_search(node: object) -> bool:
    return isinstance(node, Mapping) and "search" in node


def find_searches(node: object, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every `search` mapping below a node, with its path."""
    if isinstance(node, Mapping):
        if is_search(node):
            yield path, node
            return
        for key, child in node.items():
            yield from find_searches(child, (*path, key))
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from find_searches(child, (*path, index))


def substitute(node: object, values: Mapping[Path, Scalar], path: Path = ()) -> Any:
    """A copy of a section in which the values stand where the searches stood."""
    if path in values:
        return values[path]
    if isinstance(node, Mapping):
        return {key: substitute(child, values, (*path, key)) for key, child in node.items()}
    if isinstance(node, list):
        return [substitute(child, values, (*path, index)) for index, child in enumerate(node)]
    return node


def corners(space: Mapping[Path, Search]) -> Iterator[dict[Path, Scalar]]:
    """The combinations to check beforehand: all of them, or where they are many each extreme by itself."""
    extremes = {path: search.extremes() for path, search in space.items()}
    base = {path: values[0] for path, values in extremes.items()}
    count = 1
    for values in extremes.values():
        count *= len(values)
    if count <= MAX_COMBINATIONS:
        yield from (dict(zip(extremes, values, strict=True)) for values in product(*extremes.values()))
        return
    yield base
    for path, values in extremes.items():
        yield from ({**base, path: value} for value in values[1:])
