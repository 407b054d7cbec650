"""What is known of a stage before it runs."""

import getpass
import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pathspec import GitIgnoreSpec

import encdec
from encdec.masking import masked
from encdec.params.root import MODEL_NAMES, Params
from encdec.tracking.changes import Changes, changes_of
from encdec.tracking.digests import dvc_digest, in_tag, read_ignore
from encdec.tracking.flat import MAX_TAG, cut, flattened, safe_key
from encdec.tracking.git import GitState, git_state
from encdec.tracking.machine import machine
from encdec.tracking.project import Project
from encdec.tracking.seeds.groups import group_tags
from encdec.tracking.versions import main_versions

DVC_VARIABLES = ("DVC_STAGE", "DVC_EXP_NAME", "DVC_EXP_BASELINE_REV")
MAX_SHOWN_CHANGES = 20
PACKAGE = Path(encdec.__file__).parent
COMPILED = GitIgnoreSpec.from_lines(["__pycache__/"])


class Start(NamedTuple):
    """`label`: the stage's name in dvc.yaml, e.g. train@vae. `surroundings`: tags that its parent run shares.

    `digests`: of the inputs, by name in dvc.lock. `key`: a digest of all that decides about the results.
    `changes`: of the tree since its commit, None where there are none.
    """

    label: str
    tags: Mapping[str, str]
    surroundings: Mapping[str, str]
    params: Mapping[str, object]
    digests: Mapping[str, str]
    key: str
    changes: Changes | None


def describe(
    project: Project,
    stage: str,
    *,
    params: Params,
    item: str | None,
    inputs: Sequence[Path],
    outputs: Sequence[Path],
    section: Mapping[str, object],
    decides: Sequence[str],
) -> Start:
    """Everything that can be said beforehand.

    Raises:
        FileNotFoundError: an input is not there.
        ValueError: the item is neither a model nor a kind of data.
    """
    ignore = read_ignore(project.tree)
    digests = {project.name(path): dvc_digest(path, ignore=ignore) for path in inputs}
    values = {**flattened(section), "seed": params.seed, "threads": params.threads}
    versions = version_tags()
    state = git_state(project.tree, [project.name(path) for path in outputs])
    surroundings = {**git_tags(state), **machine(), **versions, **user_tags()}
    tags = {
        "stage": stage,
        **item_tags(item, params),
        **{name: os.environ[name] for name in DVC_VARIABLES if os.environ.get(name)},
        **{in_tag(name): digest for name, digest in digests.items()},
        **group_tags(project, f"{stage}@{item}", digests=digests, decides=decides),
        "mlflow.source.name": Path(sys.argv[0]).name or "python",
        **surroundings,
    }
    what = [stage, item, values, params.accelerator, versions, digests, code_digests(), list(decides)]
    return Start(
        label=f"{stage}@{item}" if item else stage,
        tags=limited(tags),
        surroundings=limited(surroundings),
        params={key: masked(value) if isinstance(value, str) else value for key, value in values.items()},
        digests=digests,
        key=hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest(),
        changes=changes_of(project.tree, state),
    )


def code_digests() -> list[str]:
    """Of this package and of the script that uses it, as they are now."""
    script = Path(sys.argv[0])
    return [dvc_digest(path, ignore=COMPILED) for path in (PACKAGE, *([script] if script.is_file() else []))]


def item_tags(item: str | None, params: Params) -> dict[str, str]:
    """The model, its kind of data and the source in use, as far as the item says."""
    match item:
        case None:
            return {}
        case "images" | "pairs":
            return {"kind": item, "source": params.source_name(item)}
        case _:
            model = next((name for name in MODEL_NAMES if name == item), None)
            if model is None:
                raise ValueError(f"item {item!r} is not one of images, pairs, {', '.join(MODEL_NAMES)}")
            kind = params.models.named(model).kind
            return {"model": model, "kind": kind, "source": params.source_name(kind)}


def git_tags(state: GitState | None) -> dict[str, str]:
    if state is None:
        return {}
    tags = {
        "git.commit": state.commit,
        "git.dirty": str(state.dirty).lower(),
        "mlflow.source.git.commit": state.commit,
    }
    if state.branch is not None:
        tags |= {"git.branch": state.branch, "mlflow.source.git.branch": state.branch}
    if state.dirty:
        more = len(state.changed) - MAX_SHOWN_CHANGES
        shown = [*state.changed[:MAX_SHOWN_CHANGES], *([f"and {more} more"] if more > 0 else [])]
        tags["git.changed"] = ", ".join(shown)
    return tags


def version_tags() -> dict[str, str]:
    return {f"version.{name}": version for name, version in main_versions().items()}


def user_tags() -> dict[str, str]:
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container may run as a number without a name
        user = "unknown"
    return {"mlflow.user": user, "mlflow.source.type": "LOCAL"}


def limited(tags: Mapping[str, str]) -> dict[str, str]:
    return {safe_key(key): cut(masked(value), MAX_TAG) for key, value in tags.items()}
