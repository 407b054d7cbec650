"""Puts a batch into a user's data: first whole beside them, then file by file, so that a kill at any step is mended."""

import errno
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from encdec.retraining.batch import own_files
from encdec.sources.image_tree import is_beside_data

PARTIAL = ".{}.partial"
"""A name that neither DVC nor ingest sees."""


def stage(targets: Mapping[str, Path], to: Path) -> None:
    """Copy the files of a batch into a new folder, each at its later place: from here on the original may go."""
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir(parents=True)
    for target, file in targets.items():
        (to / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, to / target)


def together(user_dir: Path, staged: Path, to: Path, *, replace: bool) -> None:
    """How the user's folder will look, without a second copy where the file system has hard links."""
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir(parents=True)
    for start in (staged,) if replace else (user_dir, staged):
        for file in own_files(start):
            target = to / file.relative_to(start)
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                linked(file, target)


def linked(file: Path, target: Path) -> None:
    try:
        os.link(file, target)
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(file, target)


def move_away(user_dir: Path, aside: Path) -> None:
    """Move the old data to another folder, entry by entry; what was moved before is not there any more.

    Only to be called while nothing new was placed.
    """
    aside.mkdir(parents=True, exist_ok=True)
    for entry in sorted(user_dir.iterdir()):
        if not is_beside_data(entry.name):
            move(entry, aside / entry.name)


def move(entry: Path, to: Path) -> None:
    """Across file systems the copy gets its name when it is whole."""
    try:
        entry.replace(to)
        return
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
    partial = to.with_name(PARTIAL.format(to.name))
    remove(partial)
    remove(to)  # of an earlier try: the original is still there
    if entry.is_dir():
        shutil.copytree(entry, partial)
    else:
        shutil.copyfile(entry, partial)
    partial.replace(to)
    remove(entry)


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def place(staged: Path, user_dir: Path) -> None:
    """Put every staged file that is not there yet to its place; each appears whole or not at all."""
    for file in own_files(staged):
        target = user_dir / file.relative_to(staged)
        if target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(PARTIAL.format(target.name))
        shutil.copyfile(file, partial)
        partial.replace(target)
