"""Stages that a test starts by themselves, as DVC does, and stops in the middle."""

import json
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from small_project import Project

from encdec.tracking.digests import dvc_digest

PATIENCE_SECONDS = 240


def command(project: Project, stage: str) -> list[str]:
    """What DVC runs for a stage."""
    return shlex.split(project.lock()[stage]["cmd"])


def outs(project: Project, stage: str) -> list[Path]:
    return [project.path / out["path"] for out in project.lock()[stage]["outs"]]


def digests(project: Project, stage: str) -> list[str]:
    """What the outs of a stage are now, in the order of dvc.lock."""
    return [dvc_digest(path) for path in outs(project, stage)]


def locked(project: Project, stage: str) -> list[str]:
    """What they are by dvc.lock."""
    return [out["md5"] for out in project.lock()[stage]["outs"]]


def leftovers(folder: Path) -> list[str]:
    """Whatever is half-written below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob(".*.partial"))


class Ended(NamedTuple):
    code: int
    output: str


def end(process: "subprocess.Popen[str]", *, patience: float = PATIENCE_SECONDS) -> Ended:
    try:
        output, _ = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return Ended(process.returncode, output)


def take_interrupts() -> None:
    """A shell starts what runs in its background deaf to Ctrl-C, and the tests may run there."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(
    project: Project, argv: Sequence[str], *, env: Mapping[str, str] | None = None, user: int | None = None
) -> "subprocess.Popen[str]":
    """A process that leads a group of its own, as a terminal starts it; stdout and stderr come together."""
    return subprocess.Popen(
        argv,
        cwd=project.path,
        env={**project.env, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
        preexec_fn=take_interrupts,
    )


def paused(
    project: Project, stage: str, *, at: str, mark: Path, argv: Sequence[str] = (), seconds: float = 60
) -> "subprocess.Popen[str]":
    """A stage that stands still where it first opens a file for writing whose path contains `at`, or at `import x`.

    That is the one thing here that the stage does not do by itself: the signal would come too late otherwise.
    """
    mark.unlink(missing_ok=True)
    env = {"ENCDEC_PAUSE": json.dumps({"at": at, "mark": str(mark), "seconds": seconds}), "DVC_STAGE": stage}
    process = start(project, [*argv] or command(project, stage), env=env)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not mark.exists():
        if process.poll() is not None:
            raise AssertionError(f"{stage} ended before it came to {at}:\n{end(process).output}")
        assert time.monotonic() < deadline, f"{stage} did not come to {at}"
        time.sleep(0.02)
    return process


def interrupt(process: "subprocess.Popen[str]", number: signal.Signals) -> Ended:
    process.send_signal(number)
    return end(process)
