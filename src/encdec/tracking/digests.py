"""The digests that DVC 3 gives to files and folders, so that runs and dvc.lock can be held against each other."""

import hashlib
import json
import os
from pathlib import Path
from typing import Protocol

from pathspec import GitIgnoreSpec

IGNORE_FILE = ".dvcignore"
ALWAYS_IGNORED = (".hg/", ".git/", ".git", ".dvc/")  # as in dvc.ignore


class Ignore(Protocol):
    def match_file(self, file: str, /) -> bool: ...


def out_tag(name: str) -> str:
    """Of a run: the digest of what it wrote to a path, as dvc.lock names it."""
    return f"dvc.out/{name}"


def in_tag(name: str) -> str:
    """Of a run: the digest of what it read."""
    return f"dvc.in/{name}"


def from_tag(name: str) -> str:
    """Of a run that reads the data: the run that made them."""
    return f"dvc.from/{name}"


def dvc_digest(path: Path, *, ignore: Ignore | None = None) -> str:
    """The md5 that dvc.lock has for a file, or for a folder (it ends in ".dir").

    A folder's is the md5 of the JSON list of its files, each with md5 and relative path, sorted by path, as
    `dvc_data.hashfile.tree.Tree.digest` makes it; empty folders do not count and links to folders are not followed.

    Args:
        ignore: what does not count, by absolute path (see `read_ignore`); an out has no such files.

    Raises:
        FileNotFoundError: there is nothing at the path.
    """
    if not path.is_dir():
        return file_digest(path)
    entries = [
        {"md5": file_digest(file), "relpath": file.relative_to(path).as_posix()} for file in files_below(path, ignore)
    ]
    entries.sort(key=lambda entry: entry["relpath"])
    return hashlib.md5(json.dumps(entries, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + ".dir"


def file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def files_below(folder: Path, ignore: Ignore | None) -> list[Path]:
    files: list[Path] = []
    for where, folders, names in os.walk(folder):
        here = Path(where).absolute()
        if ignore is not None:
            folders[:] = [name for name in folders if not ignore.match_file(f"{here / name}/")]
            names = [name for name in names if not ignore.match_file(str(here / name))]
        files += [Path(where, name) for name in names]
    return files


class TreeIgnore:
    """The patterns of a project's .dvcignore, asked by absolute path."""

    def __init__(self, tree: Path, lines: list[str]) -> None:
        self.prefix = f"{tree.as_posix().rstrip('/')}/"
        self.spec = GitIgnoreSpec.from_lines([*ALWAYS_IGNORED, *lines])

    def match_file(self, file: str, /) -> bool:
        return self.spec.match_file(file.removeprefix(self.prefix))


def read_ignore(tree: Path) -> TreeIgnore:
    """What DVC ignores in a project: its own folders and what .dvcignore at the top lists."""
    file = tree / IGNORE_FILE
    return TreeIgnore(tree, file.read_text(encoding="utf-8").splitlines() if file.is_file() else [])
