"""The IDX format of MNIST: two zero bytes, a type, the number of axes, the axes' lengths, the values."""

from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

UNSIGNED_BYTE = 0x08


def read_idx(path: Path, *, axes: int) -> NDArray[np.uint8]:
    """An IDX file of unsigned bytes, decompressed.

    Args:
        axes: how many axes it must have: 3 for images (N, H, W), 1 for labels (N,).

    Raises:
        ValueError: the file is no IDX file of unsigned bytes with so many axes, or is too short or too long.
    """
    data = path.read_bytes()
    start = 4 + 4 * axes
    expected = bytes([0, 0, UNSIGNED_BYTE, axes])
    if data[:4] != expected:
        raise ValueError(
            f"{path.name}: starts with {data[:4].hex(' ') or 'nothing'}, an IDX file of unsigned bytes with {axes} "
            f"axes with {expected.hex(' ')}"
        )
    if len(data) < start:
        raise ValueError(f"{path.name}: ends after {len(data)} bytes, inside its header of {start}")
    shape = tuple(int(length) for length in np.frombuffer(data, ">u4", count=axes, offset=4))
    if len(data) != start + prod(shape):
        size = " x ".join(str(length) for length in shape)
        raise ValueError(f"{path.name}: has {len(data) - start} values, but its header says {size} = {prod(shape)}")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)
