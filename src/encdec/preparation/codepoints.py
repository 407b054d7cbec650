"""Texts as arrays of Unicode code points, so that characters are counted and looked up without a loop over them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

NUM_CODE_POINTS = 0x110000


def code_points(texts: Sequence[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """The code points of all texts, laid end to end (total,), and the offsets of the texts in them (N + 1,)."""
    points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype="<u4")
    return points.astype(np.uint32, copy=False), offsets_of([len(text) for text in texts])


def offsets_of(lengths: Sequence[int]) -> NDArray[np.int64]:
    """Where each of N rows begins when they are laid end to end, and the end of the last (N + 1,)."""
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)
