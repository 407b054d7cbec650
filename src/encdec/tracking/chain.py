"""What dvc.lock says of a model: which outs belong together, from the raw data to the evaluation."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from encdec.params.root import Kind, ModelName
from encdec.tracking.digests import dvc_digest
from encdec.tracking.locked import LOCK_FILE, LockedStage, read_dvc_lock
from encdec.tracking.project import Project

REPRO = "run `make repro`"


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


def made_stages(project: Project) -> Mapping[str, LockedStage]:
    """Every stage of dvc.lock.

    Raises:
        ValueError: there is no dvc.lock.
    """
    lock = project.tree / LOCK_FILE
    if not lock.is_file():
        raise ValueError(f"{lock}: no such file, so nothing was made yet: {REPRO}")
    return read_dvc_lock(lock)


def find_data(project: Project, stages: Mapping[str, LockedStage], kind: Kind) -> Data:
    """The validated and prepared data of a kind, checked by their digests: dvc.lock's and those on the disk.

    Raises:
        ValueError: a stage has not run, one read something else than the one before it wrote, or a file was changed.
    """
    ingest, validate, prepare = (stage_of(stages, f"{each}@{kind}") for each in ("ingest", "validate", "prepare"))
    raw, raw_digest = only(ingest.outs)
    validation, validation_digest = only(validate.outs)
    (train, train_digest), (test, test_digest) = (find_out(prepare, split) for split in ("train", "test"))
    follows(stages, f"validate@{kind}", raw, raw_digest)
    follows(stages, f"prepare@{kind}", raw, raw_digest)
    follows(stages, f"prepare@{kind}", validation, validation_digest)
    unchanged(project, validation, validation_digest)
    unchanged(project, test, test_digest)
    return Data(raw, raw_digest, validation, train, train_digest, test, test_digest)


def find_trained(project: Project, stages: Mapping[str, LockedStage], model: ModelName, data: Data) -> Trained:
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


def stage_of(stages: Mapping[str, LockedStage], name: str) -> LockedStage:
    if name not in stages:
        raise ValueError(f"dvc.lock: stage {name} has not run: {REPRO}")
    return stages[name]


def find_out(stage: LockedStage, split: str) -> tuple[str, str]:
    """Name and digest of the out of prepare that is one split."""
    return next((name, digest) for name, digest in stage.outs.items() if Path(name).name == split)


def only(outs: Mapping[str, str]) -> tuple[str, str]:
    return next(iter(outs.items()))


def follows(stages: Mapping[str, LockedStage], reader: str, path: str, digest: str) -> None:
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
