"""A stage ends with the dvc that started it: alone, it would write what the next `dvc repro` writes as well."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from encdec import starting
from encdec.tracking.repro import DvcProcess, lives

WATCH_SECONDS = 0.5


@contextmanager
def ending_with(process: DvcProcess | None) -> Iterator[None]:
    """While the block runs, the end of `process` (killed, or its terminal closed) is a SIGTERM to this one.

    It may have ended before: while this stage imported its libraries.
    """
    if os.environ.get("DVC_STAGE") and starting.starters() != starting.STARTERS:
        say_that_it_ended(starting.STARTERS[-1])
        os.kill(os.getpid(), signal.SIGTERM)
    if process is None or not lives(process.pid, process.started):
        yield
        return
    done = Event()
    thread = Thread(target=watch, args=(process, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def watch(process: DvcProcess, done: Event) -> None:
    while not done.wait(WATCH_SECONDS):
        if not lives(process.pid, process.started):
            say_that_it_ended(process.pid)
            os.kill(os.getpid(), signal.SIGTERM)
            return


def say_that_it_ended(pid: int) -> None:
    print(f"the dvc that started this stage (process {pid}) has ended", file=sys.stderr, flush=True)
