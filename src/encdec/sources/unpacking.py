"""Decompress a file and hold it against its digest; what is not the expected file never gets its name."""

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

BLOCK_BYTES = 1 << 20
GZIP_MAGIC = b"\x1f\x8b"
HASHES = {"MD5": "md5", "SHA-256": "sha256"}


class WrongFileError(ValueError):
    """The file is not the expected one; the message says what was found instead."""


class StorageError(ValueError):
    """A folder cannot take the bytes (most often: the disk is full); the message names it."""


class Digest(NamedTuple):
    """What the right file is known by.

    `packed`: the digest is that of the file as it is handed out, which a mirror that packs it anew changes; else that
    of the decompressed bytes.
    """

    algorithm: Literal["MD5", "SHA-256"]
    value: str
    packed: bool

    def __str__(self) -> str:
        return f"{self.algorithm} {self.value}"

    def of(self, blocks: Iterator[bytes]) -> str:
        """The digest of other bytes, by the same algorithm."""
        found = hashlib.new(HASHES[self.algorithm], usedforsecurity=False)  # MD5, too, where policy forbids it
        for block in blocks:
            found.update(block)
        return found.hexdigest()

    def check(self, blocks: Iterator[bytes], *, what: str) -> None:
        """Read all blocks.

        Raises:
            WrongFileError: they have another digest.
        """
        found = self.of(blocks)
        if found != self.value:
            raise WrongFileError(f"{what} {self.algorithm} {found}")


def sha256_of_content(value: str) -> Digest:
    return Digest("SHA-256", value, packed=False)


def sha256_of_file(value: str) -> Digest:
    return Digest("SHA-256", value, packed=True)


def md5_of_file(value: str) -> Digest:
    return Digest("MD5", value, packed=True)


def unpack(packed: Path, target: Path, *, expected: Digest, max_bytes: int) -> None:
    """Write the decompressed bytes of `packed` to `target`, which appears whole and right or not at all.

    A file is decompressed when it starts as gzip does, whatever its name: some servers hand out a .gz decompressed.

    Args:
        max_bytes: more decompressed bytes than these are not written: a small file can unpack to any size.

    Raises:
        WrongFileError: the file is another one, or cut off, or broken.
        StorageError: it cannot be read, or `target` not written.
    """
    partial = target.with_name(f".{target.name}.partial")
    try:
        if expected.packed:
            expected.check(read_blocks(packed), what=f"a file of {packed.stat().st_size} bytes with")
            write_blocks(partial, decompressed(packed, max_bytes))
        else:
            expected.check(copied(decompressed(packed, max_bytes), partial), what="decompressed bytes with")
        partial.replace(target)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise WrongFileError(f"a broken gzip file of {packed.stat().st_size} bytes ({error})") from error
    except OSError as error:
        raise StorageError(f"{error}, when {packed} was unpacked into {target.parent}") from error
    finally:
        partial.unlink(missing_ok=True)


def decompressed(packed: Path, max_bytes: int) -> Iterator[bytes]:
    with packed.open("rb") as file:
        compressed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    length = 0
    with gzip.open(packed) if compressed else packed.open("rb") as stream:
        while block := stream.read(BLOCK_BYTES):
            length += len(block)
            if length > max_bytes:
                raise WrongFileError(f"more than {max_bytes} decompressed bytes, which it cannot have")
            yield block


def read_blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            yield block


def copied(blocks: Iterator[bytes], path: Path) -> Iterator[bytes]:
    """The same blocks, which lie in a file when the last one is taken."""
    with path.open("wb") as file:
        for block in blocks:
            file.write(block)
            yield block


def write_blocks(path: Path, blocks: Iterator[bytes]) -> None:
    for _ in copied(blocks, path):
        pass
