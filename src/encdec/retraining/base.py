"""What the last commit has: its dvc.lock, and by it the test rows and the models of then, whatever lies here now."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from encdec.params.root import Kind, ModelName
from encdec.retraining.decision import Earlier
from encdec.tracking.flat import flattened
from encdec.tracking.git import git
from encdec.tracking.locked import LOCK_FILE, LockedStage, parse_dvc_lock
from encdec.tracking.project import Project
from encdec.tracking.reproduction.contents import Contents

COMMIT_CHARACTERS = 8
EVALUATION, METRICS_FILE = "data/06_evaluation", "metrics.json"


class Base(NamedTuple):
    """`commit`: None outside of git. `stages`: of its dvc.lock, none where it has none. `params`: by dotted key."""

    commit: str | None
    stages: Mapping[str, LockedStage]
    params: Mapping[str, object]

    def test(self, kind: Kind) -> tuple[str, str] | None:
        """The name and the digest of the test split."""
        return self.out(f"prepare@{kind}", "test")

    def raw(self, kind: Kind) -> tuple[str, str] | None:
        return self.out(f"ingest@{kind}", kind)

    def model(self, name: ModelName) -> tuple[str, str] | None:
        return self.out(f"train@{name}", name)

    def out(self, stage: str, last: str) -> tuple[str, str] | None:
        """The out of a stage whose path ends with a word."""
        locked = self.stages.get(stage)
        found = {path: digest for path, digest in (locked.outs if locked else {}).items() if Path(path).name == last}
        return next(iter(found.items()), None)


def read_base(tree: Path) -> Base:
    """
    Raises:
        ValueError: there is a repository, and git does not tell what its last commit has.
    """
    commit = git(tree, "rev-parse", "--verify", "HEAD")
    if commit is None:
        check_readable(tree)
        return Base(None, {}, {})
    lock, params = (committed(tree, name) for name in (LOCK_FILE, "params.yaml"))
    values: Mapping[str, Any] = YAML(typ="safe").load(params) if params else {}
    return Base(commit.strip(), parse_dvc_lock(lock) if lock else {}, flattened(values))


def check_readable(tree: Path) -> None:
    """Outside of git, and before the first commit, there is no last one; where git fails nobody knows."""
    repository = any((folder / ".git").exists() for folder in (tree, *tree.parents))
    if repository and git(tree, "rev-parse", "--git-dir") is None:
        raise ValueError(f"{tree}: git does not say what the last commit has, to compare with: `git status` tells why")


def committed(tree: Path, name: str) -> str | None:
    """A file as the last commit has it; None where it has none of that name."""
    listed = git(tree, "ls-tree", "--name-only", "HEAD", "--", name)
    text = git(tree, "show", f"HEAD:./{name}") if listed else None
    if listed is None or (listed and text is None):
        raise ValueError(f"{tree / name}: git cannot read it from the last commit: `git show HEAD:./{name}` tells why")
    return text


def recorded_metrics(tree: Path, base: Base, name: ModelName) -> dict[str, float]:
    """What the last commit says that its model has, as it was measured then; nothing where git does not have it."""
    if base.commit is None or base.model(name) is None:
        return {}
    text = git(tree, "show", f"{base.commit}:./{EVALUATION}/{name}/{METRICS_FILE}")
    try:
        found = json.loads(text or "{}")
    except ValueError:  # of a commit that somebody has edited
        return {}
    numbers = found.items() if isinstance(found, dict) else ()
    return {key: float(value) for key, value in numbers if isinstance(value, int | float)}


def lock_commit(tree: Path) -> Earlier | None:
    """The commit that last changed dvc.lock: what there is without a run in MLflow."""
    said = git(tree, "log", "-1", "--format=%h %ct", "--", LOCK_FILE)
    commit, _, seconds = (said or "").strip().partition(" ")
    return Earlier(f"commit {commit}", datetime.fromtimestamp(int(seconds), UTC)) if commit else None


def restore(project: Project, name: str, digest: str, *, scratch: Path) -> Path | None:
    """An out of then, in a scratch folder; None where neither DVC's cache, nor its remote, nor this tree has it.

    Raises:
        OSError: the remote could not be asked.
    """
    return scratch / name if Contents(project).bring(name, digest, scratch) else None
