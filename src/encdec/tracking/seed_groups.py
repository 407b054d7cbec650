"""Which runs differ in their seed alone: a digest of all that decides about a stage's result except the seed.

It follows dvc.yaml, as DVC does when it decides whether a stage runs again: the parameters, the code and the data that
the stage names, without `seed`. A dependency that another stage makes of the seed (the tuned values, the baselines) has
other bytes for every seed, so that stage's own digest stands for it.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from encdec.report.graph import filled, paths
from encdec.tracking.digests import Ignore, dvc_digest, read_ignore
from encdec.tracking.git import LOCK_FILE, locked_outs
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


class Stage(NamedTuple):
    """What dvc.yaml says of a stage; `params`: dotted names in params.yaml."""

    verb: str
    deps: tuple[str, ...]
    outs: tuple[str, ...]
    params: tuple[str, ...]


def seed_group(
    project: Project, label: str, *, digests: Mapping[str, str], decides: Collection[str] = ()
) -> str | None:
    """The digest of a stage without its seed; None where dvc.yaml has no such stage, or none that the seed decides.

    Args:
        label: as DVC names the stage, e.g. train@vae.
        digests: of the stage's inputs, by name in dvc.lock, as far as they are known.
        decides: what else decides about the result.
    """
    stages = read_graph(project.tree)
    if label not in stages:
        return None
    graph = Graph(project, stages, digests)
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


class Graph:
    """The stages with what they read as it is now."""

    def __init__(self, project: Project, stages: Mapping[str, Stage], digests: Mapping[str, str]) -> None:
        self.project = project
        self.digests = dict(digests)
        self.makers = {out: stage for stage in stages.values() for out in stage.outs}
        self.params = read(project.tree / "params.yaml")

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


def read_graph(tree: Path) -> dict[str, Stage]:
    """The stages of dvc.yaml by DVC's names for them, with every reference put in."""
    content = read(tree / "dvc.yaml")
    bodies: Mapping[str, Mapping[str, Any]] = content.get("stages") or {}
    if not bodies:
        return {}
    variables = read(tree / "params.yaml")
    for entry in content.get("vars") or ():
        variables |= entry if isinstance(entry, dict) else {}
    return {name: stage for verb, body in bodies.items() for name, stage in unrolled(verb, body, variables)}


def unrolled(verb: str, body: Mapping[str, Any], variables: Mapping[str, Any]) -> Iterator[tuple[str, Stage]]:
    if "foreach" not in body:
        yield verb, build_stage(verb, body, variables)
        return
    entries = filled(body["foreach"], variables)
    pairs = entries.items() if isinstance(entries, dict) else [(item, item) for item in entries]
    for key, item in pairs:
        yield f"{verb}@{key}", build_stage(verb, body["do"], {**variables, "key": key, "item": item})


def build_stage(verb: str, body: Mapping[str, Any], variables: Mapping[str, Any]) -> Stage:
    def put_in(entries: list[str]) -> tuple[str, ...]:
        return tuple(
            str(filled(filled(entry, variables), variables)) for entry in entries
        )  # ${item.x} may be one again

    outs = [path for section in ("outs", "metrics", "plots") for path in paths(body.get(section))]
    named = [entry for entry in body.get("params") or () if isinstance(entry, str)]  # the other kind is a whole file
    return Stage(verb, put_in(list(paths(body.get("deps")))), put_in(outs), put_in(named))


def read(path: Path) -> dict[str, Any]:
    content: Any = yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return content if isinstance(content, dict) else {}
