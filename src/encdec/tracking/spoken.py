"""What a stage says while it runs, kept for the case that it fails."""

import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

KEPT = 1000
"""Pieces of text, the last ones: a thousand lines, where nothing draws a bar."""


class Echo:
    """A stream that also keeps what is written to it; everything else is that of the stream."""

    def __init__(self, stream: TextIO, kept: deque[str]) -> None:
        self.stream = stream
        self.kept = kept

    def write(self, text: str) -> int:
        self.kept.append(text)
        return self.stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextmanager
def listening() -> Iterator[deque[str]]:
    """What goes to stdout and stderr meanwhile, in its order. What C code writes is not in it."""
    kept: deque[str] = deque(maxlen=KEPT)
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = Echo(before[0], kept), Echo(before[1], kept)
    try:
        yield kept
    finally:
        sys.stdout, sys.stderr = before
