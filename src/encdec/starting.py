"""What a stage script does before anything else; it imports next to nothing."""

import ctypes
import gc
import os
import sys
from io import TextIOWrapper
from pathlib import Path

from encdec.remedies import may
from encdec.signals import leave_at_once

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
LARGEST_KEPT = 2**30  # bytes; a larger block is given back as it is freed
HALF_ARENA = 2**25
SHELLS = ("sh", "bash", "dash", "zsh", "fish")


def starters() -> list[int]:
    """Who started this process: the pids of the shells around it, then of what started those. In a stage that is dvc.

    As one of them ends the system gives its children to somebody else. Some shells give way to their one command and
    some wait for it; where /proc does not say which it was, the first is the only one.
    """
    found = [os.getppid()]
    while True:
        try:
            stat = Path(f"/proc/{found[-1]}/stat").read_text(errors="replace")  # pid (name) state parent ..
        except OSError:
            return found
        name, _, rest = stat.partition("(")[2].rpartition(")")
        if name not in SHELLS:
            return found
        found.append(int(rest.split()[1]))


STARTERS = starters()


def begin(name: str) -> None:
    """Call it with `__name__`, above the imports that take seconds; in an imported module it does nothing.

    From here on a signal ends the process with a line instead of a traceback, a character that the terminal lacks
    is written as \\uXXXX, and text and file names are UTF-8 whatever the locale says: outs must not depend on it.
    Who has no home keeps the caches of libraries and the downloads in the project.

    The collector of cycles rests while modules are imported: they are all kept, and looking through them again and
    again is a third of the time. `encdec.command.run_command` wakes it.
    """
    if name != "__main__":
        return
    gc.disable()
    reuse_memory()
    leave_at_once()
    if sys.getfilesystemencoding() != "utf-8":
        start_again_with_utf8()
    if not has_home():
        os.environ["HOME"] = str(Path(".work/home").absolute())
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def reuse_memory() -> None:
    """Let glibc keep the memory that is freed; other C libraries are left as they are.

    By default it gives every large block back to the system, and a training step asks for the same blocks again: the
    pages, emptied anew, are a quarter of the step of a CNN.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        if not mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT):  # glibc before 2.35 takes no more than half of an arena
            mallopt(M_MMAP_THRESHOLD, HALF_ARENA)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def has_home() -> bool:
    """Whether caches can be kept there; a container may run as a number without a home, or with one that is not."""
    try:
        return may(Path.home(), os.W_OK)
    except RuntimeError:
        return False


def start_again_with_utf8() -> None:
    """Python chooses its encoding of files and file names as it starts; the terminal keeps the one that it has."""
    os.environ.setdefault("PYTHONIOENCODING", sys.stdout.encoding)
    os.environ["PYTHONUTF8"] = "1"
    options = sys.orig_argv[1 : len(sys.orig_argv) - len(sys.argv)]  # the first of two answers counts
    os.execv(sys.executable, [sys.executable, "-X", "utf8=1", *options, *sys.argv])
