"""Puts a candidate through the gate, writes the decision down, and moves the aliases: the champion's last."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import torch
from filelock import FileLock, Timeout

from encdec.masking import masked
from encdec.params.root import ModelName, Params
from encdec.progress import note as say
from encdec.promotion.candidate import (
    Candidate,
    check_unchanged,
    find_candidate,
    log_candidate,
)
from encdec.promotion.compare import (
    metric_names,
    open_test,
)
from encdec.promotion.decision import Aliases, Decision, MeasuredOn, Version, metric_lines
from encdec.promotion.evidence import find_opponent, gather
from encdec.promotion.gate import Check, Evidence, check_floors, judge
from encdec.promotion.moving import keep_and_move
from encdec.promotion.records import keep, settle
from encdec.promotion.request import Request
from encdec.promotion.sentences import sentence_of
from encdec.promotion.whole import check_version, lost_versions
from encdec.tracking import aliases
from encdec.tracking.aliases import Moved, Pointers
from encdec.tracking.decided import surroundings
from encdec.tracking.repro import get_run
from encdec.tracking.store import Store, reached

TRIES = 3
"""How often a candidate is compared anew where the champion has changed in the meantime."""


class Outcome(NamedTuple):
    """`decision`: None where the candidate is the champion already, then `said` says so. `page`: where it lies."""

    decision: Decision | None
    page: str | None
    said: str


def promote(store: Store, params: Params, request: Request) -> Outcome:
    """Judge a candidate, and make it the champion where every check passes.

    A process that died half-way has left a state from which the same call goes on: what was registered is found
    again, and the champion is the old one until everything else is written.

    Raises:
        ValueError: there is nothing to judge (the message says what to do), or another machine promotes as well.
    """
    torch.set_num_threads(params.threads)
    with TemporaryDirectory() as temporary, reached(store):
        candidate = find_candidate(store, params, request.target, scratch=Path(temporary))
        with one_at_a_time(store, candidate.name):
            if candidate.trained is not None:  # what lies in the project may be another one after the wait
                candidate = find_candidate(store, params, request.target, scratch=Path(temporary))
            candidate = prepare(store, params, request, candidate)
            for attempt in range(TRIES):
                try:
                    return attempt_promotion(store, params, request, candidate, Path(temporary, str(attempt)))
                except Moved as moved:
                    say(f"{moved}: comparing anew")
    raise ValueError(f"the champion of {candidate.name} changed {TRIES} times while this was measured: run it again")


@contextmanager
def one_at_a_time(store: Store, model: str) -> Iterator[None]:
    """Of this machine only one process decides about a model; others wait. The lock of a dead one is free."""
    store.project.work.mkdir(parents=True, exist_ok=True)
    lock = FileLock(store.project.work / f"promotion-{model}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"another promotion or rollback of {model} is under way on this machine: waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def prepare(store: Store, params: Params, request: Request, candidate: Candidate) -> Candidate:
    """What is found wrong in seconds is said before anything is written or measured; then the candidate is logged."""
    test = open_test(store.project.tree / candidate.data.test, candidate.stored.model)
    names = metric_names(candidate.stored.model, test, settings=params.evaluation, seed=params.seed)
    check_floors(params.gate(candidate.name).floors, names)
    return candidate if request.dry_run else candidate._replace(logged=log_candidate(store, candidate, test))


def find_version(store: Store, candidate: Candidate, *, dry_run: bool) -> int | None:
    """The version of the candidate, registered where it is not a dry run; none whose files are lost."""
    name, digest, logged = candidate.name, candidate.digest, candidate.logged
    model_id = logged.model_id if logged is not None else None
    lost = lost_versions(store, name, model_id=model_id, digest=digest)
    if dry_run or logged is None:
        return aliases.version_of(store, name, model_id=model_id, digest=digest, without=lost)
    return aliases.register(store, name, logged, digest=digest, without=lost)


def attempt_promotion(store: Store, params: Params, request: Request, candidate: Candidate, scratch: Path) -> Outcome:
    name, test = candidate.name, open_test(store.project.tree / candidate.data.test, candidate.stored.model)
    turn = ""
    if not request.dry_run:
        aliases.make_registered(store, name)
        turn = aliases.take_turn(store, name)
        aliases.mend_previous(store, name)
    version = find_version(store, candidate, dry_run=request.dry_run)
    before = aliases.read_pointers(store, name)
    if before.champion is not None and not request.dry_run:
        settle(store, name, before.champion)  # a process that died right after it moved the champion has left its tag
    if version is not None and version == before.champion:
        return Outcome(None, None, f"{name} version {version} is the champion already: nothing moves")
    if version is not None and not request.dry_run:
        aliases.point_challenger(store, name, version)
        before = before._replace(challenger=version)
    opponent = find_opponent(store, candidate, before.champion, scratch)
    evidence = gather(store, params, request, candidate, test, opponent)
    checks = judge(evidence, params.promotion, params.gate(name))
    decision = decide(store, params, request, candidate, evidence, checks, version=version, before=before)
    if request.dry_run or version is None:
        return Outcome(decision, None, decision.sentence)
    check_unchanged(store.project, candidate)
    if not decision.accepted:
        return Outcome(decision, keep(store, decision).page, decision.sentence)
    check_version(store, name, version)
    done = keep_and_move(store, decision, version=version, seen=before, turn=turn)
    return Outcome(done.decision, done.page, done.decision.sentence)


def decide(
    store: Store,
    params: Params,
    request: Request,
    candidate: Candidate,
    evidence: Evidence,
    checks: tuple[Check, ...],
    *,
    version: int | None,
    before: Pointers,
) -> Decision:
    name, accepted = candidate.name, all(check.passed for check in checks)
    after = aliases.after_move(before, version) if accepted and version is not None else before
    unit = "distinct sources" if candidate.stored.model.card.kind == "pairs" else "images"
    logged = candidate.logged
    decision = Decision(
        action="promote",
        model=name,
        accepted=accepted,
        sentence="",
        note=masked(request.note) if request.note else None,
        candidate=describe(store, version, candidate.digest, logged.run_id if logged else None),
        champion=describe_champion(store, name, before.champion),
        checks=checks,
        metrics=metric_lines(evidence.comparisons),
        test=MeasuredOn(path=candidate.data.test, digest=candidate.data.test_digest, rows=evidence.rows, unit=unit),
        rules=rules_of(params, name),
        before=Aliases(**before._asdict()),
        after=Aliases(**after._asdict()),
        undo=f"encdec rollback {name}" if accepted and before.champion is not None else None,
        surroundings=now(store),
    )
    return decision.model_copy(update={"sentence": sentence_of(decision, dry_run=request.dry_run)})


def rules_of(params: Params, name: ModelName) -> Mapping[str, object]:
    common = params.promotion.model_dump(exclude={"models"})
    return {**common, **params.gate(name).model_dump(), "seed": params.seed}


def describe(store: Store, version: int | None, digest: str | None, run_id: str | None) -> Version:
    """A version with the commit that its training run tells."""
    run = get_run(store, run_id or "")
    commit: str | None = run.data.tags.get("git.commit") if run is not None else None
    return Version(number=version, digest=digest, run_id=run_id, commit=commit)


def describe_champion(store: Store, name: str, version: int | None) -> Version | None:
    if version is None:
        return None
    found = store.client.get_model_version(name, str(version))
    return describe(store, version, found.tags.get(aliases.DIGEST_TAG), found.run_id or None)


def now(store: Store) -> Mapping[str, str]:
    moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return {"at": moment, **surroundings(store)}
