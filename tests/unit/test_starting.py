"""What a stage's process is like, in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from encdec.starting import starters

STEPS = """
import resource, sys
import numpy as np
from encdec.starting import reuse_memory

def step():
    blocks = [np.ones(2**20) for _ in range(8)]  # of 8 MB

if sys.argv[1] == "reuse":
    reuse_memory()
for _ in range(3):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def new_pages(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", STEPS, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mallopt is glibc's")
def test_memory_that_was_freed_is_used_again() -> None:
    assert new_pages("default") > 10_000, "else there is nothing to mend here"
    assert new_pages("reuse") < 1_000


CHAIN = "from encdec.starting import starters; print(*starters())"


@pytest.mark.parametrize("around", ["", "; true", " | cat"])
def test_whoever_started_a_process_is_found_behind_the_shells_around_it(around: str) -> None:
    """A shell makes way for its only command, and waits for one of several."""
    line = f"exec {sys.executable} -c '{CHAIN}'" if not around else f"{sys.executable} -c '{CHAIN}'{around}"
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=True)
    found = [int(pid) for pid in done.stdout.split()]
    assert found[-1] == os.getpid()
    assert len(found) == (2 if around else 1)


def test_where_the_system_does_not_say_who_started_whom_the_first_is_the_only_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("encdec.starting.Path", lambda place: Path(f"/nowhere{place}"))
    assert starters() == [os.getppid()]
