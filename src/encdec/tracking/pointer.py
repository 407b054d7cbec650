"""Which runs of a stage are under way: files that outlive a process that was killed."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args
from uuid import uuid4

from filelock import FileLock, Timeout

from encdec.outs import write_json
from encdec.tracking.project import Project

StateFolder = Literal["checkpoints", "studies"]
STATE_FOLDERS: tuple[StateFolder, ...] = get_args(StateFolder)
LOOK_SECONDS = 2.0
"""How long another process may hold the pointer of a dead one while it looks at it, or settles it."""


class Pointer(NamedTuple):
    """A run that is under way, or was when its process died; `lock` is held by whoever answers for it.

    The system frees the lock of a process however it dies, so that a free lock means a dead process, also where
    process numbers mean nothing (containers). There may be several per stage: experiments run side by side.

    `state` names what the run goes on from: as `key` says, unless a living process is at work on the same. Experiments
    side by side may differ in another model alone, and two that write the same files would stop each other.

    `run_id` is empty until the run is made; the run has the tag `encdec.pointer` with `token`, by which it is found
    where a process died in between. `outs`: the digests of what was made, by path, of a run that came to its good end;
    it is done with when dvc.lock has them.
    """

    stage: str
    run_id: str
    key: str
    state: str
    file: Path
    lock: FileLock
    outs: Mapping[str, str] | None = None

    @property
    def token(self) -> str:
        return self.file.stem

    def name(self, run_id: str) -> "Pointer":
        """Say which run it is."""
        write_json(self.file, {"run_id": run_id, "key": self.key, "state": self.state})
        return self._replace(run_id=run_id)

    def end(self, outs: Mapping[str, str]) -> None:
        """All is made, and dvc is to take it: killed before it has, it starts the stage again."""
        write_json(self.file, {"run_id": self.run_id, "key": self.key, "state": self.state, "outs": dict(outs)})
        self.lock.release()

    def is_kept(self, locked: Mapping[str, str]) -> bool:
        """Whether dvc.lock, as `locked_outs` gives it, has what was made."""
        return self.outs is not None and all(locked.get(path) == digest for path, digest in self.outs.items())

    def drop(self) -> None:
        """The run is over; its state stays for whoever does the same again."""
        self.file.unlink(missing_ok=True)
        self.lock.release()
        Path(self.lock.lock_file).unlink(missing_ok=True)

    def release(self) -> None:
        """The run is to be continued by whoever comes next."""
        self.lock.release()

    def forget(self, project: Project) -> None:
        """The run is over and its outs are kept: its state is needed no more, unless another run shares it."""
        if not self.sharing():
            remove(project, self.state)
        self.drop()

    def sharing(self) -> list[Path]:
        """Of the other runs under way, those with the same state."""
        others = [file for file in self.file.parent.glob("*.json") if file != self.file]
        return [file for file in others if (content := read(file)) and content["state"] == self.state]


def remove(project: Project, state: str) -> None:
    for folder in STATE_FOLDERS:
        shutil.rmtree(state_folder(project, folder, state), ignore_errors=True)


def state_folder(project: Project, name: StateFolder, state: str) -> Path:
    """Where a stage keeps what it goes on from; at home, so that a copied tree finds it, too."""
    return project.work / name / state


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
    pointer = Pointer(stage, "", key, key, file, lock).name("")
    if any(is_held(other) for other in pointer.sharing()):
        pointer = pointer._replace(state=f"{key}-{pointer.token}").name("")
    adopt(project, pointer)
    return pointer


def adopt(project: Project, pointer: Pointer) -> None:
    """Take over what a run of the same key left that had a state of its own and failed: on a full disk, say."""
    used = {content["state"] for file in pointer.file.parent.glob("*.json") if (content := read(file))}
    for name in STATE_FOLDERS:
        own = state_folder(project, name, pointer.state)
        left = [folder for folder in own.parent.glob(f"{pointer.key}-*") if folder.name not in used]
        if left and not own.exists():
            max(left, key=modified).rename(own)


def abandoned(project: Project, stage: str | None = None) -> Iterator[Pointer]:
    """The runs of dead processes, of one stage or of all, the oldest first; each is held until dropped or released.

    Of one stage, which is to go on from them, also those that another process looks at for a moment.
    """
    files = folder_of(project).glob(f"{stage or '*'}/*.json")
    for file in sorted(files, key=modified):
        lock = FileLock(f"{file}.lock")
        try:
            lock.acquire(timeout=LOOK_SECONDS if stage else 0)
        except Timeout:
            continue  # its process lives
        content = read(file)
        if content is None:
            lock.release()
            continue
        key, state = content["key"], content["state"]
        yield Pointer(file.parent.name, content["run_id"], key, state, file, lock, content.get("outs"))


def is_held(file: Path) -> bool:
    """Whether the process of a pointer lives."""
    try:
        with FileLock(f"{file}.lock", timeout=LOOK_SECONDS):
            return False
    except Timeout:
        return True


def modified(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def read(file: Path) -> dict[str, Any] | None:
    """What a pointer says; None where it was dropped meanwhile, or lost in a power failure."""
    try:
        content: dict[str, Any] = json.loads(file.read_bytes())
        return {"state": content["key"], **content}  # earlier versions had one state for each key
    except (FileNotFoundError, ValueError, KeyError):
        return None
