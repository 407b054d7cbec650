"""Decide, retrain, judge: one command after another, each of which finishes what a killed one left."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from encdec.github import hand_on
from encdec.outs import write_text
from encdec.params.loading import load_params
from encdec.progress import note as say
from encdec.retraining.base import Base, read_base
from encdec.retraining.beginning import begin
from encdec.retraining.changes import PARAMS_FILE
from encdec.retraining.checked import InvalidData
from encdec.retraining.deciding import Decided, find_facts
from encdec.retraining.document import FORMAT, PICTURES, Document, Judged, Outcome
from encdec.retraining.going_on import describe, is_changed, judge, put_in_place, train
from encdec.retraining.patch import patch_of
from encdec.retraining.pipeline import push_results
from encdec.retraining.pull_request import pull_request, summary
from encdec.retraining.request import Places, Request
from encdec.retraining.state import Unfinished, drop_state, keep_state, read_state
from encdec.tracking.retrained import (
    INPUTS_TAG,
    Ended,
    begin_retraining,
    bring_results,
    end_retraining,
    fixed_tags,
)
from encdec.tracking.store import Store, reached

DOCUMENT, BODY, SUMMARY, REPORT, PATCH, DECISION = (
    "retrain.json",
    "pull-request.md",
    "summary.md",
    "report.html",
    "retrain.patch",
    "decision.json",
)
LINKED_PICTURE = re.compile(r"^!\[(.*)\]\((.*?)\)$", re.MULTILINE)
PAGE = Path("data", "07_report", "index.html")
RESULTS = (DOCUMENT, BODY, SUMMARY, REPORT, PATCH)


def retrain(store: Store, request: Request) -> Document:
    """What came of it; results lie in .work/retraining, and a run in MLflow has them too.

    Raises:
        ValueError: a mistake in params.yaml or in what was asked for, or DVC's remote is missing.
    """
    places = Places.of(store.project)
    with one_at_a_time(places), reached(store), emptied(places.scratch):
        state = read_state(places.work)
        base = read_base(places.tree)
        if state is not None and request.decide:
            raise ValueError("a retraining has begun and not ended: `encdec retrain` goes on with it")
        if state is not None and state.base != base.commit:
            say("what had begun was of another commit: its data are put in place, then it is decided anew")
            put_in_place(places, state, with_values=False)
            drop_state(places.work)
            state = None
        if state is not None:
            say(f"going on with what had begun: {state.sentence}")
            found = go_on(store, places, state, base, promote=request.promote)
            if found.outcome in ("stopped", "failed") or not request.brings or request.key == state.request:
                return found
        return decide_and_go(store, places, request, base)


@contextmanager
def one_at_a_time(places: Places) -> Iterator[None]:
    """In one clone one retraining at a time; who waits decides anew afterwards. The lock of a dead one is free."""
    places.work.mkdir(parents=True, exist_ok=True)
    lock = FileLock(places.work / "retrain.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say("another retraining is under way in this project: waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def emptied(folder: Path) -> Iterator[None]:
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def decide_and_go(store: Store, places: Places, request: Request, base: Base) -> Document:
    now = datetime.now(UTC)
    try:
        decided = find_facts(store, places, request, now=now)
        if not decided.decision.retrain or request.decide:
            return without_training(store, places, base, decided, bring=not request.decide)
        say(decided.decision.sentence)
        state = begin(store, places, request, decided, base, now=now)
    except InvalidData as error:
        shutil.rmtree(places.staged, ignore_errors=True)
        return invalid(store, places, base, error)
    return go_on(store, places, state, base, promote=request.promote, new=True)


def without_training(store: Store, places: Places, base: Base, decided: Decided, *, bring: bool) -> Document:
    """The results of the retraining that has done it come here; else nothing of an earlier one's is touched."""
    done = decided.decision.done
    if done is not None and bring:
        bring_results(store, done.run_id, places.results)
        show(places)
    outcome: Outcome = "decided" if decided.decision.retrain else "nothing"
    document = plain(base, decided.decision.sentence, outcome, changed=is_changed(places)).model_copy(
        update={
            "reasons": tuple(reason.name for reason in decided.decision.reasons),
            "texts": tuple(reason.text for reason in decided.decision.reasons),
            "monitored": decided.monitored.sentence if decided.monitored is not None else None,
            "done": done.run_id if done is not None else None,
        }
    )
    write_text(places.work / DECISION, document.text())
    hand_over(places, document, summary(document))
    return document


def invalid(store: Store, places: Places, base: Base, error: InvalidData) -> Document:
    """Kept as a run, so that a person finds the reason there too."""
    first, _, rest = str(error).partition(": ")
    document = plain(base, f"Not retraining: {first}.", "invalid", changed=is_changed(places))
    document = document.model_copy(update={"details": rest or first})
    run_id = begin_retraining(store, known=None, goes_on=False, tags={"retraining.sentence": document.sentence})
    document = document.model_copy(update={"run_id": run_id})
    return finish(store, places, document, run_id)


def plain(base: Base, sentence: str, outcome: Outcome, *, changed: bool) -> Document:
    """A document without a training."""
    return Document(
        format=FORMAT,
        sentence=sentence,
        outcome=outcome,
        retrained=False,
        accepted=False,
        changed=changed,
        promoted=False,
        reasons=(),
        texts=(),
        monitored=None,
        details=None,
        base=base.commit,
        batch=None,
        data=(),
        parameters=(),
        code=(),
        models=(),
        stages=(),
        restored=(),
        run_id=None,
        done=None,
        undo=(),
    )


def go_on(store: Store, places: Places, state: Unfinished, base: Base, *, promote: bool, new: bool = False) -> Document:
    """From whatever phase it has come to, to its end."""
    tags = {
        "retraining.sentence": state.sentence,
        "retraining.reasons": ", ".join(state.names),
        INPUTS_TAG: state.inputs,
    }
    run_id = begin_retraining(store, known=state.run_id, goes_on=not new, tags=tags)
    state = keep_state(places.work, state.model_copy(update={"promote": state.promote or promote, "run_id": run_id}))
    state = put_in_place(places, state)
    trained = train(store, places, state)
    state = trained.state
    params = load_params(places.tree / PARAMS_FILE).params
    shutil.rmtree(places.results, ignore_errors=True)
    places.results.mkdir(parents=True)
    models = judge(store, places, state, base, params) if trained.outcome is None else ()
    outcome = trained.outcome or ("unchanged" if not models else "accepted")
    if any(not judged.accepted for judged in models):
        outcome = "refused"
    if params.retraining.remote and trained.outcome != "failed":
        push_results(places.tree)  # before the run ends: what ended well is not done again on another machine
    document = describe(
        store,
        places,
        state,
        base,
        params,
        outcome=outcome,
        details=trained.problem,
        models=models,
        run_id=run_id,
    )
    finish(store, places, document, run_id, tags={**repro_tags(trained.repro), **said_of(models)})
    if outcome not in ("stopped", "failed"):
        drop_state(places.work)
    return document


def repro_tags(run_id: str | None) -> dict[str, str]:
    return {"retraining.repro_run_id": run_id} if run_id is not None else {}


def said_of(models: tuple[Judged, ...]) -> dict[str, str]:
    """For the gate, which sees the test rows of now alone."""
    tags: dict[str, str] = {}
    for judged in models:
        digest = judged.gate.candidate.digest if judged.gate is not None else None
        if digest is not None:
            tags |= fixed_tags(judged.model, digest, None if judged.fixed_passed else judged.fixed_reason)
    return tags


def finish(
    store: Store, places: Places, document: Document, run_id: str, *, tags: dict[str, str] | None = None
) -> Document:
    """Results into .work/retraining and into MLflow, and on to a workflow."""
    places.results.mkdir(parents=True, exist_ok=True)
    text = pull_request(document) if document.retrained else summary(document)
    write_text(places.results / DOCUMENT, document.text())
    write_text(places.results / (BODY if document.retrained else SUMMARY), text)
    page = places.tree / PAGE
    if document.retrained:
        (places.results / PATCH).write_bytes(patch_of(places.tree))
        if page.is_file():
            shutil.copyfile(page, places.results / REPORT)
    status = {"stopped": "KILLED", "failed": "FAILED"}.get(document.outcome, "FINISHED")
    numbers = {
        f"gain/{judged.model}": judged.whole.metrics[0].gain.value
        for judged in document.models
        if judged.whole.metrics[0].gain is not None
    }
    end_retraining(store, run_id, Ended(document.outcome, status, tags or {}, numbers, text, places.results))
    show(places)
    hand_over(places, document, text)
    return document


def show(places: Places) -> None:
    """Put the new results into the place of the last ones."""
    shutil.rmtree(places.work / PICTURES, ignore_errors=True)
    for name in RESULTS:
        (places.work / name).unlink(missing_ok=True)
    for entry in sorted(places.results.iterdir()):
        entry.replace(places.work / entry.name)
    places.results.rmdir()


def hand_over(places: Places, document: Document, text: str) -> None:
    """The summary of a job can show no picture of its machine: it says where that is."""
    patch = places.work / PATCH
    proposes = (document.retrained or document.done is not None) and patch.is_file() and patch.stat().st_size > 0
    hand_on(
        LINKED_PICTURE.sub(r"\1 (`\2`, among the results)", text),
        {
            "due": document.outcome not in ("nothing", "invalid"),
            "retrained": document.retrained,
            "propose": proposes,
            "changed": document.changed,
            "accepted": document.accepted,
            "outcome": str(document.outcome),
            "sentence": document.sentence,
        },
    )
