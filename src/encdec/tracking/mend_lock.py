"""`make repro` begins here: a dvc.lock of which DVC could write no more than a part is put back.

DVC writes the whole file in its place after every stage. A kill or a full disk at that moment leaves the beginning of
it, which the next `dvc repro` refuses. Going back to an older one costs nothing where DVC's run-cache has the results.
"""

import sys
import time
from pathlib import Path
from typing import Any

import yaml

from encdec.command import run_command
from encdec.outs import write_text
from encdec.tracking.git import git
from encdec.tracking.locked import LOCK_FILE

WRITING_SECONDS = 3.0
"""A dvc that is writing the file at this moment has done so by then."""
BROKEN = Path(".work", "dvc.lock.broken")
CONFLICT = "<<<<<<< "


def mend(tree: Path, *, wait: float = WRITING_SECONDS) -> str | None:
    """Move a part of a dvc.lock aside, and put that of the last commit in its place where there is one.

    A file with the marks of a merge is left to whoever merges.

    Returns:
        A sentence that says so, or None where nothing was done.
    """
    lock = tree / LOCK_FILE
    if not is_part(lock):
        return None
    time.sleep(wait)
    if not is_part(lock):
        return None
    (tree / BROKEN).parent.mkdir(exist_ok=True)
    lock.replace(tree / BROKEN)
    committed = git(tree, "show", f"HEAD:./{LOCK_FILE}")
    if committed is not None and is_whole(committed):
        write_text(lock, committed)
        done = "is that of the last commit again"
    else:
        done = "is made anew"
    return (
        f"{lock}: DVC was stopped while it wrote this file. It {done}, and the part lies in {BROKEN}; "
        "what was computed comes from DVC's run-cache"
    )


def is_part(lock: Path) -> bool:
    if not lock.is_file():
        return False
    text = lock.read_text(encoding="utf-8", errors="replace")
    return not is_whole(text) and CONFLICT not in text


def is_whole(text: str) -> bool:
    """Whether it ends with a line and DVC takes it."""
    try:
        document: Any = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        return text.endswith("\n") and all(is_told(stage) for stage in document["stages"].values())
    except (yaml.YAMLError, TypeError, KeyError, AttributeError):
        return False


def is_told(stage: dict[str, Any]) -> bool:
    """Whether a stage has its command, and each dep and out its path and no name without a value."""
    named = [each for kind in ("deps", "outs") if kind in stage for each in stage[kind]]
    params = stage.get("params", {}).values()
    return (
        stage["cmd"] is not None
        and all(each["path"] and None not in each.values() for each in named)
        and all(isinstance(values, dict) for values in params)
    )


def main() -> None:
    said = mend(Path.cwd())
    if said is not None:
        print(said, file=sys.stderr)


if __name__ == "__main__":
    run_command(main, "Put back a dvc.lock that DVC could not finish writing.", paths={})
