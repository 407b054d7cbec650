"""What processes that have ended could not send to MLflow, and how it gets there."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout

from encdec.tracking.address import masked
from encdec.tracking.operations import Line
from encdec.tracking.outbox import ABOUT, JOURNAL, SENT, Outbox, outboxes, shown
from encdec.tracking.store import Store, TrackingUnavailable


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
            continue  # its process lives, or another one sends it
        try:
            about = json.loads((folder / ABOUT).read_bytes())
            outbox = Outbox(store, folder, lock, left=unsent(folder), ids=sent(folder)["ids"])
            yield Left(about["stage"], about["store"], outbox)
        except FileNotFoundError:
            continue  # somebody else has sent it meanwhile
        finally:
            lock.release()
            if not folder.exists():
                Path(lock.lock_file).unlink(missing_ok=True)


def began(folder: Path) -> float:
    try:
        return (folder / ABOUT).stat().st_mtime
    except FileNotFoundError:
        return 0.0


def unsent(folder: Path) -> list[Line]:
    """The operations of a journal that were not sent; a last line that a kill cut off does not count."""
    journal, last = folder / JOURNAL, sent(folder)["number"]
    if not journal.is_file():
        return []
    lines = journal.read_bytes().split(b"\n")[:-1]
    return [line for line in map(Line.model_validate_json, lines) if line.number > last]


def sent(folder: Path) -> dict[str, Any]:
    file = folder / SENT
    found: dict[str, Any] = json.loads(file.read_bytes()) if file.is_file() else {"number": -1, "ids": {}}
    return found


def send_left(store: Store) -> None:
    """Before a stage begins: what others could not send, so that MLflow knows it when the stage looks for it.

    Raises:
        TrackingUnavailable: the server has gone again.
    """
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

    where = f"what {left.stage} recorded is kept in {left.outbox.folder}"
    try:
        complete = left.outbox.send()
    except MlflowException as error:
        return f"MLflow at {left.store} refuses it ({masked(error.message)}): {where}; remove that folder to give it up"
    if not complete:
        raise TrackingUnavailable(f"MLflow at {left.store} is away: {where}")
    shutil.rmtree(left.outbox.folder, ignore_errors=True)
    return None
