"""A batch that came as an archive: unpacked into a folder, never out of it, and within limits."""

import errno
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from shutil import copyfileobj
from typing import IO, NamedTuple

from encdec.sources.member import MAX_BYTES, MAX_FILES, ContentError, leads_out

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz")
BLOCK = 2**20
ENCRYPTED = 0x1
DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    UnicodeDecodeError,
)
TAKEN = "another file or folder in it has that name"
NAMES = {errno.EEXIST: TAKEN, errno.EISDIR: TAKEN, errno.ENOTDIR: TAKEN, errno.ENAMETOOLONG: "the name is too long"}
"""What is wrong with a name that the system refuses."""
UNNUMBERED = (None, errno.EINVAL)
"""Of an OSError about an archive: gzip and bz2 have no number for damage, and zipfile seeks to where no file begins."""


class Member(NamedTuple):
    """A regular file in an archive. `size`: as the archive says it."""

    name: str
    size: int
    opened: Callable[[], IO[bytes]]


def is_archive(path: Path) -> bool:
    return path.is_file() and path.name.lower().endswith(SUFFIXES)


def unpack(archive: Path, to: Path) -> Path:
    """The folder with the content; where all of it lies in one folder of folders, that one.

    Raises:
        ContentError: no whole archive, or one with links, with names that lead out of it, or with too much in it.
    """
    to.mkdir(parents=True)
    files = size = 0
    at = "its beginning"
    try:
        for member in members(archive):
            at = repr(member.name)
            if leads_out(member.name):
                raise ContentError(f"{archive}: {at} leads out of the archive")
            files, size = files + 1, size + member.size
            if files > MAX_FILES or size > MAX_BYTES:
                raise ContentError(f"{archive}: holds more than {MAX_FILES:,} files or {MAX_BYTES:,} bytes")
            write(member, to / member.name, of=to)
    except (*DAMAGED, OSError) as error:
        if isinstance(error, OSError) and error.errno not in UNNUMBERED:
            raise
        told = f"is no whole archive (at {at}: {error}): pack it anew as .zip or .tar.gz"
        raise ContentError(f"{archive}: {told}") from error
    inside = [entry for entry in to.iterdir() if not entry.name.startswith((".", "__MACOSX"))]
    alone = len(inside) == 1 and inside[0].is_dir()
    return inside[0] if alone and all(entry.is_dir() for entry in inside[0].iterdir()) else to


def write(member: Member, target: Path, *, of: Path) -> None:
    if target == of:
        raise tarfile.TarError("this is no name of a file")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        file = target.open("xb")
    except OSError as error:
        if error.errno not in NAMES:
            raise
        raise tarfile.TarError(NAMES[error.errno]) from error
    with file, member.opened() as content:
        copyfileobj(content, file, BLOCK)  # as long as the archive says: both modules read no further


def members(archive: Path) -> Iterator[Member]:
    if archive.name.lower().endswith(".zip"):
        with zipfile.ZipFile(archive) as packed:
            for info in packed.infolist():
                if stat.S_ISLNK(info.external_attr >> 16):
                    raise ContentError(f"{archive}: {info.filename!r} is a link: pack the file itself")
                if info.flag_bits & ENCRYPTED:
                    raise ContentError(f"{archive}: {info.filename!r} has a password: pack it without one")
                if not info.filename.endswith("/"):
                    yield Member(info.filename, info.file_size, partial(packed.open, info))
        return
    with tarfile.open(archive) as tar:
        for entry in tar:
            if entry.isdir():
                continue
            if not entry.isreg():
                raise ContentError(f"{archive}: {entry.name!r} is no regular file: pack the file itself")
            yield Member(entry.name, entry.size, partial(content_of, tar, entry))
        read_to_the_end(tar)


def content_of(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> IO[bytes]:
    content = tar.extractfile(entry)
    assert content is not None  # it is a regular file
    return content


def read_to_the_end(tar: tarfile.TarFile) -> None:
    """tarfile takes a header that it cannot read for the end, and what stands behind the end, as gzip's sum, is unread.

    Raises:
        TarError: the zeros are missing that end an archive, or are followed by anything else.
    """
    assert tar.fileobj is not None
    tar.fileobj.seek(tar.offset)
    length = 0
    while block := tar.fileobj.read(BLOCK):
        length += len(block)
        if block.strip(b"\0") or length > MAX_BYTES:
            raise tarfile.ReadError("what follows is no header of a file, and not the end either")
    if length < tarfile.BLOCKSIZE:
        raise tarfile.ReadError("it is cut off there")
