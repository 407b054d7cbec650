"""What was changed in the tree since its commit, as a diff that `git apply` takes: kept with a run, applied again."""

import hashlib
import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from encdec.masking import holds_secret
from encdec.tracking.git import GitState, git

DIFF_TAG = "git.diff"
TOO_LARGE_TAG = "git.diff.too_large"
SECRET_TAG = "git.diff.secret"
DIFF_FOLDER = "git"
DIFF_FILE = "changes.diff"
MAX_DIFF = 2**20  # bytes
MAX_CHANGED = (
    2**26
)  # bytes; files that are larger together are not even read: their diff is too large in all likelihood


class Changes(NamedTuple):
    """`diff`: None where it was too large to keep, which has `size` bytes (or the changed files have), or has a secret:
    an address with a password, or a password of the environment."""

    diff: bytes | None
    size: int
    secret: bool = False

    @property
    def tags(self) -> dict[str, str]:
        if self.secret:
            return {SECRET_TAG: "true"}
        if self.diff is None:
            return {TOO_LARGE_TAG: str(self.size)}
        return {DIFF_TAG: hashlib.sha256(self.diff).hexdigest()}


def changes_of(tree: Path, state: GitState | None) -> Changes | None:
    """The changed files of a tree against its commit, new ones included; None where nothing is changed.

    Ignored files are never in it, nor what `git_state` leaves out: dvc.lock and outs. Neither the index nor the objects
    of the repository are touched: DVC, and the user, work with them at the same time.
    """
    if state is None or not state.dirty:
        return None
    files = [tree / path for path in state.changed]
    size = sum(file.lstat().st_size for file in files if file.is_symlink() or file.is_file())
    if size > MAX_CHANGED:
        return Changes(None, size)
    diff = diff_of(tree, state)
    if diff is None:
        return None
    if holds_secret(diff.decode(errors="replace")):
        return Changes(None, len(diff), secret=True)
    return Changes(diff if len(diff) <= MAX_DIFF else None, len(diff))


def diff_of(tree: Path, state: GitState) -> bytes | None:
    """A binary diff of the changed paths against the commit; None where git does not give one."""
    objects = git(tree, "rev-parse", "--path-format=absolute", "--git-path", "objects")
    if objects is None:
        return None
    with TemporaryDirectory() as temporary:
        environment = {
            **os.environ,
            "GIT_INDEX_FILE": str(Path(temporary, "index")),
            "GIT_OBJECT_DIRECTORY": temporary,
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": objects.strip(),
            "GIT_LITERAL_PATHSPECS": "1",
        }
        paths = "\0".join(state.changed).encode(errors="surrogateescape")
        commands = (
            (["read-tree", state.commit], b""),
            (["add", "--all", "--pathspec-from-file=-", "--pathspec-file-nul"], paths),
            (
                [
                    *("-c", "diff.noprefix=false", "-c", "diff.mnemonicPrefix=false"),
                    *("diff", "--cached", "--binary", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames"),
                    state.commit,
                ],
                b"",
            ),
        )
        output = b""
        for arguments, given in commands:
            done = subprocess.run(
                ["git", *arguments], cwd=tree, env=environment, input=given, capture_output=True, check=False
            )
            if done.returncode != 0:
                return None
            output = done.stdout
        return output
