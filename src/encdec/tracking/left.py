"""What processes that have ended could not send to MLflow, and how it gets there."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout

from encdec.tracking.operations import Line
from encdec.tracking.outbox import ABOUT, JOURNAL, SENT, Outbox, outboxes, shown
from encdec.tracking.store import Store, TrackingUnavailable, in_short, patient_for_seconds

SENDERS = "outbox.lock"
SENDER_SECONDS = 600


class Left(NamedTuple):
    """What an ended process could not send. `store`: where it belongs, without credentials."""

    stage: str
    store: str
    outbox: Outbox


def left_behind(store: Store) -> Iterator[Left]:
    """The outboxes of processes that have ended, the oldest first; each is held while it is looked at."""
    folders = [folder for folder in outboxes(store.project).glob("*/") if (folder / ABOUT).is_file()]
    for folder in sorted(folders, key=began):
        lock = FileLock(f"{folder}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue  # its process lives
        try:
            left = read(store, folder, lock)
            if left is not None:
                yield left
        finally:
            lock.release()
            if not folder.exists():
                Path(lock.lock_file).unlink(missing_ok=True)


def read(store: Store, folder: Path, lock: FileLock) -> Left | None:
    """None where somebody else has sent it meanwhile, or where it cannot be read, which is said."""
    try:
        about = json.loads((folder / ABOUT).read_bytes())
        meant = store._replace(experiment_id=about["experiment"])
        outbox = Outbox(meant, folder, lock, left=unsent(folder), ids=sent(folder)["ids"])
        return Left(about["stage"], about["store"], outbox)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, OSError) as error:
        told = f"written by another version, or cut off by a power failure ({type(error).__name__})"
        print(f"{folder}: cannot be read, {told}: it is left there; remove it to give it up", file=sys.stderr)
        return None


def began(folder: Path) -> float:
    try:
        return (folder / ABOUT).stat().st_mtime
    except FileNotFoundError:
        return 0.0


def unsent(folder: Path) -> list[Line]:
    """The operations of a journal that were not sent.

    A line that a kill or a full disk cut off does not count: whoever wrote it was told, or was no more.

    Raises:
        ValueError: a whole line is none of ours.
    """
    journal, last = folder / JOURNAL, sent(folder)["number"]
    if not journal.is_file():
        return []
    whole = [line for line in journal.read_bytes().split(b"\n")[:-1] if is_whole(line)]
    return [line for line in map(Line.model_validate_json, whole) if line.number > last]


def is_whole(line: bytes) -> bool:
    try:
        json.loads(line)
        return True
    except ValueError:
        return False


def sent(folder: Path) -> dict[str, Any]:
    file = folder / SENT
    found: dict[str, Any] = json.loads(file.read_bytes()) if file.is_file() else {"number": -1, "ids": {}}
    return found


def send_left(store: Store) -> None:
    """Before a stage begins: what others could not send, so that MLflow knows it when the stage looks for it.

    Who comes while another process does so waits for it.

    Raises:
        TrackingUnavailable: the server has gone again.
    """
    if not outboxes(store.project).is_dir():
        return
    with FileLock(store.project.work / SENDERS, timeout=SENDER_SECONDS):
        for left in left_behind(store):
            if left.store != shown(store.uri):
                continue  # `encdec sync` says so
            refused = deliver(left)
            if refused:
                print(refused, file=sys.stderr)


def deliver(left: Left) -> str | None:
    """Send all of it; what is returned says why MLflow refuses it, for it would do so again.

    Raises:
        TrackingUnavailable: the server is away.
    """
    from mlflow.exceptions import MlflowException
    from requests import RequestException

    where = f"what {left.stage} recorded is kept in {left.outbox.folder}"
    try:
        complete = left.outbox.send()
    except (MlflowException, RequestException, OSError, ValueError) as error:
        return f"MLflow at {left.store} refuses it ({in_short(error)}): {where}; remove that folder to give it up"
    if complete:
        left.outbox.remove()
        return None
    if answers(left.outbox.store):
        return f"MLflow at {left.store} is there, and fails at it: {where}; remove that folder to give it up"
    raise TrackingUnavailable(f"MLflow at {left.store} is away: {where}")


def answers(store: Store) -> bool:
    """Whether a server can be asked for anything."""
    from mlflow.exceptions import MlflowException

    try:
        with patient_for_seconds():
            store.client.get_experiment(store.experiment_id)
        return True
    except (MlflowException, OSError):
        return False
