"""One stage of the pipeline as a run of MLflow. Importing this is cheap; mlflow comes when a stage is tracked."""

import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from encdec.masking import masked
from encdec.params.loading import Loaded
from encdec.remedies import check_writable
from encdec.signals import asked_to_stop, stoppable
from encdec.tracking import repro
from encdec.tracking.digests import dvc_digest, out_tag
from encdec.tracking.evaluated import shared_tags
from encdec.tracking.left import send_left
from encdec.tracking.locked import LOCK_FILE, locked_outs
from encdec.tracking.operations import Settle
from encdec.tracking.outbox import begin
from encdec.tracking.pointer import Pointer, abandoned, point
from encdec.tracking.project import find_project
from encdec.tracking.restored import link_inputs
from encdec.tracking.run import StageRun
from encdec.tracking.spoken import listening
from encdec.tracking.start import Start, describe
from encdec.tracking.store import Store, now_ms, open_store, patient_for_seconds, reached
from encdec.tracking.system_metrics import sampled
from encdec.tracking.watch import ending_with

if TYPE_CHECKING:
    from mlflow.entities import Run

CONTINUED_TAG = "encdec.continued"
ABANDONED_TAG = "encdec.abandoned"
LOG_FOLDER = "log"
PATIENCE_SECONDS = 30.0
"""A server that is away at the end of a stage may just be starting again."""


@contextmanager
def tracked_stage(
    stage: str,
    *,
    loaded: Loaded,
    item: str | None,
    inputs: Sequence[Path],
    outputs: Sequence[Path],
    section: Mapping[str, object],
    decides: Sequence[str] = (),
) -> Iterator[StageRun]:
    """A run for this stage, below the run of the `dvc repro` that started it.

    A stage whose process died goes on in its own run when it is started again with the same parameters, inputs and
    code; so does one that ended, but whose dvc died before it wrote dvc.lock. An exception ends the run as FAILED, with
    its first line as the tag `error`, and its traceback and what the stage said as artifacts; Ctrl-C, SIGTERM and
    SIGHUP end it as KILLED, to be continued as well.

    Args:
        stage: the name in dvc.yaml without its item, e.g. train.
        item: the model or the kind of data, or None.
        inputs: data that the stage reads; their digests become the tags dvc.in/<path>.
        outputs: what it writes; their digests become the tags dvc.out/<path> when the block ends well.
        section: parameters to keep, flattened to dotted names; seed and threads are kept always.
        decides: what else does: a killed run goes on only where it is the same.

    Raises:
        OSError: an out cannot be written where it should be; the block was not begun.
        TrackingUnavailable: the store cannot be used, and the block was not begun; or it was lost in the middle.
    """
    for path in outputs:
        check_writable(path)
    project = find_project(Path.cwd())
    store = open_store(loaded.params.tracking.experiment, project)
    start = describe(
        project,
        stage,
        params=loaded.params,
        item=item,
        inputs=inputs,
        outputs=outputs,
        section=section,
        decides=decides,
    )
    process = repro.dvc_process()
    with stoppable(), ending_with(process), reached(store), listening() as said:
        with patient_for_seconds():
            send_left(store)
            parent = repro.find_or_create(store, process, tags=start.surroundings) if process else None
            run, pointer = open_run(store, start, parent)
        try:
            with patient_for_seconds():
                run.log_params(start.params)
                run.log_changes(start.changes)
                run.set_tags(link_inputs(store, start.digests, tags=shared_tags(run.tags)))
                run.outbox.send()
            with sampled(store, run.run_id, stage, log=run.collect):
                yield run
            outs = {project.name(path): dvc_digest(path) for path in outputs}
            run.set_tags({out_tag(name): digest for name, digest in outs.items()})
            close(run, "FINISHED", parent=parent, patience=PATIENCE_SECONDS)
            if process is None:
                pointer.forget(project)
            else:
                pointer.end(outs)
        except BaseException as error:
            close_broken(run, error, pointer, parent=parent, said="".join(said))
            raise


def open_run(store: Store, start: Start, parent: str | None) -> tuple[StageRun, Pointer]:
    """The run of a dead process that did the same, or a new one; what others left of this stage is closed."""
    tags = {**start.tags, **({repro.PARENT_TAG: parent} if parent else {})}
    chosen: tuple[Run, Pointer] | None = None
    pointers = list(abandoned(store.project, start.label))
    locked = locked_outs(store.project.tree / LOCK_FILE) if pointers else {}
    for pointer in reversed(pointers):
        same = pointer.key == start.key
        if pointer.is_kept(locked) or (pointer.outs is not None and not same):
            pointer.forget(store.project)
            continue
        run_id = repro.run_of(store, pointer)
        run = unfinished(store, run_id)
        if run is not None and chosen is None and same:
            chosen = run, pointer.name(run_id)
            continue
        if run is not None and run.info.status != "FINISHED":
            reason = "superseded" if same else "started again with other parameters, data or code"
            store.client.set_tag(run_id, ABANDONED_TAG, reason)
            repro.mark_killed(store, run_id, trials=True)
        pointer.drop()  # and not its state: with the parameters of then it can be gone on from
    if chosen is not None:
        run, pointer = chosen
        return continue_run(store, run, start, tags, state=pointer.state), pointer
    pointer = point(store.project, stage=start.label, key=start.key)
    tagged = {**tags, repro.POINTER_TAG: pointer.token}
    run_id = store.client.create_run(store.experiment_id, run_name=start.label, tags=tagged).info.run_id
    outbox = begin(store, start.label)
    created = StageRun(outbox, run_id, tags=tags, digests=start.digests, state=pointer.state, continued=False)
    return created, pointer.name(run_id)


def unfinished(store: Store, run_id: str) -> "Run | None":
    """The run, where this database has it, it is not deleted and did not fail."""
    run = repro.get_run(store, run_id)
    if run is None or run.info.lifecycle_stage != "active" or run.info.status == "FAILED":
        return None
    return run


def continue_run(store: Store, run: "Run", start: Start, tags: Mapping[str, str], *, state: str) -> StageRun:
    run_id = run.info.run_id
    count = int(run.data.tags.get(CONTINUED_TAG, "0")) + 1
    store.client.update_run(run_id, status="RUNNING")
    if "error" in run.data.tags:
        store.client.delete_tag(run_id, "error")
    outbox = begin(store, start.label)
    continued = StageRun(outbox, run_id, tags=tags, digests=start.digests, state=state, continued=True)
    continued.set_tags({**tags, CONTINUED_TAG: str(count)})
    return continued


def close(run: StageRun, status: str, *, parent: str | None, patience: float) -> None:
    run.end(status)
    if parent is not None:
        run.outbox.put(Settle(run=parent, at=now_ms()), later=True)
    run.outbox.close(patience=patience)


def close_broken(run: StageRun, error: BaseException, pointer: Pointer, *, parent: str | None, said: str) -> None:
    """Say how a run ended that did not end well; never raises, so that `error` is what the user sees."""
    from mlflow.exceptions import MlflowException

    signal = asked_to_stop(error)
    lines = masked(str(error)).strip().splitlines() or [""]
    reason = f"stopped by {signal}" if signal else f"{type(error).__name__}: {lines[0]}".removesuffix(": ")
    try:
        run.set_tags({"error": reason})
        if signal is None:
            text = masked("".join(traceback.format_exception(error)))
            run.log_text(text, f"{LOG_FOLDER}/traceback.txt")
            run.log_text(masked(said), f"{LOG_FOLDER}/stage.txt")
        close(run, "KILLED" if signal else "FAILED", parent=parent, patience=0.0)
    except (MlflowException, OSError) as problem:
        print(f"MLflow was not told how this stage ended: {masked(str(problem))}", file=sys.stderr)
        run.outbox.release()
        pointer.release()
        return
    if signal:
        pointer.release()
    else:
        pointer.drop()
