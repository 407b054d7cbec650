"""A retraining as a run of MLflow: why, what came of it, its JSON and its Markdown."""

import socket
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from encdec.tracking.aliases import read_pointers
from encdec.tracking.git import git_state
from encdec.tracking.notes import NOTE_TAG
from encdec.tracking.recorder import Recorder
from encdec.tracking.repro import DIED, get_run
from encdec.tracking.start import git_tags, limited, user_tags, version_tags
from encdec.tracking.store import Store, end_run, search

if TYPE_CHECKING:
    from mlflow.entities import Run

STAGE = "retrain"
PLACE_TAG, OUTCOME_TAG, INPUTS_TAG = "retraining.place", "retraining.outcome", "retraining.inputs"
TRAINED = ("accepted", "refused", "unchanged")
"""Outcomes of a retraining that came to its end."""
WEIGHTS_TAG, REFUSAL_TAG = "retraining.weights", "retraining.refusal"
FOLDER = "retraining"


class Last(NamedTuple):
    """`outcome`, `inputs`: of a retraining, the latter as a digest."""

    run_id: str
    at: datetime
    outcome: str = ""
    inputs: str = ""


def retrainings(store: Store) -> list[Last]:
    """Those that came to their end, the newest first."""
    runs = search(store, f"tags.stage = '{STAGE}' and attributes.status = 'FINISHED'")
    ended = [
        Last(run.info.run_id, when(run), run.data.tags[OUTCOME_TAG], run.data.tags.get(INPUTS_TAG, ""))
        for run in runs
        if run.data.tags.get(OUTCOME_TAG) in TRAINED
    ]
    return sorted(ended, key=lambda each: each.at, reverse=True)


def fixed_tags(model: str, digest: str, refusal: str | None) -> dict[str, str]:
    """What a retraining says of a model's weights on the test rows of the commit before; no refusal: they passed."""
    return {f"{WEIGHTS_TAG}/{model}": digest, f"{REFUSAL_TAG}/{model}": refusal or ""}


def judged_by_retraining(store: Store, model: str, digest: str) -> tuple[str, str] | None:
    """The run and the reason, where the newest retraining that judged these weights refused them on those rows."""
    runs = search(store, f"tags.stage = '{STAGE}' and tags.`{WEIGHTS_TAG}/{model}` = '{digest}'")
    newest = max(runs, key=when, default=None)
    refusal = newest.data.tags.get(f"{REFUSAL_TAG}/{model}") if newest is not None else None
    return (newest.info.run_id, refusal) if newest is not None and refusal else None


def last_training(store: Store) -> Last | None:
    """The newest training that ended well, by whatever command."""
    runs = search(store, "tags.stage = 'train' and attributes.status = 'FINISHED'")
    return Last(runs[0].info.run_id, when(runs[0])) if runs else None


def when(run: "Run") -> datetime:
    return datetime.fromtimestamp((run.info.end_time or run.info.start_time) / 1000, UTC)


def in_week(found: list[Last], now: datetime) -> int:
    return sum(now - each.at < timedelta(days=7) for each in found)


def begin_retraining(store: Store, *, known: str | None, goes_on: bool, tags: Mapping[str, str]) -> str:
    """The id of a run; one that this place has not finished goes on, or is shown as killed.

    The caller holds the lock of the project.

    Args:
        known: the run of what is continued, whatever became of it; None where it is not known.
        goes_on: whether what a dead process left is continued.
    """
    # a digest: the name of a folder may hold what a filter cannot, as o'neil does
    place = sha256(f"{socket.gethostname()}:{store.project.home}".encode()).hexdigest()
    left = search(store, f"tags.stage = '{STAGE}' and tags.`{PLACE_TAG}` = '{place}' and attributes.status = 'RUNNING'")
    if known is not None and get_run(store, known) is not None:
        chosen: str | None = known
    else:
        chosen = left[0].info.run_id if left and goes_on else None
    for run in left:
        if run.info.run_id != chosen:
            store.client.set_tag(run.info.run_id, "error", DIED)
            end_run(store, run.info.run_id, "KILLED")
    state = git_state(store.project.tree, [])
    given = limited({**tags, **git_tags(state), **user_tags(), **version_tags(), "stage": STAGE, PLACE_TAG: place})
    if chosen is not None:
        store.client.update_run(chosen, status="RUNNING")
        recorder = Recorder(store, chosen)
        recorder.set_tags({"retraining.continued": "true"})
        recorder.flush()
        return str(chosen)
    name = f"retrain {datetime.now().astimezone():%Y-%m-%d %H:%M:%S}"
    return str(store.client.create_run(store.experiment_id, run_name=name, tags=given).info.run_id)


class Ended(NamedTuple):
    """`status`: FINISHED, FAILED or KILLED. `note`: Markdown for the UI. `files`: artifacts."""

    outcome: str
    status: str
    tags: Mapping[str, str]
    metrics: Mapping[str, float]
    note: str
    files: Path | None


def end_retraining(store: Store, run_id: str, ended: Ended) -> None:
    """Write everything, and end the run."""
    if ended.files is not None:
        store.client.log_artifacts(run_id, str(ended.files), FOLDER)
    recorder = Recorder(store, run_id)
    recorder.log_metrics(ended.metrics)
    recorder.set_tags({**ended.tags, OUTCOME_TAG: ended.outcome, NOTE_TAG: ended.note})
    recorder.flush()
    end_run(store, run_id, ended.status)


def bring_results(store: Store, run_id: str, to: Path) -> None:
    """The files that a retraining left."""
    with TemporaryDirectory() as temporary:
        copytree(store.client.download_artifacts(run_id, FOLDER, temporary), to, dirs_exist_ok=True)


def repro_run(store: Store, process: str) -> str | None:
    """The parent run of a `dvc repro`, by the host and the id of its process; None where no stage ran."""
    found = search(store, f"tags.stage = 'repro' and tags.`dvc.process` = '{process}'")
    return str(found[0].info.run_id) if found else None


def champion_of(store: Store, name: str) -> int | None:
    """The version that is in use."""
    return read_pointers(store, name).champion


def version_digest(store: Store, name: str, version: int) -> str:
    """The digest that a version was registered with; "" where nobody noted one."""
    from encdec.tracking.aliases import DIGEST_TAG

    return str(store.client.get_model_version(name, str(version)).tags.get(DIGEST_TAG, ""))


def kept_decision(store: Store, name: str, version: int) -> str | None:
    """The decision.json with which a version was judged last."""
    from encdec.tracking.decided import DOCUMENT
    from encdec.tracking.decided import FOLDER as PROMOTION

    run_id = store.client.get_model_version(name, str(version)).tags.get("promotion.run_id")
    if not run_id:
        return None
    with TemporaryDirectory() as temporary:
        file = store.client.download_artifacts(run_id, f"{PROMOTION}/{DOCUMENT}", temporary)
        return Path(file).read_text(encoding="utf-8")
