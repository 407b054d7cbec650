"""Which runs of a stage are under way: files that outlive a process that was killed."""

import json
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from filelock import FileLock, Timeout

from encdec.outs import write_json
from encdec.tracking.project import Project


class Pointer(NamedTuple):
    """A run that is under way, or was when its process died; `lock` is held by whoever answers for it.

    The system frees the lock of a process however it dies, so that a free lock means a dead process, also where
    process numbers mean nothing (containers). There may be several per stage: experiments run side by side.

    `run_id` is empty until the run is made; the run has the tag `encdec.pointer` with `token`, by which it is found
    where a process died in between.
    """

    stage: str
    run_id: str
    key: str
    file: Path
    lock: FileLock

    @property
    def token(self) -> str:
        return self.file.stem

    def name(self, run_id: str) -> "Pointer":
        """Say which run it is."""
        write_json(self.file, {"run_id": run_id, "key": self.key})
        return self._replace(run_id=run_id)

    def drop(self) -> None:
        """The run is over: leave no trace of it."""
        self.file.unlink(missing_ok=True)
        self.lock.release()
        Path(self.lock.lock_file).unlink(missing_ok=True)

    def release(self) -> None:
        """The run is to be continued by whoever comes next."""
        self.lock.release()


def folder_of(project: Project) -> Path:
    return project.work / "runs"


def point(project: Project, *, stage: str, key: str) -> Pointer:
    """Say that this process works on a run, before that is made: a kill would leave one that nobody answers for.

    Args:
        key: a digest of all that decides about the run's results.
    """
    file = folder_of(project) / stage / f"{uuid4().hex}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(f"{file}.lock")
    lock.acquire()
    pointer = Pointer(stage, "", key, file, lock)
    return pointer.name("")


def abandoned(project: Project, stage: str | None = None) -> list[Pointer]:
    """The runs of dead processes, of one stage or of all, the oldest first; each is held until dropped or released."""
    found = []
    files = folder_of(project).glob(f"{stage or '*'}/*.json")
    for file in sorted(files, key=modified):
        lock = FileLock(f"{file}.lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            continue  # its process lives
        content = read(file)
        if content is None:
            lock.release()
            continue
        found.append(Pointer(file.parent.name, content["run_id"], content["key"], file, lock))
    return found


def modified(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def read(file: Path) -> dict[str, str] | None:
    """What a pointer says; None where it was dropped meanwhile, or lost in a power failure."""
    try:
        content: dict[str, str] = json.loads(file.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return content
