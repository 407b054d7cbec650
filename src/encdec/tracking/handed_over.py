"""A training that gave the same bytes as an earlier one: DVC evaluates nothing again, so it gets that evaluation."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from encdec.tracking.digests import out_tag
from encdec.tracking.evaluated import COPIED_TAG
from encdec.tracking.recorder import Recorder
from encdec.tracking.store import Store, search

if TYPE_CHECKING:
    from mlflow.entities import Run

NUMBERS = ("test/", "baseline/")
TAGS = ("headline.", "evaluation.")
EVALUATION_TAG = "evaluation.run_id"
FOLDERS = ("evaluation", "figures")
PICTURES = ".png"
"""At the top of the artifacts lie those that MLflow's page of comparison shows side by side."""


def hand_over(store: Store, run_id: str, name: str, digest: str) -> bool:
    """Copy numbers, tags and figures of the evaluation of the same weights; they are tagged as copied.

    Where an evaluation follows after all, its own take their place.

    Args:
        name: of the weights, as dvc.lock has it.
        digest: as dvc.lock has it.

    Returns:
        Whether there was such an evaluation.
    """
    earlier = evaluated_run(store, run_id, name, digest)
    if earlier is None:
        return False
    mine = store.client.get_run(run_id)
    tags = {name: tag for name, tag in earlier.data.tags.items() if name.startswith(TAGS)}
    evaluated_at, trained_at = tags.get("evaluation.git.commit"), mine.data.tags.get("git.commit")
    other = evaluated_at is not None and trained_at is not None and evaluated_at != trained_at
    recorder = Recorder(store, run_id)
    numbers = {name: value for name, value in earlier.data.metrics.items() if name.startswith(NUMBERS)}
    recorder.log_metrics({name: value for name, value in numbers.items() if mine.data.metrics.get(name) != value})
    recorder.set_tags({**tags, "evaluation.other_commit": str(other).lower(), COPIED_TAG: earlier.info.run_id})
    recorder.flush()
    copy_artifacts(store, source=earlier.info.run_id, target=run_id)
    return True


def evaluated_run(store: Store, run_id: str, name: str, digest: str) -> "Run | None":
    """The newest other row of these weights that has an evaluation."""
    found = search(store, f"tags.stage = 'train' and tags.`{out_tag(name)}` = '{digest}'")
    rows = [run for run in found if run.info.run_id != run_id and run.info.status == "FINISHED"]
    return next((run for run in rows if EVALUATION_TAG in run.data.tags), None)


def copy_artifacts(store: Store, *, source: str, target: str) -> None:
    """The figures, the tables and the pictures at the top."""
    for file in store.client.list_artifacts(source):
        if file.path not in FOLDERS and (file.is_dir or not file.path.endswith(PICTURES)):
            continue
        with TemporaryDirectory() as folder:
            copy = Path(store.client.download_artifacts(source, file.path, folder))
            if file.is_dir:
                store.client.log_artifacts(target, str(copy), file.path)
            else:
                store.client.log_artifact(target, str(copy))
