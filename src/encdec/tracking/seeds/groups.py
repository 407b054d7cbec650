"""Which runs differ in their seed alone: a digest of all that decides about a stage's result except the seed.

It follows dvc.yaml, as DVC does when it decides whether a stage runs again: the parameters, the code and the data that
the stage names, without `seed`. A dependency that another stage makes of the seed (the tuned values, the baselines) has
other bytes for every seed, so that stage's own digest stands for it.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any

from encdec.dvc_graph import Stage, load, read_stages
from encdec.tracking.digests import Ignore, dvc_digest, read_ignore
from encdec.tracking.locked import LOCK_FILE, locked_outs
from encdec.tracking.project import Project
from encdec.tracking.versions import main_versions

GROUP_TAG = "seed_group"
EVALUATION_GROUP_TAG = "evaluation.seed_group"
SEED = "seed"
DECIDING_LIBRARIES = ("torch", "pytorch-lightning", "optuna", "numpy", "pandas", "scikit-learn")
GROUPED = ("tune", "train", "evaluate")
"""The stages whose runs are told their group."""
LEFT_OUT = {"evaluate": ("train",)}
"""An evaluation is the same for every model of a group, however that came to be: its row says that by its own tag."""
DIGEST_CHARACTERS = 16


def seed_group(
    project: Project, label: str, *, digests: Mapping[str, str], decides: Collection[str] = ()
) -> str | None:
    """The digest of a stage without its seed; None where dvc.yaml has no such stage, or none that the seed decides.

    Args:
        label: as DVC names the stage, e.g. train@vae.
        digests: of the stage's inputs, by name in dvc.lock, as far as they are known.
        decides: what else decides about the result.
    """
    values = params_of(project)
    stages = stages_of(project, values)
    if label not in stages:
        return None
    graph = Graph(project, stages, values, digests)
    stage = stages[label]
    if not graph.is_seeded(stage):
        return None
    found = {name: version for name, version in main_versions().items() if name in DECIDING_LIBRARIES}
    what = [label, graph.content(stage, without=LEFT_OUT.get(stage.verb, ())), found, list(decides)]
    return hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()[:DIGEST_CHARACTERS]


def group_tags(project: Project, label: str, *, digests: Mapping[str, str], decides: Collection[str]) -> dict[str, str]:
    """The tag of a run of this stage, where it has one."""
    group = seed_group(project, label, digests=digests, decides=decides) if label.split("@")[0] in GROUPED else None
    return {} if group is None else {GROUP_TAG: group}


def params_of(project: Project) -> dict[str, Any]:
    file = project.tree / "params.yaml"
    values: dict[str, Any] = load(file) if file.is_file() else {}
    return values


def stages_of(project: Project, params: Mapping[str, Any]) -> dict[str, Stage]:
    """By DVC's names for them."""
    return {stage.name: stage for stage in read_stages(project.tree / "dvc.yaml", values=params)}


class Graph:
    """The stages with what they read as it is now."""

    def __init__(
        self, project: Project, stages: Mapping[str, Stage], params: Mapping[str, Any], digests: Mapping[str, str]
    ) -> None:
        self.project = project
        self.params = params
        self.digests = dict(digests)
        self.makers = {out: stage for stage in stages.values() for out in stage.outs}

    @cached_property
    def ignore(self) -> Ignore:
        return read_ignore(self.project.tree)

    @cached_property
    def locked(self) -> Mapping[str, str]:
        return locked_outs(self.project.tree / LOCK_FILE)

    def is_seeded(self, stage: Stage) -> bool:
        return SEED in stage.params or any(self.is_seeded(self.makers[dep]) for dep in stage.deps if dep in self.makers)

    def content(self, stage: Stage, *, without: Collection[str] = ()) -> dict[str, Any]:
        """By name what the stage depends on: values, digests, and the same again of stages that the seed decides."""
        found: dict[str, Any] = {name: self.value(name) for name in stage.params if name != SEED}
        for dep in stage.deps:
            maker = self.makers.get(dep)
            if maker is None or not self.is_seeded(maker):
                found[dep] = self.digest(dep)
            elif maker.verb not in without:
                found[dep] = self.content(maker)
        return found

    def value(self, name: str) -> Any:
        value: Any = self.params
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value

    def digest(self, dep: str) -> str | None:
        """What the stage was told, else what dvc.lock has of an out, else what lies there; None where nothing does."""
        if dep not in self.digests:
            path = self.project.tree / dep
            if dep in self.makers and self.locked.get(dep):
                self.digests[dep] = self.locked[dep]
            elif path.exists():
                self.digests[dep] = dvc_digest(path, ignore=self.ignore)
        return self.digests.get(dep)
