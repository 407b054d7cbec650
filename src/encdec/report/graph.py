"""The stages of dvc.yaml and what depends on what, read from the file itself."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

REFERENCE = re.compile(r"\$\{\s*([\w.]+)\s*\}")


class Stage(NamedTuple):
    """`verb` and `item` are the parts of a name like train@vae; `item` is empty where there is no @."""

    verb: str
    item: str
    description: str
    command: str
    deps: tuple[str, ...]
    outs: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.verb}@{self.item}" if self.item else self.verb


class Edge(NamedTuple):
    """`before` writes what `after` reads: positions in the sequence of stages."""

    before: int
    after: int


def read_stages(path: Path) -> tuple[Stage, ...]:
    """Every stage in the order of the file, `foreach` unrolled.

    References to the file's own `vars`, to `item` and to `key` are put in; others, to params.yaml, stay as written.

    Raises:
        ValueError: no such file, not valid YAML, or no stages in it.
    """
    try:
        content = YAML(typ="safe", pure=True).load(path)
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file; give the path of dvc.yaml") from None
    except YAMLError as error:
        raise ValueError(f"{path}: not valid YAML: {error}") from None
    stages = content.get("stages") if isinstance(content, dict) else None
    if not isinstance(stages, dict):
        raise ValueError(f"{path}: no section `stages`, expected that of a dvc.yaml")
    variables: dict[str, Any] = {}
    for entry in content.get("vars") or ():
        if isinstance(entry, dict):  # the other kind names a file of values: its references stay as written
            variables.update(entry)
    return tuple(stage for verb, body in stages.items() for stage in unrolled(str(verb), body, variables))


def unrolled(verb: str, body: Mapping[str, Any], variables: Mapping[str, Any]) -> Iterator[Stage]:
    """One stage, or one for each entry of its `foreach`, named as DVC names it: a mapping's key, a list's value."""
    if "foreach" not in body:
        yield build_stage(verb, "", body, variables)
        return
    entries = filled(body["foreach"], variables)
    if isinstance(entries, dict):
        for key, item in entries.items():
            yield build_stage(verb, str(key), body["do"], {**variables, "key": key, "item": item})
    elif isinstance(entries, list):
        for item in entries:
            yield build_stage(verb, str(item), body["do"], {**variables, "item": item})


def build_stage(verb: str, item: str, body: Mapping[str, Any], variables: Mapping[str, Any]) -> Stage:
    outs = [path for section in ("outs", "metrics", "plots") for path in paths(body.get(section))]
    return Stage(
        verb,
        item,
        description=str(filled(body.get("desc", ""), variables)),
        command=" ".join(str(filled(body.get("cmd", ""), variables)).split()),
        deps=tuple(str(filled(path, variables)) for path in paths(body.get("deps"))),
        outs=tuple(str(filled(path, variables)) for path in outs),
    )


def paths(entries: Sequence[Any] | None) -> Iterator[str]:
    """A path stands alone, or as the key of a mapping with its settings."""
    for entry in entries or ():
        yield from (str(path) for path in (entry if isinstance(entry, dict) else (entry,)))


def filled(value: Any, variables: Mapping[str, Any]) -> Any:
    """A value with its references put in; a text that is one reference alone becomes what it refers to."""
    if not isinstance(value, str):
        return value
    whole = REFERENCE.fullmatch(value.strip())
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


def find_edges(stages: Sequence[Stage]) -> tuple[Edge, ...]:
    """Who reads what another writes; an edge that a longer way implies is left out."""
    direct = {
        (before, after)
        for before, writer in enumerate(stages)
        for after, reader in enumerate(stages)
        if before != after and any(overlap(out, dep) for out in writer.outs for dep in reader.deps)
    }
    follows = {before: {after for first, after in direct if first == before} for before in range(len(stages))}
    reached = {start: reachable(start, follows) for start in follows}
    return tuple(
        Edge(before, after)
        for before, after in sorted(direct)
        if not any(after in reached[between] for between in follows[before] if between != after)
    )


def overlap(out: str, dep: str) -> bool:
    """The same path, or one lies in the other."""
    first, second = PurePosixPath(out), PurePosixPath(dep)
    return first == second or first in second.parents or second in first.parents


def reachable(start: int, follows: Mapping[int, set[int]]) -> set[int]:
    found: set[int] = set()
    waiting = list(follows[start])
    while waiting:
        stage = waiting.pop()
        if stage not in found:
            found.add(stage)
            waiting.extend(follows[stage])
    return found
