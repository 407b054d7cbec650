"""Any bytes as an IDX file: the array that its header promises, or a refusal."""

import struct
from pathlib import Path

from harness import fuzz, instrumented

with instrumented():
    from encdec.sources.idx import read_idx


def read(path: Path) -> None:
    data = path.read_bytes()
    axes = 1 if data[3:4] == b"\1" else 3
    array = read_idx(path, axes=axes)
    assert array.shape == struct.unpack_from(f">{axes}I", data, 4)
    assert array.tobytes() == data[4 + 4 * axes :]


def idx(*lengths: int) -> bytes:
    count = lengths[0] if len(lengths) == 1 else lengths[0] * lengths[1] * lengths[2]
    return struct.pack(f">BBBB{len(lengths)}I", 0, 0, 8, len(lengths), *lengths) + bytes(range(count))


if __name__ == "__main__":
    fuzz(read, name="input.idx", seeds=[idx(5), idx(0), idx(2, 3, 4), idx(3, 1, 1)])
