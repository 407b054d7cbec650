"""Asked to stop: a signal becomes an exception, so that runs are closed before the process ends."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType
from typing import NoReturn

STOPPING = tuple(
    number for name in ("SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None
)  # Windows has no SIGHUP


class Stopped(SystemExit):
    """Raised where the process stands when it is asked to stop; its code is the shell's, 128 + the signal."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.number = number

    def __str__(self) -> str:
        return signal.Signals(self.number).name


@contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM and SIGHUP raise `Stopped`, SIGINT KeyboardInterrupt; handlers that others have set are left alone."""
    if current_thread() is not main_thread():
        yield  # only the main thread may set handlers, and only it receives signals
        return
    before = {number: signal.getsignal(number) for number in (*STOPPING, signal.SIGINT)}
    ours = [number for number, handler in before.items() if handler in (signal.SIG_DFL, leave)]
    for number in ours:
        signal.signal(number, stop if number in STOPPING else signal.default_int_handler)
    try:
        yield
    finally:
        for number in ours:
            if signal.getsignal(number) in (stop, signal.default_int_handler, signal.SIG_IGN):
                signal.signal(number, before[number])


def stop(number: int, frame: FrameType | None) -> NoReturn:
    signal.signal(number, signal.SIG_IGN)  # once is enough: a second one must not interrupt the closing of runs
    raise Stopped(number)


def leave_at_once() -> None:
    """Until `stoppable`, a signal ends the process with one line: nothing was begun that has to be closed.

    Meant for the seconds of importing, where an exception may be swallowed, or come out as another one.
    """
    for number in (*STOPPING, signal.SIGINT):
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, leave)


def leave(number: int, frame: FrameType | None) -> NoReturn:
    os.write(2, f"\n{farewell(signal.Signals(number).name)}\n".encode())
    os._exit(128 + number)


def farewell(name: str) -> str:
    return f"stopped by {name}: nothing half-written is left, and the same command goes on from here"


def asked_to_stop(error: BaseException) -> str | None:
    """The signal behind an exception (Lightning turns Ctrl-C into SystemExit), or None where it is a failure."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, Stopped):
            return str(seen)
        if isinstance(seen, KeyboardInterrupt):
            return "SIGINT"
        if not isinstance(seen, SystemExit):
            return None
        seen = seen.__context__
    return None
