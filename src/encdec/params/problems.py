"""Mistakes in params.yaml as sentences: path, value, what was expected, and the nearest valid key."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from json import dumps
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

MAX_SHOWN = 80
MAX_SENTENCES = 50
"""Mistakes that a message lists."""


class Problem(NamedTuple):
    path: str
    message: str

    def sentence(self, file: str) -> str:
        return f"{file}: {self.path}: {self.message}" if self.path else f"{file}: {self.message}"


class ParamsError(ValueError):
    """All mistakes of a parameter file at once."""

    def __init__(self, file: str, problems: Iterable[Problem]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        count = len(self.problems)
        head = f"{count} mistake{'s' if count != 1 else ''} in {file}:"
        lines = [f"  {problem.sentence(file)}" for problem in self.problems[:MAX_SENTENCES]]
        more = [f"  ... and {count - MAX_SENTENCES} more"] if count > MAX_SENTENCES else []
        super().__init__("\n".join([head, *lines, *more]))


def dotted(path: Iterable[str | int]) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."


def nearest(word: str, candidates: Iterable[str]) -> str:
    """' (did you mean X?)', or the list of what is valid where nothing is near."""
    names = sorted(candidates)
    close = get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f" (did you mean {close[0]}?)"
    return f" (valid: {', '.join(names)})" if names else ""


def validate(kind: Any, value: object, *, path: tuple[str | int, ...] = ()) -> tuple[Any, list[Problem]]:
    """The value as `kind`, or None and every mistake in it."""
    try:
        return TypeAdapter(kind).validate_json(dumps(value, default=str), strict=True), []
    except ValidationError as error:
        found = error.errors(include_url=False)
        # where entries of a list are wrong, pydantic counts the right ones and also calls the list too short
        return None, [
            describe(kind, one, path) for one in found if not (one["type"] == "too_short" and inside(one, found))
        ]


def inside(short: ErrorDetails, found: Iterable[ErrorDetails]) -> bool:
    at = short["loc"]
    return any(len(one["loc"]) > len(at) and one["loc"][: len(at)] == at for one in found)


def describe(kind: Any, details: ErrorDetails, path: tuple[str | int, ...]) -> Problem:
    keys, parents = visible(kind, details["loc"])
    at = dotted((*path, *keys))
    found = details["input"]
    match details["type"]:
        case "extra_forbidden":
            return Problem(at, f"unknown key{nearest(str(keys[-1]), parents)}")
        case "missing":
            return Problem(at, "missing key")
        case "literal_error":
            options = [option.strip("'") for option in details["ctx"]["expected"].replace(" or ", ", ").split(", ")]
            hint = get_close_matches(str(found), options, n=1, cutoff=0.6)
            tail = f" (did you mean {hint[0]}?)" if hint else ""
            return Problem(at, f"{shown(found)} is not one of {', '.join(options)}{tail}")
        case "union_tag_invalid" | "union_tag_not_found":
            context = details["ctx"]
            tag = str(context["discriminator"]).strip("'")
            if details["type"] == "union_tag_not_found":
                return Problem(f"{at}.{tag}", "missing key")
            options = [option.strip().strip("'") for option in context["expected_tags"].split(",")]
            return Problem(f"{at}.{tag}", f"{shown(context['tag'])} is not one of {', '.join(options)}")
        case "too_short":
            least = details["ctx"]["min_length"]
            return Problem(at, f"{shown(found)}: should have at least {least} item{'s' if least > 1 else ''}")
        case "tuple_type":
            return Problem(at, f"{shown(found)}: should be a list")
        case "value_error":
            return Problem(at, str(details["ctx"]["error"]))
        case _:
            message = details["msg"].removeprefix("Input ").removeprefix("String ")
            return Problem(at, f"{shown(found)}: {message}")


def visible(kind: Any, loc: tuple[str | int, ...]) -> tuple[list[str | int], list[str]]:
    """The location without the tags of unions, and the valid keys beside its last part."""
    keys: list[str | int] = []
    siblings: list[str] = []
    for part in loc:
        kind, tag = member(kind, part)
        if tag:
            continue
        keys.append(part)
        siblings, kind = step(kind, part)
    return keys, siblings


def step(kind: Any, part: str | int) -> tuple[list[str], Any]:
    """The valid keys of a section and the type behind one of them (None where it has no such key)."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = {field.alias or name: field for name, field in kind.model_fields.items()}
        field = fields.get(str(part))
        return list(fields), annotation(field) if field else None
    if isinstance(part, int) and get_args(kind):
        return [], get_args(kind)[0]
    return [], None


def annotation(field: FieldInfo) -> Any:
    return Annotated[field.annotation, field] if field.discriminator else field.annotation


def member(kind: Any, part: str | int) -> tuple[Any, bool]:
    """The member of a tagged union that `part` names, and whether it was such a tag."""
    base = kind
    while get_origin(base) is Annotated:
        base = get_args(base)[0]
    if get_origin(base) not in (Union, UnionType):
        return base, False
    models = [option for option in get_args(base) if isinstance(option, type) and issubclass(option, BaseModel)]
    for option in models:
        for field in option.model_fields.values():
            if get_origin(field.annotation) is Literal and part in get_args(field.annotation):
                return option, True
    return (models[0] if len(models) == 1 else base), False


def as_mapping(value: object) -> Mapping[str, Any] | None:
    return value if isinstance(value, Mapping) else None
