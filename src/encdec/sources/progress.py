"""How far a download is: a bar on a terminal, in a log a line now and then."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import log10
from time import monotonic

LINE_EVERY_S = 10.0
UNITS = ("kB", "MB", "GB")


@contextmanager
def progress(label: str, *, done: int, total: int | None) -> Iterator[Callable[[int], None]]:
    """Yields a function to call with the number of bytes that just came.

    Args:
        done: bytes that are there already.
        total: bytes of the whole file, None where the server does not say.
    """
    if is_terminal():
        with bar(label, done=done, total=total) as advance:
            yield advance
    else:
        lines = Lines(label, done=done, total=total)
        yield lines.advance
        lines.end()


def is_terminal() -> bool:
    """Whether somebody looks on: both streams, for a bar must not stand in the middle of a log."""
    return sys.stdout.isatty() and sys.stderr.isatty() and os.environ.get("TERM", "") not in ("", "dumb")


def note(text: str) -> None:
    """One line for the person who waits."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def bar(label: str, *, done: int, total: int | None) -> Iterator[Callable[[int], None]]:
    """Bytes of the total, rate and time left."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as shown:
        task = shown.add_task(label, completed=done, total=total)
        yield lambda received: shown.advance(task, received)


class Lines:
    """The same for a log: a line every ten seconds, and one at the end."""

    def __init__(self, label: str, *, done: int, total: int | None) -> None:
        self.label, self.total = label, total
        self.first = self.done = done
        self.start = self.last = monotonic()

    def advance(self, received: int) -> None:
        self.done += received
        now = monotonic()
        if now - self.last >= LINE_EVERY_S:
            self.last = now
            note(f"{self.label}: {self.so_far()}, {self.rate()}{self.left()}")

    def end(self) -> None:
        note(f"{self.label}: {size(self.done)} in {monotonic() - self.start:.1f} s, {self.rate()}")

    def so_far(self) -> str:
        if self.total is None:
            return size(self.done)
        return f"{size(self.done)} of {size(self.total)} ({self.done / max(self.total, 1):.0%})"

    def bytes_per_s(self) -> float:
        return (self.done - self.first) / max(monotonic() - self.start, 1e-3)

    def rate(self) -> str:
        return f"{size(self.bytes_per_s())}/s"

    def left(self) -> str:
        rate = self.bytes_per_s()
        return f", {(self.total - self.done) / rate:.0f} s left" if self.total is not None and rate else ""


def size(num_bytes: float) -> str:
    """In decimal units, as on the terminal: 22.1 kB, 9.9 MB."""
    if num_bytes < 1000:
        return f"{num_bytes:.0f} bytes"
    power = min(int(log10(num_bytes)) // 3, len(UNITS))
    return f"{num_bytes / 1000**power:.1f} {UNITS[power - 1]}"
