"""What every fuzzing harness shares: the reader is instrumented, and of all errors only a refusal in words is right.

A harness is a file `fuzz_<reader>.py` beside this one (fuzz_idx.py is the smallest). It is run by hand with options of
libFuzzer, `python tests/fuzz/fuzz_idx.py -max_total_time=60`, and by test_fuzz.py for a fixed number of inputs.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NoReturn

import atheris

MEMORY = Path("/dev/shm")  # Linux keeps files there in memory: on a disk, writing them takes most of the time


def instrumented(*packages: str) -> AbstractContextManager[None]:
    """What is first imported inside the block tells the fuzzer which branches an input takes.

    Args:
        packages: beside encdec, those whose Python code reads the input as well.
    """
    return atheris.instrument_imports(include=["encdec", *packages])


def fuzz(read: Callable[[Path], None], *, name: str, seeds: Iterable[bytes]) -> NoReturn:
    """Call `read` with a file of ever other bytes until a limit of the command line is reached, or an error is found.

    The input that led to an error is kept as crash-<digest> in the working directory (or where -artifact_prefix
    says); the same harness with that file as its argument runs it again.

    Args:
        read: hands the file to the library, and asserts what has to hold of an answer.
        name: of the file; a refusal must say it, so that a user knows which file is meant.
        seeds: valid files, from which the fuzzer starts.
    """
    with tempfile.TemporaryDirectory(prefix="encdec-fuzz-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        # libFuzzer ends its process without a word to Python: this one stays behind and removes the folder
        child = os.fork()
        if child == 0:
            run(read, file=Path(folder) / name, seeds=seeds)
        _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status))


def run(read: Callable[[Path], None], *, file: Path, seeds: Iterable[bytes]) -> NoReturn:
    def one_input(data: bytes) -> None:
        file.write_bytes(data)
        try:
            read(file)
        except ValueError as error:
            hold_refusal(error, file.name)

    corpus = file.parent / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(seeds):
        (corpus / f"{number}").write_bytes(seed)
    again = any(not argument.startswith("-") for argument in sys.argv[1:])
    atheris.Setup([*sys.argv, *([] if again else [str(corpus)])], one_input)
    atheris.Fuzz()
    raise AssertionError("libFuzzer came back")


def hold_refusal(error: ValueError, name: str) -> None:
    """A refusal is a ValueError of the library's own, in words for people, and names the file.

    Raises:
        AssertionError: it came through from Python or another library, or does not say which file is meant.
    """
    own = type(error) is ValueError or type(error).__module__.startswith("encdec.")
    if not own or name not in str(error):
        raise AssertionError(f"no refusal in words that names {name!r}: {error!r}") from error
