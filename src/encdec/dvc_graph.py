"""The stages of dvc.yaml, read from the file itself: DVC's own reading takes a second to import."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

REFERENCE = re.compile(r"\$\{\s*([\w.]+)\s*\}")
NOTHING: Mapping[str, Any] = MappingProxyType({})


class Stage(NamedTuple):
    """`verb` and `item` are the parts of a name like train@vae; `item` is empty where there is no @.

    `params`: dotted names in params.yaml; that a stage reads the whole file is not in them.
    """

    verb: str
    item: str
    description: str
    command: str
    deps: tuple[str, ...]
    outs: tuple[str, ...]
    params: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.verb}@{self.item}" if self.item else self.verb


def read_stages(path: Path, *, values: Mapping[str, Any] = NOTHING) -> tuple[Stage, ...]:
    """Every stage in the order of the file, `foreach` unrolled.

    References to the file's own `vars`, to `item`, to `key` and to `values` are put in; others stay as written.

    Args:
        values: those of params.yaml, where they are to be put in as well.

    Raises:
        ValueError: no such file, not valid YAML, or no stages in it.
    """
    try:
        content = load(path)
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file; give the path of dvc.yaml") from None
    except YAMLError as error:
        raise ValueError(f"{path}: not valid YAML: {error}") from None
    stages = content.get("stages") if isinstance(content, dict) else None
    if not isinstance(stages, dict):
        raise ValueError(f"{path}: no section `stages`, expected that of a dvc.yaml")
    variables = dict(values)
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
            slots = {name: filled(value, variables) for name, value in item.items()} if isinstance(item, dict) else item
            yield build_stage(verb, str(key), body["do"], {**variables, "key": key, "item": slots})
    elif isinstance(entries, list):
        for item in entries:
            yield build_stage(verb, str(item), body["do"], {**variables, "item": item})


def build_stage(verb: str, item: str, body: Mapping[str, Any], variables: Mapping[str, Any]) -> Stage:
    outs = [path for section in ("outs", "metrics", "plots") for path in paths(body.get(section))]
    named = [entry for entry in body.get("params") or () if isinstance(entry, str)]  # the other kind is a whole file
    return Stage(
        verb,
        item,
        description=str(filled(body.get("desc", ""), variables)),
        command=" ".join(str(filled(body.get("cmd", ""), variables)).split()),
        deps=tuple(str(filled(path, variables)) for path in paths(body.get("deps"))),
        outs=tuple(str(filled(path, variables)) for path in outs),
        params=tuple(str(filled(name, variables)) for name in named),
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


def load(path: Path) -> Any:
    """Any YAML file, as DVC reads it."""
    return YAML(typ="safe").load(path)
