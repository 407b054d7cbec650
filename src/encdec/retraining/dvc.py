"""DVC's own commands, with the Python and the environment of this process."""

import os
import subprocess
import sys
from pathlib import Path

from encdec.masking import masked

LAST_LINES = 5


def run_dvc(tree: Path, *arguments: str, what: str) -> None:
    """Run one to its end; what it prints goes to stderr only where it fails.

    Args:
        what: that could not be done, for the error.

    Raises:
        ValueError: it failed; with its last words.
    """
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        said = " / ".join(masked(done.stdout + done.stderr).strip().splitlines()[-LAST_LINES:])
        raise ValueError(f"DVC could not {what}: {said}")


def default_remote(tree: Path) -> str | None:
    """The name of the remote that `dvc push` uses."""
    from dvc.config import Config

    name = Config(str(tree / ".dvc"))["core"].get("remote")
    return str(name) if name else None


def check_remote(tree: Path, *, needed: bool) -> None:
    """Raises ValueError where params.yaml asks for a remote and there is none, or CI has one and may not use it."""
    remote = default_remote(tree)
    if remote is not None and not needed and os.environ.get("CI"):
        raise ValueError(
            f"DVC has the remote {remote}, but params.yaml: retraining.remote is false: what a machine of "
            "CI makes would be pushed nowhere, and dvc.lock would name what nobody has: set it to true"
        )
    if needed and remote is None:
        raise ValueError(
            "params.yaml: retraining.remote is true, but DVC has no default remote: name one with "
            "`dvc remote add --default NAME ADDRESS`, or set it to false"
        )
