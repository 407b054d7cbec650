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
    return ImageFiles(user_dir).read(path)


class ImageFiles:
    """Reads files of one folder, one after the other; where a folder in it really lies is looked up once."""

    def __init__(self, user_dir: Path) -> None:
        self.user_dir = str(user_dir)
        self.real = os.path.realpath(user_dir)
        self.inside: dict[str, bool] = {}

    def read(self, path: str) -> bytes:
        """As `read_image_file`."""
        at = os.path.join(self.user_dir, path)  # noqa: PTH118, a Path takes as long as reading a small file
        try:
            if not self.folder_lies_inside(os.path.dirname(at)):  # noqa: PTH120, as above
                raise led_out(path)
            mode = os.lstat(at).st_mode
            if stat.S_ISLNK(mode):
                if not self.holds(os.path.realpath(at)):
                    raise led_out(path)
                mode = Path(at).stat().st_mode
            kind = stat.S_IFMT(mode)
            if kind != stat.S_IFREG:  # to open a pipe would wait for ever
                detail = f"is {KINDS.get(kind, 'no file')}, expected a file; remove it"
                raise ImageError(path, "no regular file", detail)
            return read_steady(at, path)
        except FileNotFoundError as error:
            hint = "; write / between folders" if "\\" in path else ""
            raise ImageError(path, "missing file", f"there is no such file{hint}") from error
        except OSError as error:
            raise ImageError(path, "unreadable file", f"cannot be read: {error.strerror}") from error

    def folder_lies_inside(self, folder: str) -> bool:
        if folder not in self.inside:
            self.inside[folder] = self.holds(os.path.realpath(folder))
        return self.inside[folder]

    def holds(self, real: str) -> bool:
        return Path(real).is_relative_to(self.real)


def led_out(path: str) -> ImageError:
    detail = "is a link to what lies outside of the folder, where a change is not seen; put a copy in its place"
    return ImageError(path, "link out of the folder", detail)


def read_steady(at: str, path: str) -> bytes:
    file = os.open(at, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        before = os.fstat(file)
        if before.st_size == 0:
            raise ImageError(path, "empty file", "has 0 bytes; replace or remove it")
        if before.st_size > MAX_BYTES:
            detail = f"has {before.st_size:,} bytes, expected at most {MAX_BYTES:,}; make it smaller"
            raise ImageError(path, "too large", detail)
        data = read_all(file, before.st_size + 1)
        after = os.fstat(file)
    finally:
        os.close(file)
    if len(data) != before.st_size or state(before) != state(after):
        detail = "changed while it was read; run again when nothing writes to it"
        raise ImageError(path, "changed while read", detail)
    return data


def read_all(file: int, most: int) -> bytes:
    """At most so many bytes; a system may give them in parts."""
    data = os.read(file, most)
    while len(data) < most and (more := os.read(file, most - len(data))):
        data += more
    return data


def state(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns
