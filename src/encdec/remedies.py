"""What to do about an error of the operating system, in a sentence that names the path."""

import errno
import os
import shutil
import stat
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT)
REFUSED = (errno.EACCES, errno.EPERM)
EXPLAINED = (*FULL, errno.EROFS, *REFUSED)
NEARLY_NOTHING = 2**20  # bytes; a file that does not fit leaves less than a block of it free


def explained(error: OSError) -> str:
    """The error's message; where a full disk, a read-only one or permissions are behind it, with what to do."""
    name = error.filename2 or error.filename  # a copy names where it came from, and then where it did not fit
    if not isinstance(name, str | bytes):
        return str(error)
    path = Path(os.fsdecode(name))
    if error.errno in FULL:
        return f"{path}: {room(path)}: make room there, then start the same command again"
    if error.errno == errno.EROFS:
        return f"{path}: its file system is read-only: mount it for writing, or move the project to one that is"
    if error.errno in REFUSED:
        return f"{path}: {refused(path)}: give this user the right to it (chmod or chown), or be another user"
    return str(error)


def room(path: Path) -> str:
    usage = shutil.disk_usage(nearest(path))
    sizes = f"{megabytes(usage.free)} free of {megabytes(usage.total)} without what was begun"
    return f"it does not fit on its disk, which is full, or a quota is used up ({sizes})"


def refused(path: Path) -> str:
    """Who asked, and what the file, or the folder around it that refuses, grants to whom."""
    start = nearest(path)
    around = (start, *start.absolute().parents)
    there = next((each for each in around if not may(each, os.R_OK | os.W_OK)), start)
    found = there.stat()
    what = "it" if there == path else str(there)
    asks = f"user {os.geteuid()}" if hasattr(os, "geteuid") else "this user"
    return f"{asks} may not use it ({what} belongs to user {found.st_uid}, mode {stat.filemode(found.st_mode)})"


def check_writable(path: Path) -> None:
    """Whether something may be put at a path; better known before hours of training than after them.

    Raises:
        OSError: the nearest folder above it that is there is read-only, or not for this user.
    """
    folder = nearest(path.absolute().parent)
    if may(folder, os.W_OK | os.X_OK):
        return
    read_only = hasattr(os, "statvfs") and os.statvfs(folder).f_flag & os.ST_RDONLY
    number = errno.EROFS if read_only else errno.EACCES
    raise OSError(number, os.strerror(number), str(path))


def may(path: Path, mode: int) -> bool:
    """Whether this process may, as whoever it acts."""
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def nearest(path: Path) -> Path:
    """The path itself, or the nearest folder above it that is there and can be looked at."""
    absolute = path.absolute()
    for folder in (absolute, *absolute.parents):
        try:
            folder.stat()
        except OSError:
            continue
        return path if folder == absolute else folder
    return Path(absolute.anchor)


def megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def named(error: OSError, path: Path) -> OSError:
    """The error with a path where it has none: a write to an open file does not say to which.

    numpy says "64 requested and 0 written", without a number, where a disk is full.
    """
    number = error.errno
    if number is None and shutil.disk_usage(nearest(path)).free < NEARLY_NOTHING:
        number = errno.ENOSPC
    if number is None or error.filename is not None:
        return error
    return OSError(number, os.strerror(number), str(path))
