"""Mounts, networks and users of a test's own: what the machine of a user may be like, without touching this one.

As root they need nothing more; in CI sudo is asked; elsewhere the test is skipped, and says why.
"""

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence

import pytest
from small_project import Project
from started import Ended, end, start

NOBODY = 54321  # a user that no system has a name for
PLAIN_ROOT = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
"""Root ignores permissions; without these two rights it is refused like everybody else."""


def as_root(env: Mapping[str, str]) -> list[str]:
    """What stands before a command that mounts or becomes another user."""
    if os.geteuid() == 0:
        missing = [tool for tool in ("unshare", "setpriv") if shutil.which(tool) is None]
        if missing:
            refuse(f"{' and '.join(missing)} (util-linux) not found")
        return []
    sudo = ["sudo", "-n", "env", "-i", *(f"{key}={value}" for key, value in env.items())]
    asked = subprocess.run([*sudo, "unshare", "--mount", "true"], check=False, capture_output=True, text=True)
    if asked.returncode != 0:
        refuse(f"needs root or sudo without a password, for a mount of its own: {asked.stderr.strip()}")
    return sudo


def refuse(reason: str) -> None:
    """A check that is not made is a failure where all of them must be."""
    if os.environ.get("CI"):
        pytest.fail(f"cannot run in CI: {reason}")
    pytest.skip(reason)


def apart(project: Project, script: str, *, spaces: Sequence[str] = ("--mount",), env: Mapping[str, str]) -> Ended:
    """A shell script in the folder of a project, with mounts (or a network) that end with it."""
    whole = {**project.env, **env}
    command = [*as_root(whole), "unshare", *spaces, "sh", "-c", f"cd {shlex.quote(str(project.path))} && {script}"]
    ended = end(start(project, command, env=env), patience=850)
    if os.geteuid() != 0:  # what sudo wrote is to be removed with the test
        own = f"{os.getuid()}:{os.getgid()}"
        subprocess.run(["sudo", "-n", "chown", "-R", own, str(project.path.parent)], check=True)
    return ended


def refusable(argv: Sequence[str]) -> list[str]:
    """A command as a user whom permissions bind."""
    return [*PLAIN_ROOT, *argv] if os.geteuid() == 0 else [*argv]
