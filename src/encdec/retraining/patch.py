"""What a retraining has changed, as a patch to the last commit; neither the index nor the tree is touched."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from encdec.params.root import KINDS
from encdec.report.readme import END, START, with_results
from encdec.tracking.locked import LOCK_FILE

README, SUMMARY = "README.md", Path("data", "07_report", "summary.md")
SOURCE = "data/00_source"
PLACEHOLDER = ".gitkeep"


def patch_of(tree: Path) -> bytes:
    """For `git apply --index`; empty outside of git, and where nothing is to be committed.

    It has what git tracks of dvc.lock, params.yaml and data/, what DVC tracks of new data, new data themselves where
    git has those beside them, and the table of results in README.md, where there is one.

    Raises:
        ChildProcessError: git refuses.
    """
    if run(tree, {}, "rev-parse", "--verify", "-q", "HEAD", check=False) == b"":
        return b""
    with TemporaryDirectory() as folder:
        env = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        run(tree, env, "read-tree", "HEAD")
        run(tree, env, "add", "--update", "--", LOCK_FILE, "params.yaml", "data")
        new = run(tree, env, "ls-files", "-z", "--others", "--exclude-standard", "--", SOURCE).decode().split("\0")
        wanted = [name for name in new if name and (name.endswith((".dvc", ".gitignore")) or kept_by_git(tree, name))]
        if wanted:
            run(tree, env, "update-index", "--add", "-z", "--stdin", given="\0".join(wanted).encode())
        add_results(tree, env)
        return run(tree, env, "diff", "--cached", "--binary", "--no-renames", "HEAD")


def kept_by_git(tree: Path, name: str) -> bool:
    """Whether git has data of the same kind: then it is to have the new ones, too."""
    kinds = [kind for kind in KINDS if name.startswith(f"{SOURCE}/{kind}/")]
    return any(tracked_below(tree, f"{SOURCE}/{kind}") for kind in kinds)


def tracked_below(tree: Path, folder: str) -> list[str]:
    """The data that git tracks in a folder: not what DVC keeps there, nor what only makes the folder be there."""
    names = run(tree, {}, "ls-files", "-z", "--", folder).decode().split("\0")
    return [name for name in names if name and not name.endswith((".dvc", ".gitignore", PLACEHOLDER))]


def add_results(tree: Path, env: Mapping[str, str]) -> None:
    readme, summary = tree / README, tree / SUMMARY
    text = readme.read_text(encoding="utf-8") if readme.is_file() and summary.is_file() else ""
    if START in text and END in text:
        shown = with_results(text, summary.read_text(encoding="utf-8")).encode()
        digest = run(tree, env, "hash-object", "-w", "--stdin", given=shown).decode().strip()
        run(tree, env, "update-index", "--cacheinfo", f"100644,{digest},{README}")


def run(tree: Path, env: Mapping[str, str], *arguments: str, given: bytes = b"", check: bool = True) -> bytes:
    done = subprocess.run(
        ["git", *arguments], cwd=tree, env={**os.environ, **env}, input=given, capture_output=True, check=False
    )
    if check and done.returncode != 0:
        raise ChildProcessError(f"git {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout if done.returncode == 0 else b""
