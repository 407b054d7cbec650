"""Finds what the gate judges by: candidate and champion on the same rows, and what was said of the candidate before."""

from pathlib import Path
from typing import NamedTuple

from encdec.datasets.images import ImageSplit
from encdec.datasets.pairs import PairSplit
from encdec.evaluation.bootstrap import Resampling, num_rows
from encdec.masking import masked
from encdec.params.root import Params
from encdec.progress import note as say
from encdec.promotion.behaviour import run_behaviour
from encdec.promotion.candidate import Candidate, megabytes, other_data, validation_of
from encdec.promotion.compare import Stored, as_read_by, compare_with, measure, opponent_of, shared_metrics
from encdec.promotion.gate import Evidence, Forgot, RolledBack
from encdec.promotion.latency import Asked, measure_latency
from encdec.promotion.records import find_rolled_back
from encdec.promotion.request import Request
from encdec.tracking import aliases
from encdec.tracking.registry import fetch_model
from encdec.tracking.retrained import judged_by_retraining
from encdec.tracking.store import Store


class Opponent(NamedTuple):
    """The champion: its version, the model or why it cannot be measured, and why it may have seen test rows."""

    version: int
    stored: Stored | None
    incomparable: str | None
    other_data: str | None


def find_opponent(store: Store, candidate: Candidate, champion: int | None, scratch: Path) -> Opponent | None:
    if champion is None:
        return None
    run_id = store.client.get_model_version(candidate.name, str(champion)).run_id
    other = other_data(store, run_id, candidate.data)
    try:
        folder = fetch_model(store, f"models:/{candidate.name}/{champion}", to=scratch / "champion")
        return Opponent(champion, opponent_of(candidate.stored, folder), None, other)
    except ValueError as reason:  # Incomparable, or its files are lost or broken; not: they cannot be reached now
        return Opponent(champion, None, masked(str(reason)), other)


def gather(
    store: Store,
    params: Params,
    request: Request,
    candidate: Candidate,
    test: ImageSplit | PairSplit,
    opponent: Opponent | None,
) -> Evidence:
    """Measure everything; the candidate and the champion in this process, on the same rows."""
    rules, settings, seed = params.promotion, params.evaluation, params.seed
    theirs = opponent.stored if opponent is not None else None
    say(f"promote {candidate.name}: measuring on {candidate.data.test}")
    ours_scores = measure(candidate.stored, test, settings=settings, seed=seed)
    resampling = Resampling(rules.resamples, rules.confidence, seed)
    asked = [Asked(candidate.stored.model, test)]
    if theirs is None:
        comparisons = compare_with(ours_scores, None, resampling)
    else:
        as_theirs = as_read_by(theirs, test)
        their_scores = measure(theirs, as_theirs, settings=settings, seed=seed)
        names = shared_metrics(ours_scores, candidate.stored, theirs)
        comparisons = compare_with(ours_scores, their_scores, resampling, names=names)
        asked.append(Asked(theirs.model, as_theirs))
    latencies = measure_latency(asked, rows=rules.latency_rows, threads=params.threads)
    behaviour = None
    if rules.behaviour:
        say(f"promote {candidate.name}: running tests/model")
        prepared = (store.project.tree / candidate.data.test).parent
        behaviour = run_behaviour(store.project.tree, model=candidate.stored.folder, prepared=prepared)
    return Evidence(
        comparisons=comparisons,
        rows=num_rows(ours_scores.columns),
        champion=opponent.version if opponent is not None else None,
        incomparable=opponent.incomparable if opponent is not None else None,
        replace_incomparable=request.replace_incomparable,
        validation=validation_of(store.project, candidate.data)._replace(
            other_data=candidate_data(store, candidate), allow_other_data=request.other_data
        ),
        latency=latencies[0],
        latency_champion=latencies[1] if theirs is not None else None,
        size_mb=megabytes(candidate.stored.folder),
        behaviour=behaviour,
        champion_data=opponent.other_data if opponent is not None else None,
        rolled_back=rolled_back(store, candidate, again=request.again),
        forgot=None if request.retraining else forgot(store, candidate, again=request.again),
    )


def rolled_back(store: Store, candidate: Candidate, *, again: bool) -> RolledBack | None:
    """Whether somebody took these weights back, by whichever version they have been in use."""
    model_id = candidate.logged.model_id if candidate.logged is not None else None
    twins = aliases.twins_of(store, candidate.name, model_id=model_id, digest=candidate.digest)
    return find_rolled_back(store, candidate.name, twins, again=again)


def forgot(store: Store, candidate: Candidate, *, again: bool) -> Forgot | None:
    """What the newest retraining said of these weights on the test rows of the commit before it."""
    found = judged_by_retraining(store, candidate.name, candidate.digest)
    return Forgot(*found, again) if found is not None else None


def candidate_data(store: Store, candidate: Candidate) -> str | None:
    """See `other_data`; of one that lies in the project dvc.lock was asked already."""
    if candidate.trained is not None:
        return None
    return other_data(store, candidate.logged.run_id if candidate.logged else None, candidate.data)
