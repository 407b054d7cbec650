"""What dvc.lock knows of the stages: who made which data from which, also where no run of this database did."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from encdec.tracking.git import LOCK_FILE

UNTRACKED = ("check",)
"""Stages that make no run."""


class LockedStage(NamedTuple):
    """The digests of a stage's outs, and of those of its deps that are data, by path."""

    outs: Mapping[str, str]
    data: Mapping[str, str]


def locked_stages(tree: Path) -> dict[str, LockedStage]:
    """The stages that dvc.lock has results of, by name; nothing where there is no such file.

    A dep is data where another stage makes it, or where it lies beside what stages make: below the same top folder.
    """
    file = tree / LOCK_FILE
    if not file.is_file():
        return {}
    document: Any = yaml.load(file.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    raw: Mapping[str, Any] = (document or {}).get("stages") or {}
    outs = {name: digests(stage.get("outs", ())) for name, stage in raw.items()}
    tops = {path.split("/")[0] for made in outs.values() for path in made if "/" in path}
    unseen = {path for name in UNTRACKED for path in outs.get(name, ())}
    stages = {}
    for name, stage in raw.items():
        if name not in UNTRACKED:
            deps = digests(stage.get("deps", ()))
            data = {path: md5 for path, md5 in deps.items() if path.split("/")[0] in tops and path not in unseen}
            stages[name] = LockedStage(outs[name], data)
    return stages


def digests(entries: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {entry["path"]: entry["md5"] for entry in entries if entry.get("md5")}


def maker(stages: Mapping[str, LockedStage], path: str, digest: str) -> str | None:
    """The stage whose out has that digest."""
    return next((name for name, stage in stages.items() if stage.outs.get(path) == digest), None)


def around(stages: Mapping[str, LockedStage], path: str) -> str | None:
    """The out, or the data that a stage reads, that a path is or lies in."""
    known = {name for stage in stages.values() for name in (*stage.outs, *stage.data)}
    return next((each for each in (path, *map(Path.as_posix, Path(path).parents)) if each in known), None)


def outs_below(tree: Path, folders: Sequence[Path]) -> list[Path]:
    """The outs in dvc.lock below some folders, as paths that begin like the folder; one without any stands itself.

    A stage that reads the outs of many names them by it, so that each is found again by its own digest.
    """
    outs = sorted(path for stage in locked_stages(tree).values() for path in stage.outs)
    found: list[Path] = []
    for folder in folders:
        below = [Path(out) for out in outs if Path(out).is_relative_to(folder) and (tree / out).exists()]
        found += below or [folder]
    return found
