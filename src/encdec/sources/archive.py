"""A batch that came as an archive: unpacked into a folder, never out of it, and within limits."""

import stat
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from shutil import copyfileobj
from typing import IO, NamedTuple

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz")
MAX_FILES, MAX_BYTES = 1_000_000, 2**36  # 64 GiB
BLOCK = 2**20
ENCRYPTED = 0x1


class Member(NamedTuple):
    """A regular file in an archive. `size`: as the archive says it."""

    name: str
    size: int
    opened: IO[bytes]


def is_archive(path: Path) -> bool:
    return path.is_file() and path.name.lower().endswith(SUFFIXES)


def unpack(archive: Path, to: Path) -> Path:
    """The folder with the content; where all of it lies in one folder of folders, that one.

    Raises:
        ValueError: no archive, or one with links, with names that lead out of it, or with too much in it.
    """
    to.mkdir(parents=True)
    files = size = 0
    try:
        for member in members(archive):
            plain = PurePosixPath(member.name)
            if plain.is_absolute() or ".." in plain.parts or "\\" in member.name or "\0" in member.name:
                raise ValueError(f"{archive}: {member.name!r} leads out of the archive")
            files, size = files + 1, size + member.size
            if files > MAX_FILES or size > MAX_BYTES:
                raise ValueError(f"{archive}: holds more than {MAX_FILES:,} files or {MAX_BYTES:,} bytes")
            target = to / plain
            target.parent.mkdir(parents=True, exist_ok=True)
            with member.opened as content, target.open("wb") as file:
                copyfileobj(content, file, BLOCK)  # as long as the archive says: both modules read no further
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise ValueError(f"{archive}: is no whole archive ({error}): pack it anew as .zip or .tar.gz") from error
    inside = [entry for entry in to.iterdir() if not entry.name.startswith((".", "__MACOSX"))]
    alone = len(inside) == 1 and inside[0].is_dir()
    return inside[0] if alone and all(entry.is_dir() for entry in inside[0].iterdir()) else to


def members(archive: Path) -> Iterator[Member]:
    if archive.name.lower().endswith(".zip"):
        with zipfile.ZipFile(archive) as packed:
            for info in packed.infolist():
                if stat.S_ISLNK(info.external_attr >> 16):
                    raise ValueError(f"{archive}: {info.filename!r} is a link: pack the file itself")
                if info.flag_bits & ENCRYPTED:
                    raise ValueError(f"{archive}: {info.filename!r} has a password: pack it without one")
                if not info.is_dir():
                    yield Member(info.filename, info.file_size, packed.open(info))
        return
    with tarfile.open(archive) as tar:
        for entry in tar:
            if entry.isdir():
                continue
            opened = tar.extractfile(entry) if entry.isreg() else None
            if opened is None:
                raise ValueError(f"{archive}: {entry.name!r} is no regular file: pack the file itself")
            yield Member(entry.name, entry.size, opened)
