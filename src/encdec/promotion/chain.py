"""What dvc.lock says of a model: which outs belong together, from the raw data to the evaluation."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from encdec.params.root import Kind, ModelName
from encdec.tracking.digests import dvc_digest
from encdec.tracking.git import LOCK_FILE
from encdec.tracking.project import Project

REPRO = "run `make repro`"


class Locked(NamedTuple):
    """One stage: the digests of what it read and wrote, by path, the outs in their order in dvc.lock."""

    deps: Mapping[str, str]
    outs: Mapping[str, str]


class Data(NamedTuple):
    """The data of one kind, by their names in dvc.lock, with their digests; all come from the same raw data."""

    raw: str
    raw_digest: str
    validation: str
    train: str
    train_digest: str
    test: str
    test_digest: str


class Trained(NamedTuple):
    """A model as it lies in the project: its folder's name in dvc.lock and its digest."""

    name: str
    digest: str


def read_lock(project: Project) -> Mapping[str, Locked]:
    """Every stage of dvc.lock.

    Raises:
        ValueError: there is no dvc.lock.
    """
    lock = project.tree / LOCK_FILE
    if not lock.is_file():
        raise ValueError(f"{lock}: no such file, so nothing was made yet: {REPRO}")
    document: Any = yaml.load(lock.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    stages: Mapping[str, Any] = (document or {}).get("stages") or {}
    return {
        str(name): Locked(
            *({each["path"]: each.get("md5", "") for each in stage.get(side, ())} for side in ("deps", "outs"))
        )
        for name, stage in stages.items()
    }


def find_data(project: Project, stages: Mapping[str, Locked], kind: Kind) -> Data:
    """The validated and prepared data of a kind, checked by their digests: dvc.lock's and those on the disk.

    Raises:
        ValueError: a stage has not run, one read something else than the one before it wrote, or a file was changed.
    """
    ingest, validate, prepare = (stage_of(stages, f"{each}@{kind}") for each in ("ingest", "validate", "prepare"))
    raw, raw_digest = only(ingest.outs)
    validation, validation_digest = only(validate.outs)
    train, test = (next(name for name in prepare.outs if Path(name).name == split) for split in ("train", "test"))
    follows(stages, f"validate@{kind}", raw, raw_digest)
    follows(stages, f"prepare@{kind}", raw, raw_digest)
    follows(stages, f"prepare@{kind}", validation, validation_digest)
    unchanged(project, validation, validation_digest)
    unchanged(project, test, prepare.outs[test])
    return Data(raw, raw_digest, validation, train, prepare.outs[train], test, prepare.outs[test])


def find_trained(project: Project, stages: Mapping[str, Locked], model: ModelName, data: Data) -> Trained:
    """The model that was trained on this data and evaluated on it.

    Raises:
        ValueError: it was not, or its files are not those of dvc.lock.
    """
    name, digest = only(stage_of(stages, f"train@{model}").outs)
    follows(stages, f"train@{model}", data.train, data.train_digest)
    follows(stages, f"evaluate@{model}", name, digest)
    follows(stages, f"evaluate@{model}", data.test, data.test_digest)
    unchanged(project, name, digest)
    return Trained(name, digest)


def stage_of(stages: Mapping[str, Locked], name: str) -> Locked:
    if name not in stages:
        raise ValueError(f"dvc.lock: stage {name} has not run: {REPRO}")
    return stages[name]


def only(outs: Mapping[str, str]) -> tuple[str, str]:
    return next(iter(outs.items()))


def follows(stages: Mapping[str, Locked], reader: str, path: str, digest: str) -> None:
    """Raises ValueError unless a stage read what lies at a path in this state."""
    read = stage_of(stages, reader).deps.get(path)
    if read != digest:
        raise ValueError(
            f"dvc.lock: {reader} read another {path} ({short(read)}) than there is now ({short(digest)}): {REPRO}"
        )


def unchanged(project: Project, name: str, digest: str) -> None:
    """Raises ValueError unless the files at a path are those of dvc.lock."""
    path = project.tree / name
    if not path.exists():
        raise ValueError(
            f"{name}: no such folder, though dvc.lock has it: run `dvc checkout` or `dvc pull`, or {REPRO}"
        )
    found = dvc_digest(path)
    if found != digest:
        raise ValueError(f"{name}: is not what dvc.lock says ({short(found)}, expected {short(digest)}): {REPRO}")


def short(digest: str | None) -> str:
    return digest[:8] if digest else "none"
