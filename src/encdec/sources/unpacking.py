"""Decompress a file while its digest is taken; what does not have the expected digest never gets its name."""

import gzip
import zlib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

BLOCK_BYTES = 1 << 20
GZIP_MAGIC = b"\x1f\x8b"


class DigestError(ValueError):
    """The file is not the expected one; the message says what was found instead."""


def unpack(packed: Path, target: Path, *, expected: str) -> None:
    """Write the decompressed bytes of `packed` to `target`, which appears whole and right or not at all.

    A file is decompressed when it starts as gzip does, whatever its name: some servers hand out a .gz decompressed.

    Args:
        expected: SHA-256 of the decompressed bytes.

    Raises:
        DigestError: the bytes are others, or the file is cut off or broken.
    """
    partial = target.with_name(f".{target.name}.partial")
    found = sha256()
    try:
        with partial.open("wb") as file:
            for block in blocks(packed):
                found.update(block)
                file.write(block)
        if found.hexdigest() != expected:
            raise DigestError(f"SHA-256 {found.hexdigest()}")
        partial.replace(target)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DigestError(f"a broken gzip file of {packed.stat().st_size} bytes ({error})") from error
    finally:
        partial.unlink(missing_ok=True)


def blocks(packed: Path) -> Iterator[bytes]:
    with packed.open("rb") as file:
        compressed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    with gzip.open(packed) if compressed else packed.open("rb") as stream:
        while block := stream.read(BLOCK_BYTES):
            yield block
