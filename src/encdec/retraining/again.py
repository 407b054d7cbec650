"""The last commit's models as `make repro` made them again here: another processor gives other bytes."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from encdec.params.root import MODEL_NAMES, ModelName
from encdec.retraining.base import Base
from encdec.retraining.changes import read_locked
from encdec.tracking.git import git
from encdec.tracking.locked import LOCK_FILE, UNTRACKED, read_dvc_lock


def made_again(tree: Path, base: Base) -> Mapping[ModelName, str]:
    """The digests of the models that lie here, where they differ from the commit's by the machine alone.

    Every stage must have the commit's command, parameters, code and source data; what stages make may be other bytes.
    """
    text = git(tree, "show", f"{base.commit}:./{LOCK_FILE}") if base.commit is not None else None
    then: Any = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) if text else None
    if then is None or recipes(then.get("stages") or {}) != recipes(read_locked(tree)):
        return {}
    now = Base(None, read_dvc_lock(tree / LOCK_FILE), {})
    found = {name: now.model(name) for name in MODEL_NAMES}
    return {name: model[1] for name, model in found.items() if model is not None and model != base.model(name)}


def recipes(stages: Mapping[str, Any]) -> Mapping[str, object]:
    """What each stage was made of: its command, its parameters, and the digests of the deps that hold no out."""
    outs = {out["path"] for stage in stages.values() for out in stage.get("outs", ())}
    made = {folder.as_posix() for out in outs for folder in (PurePosixPath(out), *PurePosixPath(out).parents)}
    return {
        name: (
            stage.get("cmd"),
            stage.get("params"),
            {dep["path"]: dep.get("md5") for dep in stage.get("deps", ()) if dep["path"] not in made},
        )
        for name, stage in stages.items()
        if name not in UNTRACKED
    }
