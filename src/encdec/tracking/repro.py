"""The parent run: one `dvc repro` (or `dvc exp run`), known by its process."""

import os
import socket
from collections.abc import Mapping
from datetime import datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

import psutil

from encdec.masking import masked
from encdec.starting import SHELLS
from encdec.tracking.flat import MAX_TAG, cut
from encdec.tracking.locked import LOCK_FILE, locked_outs
from encdec.tracking.pointer import Pointer, abandoned
from encdec.tracking.store import Store, end_run, search

if TYPE_CHECKING:
    from mlflow.entities import Run

PARENT_TAG = "mlflow.parentRunId"
POINTER_TAG = "encdec.pointer"
START_TOLERANCE = 5.0  # seconds; the system knows when it booted to a second
EXPERIMENT_VARIABLES = ("DVC_EXP_NAME", "DVC_EXP_BASELINE_REV")
DIED = "the process died without a word (killed, out of memory, or a power failure)"


class DvcProcess(NamedTuple):
    """The dvc command that started this stage; `started` in seconds after the machine, whatever its clock says."""

    host: str
    pid: int
    started: float
    command: str

    @property
    def tags(self) -> dict[str, str]:
        return {"dvc.process": f"{self.host}:{self.pid}", "dvc.started": f"{self.started:.2f}"}


def dvc_process() -> DvcProcess | None:
    """The nearest ancestor that is dvc; None where the stage was started by hand.

    Where dvc runs inside of another Python program, that program stands for it.
    """
    try:
        ancestors = psutil.Process().parents()
        named = [process for process in ancestors if is_dvc(process.cmdline())]
        if not named and os.environ.get("DVC_STAGE"):
            named = [process for process in ancestors if process.name() not in SHELLS]
        if not named:
            return None
        found = named[0]
        return DvcProcess(socket.gethostname(), found.pid, seconds_after_boot(found), " ".join(found.cmdline()))
    except psutil.Error:  # an ancestor ended while we looked, or belongs to somebody else
        return None


def is_dvc(command: list[str]) -> bool:
    """`dvc ..`, `python .../bin/dvc ..` or `python -m dvc ..`."""
    names = [PurePath(part).name.removesuffix(".exe") for part in command]
    if not names or names[0] == "dvc":
        return bool(names)
    started = [name for name in names[1:] if not name.startswith("-")][:1]  # the script, or the module of -m
    return names[0].lower().startswith("python") and started == ["dvc"]


def find_or_create(store: Store, process: DvcProcess, *, tags: Mapping[str, str]) -> str:
    """The run id of the parent, RUNNING; a first stage makes it and settles what dead processes left."""
    for run in search(store, f"tags.`dvc.process` = '{process.tags['dvc.process']}'"):
        if abs(float(run.data.tags["dvc.started"]) - process.started) < START_TOLERANCE:
            store.client.update_run(run.info.run_id, status="RUNNING")
            return str(run.info.run_id)
    settle_dead(store, process.host)
    experiment = {name: os.environ[name] for name in EXPERIMENT_VARIABLES if os.environ.get(name)}
    run = store.client.create_run(
        store.experiment_id,
        run_name=run_name(experiment),
        tags={
            **tags,
            **process.tags,
            **experiment,
            "stage": "repro",
            "dvc.host": process.host,
            "dvc.command": cut(masked(process.command), MAX_TAG),
        },
    )
    return str(run.info.run_id)


def run_name(experiment: Mapping[str, str]) -> str:
    name = experiment.get("DVC_EXP_NAME")
    now = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return f"exp {name}" if name else f"repro {now}"


def update_status(store: Store, run_id: str, *, at: int) -> None:
    """The parent's status from its stages': RUNNING while one runs, else the worst of them.

    Args:
        at: when that is so, in milliseconds; a later stage may have said so of a later time.
    """
    statuses = {run.info.status for run in search(store, f"tags.`{PARENT_TAG}` = '{run_id}'")}
    worst = next((each for each in ("RUNNING", "FAILED", "KILLED") if each in statuses), "FINISHED")
    if worst != "RUNNING":
        ended = store.client.get_run(run_id).info.end_time or 0
        end_run(store, run_id, worst, at=max(at, ended))


def settle_dead(store: Store, host: str) -> None:
    """Show as KILLED what still says RUNNING though its process is gone; stages stay where they can be continued."""
    locked = locked_outs(store.project.tree / LOCK_FILE)
    for pointer in abandoned(store.project):  # held one by one: who starts such a stage now waits for it
        try:
            if pointer.is_kept(locked):
                pointer.forget(store.project)
            elif pointer.outs is None:
                mark_killed(store, run_of(store, pointer), trials=True)
        finally:
            pointer.release()
    for run in search(store, f"tags.`dvc.host` = '{host}' and attributes.status = 'RUNNING'"):
        pid = int(run.data.tags["dvc.process"].rpartition(":")[2])
        if not lives(pid, float(run.data.tags["dvc.started"])):
            mark_killed(store, run.info.run_id, trials=False)


def run_of(store: Store, pointer: Pointer) -> str:
    """The run id of a pointer; empty where its process died before it had made a run."""
    if pointer.run_id:
        return pointer.run_id
    found = search(store, f"tags.`{POINTER_TAG}` = '{pointer.token}'")
    return str(found[0].info.run_id) if found else ""


def mark_killed(store: Store, run_id: str, *, trials: bool) -> None:
    """End a run whose process is gone, and with `trials` those of its children that did not end either."""
    run = get_run(store, run_id)
    if run is None or run.info.lifecycle_stage != "active":
        return
    if run.info.status == "RUNNING":
        store.client.set_tag(run_id, "error", DIED)
        end_run(store, run_id, "KILLED")
    if trials:
        for child in search(store, f"tags.`{PARENT_TAG}` = '{run_id}' and attributes.status = 'RUNNING'"):
            end_run(store, child.info.run_id, "KILLED")


def get_run(store: Store, run_id: str) -> "Run | None":
    """A run, or None where this database does not have it."""
    from mlflow.exceptions import MlflowException

    if not run_id:
        return None
    try:
        return store.client.get_run(run_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None


def lives(pid: int, started: float) -> bool:
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:  # dead, and nobody has asked for its status yet
            return False
        return abs(seconds_after_boot(process) - started) < START_TOLERANCE
    except psutil.Error:
        return False


def seconds_after_boot(process: psutil.Process) -> float:
    """When a process started; both numbers move with the clock of the system, and their difference does not."""
    return float(process.create_time() - psutil.boot_time())
