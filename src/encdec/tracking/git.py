"""What git says about the tree that runs."""

import os
import subprocess
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from encdec.tracking.locked import LOCK_FILE, locked_outs


class GitState(NamedTuple):
    """`branch`: None where HEAD is detached. `changed`: paths, relative to the tree, that differ from the commit."""

    commit: str
    branch: str | None
    changed: tuple[str, ...]

    @property
    def dirty(self) -> bool:
        return bool(self.changed)


def git_state(tree: Path, outs: Collection[str]) -> GitState | None:
    """The commit of a tree and what was changed since, or None without git, a repository or a commit.

    dvc.lock and the outs do not count, nor the .gitignore that DVC keeps beside an out: DVC writes them in every run.

    Args:
        outs: paths relative to the tree; those in dvc.lock are known by themselves.
    """
    status = git(tree, "status", "--porcelain=v2", "--branch", "-z", "--untracked-files=all", "--", ".")
    prefix = git(tree, "rev-parse", "--show-prefix")
    if status is None or prefix is None:
        return None
    headers, entries = split_status(status)
    commit = headers.get("branch.oid", "(initial)")
    if commit == "(initial)":
        return None
    written = {*outs, *locked_outs(tree / LOCK_FILE)}
    below = prefix.strip()
    changed = [entry.removeprefix(below) for entry in entries if entry.startswith(below)]
    head = headers.get("branch.head", "(detached)")
    return GitState(
        commit,
        None if head == "(detached)" else head,
        tuple(sorted(path for path in changed if not written_by_dvc(path, written))),
    )


def git(tree: Path, *arguments: str) -> str | None:
    """The output of a git command, or None where it fails."""
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}  # DVC uses the same index at the same time
    try:
        done = subprocess.run(["git", *arguments], cwd=tree, env=environment, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.decode(errors="surrogateescape")


def split_status(text: str) -> tuple[dict[str, str], list[str]]:
    """The headers and the changed paths of `git status --porcelain=v2 --branch -z`."""
    headers: dict[str, str] = {}
    paths: list[str] = []
    fields: Iterator[str] = iter(text.split("\0"))
    for field in fields:
        match field[:1]:
            case "#":
                _, name, value = field.split(" ", 2)
                headers[name] = value
            case "1":
                paths.append(field.split(" ", 8)[8])
            case "2":  # renamed: the old path is a field of its own
                paths += [field.split(" ", 9)[9], next(fields)]
            case "u":
                paths.append(field.split(" ", 10)[10])
            case "?":
                paths.append(field[2:])
            case _:
                pass
    return headers, paths


def written_by_dvc(path: str, outs: Collection[str]) -> bool:
    folder, _, name = path.rpartition("/")
    if path == LOCK_FILE:
        return True
    if name == ".gitignore" and any(out.rpartition("/")[0] == folder for out in outs):
        return True
    return any(path == out or path.startswith(f"{out}/") for out in outs)
