"""The bytes of one of a user's image files, read so that they are one state of the file and no trap."""

import os
import stat
from pathlib import Path

from encdec.sources.decoding import MAX_PIXELS, ImageError

# No image of MAX_PIXELS needs more: four channels of 8 bits, and as much again beside them.
MAX_BYTES = 8 * MAX_PIXELS
KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def read_image_file(user_dir: Path, path: str) -> bytes:
    """The content of `path` inside the folder.

    Raises:
        ImageError: there is no such file, it is a link out of the folder, no regular file, empty, too large, cannot be
            read, or changes while it is read.
    """
    at = user_dir / path
    if not Path(os.path.realpath(at)).is_relative_to(os.path.realpath(user_dir)):
        detail = "is a link to what lies outside of the folder, where a change is not seen; put a copy in its place"
        raise ImageError(path, "link out of the folder", detail)
    try:
        kind = stat.S_IFMT(at.stat().st_mode)
        if kind != stat.S_IFREG:  # to open a pipe would wait for ever
            raise ImageError(path, "no regular file", f"is {KINDS.get(kind, 'no file')}, expected a file; remove it")
        return read_steady(at, path)
    except FileNotFoundError as error:
        hint = "; write / between folders" if "\\" in path else ""
        raise ImageError(path, "missing file", f"there is no such file{hint}") from error
    except OSError as error:
        raise ImageError(path, "unreadable file", f"cannot be read: {error.strerror}") from error


def read_steady(at: Path, path: str) -> bytes:
    with at.open("rb") as file:
        before = os.fstat(file.fileno())
        if before.st_size == 0:
            raise ImageError(path, "empty file", "has 0 bytes; replace or remove it")
        if before.st_size > MAX_BYTES:
            detail = f"has {before.st_size:,} bytes, expected at most {MAX_BYTES:,}; make it smaller"
            raise ImageError(path, "too large", detail)
        data = file.read(before.st_size + 1)
        after = os.fstat(file.fileno())
    if len(data) != before.st_size or state(before) != state(after):
        detail = "changed while it was read; run again when nothing writes to it"
        raise ImageError(path, "changed while read", detail)
    return data


def state(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns
