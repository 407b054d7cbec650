"""What dvc.lock knows of the stages: who made which data from which, also where no run of this database did."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

LOCK_FILE = "dvc.lock"
UNTRACKED = ("check",)
"""Stages that make no run."""


class LockedStage(NamedTuple):
    """The digests of a stage's outs and deps by path, in the order of dvc.lock; "" for one without."""

    outs: Mapping[str, str]
    deps: Mapping[str, str]


def read_dvc_lock(file: Path) -> dict[str, LockedStage]:
    """All stages of a dvc.lock by name; nothing where there is no such file."""
    return parse_dvc_lock(file.read_bytes()) if file.is_file() else {}


def parse_dvc_lock(content: str | bytes) -> dict[str, LockedStage]:
    """The same of its text."""
    document: Any = yaml.load(content, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    stages: Mapping[str, Any] = (document or {}).get("stages") or {}
    return {
        str(name): LockedStage(digests(stage.get("outs", ())), digests(stage.get("deps", ())))
        for name, stage in stages.items()
    }


def digests(entries: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {entry["path"]: entry.get("md5", "") for entry in entries}


def locked_outs(file: Path) -> dict[str, str]:
    """The digests of all outs in a dvc.lock, by path."""
    return {path: digest for stage in read_dvc_lock(file).values() for path, digest in stage.outs.items()}


def locked_results(tree: Path) -> dict[str, LockedStage]:
    """The stages that make a run, as dvc.lock has them, by name; of their deps those that are data, and not code.

    A dep is data where another stage makes it, or where it lies beside what stages make: below the same top folder.
    """
    stages = read_dvc_lock(tree / LOCK_FILE)
    tops = {path.split("/")[0] for stage in stages.values() for path in stage.outs if "/" in path}
    unseen = {path for name in UNTRACKED if name in stages for path in stages[name].outs}

    def data(deps: Mapping[str, str]) -> dict[str, str]:
        return {path: md5 for path, md5 in known(deps).items() if path.split("/")[0] in tops and path not in unseen}

    return {
        name: LockedStage(known(stage.outs), data(stage.deps))
        for name, stage in stages.items()
        if name not in UNTRACKED
    }


def known(paths: Mapping[str, str]) -> dict[str, str]:
    """Those that have a digest."""
    return {path: digest for path, digest in paths.items() if digest}


def maker(stages: Mapping[str, LockedStage], path: str, digest: str) -> str | None:
    """The stage whose out has that digest."""
    return next((name for name, stage in stages.items() if stage.outs.get(path) == digest), None)


def around(stages: Mapping[str, LockedStage], path: str) -> str | None:
    """The out, or the data that a stage reads, that a path is or lies in."""
    known = {name for stage in stages.values() for name in (*stage.outs, *stage.deps)}
    return next((each for each in (path, *map(Path.as_posix, Path(path).parents)) if each in known), None)


def outs_below(tree: Path, folders: Sequence[Path]) -> list[Path]:
    """The outs in dvc.lock below some folders, as paths that begin like the folder; one without any stands itself.

    A stage that reads the outs of many names them by it, so that each is found again by its own digest.
    """
    outs = sorted(path for stage in locked_results(tree).values() for path in stage.outs)
    found: list[Path] = []
    for folder in folders:
        below = [Path(out) for out in outs if Path(out).is_relative_to(folder) and (tree / out).exists()]
        found += below or [folder]
    return found
