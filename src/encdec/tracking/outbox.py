"""What a stage records, in order: on the disk first, then in MLflow; where its server is away, later."""

import shutil
import sys
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from uuid import uuid4

from filelock import FileLock

from encdec.masking import masked
from encdec.outs import write_json
from encdec.pauses import Pauses
from encdec.remedies import named
from encdec.tracking.address import is_server, without_credentials
from encdec.tracking.operations import AnyOperation, Batch, Child, Line, leading, merged
from encdec.tracking.project import Project
from encdec.tracking.sending import send
from encdec.tracking.store import Store, in_short, is_away, patient_for_seconds

SEND_SECONDS = 1.0
MAX_SHARE = 1 / 200
"""Of the time that goes by, what sending may take: where a call is slow, calls are further apart."""
QUICK_SECONDS = 0.25
"""A store that takes less to be sent what waits is told at once that a trial began or ended."""
RETRY_SECONDS = 0.5
JOURNAL, SENT, ABOUT, FILES = "journal.jsonl", "sent.json", "about.json", "files"
LATER = "the next stage sends it first, and so does `encdec sync`, once the server is there"


class Outbox:
    """The operations of one stage that runs, in the folder .work/outbox/<stage>-<token>; its lock says that it lives.

    An operation is written to the journal before it is sent, so that neither a dead server nor a kill loses it. While
    the server is away the stage goes on; a try costs it at most `MAX_SHARE` of its time. `send` belongs to the thread
    that made the outbox, `put` may be called by others with `later`.
    """

    def __init__(self, store: Store, folder: Path, lock: FileLock, *, left: list[Line], ids: Mapping[str, str]) -> None:
        self.store = store
        self.folder = folder
        self.lock = lock
        self.waiting = deque(left)
        self.ids = dict(ids)
        self.known: dict[str, dict[str, set[int]]] = {}
        self.again = bool(left)
        self.number = left[-1].number + 1 if left else 0
        self.appending = Lock()
        self.away = False
        self.called = False
        self.torn = False
        self.pauses = Pauses(SEND_SECONDS, share=MAX_SHARE)
        self.next_send = -float("inf")

    def put(self, operation: AnyOperation, *, later: bool = False) -> None:
        """Take an operation in, and send all that waits, if it is time to.

        Args:
            later: it may wait until sending is due; another operation is sent at once where the store is quick.

        Raises:
            OSError: the disk does not take it.
            MlflowException: MLflow refuses it.
        """
        if operation.attachments:
            paths = {name: str(Path(path).absolute()) for name, path in operation.attachments.items()}
            operation = operation.model_copy(update={"attachments": paths})
            if self.is_due(later=False) and self.send() and self.sends(operation, patient=True):
                self.again = False
                return
            operation = self.with_copies(operation)
        self.append(operation)
        if not later and self.is_due(later=False):
            self.send()

    def send_due(self) -> None:
        if self.is_due(later=True):
            self.send()

    def is_due(self, *, later: bool) -> bool:
        if time.monotonic() >= self.next_send:
            return True
        return not later and not self.away and self.pauses.usual < QUICK_SECONDS

    def send(self, *, patience: float = 0.0) -> bool:
        """Send what waits, and say whether all of it is sent; a server that is away is tried for so many seconds."""
        began = time.monotonic()
        while self.waiting:
            with self.appending:
                group = leading(self.waiting)
            if self.sends(merged(group), patient=patience > 0):
                with self.appending:
                    for _ in group:
                        self.waiting.popleft()
                write_json(self.folder / SENT, {"number": group[-1].number, "ids": self.ids})
                self.again = False
            elif time.monotonic() >= began + patience:
                break
            else:
                time.sleep(RETRY_SECONDS)
        if self.called:
            ended = time.monotonic()
            self.next_send = ended + self.pauses.after(ended - began)
            self.called = False
        return not self.waiting

    def sends(self, operation: AnyOperation, *, patient: bool = False) -> bool:
        """Whether MLflow took an operation."""
        from mlflow.exceptions import MlflowException
        from requests import RequestException

        named_run = operation.parent if isinstance(operation, Child) else operation.run
        run_id = self.ids.get(named_run, named_run)
        try:
            with patient_for_seconds(timeout=not patient):
                if isinstance(operation, Batch) and operation.continued:
                    operation = self.unknown(operation, run_id)
                    if not (operation.metrics or operation.params or operation.tags):
                        return True
                self.called = True
                again, self.again = self.again, True  # whatever stops this call, the server may have heard it
                self.ids[operation.run] = send(self.store, self.here(operation), run_id=run_id, again=again)
        except (MlflowException, RequestException, ConnectionError, TimeoutError) as error:
            if not is_away(self.store.uri, error):
                raise
            if not self.away:
                self.away = True
                said = f"{in_short(error)}: the stage goes on, and what it records is kept until it can be sent"
                print(f"MLflow at {shown(self.store.uri)} is away: {said}", file=sys.stderr, flush=True)
            return False
        self.away = False
        return True

    def unknown(self, batch: Batch, run_id: str) -> Batch:
        """Without the steps that the run had before this process."""
        known = self.known.setdefault(run_id, {})
        for name in {point.name for point in batch.metrics} - known.keys():
            known[name] = {metric.step for metric in self.store.client.get_metric_history(run_id, name)}
        new = [point for point in batch.metrics if point.step not in known[point.name]]
        return batch.model_copy(update={"metrics": new})

    def append(self, operation: AnyOperation) -> None:
        with self.appending:
            line = Line(number=self.number, operation=operation)
            self.number += 1
            begin = "\n" if self.torn else ""  # what a full disk cut off ends there, and is left out
            self.torn = True
            try:
                with (self.folder / JOURNAL).open("a", encoding="utf-8") as journal:
                    journal.write(f"{begin}{line.model_dump_json()}\n")
            except OSError as error:
                raise named(error, self.folder / JOURNAL) from error
            self.torn = False
            self.waiting.append(line)

    def with_copies(self, operation: AnyOperation) -> AnyOperation:
        """The outs of a stage may be gone when they can be sent."""
        folder = self.folder / FILES / str(self.number)
        copies = {}
        for name, path in operation.attachments.items():
            copy = folder / name / Path(path).name
            copy.parent.mkdir(parents=True, exist_ok=True)
            if Path(path).is_dir():
                shutil.copytree(path, copy, dirs_exist_ok=True)
            else:
                shutil.copyfile(path, copy)
            copies[name] = copy.relative_to(self.folder).as_posix()
        return operation.model_copy(update={"attachments": copies})

    def here(self, operation: AnyOperation) -> AnyOperation:
        """With the whole paths of what was copied."""
        paths = {name: str(self.folder / path) for name, path in operation.attachments.items()}
        return operation.model_copy(update={"attachments": paths})

    def close(self, *, patience: float) -> None:
        """Send what is left, or say that it was kept. The folder goes with its last operation."""
        if self.send(patience=patience):
            self.remove()
        else:
            print(f"What MLflow does not have yet is kept in {self.folder}: {LATER}", file=sys.stderr, flush=True)
        self.release()

    def remove(self) -> None:
        """All is sent. What says whose it is goes first: a folder without it is nobody's, should a kill leave one."""
        (self.folder / ABOUT).unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def release(self) -> None:
        self.lock.release()
        if not self.folder.exists():
            Path(self.lock.lock_file).unlink(missing_ok=True)


def begin(store: Store, label: str) -> Outbox:
    """A new outbox of a stage, held by this process."""
    name = f"{label}-{uuid4().hex}"
    folder = outboxes(store.project) / name
    folder.mkdir(parents=True)
    lock = FileLock(f"{folder}.lock")
    lock.acquire()
    write_json(folder / ABOUT, {"stage": label, "store": shown(store.uri), "experiment": store.experiment_id})
    return Outbox(store, folder, lock, left=[], ids={})


def outboxes(project: Project) -> Path:
    return project.work / "outbox"


def shown(uri: str) -> str:
    """The address of a store without who uses it: it is written to the disk, and shown."""
    return masked(without_credentials(uri) if is_server(uri) else uri)
