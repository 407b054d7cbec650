"""What has changed since dvc.lock was written, by DVC's own word: code, parameters, data, or an out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Literal, NamedTuple

import yaml

from encdec.dvc_graph import Stage, read_stages
from encdec.params.yaml_file import read_yaml
from encdec.tracking.flat import flattened
from encdec.tracking.locked import LOCK_FILE, UNTRACKED

Kind = Literal["code", "parameters", "data", "outs", "first"]
SOURCE = "data/00_source"
PARAMS_FILE = "params.yaml"
MISSING = object()


class Change(NamedTuple):
    """`name`: a path; of a parameter its dotted key; of a stage that has never run its name."""

    kind: Kind
    name: str


def changes_of(tree: Path) -> tuple[Change, ...]:
    """What `dvc repro` would take up, the data first; not that outs are missing here, which dvc.lock still knows.

    `check`, which reads all of params.yaml and makes no result, does not count.

    Raises:
        ValueError: DVC cannot read the project.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(tree)) as repo:
            status: Mapping[str, Any] = repo.status()
    except DvcException as error:
        raise ValueError(f"DVC cannot say what has changed: {error}") from error
    stages = read_stages(tree / "dvc.yaml", values=read_yaml(tree / PARAMS_FILE))
    return classified(status, stages, locked=read_locked(tree), params=read_yaml(tree / PARAMS_FILE))


def read_locked(tree: Path) -> Mapping[str, Any]:
    """The stages of dvc.lock as they stand there, with the values of their parameters."""
    file = tree / LOCK_FILE
    if not file.is_file():
        return {}
    document: Any = yaml.load(file.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return (document or {}).get("stages") or {}


def classified(
    status: Mapping[str, Any], stages: Sequence[Stage], *, locked: Mapping[str, Any], params: Mapping[str, Any]
) -> tuple[Change, ...]:
    """Each change once.

    Args:
        status: what `dvc status --json` says.
        locked: the stages of dvc.lock.
        params: params.yaml, to name the keys that differ and not only their section.
    """
    made = [out for stage in stages for out in stage.outs]
    found: dict[Change, None] = {}
    for name, entries in status.items():
        if name in UNTRACKED or name.endswith(".dvc") or ".dvc:" in name:
            continue  # what a .dvc file tracks lies below data/00_source, and is seen there
        if name not in locked:
            found[Change("first", name)] = None
            continue
        for entry in entries:
            found |= dict.fromkeys(changes_in(entry, made, locked=locked[name], params=params))
    order: Sequence[Kind] = ("first", "data", "parameters", "code", "outs")
    return tuple(sorted(found, key=lambda change: (order.index(change.kind), change.name)))


def changes_in(
    entry: Any, made: Sequence[str], *, locked: Mapping[str, Any], params: Mapping[str, Any]
) -> Iterator[Change]:
    """What one entry of a stage's status says: a word, or what has changed among its deps or outs."""
    if not isinstance(entry, Mapping):
        yield Change("code", "dvc.yaml")  # "changed command"
        return
    for path, how in entry.get("changed deps", {}).items():
        if isinstance(how, Mapping):
            yield from (Change("parameters", key) for key in changed_keys(how, locked, params))
        elif below(path, SOURCE):
            yield Change("data", path)
        elif not any(below(out, path) or below(path, out) for out in made):
            yield Change("code", path)
    for path, how in entry.get("changed outs", {}).items():
        if how not in ("deleted", "not in cache"):
            yield Change("outs", path)


def changed_keys(sections: Iterable[str], locked: Mapping[str, Any], params: Mapping[str, Any]) -> Iterator[str]:
    """The keys whose values are not those of dvc.lock; a section that cannot be compared stands for itself."""
    known: Mapping[str, Any] = (locked.get("params") or {}).get(PARAMS_FILE) or {}
    for section in sections:
        before, now = known.get(section, MISSING), value_at(params, section)
        if not isinstance(before, Mapping) or not isinstance(now, Mapping):
            yield section
            continue
        then, today = flattened(before), flattened(now)
        different = [key for key in {**then, **today} if then.get(key, MISSING) != today.get(key, MISSING)]
        yield from (f"{section}.{key}" for key in different) if different else iter([section])


def value_at(params: Mapping[str, Any], dotted: str) -> Any:
    found: Any = params
    for part in dotted.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return MISSING
        found = found[part]
    return found


def changed_parameters(tree: Path, before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """The keys that differ between two params.yaml and that a stage reads; other keys change no result."""
    then, now = flattened(before), flattened(after)
    different = [key for key in {**then, **now} if then.get(key, MISSING) != now.get(key, MISSING)]
    read = [
        name
        for stage in read_stages(tree / "dvc.yaml", values=after)
        if stage.name not in UNTRACKED
        for name in stage.params
    ]
    return tuple(
        Change("parameters", key)
        for key in sorted(different)
        if any(key == name or key.startswith(f"{name}.") or name.startswith(f"{key}.") for name in read)
    )


def below(path: str, folder: str) -> bool:
    return PurePosixPath(path).is_relative_to(folder)
