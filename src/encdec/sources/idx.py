"""The IDX format of MNIST: two zero bytes, a type, the number of axes, the axes' lengths, the values."""

import os
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

UNSIGNED_BYTE = 0x08
OTHER_TYPES = {0x09: "signed bytes", 0x0B: "16-bit", 0x0C: "32-bit", 0x0D: "32-bit float", 0x0E: "64-bit float"}
GZIP_MAGIC = b"\x1f\x8b"


def read_idx(path: Path, *, axes: int) -> NDArray[np.uint8]:
    """An IDX file of unsigned bytes, decompressed.

    The header is held against the size of the file before any value is read: whatever lengths it claims, memory is
    taken for no more than the file has.

    Args:
        axes: how many axes it must have: 3 for images (N, H, W), 1 for labels (N,).

    Raises:
        ValueError: the file is no IDX file of unsigned bytes with so many axes, is empty, too short or too long, or
            changes while it is read.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        shape = read_shape(file, path.name, axes=axes)
        count, found = prod(shape), size - file.tell()
        if found != count:
            lengths = " x ".join(str(length) for length in shape)
            wrong = "is cut off" if found < count else "has something behind its values"
            raise ValueError(
                f"{path.name}: has {found} values, but its header says {lengths} = {count}: it {wrong}; get it again"
            )
        if count == 0:
            raise ValueError(f"{path.name}: holds no value: its header says {' x '.join(map(str, shape))}")
        values = file.read(count + 1)
    if len(values) != count:
        raise ValueError(f"{path.name}: changed while it was read; try again when nothing writes to it")
    return np.frombuffer(values, np.uint8).reshape(shape)


def read_shape(file: BinaryIO, name: str, *, axes: int) -> tuple[int, ...]:
    """The lengths of the axes; afterwards the file stands before its first value."""
    header = file.read(4 + 4 * axes)
    expected = bytes([0, 0, UNSIGNED_BYTE, axes])
    if header[:4] != expected:
        raise ValueError(
            f"{name}: starts with {header[:4].hex(' ') or 'nothing'}{told(header[:4])}, an IDX file of unsigned bytes "
            f"with {axes} {'axis' if axes == 1 else 'axes'} with {expected.hex(' ')}"
        )
    if len(header) < 4 + 4 * axes:
        raise ValueError(f"{name}: ends after {len(header)} bytes, inside its header of {4 + 4 * axes}; get it again")
    return tuple(int(length) for length in np.frombuffer(header, ">u4", offset=4))


def told(start: bytes) -> str:
    """What a file may be that starts with other bytes."""
    if start.startswith(GZIP_MAGIC):
        return " (gzip: decompress it)"
    if len(start) < 4 or start[:2] != b"\0\0":
        return ""
    kind = {**OTHER_TYPES, UNSIGNED_BYTE: "unsigned bytes"}.get(start[2], "an unknown type")
    return f" (IDX: {kind}, axes: {start[3]})"
