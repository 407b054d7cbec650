"""The run of a stage that is under way: what a stage may record."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from encdec.tracking import evaluated
from encdec.tracking.changes import DIFF_FILE, DIFF_FOLDER, Changes
from encdec.tracking.digests import dvc_digest, read_ignore
from encdec.tracking.evaluated import Headline
from encdec.tracking.flat import flattened
from encdec.tracking.inputs import Context
from encdec.tracking.operations import (
    Batch,
    Child,
    Data,
    Describe,
    End,
    Evaluation,
    Files,
    HandOver,
    Package,
    Resume,
    Text,
)
from encdec.tracking.outbox import Outbox
from encdec.tracking.pointer import StateFolder, state_folder
from encdec.tracking.recorder import clean_params, clean_tags, points_of
from encdec.tracking.repro import PARENT_TAG
from encdec.tracking.restored import spec_params
from encdec.tracking.seeds.groups import GROUP_TAG
from encdec.tracking.sending import SIDE_BY_SIDE
from encdec.tracking.store import now_ms, search
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
    """The run of a stage that is under way, made by `tracked_stage`. `state`: the name of what it goes on from.

    What it records goes through its outbox: nothing is lost, and no training stops, where the server is away.
    """

    def __init__(
        self,
        outbox: Outbox,
        run_id: str,
        *,
        tags: Mapping[str, str],
        digests: Mapping[str, str],
        state: str,
        continued: bool,
    ) -> None:
        self.outbox = outbox
        self.store = outbox.store
        self.run_id = run_id
        self.tags = dict(tags)
        self.digests = dict(digests)
        self.state = state
        self.continued = continued
        self.children = {run.info.run_name: run for run in self.find_children()} if continued else {}

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Sent in batches; on a continued run, steps that it has already are not written again."""
        self.collect(metrics, step)
        self.outbox.send_due()

    def collect(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """As `log_metrics`, from any thread: to be sent with what comes next."""
        points, tags = points_of(metrics, step)
        self.outbox.put(Batch(run=self.run_id, metrics=points, tags=tags, continued=self.continued), later=True)

    def log_params(self, params: Mapping[str, object]) -> None:
        self.outbox.put(Batch(run=self.run_id, params=clean_params(flattened(params))), later=True)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        self.outbox.put(Batch(run=self.run_id, tags=clean_tags(tags)), later=True)

    def log_text(self, text: str, path: str) -> None:
        """A text as the artifact at that path."""
        self.outbox.put(Text(run=self.run_id, text=text, path=path))

    def log_artifact(self, path: Path, folder: str | None = None) -> None:
        """A file, or a folder with all that is in it."""
        self.outbox.put(Files(run=self.run_id, folder=folder, attachments={path.name: str(path)}))

    def end(self, status: str) -> None:
        """Say how the run came to its end."""
        self.outbox.put(End(run=self.run_id, status=status, at=now_ms()), later=True)

    def log_changes(self, changes: Changes | None) -> None:
        """What was changed since the commit, as the artifact git/changes.diff; its size alone where it is too large."""
        if changes is None:
            return
        self.set_tags(changes.tags)
        if changes.diff is not None:
            with TemporaryDirectory() as temporary:
                file = Path(temporary, DIFF_FILE)
                file.write_bytes(changes.diff)
                self.log_artifact(file, DIFF_FOLDER)

    def log_input(self, path: Path, *, context: Context) -> None:
        """The data at a path, by DVC's digest, as a dataset of this run; it is not loaded."""
        name = self.store.project.name(path)
        data = Data(
            run=self.run_id,
            name=f"{self.tags.get('source', 'data')} {Path(name).name}",
            path=name,
            digest=self.digest(path),
            context=context,
            tags={"kind": self.tags["kind"]} if "kind" in self.tags else {},
        )
        self.outbox.put(data)

    def log_versions(self, lock: Path) -> list[str]:
        """Every installed version as an artifact; how they differ from the lock as a tag, and returned."""
        found = differences(lock)
        lines = [f"{name}=={version}" for name, version in sorted(installed_versions().items(), key=str)]
        self.log_text("\n".join(lines) + "\n", "versions/installed.txt")
        self.set_tags({"lock.differences": str(len(found))})
        if found:
            self.log_text("\n".join(found) + "\n", "versions/differences.txt")
        return found

    def child(self, name: str) -> TrialRun:
        """A trial of this tuning run; on a continued run, the trial of that name goes on."""
        if name in self.children:
            run_id = self.children[name].info.run_id
            self.outbox.put(Resume(run=run_id))
            return TrialRun(self.outbox, run_id, continued=True)
        shared = {key: tag for key, tag in self.tags.items() if key in ("model", "kind", "source", "mlflow.user")}
        key = uuid4().hex
        self.outbox.put(Child(run=key, parent=self.run_id, name=name, tags={**shared, "stage": "trial"}))
        return TrialRun(self.outbox, key, continued=False)

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
        self.outbox.put(Describe(run=self.run_id))

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
        numbers = evaluated.metrics_of(metrics, baseline, headline)
        tags = headline.tags if headline else {}
        self.log_metrics(numbers)
        self.set_tags(tags)
        for name, folder in artifacts.items():
            self.outbox.put(Files(run=self.run_id, folder=None, attachments={name: str(folder)}))
        folders = {name: str(folder) for name, folder in artifacts.items()}
        files = {f"{SIDE_BY_SIDE}{file.name}": str(file) for file in side_by_side}
        found = Evaluation(
            run=self.run_id,
            weights=self.store.project.name(model),
            digest=self.digest(model),
            spec=clean_params(spec_params(model)),
            metrics=numbers,
            tags=tags,
            shared=evaluated.shared_tags(self.tags),
            commit=self.tags.get("git.commit"),
            group=self.tags.get(GROUP_TAG),
            attachments=folders | files,
        )
        self.outbox.put(found)

    def log_model(self, folder: Path, *, example: "Example") -> None:
        """The trained model in a folder as a pyfunc that loads without pickle.

        Args:
            folder: model.safetensors and spec.json; for seq2seq also vocabulary/.
            example: an input to show: images (N, C, H, W) float32 in [0, 1], or source texts.
        """
        from encdec.tracking.package import build_package

        with TemporaryDirectory() as temporary:
            package = Path(temporary, "package")
            build_package(folder, to=package, example=example)
            name = self.tags.get("model", "model")
            self.outbox.put(Package(run=self.run_id, name=name, attachments={"package": str(package)}))
        weights = {"weights": self.store.project.name(folder), "digest": self.digest(folder)}
        self.outbox.put(HandOver(run=self.run_id, **weights))

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
