"""How a stage script starts: arguments with help, and mistakes of the user as sentences instead of tracebacks."""

import argparse
import gc
import os
import select
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from encdec.masking import masked
from encdec.remedies import explained
from encdec.signals import asked_to_stop, farewell, stoppable

HOW_TO_TRACE = "(ENCDEC_TRACEBACK=1 shows where it was raised)"


def run_command(
    main: Callable[..., None],
    description: str,
    *,
    paths: Mapping[str, str],
    item: tuple[str, Sequence[str]] | None = None,
) -> None:
    """Call `main` with the arguments of the command line: the item first, then a Path for each of `paths`."""
    parser = argparse.ArgumentParser(description=description)
    if item is not None:
        name, choices = item
        parser.add_argument(name, choices=choices)
    for option, text in paths.items():
        parser.add_argument(f"--{option}", type=Path, required=True, help=text, metavar="PATH")
    call(main, **vars(parser.parse_args()))


def call(main: Callable[..., None], **arguments: object) -> None:
    """Call `main`, and say what goes wrong as a sentence.

    A ValueError or an OSError is printed as its message and ends with status 1; the traceback is shown too where
    ENCDEC_TRACEBACK is set. Ctrl-C, SIGTERM and SIGHUP end with a line and the shell's status, 128 + the signal; so,
    without a line, does a reader that wants no more (`| head`). Anything else is a mistake of ours and keeps its
    traceback.
    """
    try:
        with collecting(), stoppable():
            main(**arguments)
            sys.stdout.flush()
    except (ValueError, OSError) as error:
        if isinstance(error, BrokenPipeError) and reader_gone():
            sys.exit(128 + signal.SIGPIPE)
        if os.environ.get("ENCDEC_TRACEBACK"):
            raise
        said = masked(explained(error) if isinstance(error, OSError) else str(error))
        sys.exit(f"\n{type(error).__name__}: {said}\n{HOW_TO_TRACE}")
    except (MemoryError, RuntimeError) as error:
        if os.environ.get("ENCDEC_TRACEBACK") or not out_of_memory(error):
            raise
        told = "lower the sizes of this stage in params.yaml, or give it a machine with more memory"
        sys.exit(f"\nMemoryError: the memory of this machine does not hold it ({error}): {told}")
    except (KeyboardInterrupt, SystemExit) as error:
        stopped_by = asked_to_stop(error)
        if stopped_by is None:
            raise
        print(f"\n{farewell(stopped_by)}", file=sys.stderr)
        sys.exit(128 + signal.Signals[stopped_by])


@contextmanager
def collecting() -> Iterator[None]:
    """Python looks for cycles to free, but neither among the modules nor, when all is done, in what is left."""
    gc.freeze()
    gc.enable()
    try:
        yield
    finally:
        gc.freeze()


def out_of_memory(error: BaseException) -> bool:
    """Torch has no class of its own for it on the CPU."""
    return isinstance(error, MemoryError) or "allocate memory" in str(error)


def reader_gone() -> bool:
    """Whether nobody reads what is printed (`| head`); Python is then kept from complaining when it ends."""
    printed = sys.stdout.fileno()
    poll = select.poll()
    poll.register(printed, 0)
    if not any(event & select.POLLERR for _, event in poll.poll(0)):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), printed)
    return True
