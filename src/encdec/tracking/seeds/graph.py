"""The stages of dvc.yaml with what decides about each, as DVC resolves them.

The report reads the file too (report/graph.py), without parameters; a training must not load a room that is none of its
dependencies in dvc.yaml, so this stands by itself.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

REFERENCE = re.compile(r"\$\{\s*([\w.]+)\s*\}")


class Stage(NamedTuple):
    """What dvc.yaml says of a stage; `params`: dotted names in params.yaml."""

    verb: str
    deps: tuple[str, ...]
    outs: tuple[str, ...]
    params: tuple[str, ...]


def read_graph(tree: Path) -> dict[str, Stage]:
    """The stages of dvc.yaml by DVC's names for them, with every reference put in."""
    content = read(tree / "dvc.yaml")
    bodies: Mapping[str, Mapping[str, Any]] = content.get("stages") or {}
    if not bodies:
        return {}
    variables = read(tree / "params.yaml")
    for entry in content.get("vars") or ():
        variables |= entry if isinstance(entry, dict) else {}
    return {name: stage for verb, body in bodies.items() for name, stage in unrolled(verb, body, variables)}


def unrolled(verb: str, body: Mapping[str, Any], variables: Mapping[str, Any]) -> Iterator[tuple[str, Stage]]:
    if "foreach" not in body:
        yield verb, build_stage(verb, body, variables)
        return
    entries = filled(body["foreach"], variables)
    pairs = entries.items() if isinstance(entries, dict) else [(item, item) for item in entries]
    for key, item in pairs:
        yield f"{verb}@{key}", build_stage(verb, body["do"], {**variables, "key": key, "item": item})


def build_stage(verb: str, body: Mapping[str, Any], variables: Mapping[str, Any]) -> Stage:
    def put_in(entries: list[str]) -> tuple[str, ...]:
        return tuple(
            str(filled(filled(entry, variables), variables)) for entry in entries
        )  # ${item.x} may be one again

    outs = [path for section in ("outs", "metrics", "plots") for path in paths(body.get(section))]
    named = [entry for entry in body.get("params") or () if isinstance(entry, str)]  # the other kind is a whole file
    return Stage(verb, put_in(list(paths(body.get("deps")))), put_in(outs), put_in(named))


def read(path: Path) -> dict[str, Any]:
    content: Any = yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return content if isinstance(content, dict) else {}


def paths(entries: Sequence[Any] | None) -> Iterator[str]:
    """A path stands alone, or as the key of a mapping with its settings."""
    for entry in entries or ():
        yield from (str(path) for path in (entry if isinstance(entry, dict) else (entry,)))


def filled(value: Any, variables: Mapping[str, Any]) -> Any:
    """A value with its references put in; a text that is one reference alone becomes what it refers to."""
    if not isinstance(value, str):
        return value
    whole = REFERENCE.fullmatch(value)
    if whole:
        return looked_up(whole, variables)
    return REFERENCE.sub(lambda match: str(looked_up(match, variables)), value)


def looked_up(match: re.Match[str], variables: Mapping[str, Any]) -> Any:
    found: Any = variables
    for part in match[1].split("."):
        if not isinstance(found, Mapping) or part not in found:
            return match[0]
        found = found[part]
    return found
