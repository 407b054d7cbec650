"""The run of a stage that is under way: what a stage may record."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from encdec.tracking import evaluated, handed_over
from encdec.tracking.digests import dvc_digest, read_ignore
from encdec.tracking.evaluated import Headline, Weights
from encdec.tracking.flat import flattened
from encdec.tracking.inputs import Context, log_dataset
from encdec.tracking.pointer import StateFolder, state_folder
from encdec.tracking.recorder import Recorder
from encdec.tracking.repro import PARENT_TAG
from encdec.tracking.store import Store, search
from encdec.tracking.trial import STATUS, TrialRun
from encdec.tracking.versions import differences, installed_versions

if TYPE_CHECKING:
    from mlflow.entities import Run

    from encdec.tracking.package import Example


NOTHING: Mapping[str, Path] = MappingProxyType({})


class Training(NamedTuple):
    """How a training went; the fields are the names of the metrics, the same in every model.

    `monitor`: the metric that chose the epoch. `tuned`: the dotted names of the values that a study chose.
    `train_seconds`: of the process that ended it; where it was continued, the time before is not in it.
    """

    monitor: str
    best_score: float
    best_epoch: float
    epochs: float
    num_parameters: float
    train_seconds: float
    tuned: tuple[str, ...]


class StageRun:
    """The run of a stage that is under way, made by `tracked_stage`. `state`: the name of what it goes on from."""

    def __init__(
        self,
        store: Store,
        run_id: str,
        *,
        tags: Mapping[str, str],
        digests: Mapping[str, str],
        state: str,
        continued: bool,
    ) -> None:
        self.store = store
        self.run_id = run_id
        self.tags = dict(tags)
        self.digests = dict(digests)
        self.state = state
        self.continued = continued
        self.recorder = Recorder(store, run_id, continued=continued)
        self.children = {run.info.run_name: run for run in self.find_children()} if continued else {}

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
        if name in self.children:
            run_id = self.children[name].info.run_id
            self.store.client.update_run(run_id, status="RUNNING")
            return TrialRun(Recorder(self.store, run_id, continued=True, flush_seconds=math.inf))
        shared = {key: tag for key, tag in self.tags.items() if key in ("model", "kind", "source", "mlflow.user")}
        run = self.store.client.create_run(
            self.store.experiment_id,
            run_name=name,
            tags={**shared, "stage": "trial", PARENT_TAG: self.run_id},
        )
        return TrialRun(Recorder(self.store, run.info.run_id, continued=False, flush_seconds=math.inf))

    def has_ended(self, name: str) -> bool:
        """Whether the process that this run continues brought the trial of that name to its end."""
        if name not in self.children:
            return False
        trial = self.children[name]
        return bool(trial.info.status == STATUS.get(trial.data.tags.get("optuna.state", "")))

    def log_training(self, training: Training) -> None:
        """How the training went, by names that every model has, and the run's description."""
        numbers = training._asdict() | {f"best_{training.monitor}": training.best_score}
        named = {key: value for key, value in numbers.items() if key not in ("monitor", "best_score", "tuned")}
        self.log_metrics(named)
        self.set_tags({"monitor": training.monitor, "tuned": ", ".join(training.tuned)})
        self.recorder.flush()
        evaluated.describe_training(self.store, self.run_id)

    def log_evaluation(
        self,
        model: Path,
        *,
        metrics: Mapping[str, float],
        baseline: Mapping[str, float],
        headline: Headline | None = None,
        artifacts: Mapping[str, Path] = NOTHING,
        side_by_side: Sequence[Path] = (),
    ) -> None:
        """Test metrics and figures, on this run and on the model's row: the run that trained it, or a restored one.

        Args:
            model: the folder of the weights, one of the stage's inputs.
            metrics: logged as test/<name>.
            baseline: logged as baseline/<name>.
            headline: the main one of the metrics, logged by names that are the same in every model.
            artifacts: folders by the artifact folder to keep them in, e.g. {"figures": path}.
            side_by_side: files for the top of the row's artifacts: MLflow's page of comparison shows there what all
                chosen runs have by the same name, and nothing of what lies in folders.
        """
        weights = Weights(model, self.store.project.name(model), self.digest(model))
        numbers = evaluated.metrics_of(metrics, baseline, headline)
        tags = headline.tags if headline else {}
        self.log_metrics(numbers)
        self.set_tags(tags)
        for name, folder in artifacts.items():
            self.store.client.log_artifacts(self.run_id, str(folder), name)
        row = evaluated.training_run_of(self.store, weights.name, weights.digest)
        if row is None:
            row = evaluated.restored_run(self.store, weights, tags=evaluated.shared_tags(self.tags))
        other = evaluated.record_evaluation(
            self.store,
            row,
            metrics=numbers,
            tags=tags,
            artifacts=artifacts,
            side_by_side=side_by_side,
            evaluation_id=self.run_id,
            commit=self.tags.get("git.commit"),
            group=self.tags.get("seed_group"),
        )
        self.set_tags({"training.run_id": row.info.run_id, "evaluation.other_commit": str(other).lower()})

    def log_model(self, folder: Path, *, example: "Example") -> str:
        """The trained model in a folder as a pyfunc that loads without pickle; returns its address, models:/<id>.

        Args:
            folder: model.safetensors and spec.json; for seq2seq also vocabulary/.
            example: an input to show: images (N, C, H, W) float32 in [0, 1], or source texts.
        """
        from encdec.tracking.package import log_package

        self.recorder.flush()
        name = self.tags.get("model", "model")
        address = log_package(self.store, self.run_id, folder=folder, name=name, example=example)
        handed_over.hand_over(
            self.store, self.run_id, Weights(folder, self.store.project.name(folder), self.digest(folder))
        )
        evaluated.describe_training(self.store, self.run_id)
        return address

    def state_folder(self, name: StateFolder) -> Path:
        """Where the stage keeps what it goes on from after a kill; it is removed when its outs are kept."""
        return state_folder(self.store.project, name, self.state)

    def digest(self, path: Path) -> str:
        """DVC's digest of a path; that of an input as it was when the stage began."""
        name = self.store.project.name(path)
        if name not in self.digests:
            self.digests[name] = dvc_digest(path, ignore=read_ignore(self.store.project.tree))
        return self.digests[name]

    def find_children(self) -> list["Run"]:
        return search(self.store, f"tags.`{PARENT_TAG}` = '{self.run_id}'")
