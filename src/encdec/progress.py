"""How far long work has come: on a terminal a bar with rate and time left, elsewhere a plain line now and then."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from math import log10
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:  # rich is loaded where there is a terminal to draw on
    from rich.progress import Progress, Task, TaskID

LINE_SECONDS = 30.0
UNITS = ("kB", "MB", "GB")
Item = TypeVar("Item")


class Meter(Protocol):
    """What work tells while it goes on: how many more are done, and what is known so far."""

    def advance(self, amount: int = 1) -> None: ...

    def note(self, text: str) -> None: ...


@contextmanager
def progress(label: str, *, total: int | None, unit: str, done: int = 0) -> Iterator[Meter]:
    """A meter for work of `total` units (None: not known), of which `done` were done before it began.

    The bar stands on standard error and goes when the work ends: the line that stays is the caller's. Without a
    terminal there is no bar but a line each half minute, so that a log shows that the work is alive.
    """
    if not is_terminal():
        yield Lines(label, total=total, unit=unit, done=done)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn
    from rich.text import Text

    class Words(ProgressColumn):
        """Rate and time left from the mean of the whole work: rich's own jump where steps are of unequal length."""

        def render(self, task: "Task") -> Text:
            began = int(task.fields["began"])
            words = state(int(task.completed), began, task.total, unit=unit, seconds=task.elapsed or 0.0)
            return Text(words + task.fields["note"])

    columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=24), Words())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(label, total=total, completed=done, began=done, note="")
        yield Bar(bars, task)


def is_terminal() -> bool:
    """Whether somebody looks on: both streams, for a bar must not stand in the middle of a log."""
    return sys.stdout.isatty() and sys.stderr.isatty() and os.environ.get("TERM", "") not in ("", "dumb")


def note(text: str) -> None:
    """One line for the person who waits."""
    print(text, file=sys.stderr, flush=True)


class Bar:
    """A meter that is drawn."""

    def __init__(self, bars: "Progress", task: "TaskID") -> None:
        self.bars = bars
        self.task = task

    def advance(self, amount: int = 1) -> None:
        self.bars.advance(self.task, amount)

    def note(self, text: str) -> None:
        self.bars.update(self.task, note=f", {text}")


class Lines:
    """A meter that prints a line when half a minute has gone by."""

    def __init__(self, label: str, *, total: int | None, unit: str, done: int) -> None:
        self.label = label
        self.total = total
        self.unit = unit
        self.done = self.before = done
        self.began = self.printed = time.monotonic()
        self.known = ""

    def advance(self, amount: int = 1) -> None:
        self.done += amount
        now = time.monotonic()
        if now - self.printed >= LINE_SECONDS:
            self.printed = now
            words = state(self.done, self.before, self.total, unit=self.unit, seconds=now - self.began)
            note(f"{self.label}: {words}{self.known}")

    def note(self, text: str) -> None:
        self.known = f", {text}"


def watched(
    items: Iterable[Item], label: str, *, total: int, unit: str, weigh: Callable[[Item], int] = lambda item: 1
) -> Iterator[Item]:
    """The same items; each counts as `weigh` says when the next one is asked for."""
    with progress(label, total=total, unit=unit) as meter:
        for item in items:
            yield item
            meter.advance(weigh(item))


def state(done: int, before: int, total: float | None, *, unit: str, seconds: float) -> str:
    """`1,200 of 3,000 steps, 95/s, 19 s left`; without a rate until something was done."""
    counted = amount(done, unit) if total is None else f"{amount(done, unit)} of {amount(int(total), unit)}"
    words = counted if unit == "bytes" else f"{counted} {unit}"
    if done <= before or seconds <= 0:
        return words
    rate = (done - before) / seconds
    words += f", {amount(int(rate), unit)}/s" if unit == "bytes" or rate >= 10 else f", {rate:.1f}/s"
    return words if total is None else f"{words}, {duration((total - done) / rate)} left"


def amount(count: int, unit: str) -> str:
    return size(count) if unit == "bytes" else f"{count:,}"


def size(num_bytes: float) -> str:
    """In decimal units: 22.1 kB, 9.9 MB."""
    if num_bytes < 1000:
        return f"{num_bytes:.0f} bytes"
    power = min(int(log10(num_bytes)) // 3, len(UNITS))
    return f"{num_bytes / 1000**power:.1f} {UNITS[power - 1]}"


def duration(seconds: float) -> str:
    """`45 s`, `3 min 05 s`, `2 h 07 min`; what is left is never below 0."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
