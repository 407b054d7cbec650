"""A model's row in the comparison: its training run, found by the digest of its weights."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from encdec.tracking import restored
from encdec.tracking.flat import MAX_TAG, cut
from encdec.tracking.locked import LockedStage
from encdec.tracking.notes import NOTE_TAG, training_note
from encdec.tracking.recorder import Recorder
from encdec.tracking.repro import PARENT_TAG
from encdec.tracking.seeds.groups import EVALUATION_GROUP_TAG, GROUP_TAG
from encdec.tracking.seeds.summary import bring_up_to_date
from encdec.tracking.store import Store

if TYPE_CHECKING:
    from mlflow.entities import Run

COPIED_TAG = "evaluation.copied_from"
"""On a row whose evaluation is that of an earlier training of the same bytes: its run id (see `handed_over`)."""


class Headline(NamedTuple):
    """A model's main metric. `baseline`, `opponent` and `better` are None where nothing else has it.

    `better`: model, baseline or unclear, as the interval of their difference says.
    """

    metric: str
    higher_is_better: bool
    value: float
    baseline: float | None
    opponent: str | None
    better: Literal["model", "baseline", "unclear"] | None

    @property
    def metrics(self) -> dict[str, float]:
        """The same names in every model; the gain is above 0 where the model is better."""
        if self.baseline is None:
            return {"test/headline": self.value}
        difference = self.value - self.baseline
        gain = difference if self.higher_is_better else -difference
        return {"test/headline": self.value, "baseline/headline": self.baseline, "test/headline_gain": gain}

    @property
    def tags(self) -> dict[str, str]:
        verdict = {"model": "better", "baseline": "worse", "unclear": "unclear", None: "no baseline"}[self.better]
        tags = {"headline.metric": self.metric, "headline.verdict": verdict}
        tags["headline.better"] = "higher" if self.higher_is_better else "lower"
        return tags if self.opponent is None else {**tags, "headline.baseline": self.opponent}


def metrics_of(
    metrics: Mapping[str, float], baseline: Mapping[str, float], headline: Headline | None
) -> dict[str, float]:
    """Names as in the runs: test/<metric> and baseline/<metric>, and the headline's."""
    numbers = {f"test/{name}": value for name, value in metrics.items()}
    numbers |= {f"baseline/{name}": value for name, value in baseline.items()}
    return numbers | (headline.metrics if headline else {})


def training_run_of(store: Store, name: str, digest: str) -> "Run | None":
    """The newest finished run of `train` whose out of that name has that digest, a restored row last, or None.

    Args:
        name: as dvc.lock has it, e.g. data/05_models/vae.
        digest: as dvc.lock has it.
    """
    made = restored.makers(store, name, digest)
    return next((run for run in made if run.data.tags.get("stage") == "train"), None)


def restored_run(store: Store, name: str, digest: str, *, spec: Mapping[str, str], tags: Mapping[str, str]) -> "Run":
    """A row for weights that neither this database nor dvc.lock has a training of.

    Args:
        name: as dvc.lock has it, e.g. data/05_models/vae.
        spec: the parameters beside the weights.
    """
    label = f"train@{tags['model']}" if "model" in tags else "train"
    return restored.restored_run(store, label, LockedStage({name: digest}, {}), tags=tags, params=spec)


def record_evaluation(
    store: Store,
    run: "Run",
    *,
    metrics: Mapping[str, float],
    tags: Mapping[str, str],
    artifacts: Mapping[str, Path],
    side_by_side: Sequence[Path],
    evaluation_id: str,
    commit: str | None,
    group: str | None = None,
) -> bool:
    """Put an evaluation on the model's row, and the row into the mean over its seeds; no number is written twice.

    Args:
        group: of the evaluation's run (see `seeds.groups`).
        artifacts: folders, by the name of the artifact folder that gets their content.
        side_by_side: files for the top of the artifacts.

    Returns:
        Whether the model was trained at another commit than it was evaluated at.
    """
    trained = run.data.tags.get("git.commit")
    other = commit is not None and trained is not None and trained != commit
    recorder = Recorder(store, run.info.run_id)
    known = run.data.metrics
    recorder.log_metrics({name: value for name, value in metrics.items() if known.get(name) != value})
    recorder.set_tags(tags)
    recorder.set_tags({"evaluation.run_id": evaluation_id, "evaluation.other_commit": str(other).lower()})
    if commit is not None:
        recorder.set_tags({"evaluation.git.commit": commit})
    if group is not None:
        recorder.set_tags({EVALUATION_GROUP_TAG: group})
    recorder.flush()
    if COPIED_TAG in run.data.tags:
        store.client.delete_tag(run.info.run_id, COPIED_TAG)
    for name, folder in artifacts.items():
        store.client.log_artifacts(run.info.run_id, str(folder), name)
    for file in side_by_side:
        store.client.log_artifact(run.info.run_id, str(file))
    describe_training(store, run.info.run_id)
    if GROUP_TAG in run.data.tags:
        bring_up_to_date(store, run.data.tags[GROUP_TAG])
    return other


def describe_training(store: Store, run_id: str) -> None:
    """Make the description of a model's row anew from what the row has now, and that of its logged model."""
    run = store.client.get_run(run_id)
    note = cut(training_note(run), MAX_TAG)
    store.client.set_tag(run_id, NOTE_TAG, note)
    for output in run.outputs.model_outputs if run.outputs else ():
        store.client.set_logged_model_tags(output.model_id, {NOTE_TAG: note, **model_tags(run.data.tags)})


def model_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Of a training run's tags, those to filter its logged model by."""
    names = ("model", "kind", "source", "git.commit", "git.dirty", "headline.metric", "headline.verdict")
    return {name: tags[name] for name in names if name in tags}


def shared_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Of an evaluation's tags, those that hold for the weights too."""
    return {key: tags[key] for key in ("model", "kind", "source", PARENT_TAG, "mlflow.user") if key in tags}
