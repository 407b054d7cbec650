"""`dvc repro`, as `make repro` runs it, within a budget of time."""

import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Timer
from typing import NamedTuple

import psutil

from encdec.progress import note
from encdec.retraining.dvc import default_remote, run_dvc
from encdec.signals import STOPPING
from encdec.tracking.mend_lock import mend

STOP_SECONDS = 60
LAST_LINES = 12
MARK = "ENCDEC_RETRAINING"
"""In the environment of dvc and its stages: the folder of the retraining that started them."""


class Ran(NamedTuple):
    """`stages`: those whose command was run; `restored`: those that came from the run-cache.

    `process`: the host and the id of dvc's process, by which its run in MLflow is found. `in_time`: whether it ended
    within its budget.
    """

    stages: tuple[str, ...]
    restored: tuple[str, ...]
    process: str
    in_time: bool


class ReproFailed(ChildProcessError):
    """A stage failed; its own words have been printed."""


def fetch_results(tree: Path) -> None:
    """Bring the run-cache from the remote, where there is one.

    Raises:
        ValueError: it cannot be reached.
    """
    if default_remote(tree) is not None:
        run_dvc(tree, "fetch", "--run-cache", what="fetch from its remote")


def push_results(tree: Path) -> None:
    """Give data, models and the run-cache to the remote.

    Raises:
        ValueError: it cannot be reached, or takes nothing.
    """
    note("retrain: pushing data and results to DVC's remote")
    run_dvc(tree, "push", "--run-cache", what="push to its remote")


def run_repro(tree: Path, work: Path, *, hours: float, force: bool) -> Ran:
    """Run what changed; what the stages print goes on to stderr, line by line.

    Dvc ends with this process, however that ends; one that a killed process left is ended here first.

    Args:
        work: the project's own folder, by which such a dvc is known.
        force: run every stage, whatever DVC has.

    Raises:
        ReproFailed: a stage failed.
    """
    end_orphans(work)
    said = mend(tree)
    if said is not None:
        note(said)
    process = start(tree, work, force=force)
    late = Timer(hours * 3600, interrupt, [process])
    late.daemon = True
    late.start()
    try:
        said_by = listen(process)
        status = process.wait()
    finally:
        in_time = late.is_alive()
        late.cancel()
        end(process)
    if status != 0 and in_time:
        raise ReproFailed(" / ".join(said_by.last))
    return ran_by(said_by.stages, process=f"{socket.gethostname()}:{process.pid}", in_time=status == 0)


def start(tree: Path, work: Path, *, force: bool) -> "subprocess.Popen[str]":
    """In a group of its own: a signal for us is not one for it as well."""
    command = [sys.executable, "-m", "dvc", "repro", *(["--force"] if force else [])]
    environment = {**os.environ, "ENCDEC_SUMMARY": "later", "PATH": path_of_this_python(), MARK: str(work)}
    with interruptible():
        return subprocess.Popen(
            command,
            cwd=tree,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )


@contextmanager
def interruptible() -> Iterator[None]:
    """A shell starts what runs in its background deaf to Ctrl-C, and so would be what that starts."""
    deaf = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if deaf:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        if deaf:
            signal.signal(signal.SIGINT, signal.SIG_IGN)


class Said(NamedTuple):
    """The lines that name stages, and the last ones."""

    stages: list[str]
    last: deque[str]


def listen(process: "subprocess.Popen[str]") -> Said:
    """Pass on what it prints, until it closes its output."""
    found = Said([], deque(maxlen=LAST_LINES))
    assert process.stdout is not None
    for line in process.stdout:
        sys.stderr.write(line)
        sys.stderr.flush()
        if line.strip():
            found.last.append(line.strip())
        if line.startswith(("Running stage '", "Stage '")):
            found.stages.append(line)
    return found


def path_of_this_python() -> str:
    """The stages say `python`: it is to be this one."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])


def ran_by(lines: list[str], *, process: str, in_time: bool) -> Ran:
    named = [(line, line.split("'")[1]) for line in lines]
    stages = tuple(name for line, name in named if line.startswith("Running stage"))
    restored = tuple(name for line, name in named if "is cached - skipping run" in line)
    return Ran(stages, restored, process, in_time)


def interrupt(process: "subprocess.Popen[str]") -> None:
    """As Ctrl-C does: the stage keeps a checkpoint, and dvc ends behind it."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)


def end_orphans(work: Path) -> None:
    """End the dvc, and its stage, that a killed `encdec retrain` of this project left: two would disturb each other."""
    left = [process for process in psutil.process_iter() if process.pid != os.getpid() and is_marked(process, work)]
    for process in left:
        note(f"ending process {process.pid}, which a retraining that was killed has left")
        with suppress(psutil.Error):
            process.send_signal(signal.SIGINT)
    _, alive = psutil.wait_procs(left, timeout=STOP_SECONDS)
    for process in alive:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=STOP_SECONDS)


def is_marked(process: psutil.Process, work: Path) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARK) == str(work)
    except (psutil.Error, OSError):  # it has ended, or belongs to somebody else
        return False


def end(process: "subprocess.Popen[str]") -> None:
    """End dvc and its stage where they still run: gently, then not."""
    for number in (signal.SIGINT, *STOPPING[:1], signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(STOP_SECONDS)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
