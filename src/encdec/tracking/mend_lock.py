"""`make repro` begins here: a dvc.lock of which DVC could write no more than a part is put back.

DVC writes the whole file in its place after every stage. A kill or a full disk at that moment leaves the beginning of
it, which the next `dvc repro` refuses. Nothing is lost by going back to an older one: DVC's run-cache has the results.
"""

import sys
import time
from pathlib import Path
from typing import Any

import yaml

from encdec.outs import write_text
from encdec.tracking.git import LOCK_FILE, git

WRITING_SECONDS = 3.0
"""A dvc that is writing the file at this moment has done so by then."""


def mend(tree: Path, *, wait: float = WRITING_SECONDS) -> str | None:
    """Put the dvc.lock of the last commit in the place of a part of one; without a commit, none.

    Returns:
        A sentence that says so, or None where the file is whole or not there.
    """
    lock = tree / LOCK_FILE
    if is_whole(lock):
        return None
    time.sleep(wait)
    if is_whole(lock):
        return None
    committed = git(tree, "show", f"HEAD:./{LOCK_FILE}")
    if committed is None:
        lock.unlink()
        done = "was removed"
    else:
        write_text(lock, committed)
        done = "is that of the last commit again"
    return f"{lock}: DVC was stopped while it wrote this file. It {done}; what was computed comes from DVC's run-cache"


def is_whole(lock: Path) -> bool:
    """Whether it ends with a line and DVC takes it; one that is not there is whole."""
    if not lock.is_file():
        return True
    text = lock.read_text(encoding="utf-8", errors="replace")
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


if __name__ == "__main__":
    said = mend(Path.cwd())
    if said is not None:
        print(said, file=sys.stderr)
