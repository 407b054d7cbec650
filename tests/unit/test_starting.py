"""What a stage's process is like, in processes of their own."""

import subprocess
import sys

import pytest

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
