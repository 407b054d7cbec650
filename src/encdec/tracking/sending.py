"""Operations as calls of MLflow. Each may be sent a second time, where a process died, or the server, in between."""

from collections.abc import Mapping
from pathlib import Path
from typing import assert_never

from encdec.tracking import evaluated, handed_over, repro
from encdec.tracking.inputs import log_dataset
from encdec.tracking.operations import (
    AnyOperation,
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
    Settle,
    Text,
)
from encdec.tracking.recorder import Recorder
from encdec.tracking.store import Store, end_run, search

KEY_TAG = "encdec.key"
SIDE_BY_SIDE = "side_by_side/"


def send(store: Store, operation: AnyOperation, *, run_id: str, again: bool) -> str:
    """Do what an operation says; the id of its run is returned.

    Args:
        run_id: of the operation's run; of a child that is to be made, that of its parent.
        again: it may have been sent before.
    """
    match operation:
        case Batch():
            send_batch(store, operation, run_id)
        case Child():
            return send_child(store, operation, run_id, again=again)
        case Resume():
            store.client.update_run(run_id, status="RUNNING")
        case End():
            end_run(store, run_id, operation.status, at=operation.at)
        case Text():
            store.client.log_text(run_id, operation.text, operation.path)
        case Files():
            for name, path in operation.attachments.items():
                send_files(store, run_id, Path(path), name=name, folder=operation.folder)
        case Data():
            log_dataset(
                store,
                run_id,
                name=operation.name,
                path=operation.path,
                digest=operation.digest,
                context=operation.context,
                tags=operation.tags,
            )
        case Package():
            from encdec.tracking.package import send_package

            send_package(store, run_id, Path(operation.attachments["package"]), name=operation.name)
            evaluated.describe_training(store, run_id)
        case Describe():
            evaluated.describe_training(store, run_id)
        case Evaluation():
            send_evaluation(store, operation, run_id)
        case HandOver():
            handed_over.hand_over(store, run_id, operation.weights, operation.digest)
            evaluated.describe_training(store, run_id)
        case Settle():
            repro.update_status(store, run_id, at=operation.at)
        case _:
            assert_never(operation)
    return run_id


def send_batch(store: Store, batch: Batch, run_id: str) -> None:
    recorder = Recorder(store, run_id)
    recorder.add(batch.metrics, batch.tags)
    recorder.params = dict(batch.params)
    recorder.flush()


def send_child(store: Store, child: Child, parent: str, *, again: bool) -> str:
    made = search(store, f"tags.`{KEY_TAG}` = '{child.run}'") if again else []
    if made:
        return str(made[0].info.run_id)
    tags = {**child.tags, KEY_TAG: child.run, repro.PARENT_TAG: parent}
    return str(store.client.create_run(store.experiment_id, run_name=child.name, tags=tags).info.run_id)


def send_files(store: Store, run_id: str, path: Path, *, name: str, folder: str | None) -> None:
    """As they are named where they come from, though a copy of them may be called otherwise."""
    if path.is_dir():
        store.client.log_artifacts(run_id, str(path), f"{folder}/{name}" if folder else name)
    else:
        store.client.log_artifact(run_id, str(path), folder)


def send_evaluation(store: Store, found: Evaluation, run_id: str) -> None:
    folders, files = split(found.attachments)
    row = evaluated.training_run_of(store, found.weights, found.digest)
    if row is None:
        row = evaluated.restored_run(store, found.weights, found.digest, spec=found.spec, tags=found.shared)
    other = evaluated.record_evaluation(
        store,
        row,
        metrics=found.metrics,
        tags=found.tags,
        artifacts=folders,
        side_by_side=files,
        evaluation_id=run_id,
        commit=found.commit,
        group=found.group,
    )
    recorder = Recorder(store, run_id)
    recorder.set_tags({"training.run_id": row.info.run_id, "evaluation.other_commit": str(other).lower()})
    recorder.flush()


def split(attachments: Mapping[str, str]) -> tuple[dict[str, Path], list[Path]]:
    folders = {name: Path(path) for name, path in attachments.items() if not name.startswith(SIDE_BY_SIDE)}
    return folders, [Path(path) for name, path in attachments.items() if name.startswith(SIDE_BY_SIDE)]
