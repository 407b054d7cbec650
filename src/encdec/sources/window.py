"""Batches that came later than the base data: where they lie, how they are named, and which of them are used."""

import re
from collections.abc import Iterable
from pathlib import Path

BATCHES_FOLDER = "batches"
"""Below a user's own data: later tables of pairs, and later folders of images that an index names."""
BATCH = re.compile(r"batch-\d{8}T\d{6}Z-[0-9a-f]{8}")
"""When it came (UTC) and the beginning of its digest: sorted by name is sorted by time."""


def outside(names: Iterable[str], *, newest: int) -> frozenset[str]:
    """The batches that the window leaves out.

    Args:
        names: of all batches; those later in the alphabet are the newer ones.
        newest: how many are used; 0: all.
    """
    ordered = sorted(set(names))
    return frozenset(ordered[:-newest] if newest else ())


def batch_of(path: str) -> str | None:
    """The batch that an image `<class>/<batch>/...` came with; None for the base data."""
    _, _, rest = path.partition("/")
    name, inside, _ = rest.partition("/")
    return name if inside and BATCH.fullmatch(name) else None


def batch_folders(user_dir: Path) -> list[Path]:
    """The folders of later batches, the oldest first."""
    return sorted(entry for entry in (user_dir / BATCHES_FOLDER).glob("*") if is_seen(entry) and entry.is_dir())


def batch_files(user_dir: Path, suffixes: Iterable[str]) -> list[Path]:
    """The tables of later batches, the oldest first."""
    known = tuple(suffixes)
    files = (entry for entry in (user_dir / BATCHES_FOLDER).glob("*") if is_seen(entry) and entry.is_file())
    return sorted(file for file in files if file.suffix.lower() in known)


def is_seen(entry: Path) -> bool:
    return not entry.name.startswith(".")
