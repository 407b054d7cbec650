"""Whether enough is known of a run to make it again, and the changes that its tree had."""

import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from encdec.tracking.changes import DIFF_FILE, DIFF_FOLDER, DIFF_TAG, MAX_DIFF, SECRET_TAG, TOO_LARGE_TAG
from encdec.tracking.lineage.step import Step
from encdec.tracking.store import Store, in_short

if TYPE_CHECKING:
    from mlflow.entities import Run


def reproducible(step: Step, reference: str) -> "Run":
    """The run of a step, where enough of it is known.

    Raises:
        ValueError: with what is missing.
    """
    if step.kind == "data":
        raise ValueError(f"{reference}: no stage made these data, so that there is nothing to run again")
    if step.run is None or step.kind == "restored":
        raise ValueError(
            f"{reference}: {step.label} came from DVC's cache or remote, and no run of this database says at which "
            "commit it was made; reproduce it where it ran"
        )
    if not step.outs:
        raise ValueError(
            f"{reference}: the run of {step.label} is {step.run.info.status} and has no outs to compare with"
        )
    if not step.commit:
        raise ValueError(f"{reference}: the run of {step.label} was made outside of git: its code is not known")
    return step.run


def kept_diff(store: Store, run: "Run") -> bytes | None:
    """The changes that the tree had; None where it was clean.

    Raises:
        ValueError: it was dirty, and they were not kept.
    """
    from mlflow.exceptions import MlflowException

    tags = run.data.tags
    if tags.get("git.dirty") != "true":
        return None
    way = "--without-changes runs the commit alone"
    if TOO_LARGE_TAG in tags:
        size = int(tags[TOO_LARGE_TAG])
        raise ValueError(
            f"run {run.info.run_id}: the tree had uncommitted changes of {size:,} bytes, too large to be kept "
            f"(at most {MAX_DIFF:,}): {tags.get('git.changed', '')}; {way}"
        )
    if SECRET_TAG in tags:
        raise ValueError(
            f"run {run.info.run_id}: the tree had uncommitted changes with a password in them, which were not kept: "
            f"{tags.get('git.changed', '')}; {way}"
        )
    if DIFF_TAG not in tags:
        raise ValueError(
            f"run {run.info.run_id}: the tree had uncommitted changes, and the run has no diff of them: "
            f"{tags.get('git.changed', '')}; {way}"
        )
    with TemporaryDirectory() as temporary:
        try:
            file = store.client.download_artifacts(run.info.run_id, f"{DIFF_FOLDER}/{DIFF_FILE}", temporary)
            diff = Path(file).read_bytes()
        except (MlflowException, OSError) as error:
            raise ValueError(f"run {run.info.run_id}: its diff cannot be read ({in_short(error)}); {way}") from error
    if hashlib.sha256(diff).hexdigest() != tags[DIFF_TAG]:
        raise ValueError(f"run {run.info.run_id}: its diff was changed since it was kept: it is not applied; {way}")
    return diff
