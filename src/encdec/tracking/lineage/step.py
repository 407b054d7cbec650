"""A result of a stage, with what it was made from: a run, or what dvc.lock says where no run of this database is."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from encdec.tracking.changes import DIFF_TAG, TOO_LARGE_TAG
from encdec.tracking.locked import LockedStage
from encdec.tracking.repro import PARENT_TAG
from encdec.tracking.restored import RESTORED_TAG

if TYPE_CHECKING:
    from mlflow.entities import Run

IN, OUT = "dvc.in/", "dvc.out/"
LOCKED = "dvc.lock:"
Kind = Literal["run", "restored", "data"]


class Step(NamedTuple):
    """`key`: the run id; dvc.lock:<stage> without one; <path>@<digest> of data that no stage made.

    `inputs`, `outs`: digests by path. `others`: further finished runs of the stage with the same outs.
    """

    key: str
    label: str
    inputs: Mapping[str, str]
    outs: Mapping[str, str]
    run: "Run | None" = None
    others: int = 0

    @property
    def kind(self) -> Kind:
        if self.run is None:
            return "restored" if self.key.startswith(LOCKED) else "data"
        return "restored" if RESTORED_TAG in self.run.data.tags else "run"

    @property
    def commit(self) -> str:
        """Empty where nobody knows."""
        return str(self.run.data.tags.get("git.commit", "")) if self.run else ""

    @property
    def dirty(self) -> bool:
        return self.run is not None and self.run.data.tags.get("git.dirty") == "true"

    @property
    def began(self) -> datetime | None:
        """In the zone of UTC."""
        if self.run is None or self.kind == "restored":
            return None
        return datetime.fromtimestamp(self.run.info.start_time / 1000, UTC)

    @property
    def result(self) -> str:
        """The one number, or the verdict, that says most about the result; empty where there is none."""
        if self.run is None:
            return ""
        tags, metrics = self.run.data.tags, self.run.data.metrics
        if tags.get("stage") == "validate" and "errors" in metrics:
            errors, warnings = int(metrics["errors"]), int(metrics.get("warnings", 0))
            verdict = f"{errors} errors" if errors else "passed"
            return f"{verdict}, {warnings} warnings" if warnings else verdict
        if "test/headline" in metrics:
            return f"{tags.get('headline.metric', 'headline')} {metrics['test/headline']:.4g}"
        if tags.get("monitor") and f"best_{tags['monitor']}" in metrics:
            return f"{tags['monitor']} {metrics['best_' + tags['monitor']]:.4g}"
        return f"best score {metrics['best_score']:.4g}" if "best_score" in metrics else ""

    def document(self) -> dict[str, Any]:
        """As JSON has it; see docs/lineage.md."""
        found: dict[str, Any] = {
            "id": self.key,
            "kind": self.kind,
            "stage": self.label if self.kind != "data" else None,
        }
        if self.kind == "data":
            path, digest = next(iter(self.outs.items()))
            return {**found, "path": path, "digest": digest}
        found |= {"stage": self.label, "inputs": dict(self.inputs), "outs": dict(self.outs), "run_id": None}
        if self.run is None:
            return found
        tags = self.run.data.tags
        return {
            **found,
            "run_id": self.run.info.run_id,
            "status": self.run.info.status,
            "began": self.began.isoformat(timespec="seconds") if self.began else None,
            "parent": tags.get(PARENT_TAG),
            "git": {
                "commit": tags.get("git.commit"),
                "branch": tags.get("git.branch"),
                "dirty": self.dirty if self.commit else None,
                "diff": tags.get(DIFF_TAG),
                "diff_too_large": int(tags[TOO_LARGE_TAG]) if TOO_LARGE_TAG in tags else None,
            },
            "params": dict(self.run.data.params),
            "metrics": dict(self.run.data.metrics),
            "versions": part(tags, "version."),
            "machine": part(tags, "machine."),
            "result": self.result or None,
            "others": self.others,
        }


def step_of_run(run: "Run", *, others: int = 0) -> Step:
    tags = run.data.tags
    label = tags.get("DVC_STAGE") or str(run.info.run_name).removesuffix(" (restored)")
    return Step(run.info.run_id, label, part(tags, IN), part(tags, OUT), run, others)


def step_of_lock(label: str, stage: LockedStage) -> Step:
    return Step(f"{LOCKED}{label}", label, stage.deps, stage.outs)


def step_of_data(path: str, digest: str) -> Step:
    return Step(f"{path}@{digest}", path, {}, {path: digest})


def part(tags: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {key.removeprefix(prefix): tags[key] for key in sorted(tags) if key.startswith(prefix)}
