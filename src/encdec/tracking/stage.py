"""One stage of the pipeline as a run of MLflow. Importing this is cheap; mlflow comes when a stage is tracked."""

import getpass
import hashlib
import json
import os
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from encdec.params.loading import Loaded
from encdec.params.root import MODEL_NAMES, Params
from encdec.tracking import evaluated, repro
from encdec.tracking.address import masked
from encdec.tracking.digests import dvc_digest, read_ignore
from encdec.tracking.evaluated import Weights
from encdec.tracking.flat import MAX_TAG, cut, flattened, safe_key
from encdec.tracking.git import git_state
from encdec.tracking.inputs import Context, log_dataset
from encdec.tracking.machine import machine
from encdec.tracking.pointer import Pointer, abandoned, point
from encdec.tracking.project import Project, find_project
from encdec.tracking.recorder import Recorder
from encdec.tracking.signals import asked_to_stop, stoppable
from encdec.tracking.store import Store, open_store, search
from encdec.tracking.trial import TrialRun
from encdec.tracking.versions import differences, installed_versions, main_versions

if TYPE_CHECKING:
    from mlflow.entities import Run

CONTINUED_TAG = "encdec.continued"
Status = Literal["FINISHED", "FAILED", "KILLED"]


class StageRun:
    """The run of a stage that is under way. Made by `tracked_stage`."""

    def __init__(
        self, store: Store, run_id: str, *, tags: Mapping[str, str], digests: Mapping[str, str], continued: bool
    ) -> None:
        self.store = store
        self.run_id = run_id
        self.tags = dict(tags)
        self.digests = dict(digests)
        self.continued = continued
        self.recorder = Recorder(store, run_id, continued=continued)
        self.children = {run.info.run_name: run.info.run_id for run in self.find_children()} if continued else {}

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Sent in batches; on a continued run, steps that it has already are not written again."""
        self.recorder.log_metrics(metrics, step)

    def log_params(self, params: Mapping[str, object]) -> None:
        self.recorder.log_params(flattened(params))

    def set_tags(self, tags: Mapping[str, str]) -> None:
        self.recorder.set_tags(tags)

    def log_artifact(self, path: Path, folder: str | None = None) -> None:
        """A file, or a folder with all that is in it."""
        if path.is_dir():
            inside = f"{folder}/{path.name}" if folder else path.name
            self.store.client.log_artifacts(self.run_id, str(path), inside)
        else:
            self.store.client.log_artifact(self.run_id, str(path), folder)

    def log_input(self, path: Path, *, context: Context) -> None:
        """The data at a path, by DVC's digest, as a dataset of this run; it is not loaded."""
        name = self.store.project.name(path)
        log_dataset(
            self.store,
            self.run_id,
            name=f"{self.tags.get('source', 'data')} {Path(name).name}",
            path=name,
            digest=self.digest(path),
            context=context,
            tags={"kind": self.tags["kind"]} if "kind" in self.tags else {},
        )

    def log_versions(self, lock: Path) -> list[str]:
        """Every installed version as an artifact; how they differ from the lock as a tag, and returned."""
        found = differences(lock)
        lines = [f"{name}=={version}" for name, version in sorted(installed_versions().items(), key=str)]
        self.store.client.log_text(self.run_id, "\n".join(lines) + "\n", "versions/installed.txt")
        self.set_tags({"lock.differences": str(len(found))})
        if found:
            self.store.client.log_text(self.run_id, "\n".join(found) + "\n", "versions/differences.txt")
        return found

    def child(self, name: str) -> TrialRun:
        """A trial of this tuning run; on a continued run, the trial of that name goes on."""
        run_id = self.children.get(name)
        if run_id is not None:
            self.store.client.update_run(run_id, status="RUNNING")
            return TrialRun(Recorder(self.store, run_id, continued=True, flush_seconds=float("inf")))
        shared = {key: self.tags[key] for key in ("model", "kind", "source", "mlflow.user") if key in self.tags}
        run = self.store.client.create_run(
            self.store.experiment_id,
            run_name=name,
            tags={**shared, "stage": "trial", repro.PARENT_TAG: self.run_id},
        )
        return TrialRun(Recorder(self.store, run.info.run_id, continued=False, flush_seconds=float("inf")))

    def log_evaluation(self, model: Path, *, metrics: Mapping[str, float], baseline: Mapping[str, float]) -> None:
        """Test metrics, on this run and on the row of the model: the run that trained it, or a restored one.

        Args:
            model: the folder of the weights, one of the stage's inputs.
            metrics: logged as test/<name>.
            baseline: logged as baseline/<name>.
        """
        weights = Weights(model, self.store.project.name(model), self.digest(model))
        numbers = evaluated.metrics_of(metrics, baseline)
        self.log_metrics(numbers)
        row = evaluated.training_run_of(self.store, weights.name, weights.digest)
        if row is None:
            row = evaluated.restored_run(self.store, weights, tags=evaluated.shared_tags(self.tags))
        commit = self.tags.get("git.commit")
        other = evaluated.record_evaluation(
            self.store, row, metrics=numbers, evaluation_id=self.run_id, commit=commit
        )
        self.set_tags({"training.run_id": row.info.run_id, "evaluation.other_commit": str(other).lower()})

    def log_model(self, folder: Path) -> str:
        """The trained model in a folder as a pyfunc that loads without pickle; returns its models:/ address."""
        from encdec.tracking.package import log_package

        self.recorder.flush()
        return log_package(self.store, self.run_id, folder=folder, name=self.tags.get("model", "model"))

    def digest(self, path: Path) -> str:
        """DVC's digest of a path; that of an input as it was when the stage began."""
        name = self.store.project.name(path)
        if name not in self.digests:
            self.digests[name] = dvc_digest(path, ignore=read_ignore(self.store.project.tree))
        return self.digests[name]

    def find_children(self) -> list["Run"]:
        return search(self.store, f"tags.`{repro.PARENT_TAG}` = '{self.run_id}'")


class Start(NamedTuple):
    """What is known of a stage before it runs. `key`: a digest of all that decides about its results."""

    label: str
    tags: Mapping[str, str]
    params: Mapping[str, object]
    digests: Mapping[str, str]
    key: str


@contextmanager
def tracked_stage(
    stage: str,
    *,
    loaded: Loaded,
    item: str | None,
    inputs: Sequence[Path],
    outputs: Sequence[Path],
    section: Mapping[str, object],
    code: Sequence[Path] = (),
) -> Iterator[StageRun]:
    """A run for this stage, below the run of the `dvc repro` that started it.

    A stage whose process died goes on in its own run when it is started again with the same parameters, inputs and
    code. An exception ends the run as FAILED, with its first line as the tag `error` and its traceback as an
    artifact; Ctrl-C, SIGTERM and SIGHUP end it as KILLED.

    Args:
        stage: the name in dvc.yaml, e.g. train.
        item: the kind of data or the model, or None.
        inputs: data that the stage reads; their digests become tags.
        outputs: what it writes; their digests become tags when the block ends well.
        section: parameters to keep, flattened to dotted names; seed and threads are kept always.
        code: files and folders with the code that decides about the results.

    Raises:
        TrackingUnavailable: the store cannot be used; nothing was run.
    """
    project = find_project(Path.cwd())
    store = open_store(loaded.params.tracking.experiment, project)
    start = describe(project, stage, params=loaded.params, item=item, inputs=inputs, outputs=outputs,
                     section=section, code=code)  # fmt: skip
    process = repro.dvc_process()
    parent = repro.find_or_create(store, process, tags=common_tags(start.tags)) if process else None
    run, pointer = open_run(store, start, parent)
    with stoppable():
        try:
            run.recorder.log_params(start.params)
            run.recorder.flush()
            yield run
            close(run, outputs=outputs, pointer=pointer, parent=parent)
        except BaseException as error:
            close_broken(run, error, pointer=pointer, parent=parent)
            raise
