"""Work on many files with all cores; results come in the order of the files, however many processes there are."""

import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from math import ceil
from multiprocessing import active_children, get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import TypeVar

from encdec.progress import progress
from encdec.signals import STOPPING

CHUNK = 128  # files of a task: some ten milliseconds at least, so that handing it over costs nothing
CPU_LIMIT = Path("/sys/fs/cgroup/cpu.max")
AHEAD = 4  # tasks for each process that may wait, or lie done before their turn
Item = TypeVar("Item")
Done = TypeVar("Done")


def num_cores() -> int:
    """Cores that this process may use; a container may have a share of the time of all instead of some of them."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = (float(each) for each in CPU_LIMIT.read_text(encoding="ascii").split())
    except (OSError, ValueError):  # no control groups, or no limit, whose quota is "max"
        return cores
    return max(1, min(cores, ceil(quota / period)))


def worked(
    work: Callable[[Sequence[Item]], Done],
    items: Sequence[Item],
    *,
    label: str,
    chunk: int = CHUNK,
    sizes: Sequence[int] | None = None,
    processes: int | None = None,
) -> Generator[Done, None, None]:
    """`work` of each chunk of the items, in order, with a bar that counts files. Close it where it is not used up.

    Args:
        work: can be pickled, and so can what it takes and gives.
        chunk: items of a task; what it gives for AHEAD tasks of each process lies in memory.
        sizes: how many files each item stands for, 1 where it is not said.
        processes: None for as many as there are cores.

    Raises:
        ChildProcessError: a process was killed from outside.
    """
    starts = range(0, len(items), chunk)
    chunks = [items[start : start + chunk] for start in starts]
    weights = [1] * len(items) if sizes is None else sizes
    counts = [sum(weights[start : start + chunk]) for start in starts]
    with process_pool(min(processes or num_cores(), len(chunks))) as pool:
        results = map(work, chunks) if pool is None else in_order(pool, work, chunks)
        with progress(label, total=sum(counts), unit="files") as meter:
            for count, done in zip(counts, results, strict=True):
                meter.advance(count)
                yield done


def in_order(
    pool: ProcessPoolExecutor, work: Callable[[Sequence[Item]], Done], chunks: Sequence[Sequence[Item]]
) -> Iterator[Done]:
    waiting: deque[Future[Done]] = deque()
    for chunk in chunks:
        waiting.append(pool.submit(work, chunk))
        if len(waiting) > AHEAD * num_cores():
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


@contextmanager
def process_pool(processes: int) -> Iterator[ProcessPoolExecutor | None]:
    """Processes that never outlive the block, nor their parent however it ends; None where one would be the only one.

    On Linux they are forked, which takes no time where starting Python anew takes seconds. That is safe before torch
    and a progress bar have threads: what a child calls (Pillow, NumPy on bytes, pyarrow, which looks
    after forks) holds no lock that a fork could break.
    """
    if processes < 2:
        yield None
        return
    others = active_children()
    context = get_context("fork" if sys.platform == "linux" else "spawn")
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=begin)
    try:
        pool.submit(int).result()  # the processes begin with the first task, and must before the bar has its thread
        yield pool
    except BaseException as error:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in active_children():
            if child not in others:
                child.kill()  # whatever image it is at: what it wrote is thrown away
                child.join()
        if isinstance(error, BrokenProcessPool):
            told = "a process that reads images was killed from outside, as happens where memory is short"
            raise ChildProcessError(f"{told}: make room and start the same command again") from error
        raise
    finally:
        pool.shutdown()


def begin() -> None:
    """Signals to the whole group are the parent's to answer; without it, a process ends."""
    for number in (signal.SIGINT, *STOPPING):
        signal.signal(number, signal.SIG_IGN)
    Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)
