"""A file that somebody else has named, in an archive or in a store: what its name may be, and how many there may be."""

from pathlib import PurePosixPath, PureWindowsPath

MAX_FILES, MAX_BYTES = 1_000_000, 2**36  # 64 GiB


class ContentError(ValueError):
    """Data that were had, and cannot be used: they are broken, or nothing of what was asked for."""


def leads_out(name: str) -> bool:
    """Whether a relative POSIX path may end elsewhere than below the folder that it is joined to, on any system."""
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or bool(PureWindowsPath(name).drive)
