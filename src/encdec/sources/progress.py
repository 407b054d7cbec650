"""A progress bar for a download, on a terminal only: a log file gets none of it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(label: str, *, done: int, total: int | None) -> Iterator[Callable[[int], None]]:
    """Yields a function to call with the number of bytes that just came.

    Args:
        done: bytes that are there already.
        total: bytes of the whole file, None where the server does not say.
    """
    if not sys.stderr.isatty():
        yield lambda received: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task(label, completed=done, total=total)
        yield lambda received: progress.advance(task, received)
