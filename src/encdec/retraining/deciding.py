"""Finds the facts that a decision is made from: nothing of the project is changed here."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from encdec.outs import write_text
from encdec.params.loading import load_params
from encdec.params.root import KINDS, Kind, Params
from encdec.params.yaml_file import read_yaml
from encdec.progress import note as say
from encdec.retraining.base import lock_commit
from encdec.retraining.batch import Batch, check_source, fetch, read_batch
from encdec.retraining.changes import PARAMS_FILE, Change, changed_parameters, changes_of
from encdec.retraining.checked import InvalidData, check_alone, describe
from encdec.retraining.decision import Decision, Earlier, Facts, History, NewData, Same, decide
from encdec.retraining.dvc import check_remote, default_remote
from encdec.retraining.monitored import Monitored, check_same_batch, read_monitored
from encdec.retraining.overrides import with_values
from encdec.retraining.request import Places, Request
from encdec.retraining.versioned import bring_tracked, check_not_older, check_versioned
from encdec.sources.member import ContentError
from encdec.tracking.digests import dvc_digest, read_ignore
from encdec.tracking.locked import LOCK_FILE
from encdec.tracking.mend_lock import mend
from encdec.tracking.retrained import Last, in_week, last_training, retrainings
from encdec.tracking.store import Store

RUN_CHARACTERS = 8


class Decided(NamedTuple):
    """`text`: what params.yaml is to say; `rows`: of the batch; `inputs`: a digest of all that would be read."""

    decision: Decision
    params: Params
    text: str
    changes: tuple[Change, ...]
    batch: Batch | None
    rows: int
    monitored: Monitored | None
    inputs: str


def find_facts(store: Store, places: Places, request: Request, *, now: datetime) -> Decided:
    """
    Raises:
        InvalidData: the batch cannot be used, or the monitor says so of the one that it looked at.
        ValueError: a mistake in params.yaml or in what was asked for, or DVC has no remote and must have one.
    """
    text, params = params_with(places, request.values)
    check_remote(places.tree, needed=params.retraining.remote)
    if request.batch is not None and request.kind is not None:
        check_source(params, request.kind)
        if params.retraining.remote or os.environ.get("CI"):
            check_versioned(places.tree, places.source, request.kind)
    monitored = read_monitored(request.monitor) if request.monitor is not None else None
    path = brought(places, request)
    if path is not None and monitored is not None:
        check_same_batch(monitored, path)
    if monitored is not None and monitored.verdict == "invalid":
        raise InvalidData(f"the monitor found that the batch cannot be used: {monitored.sentence}")
    said = mend(places.tree)
    if said is not None:
        say(said)
    kinds: list[Kind] = [kind for kind in KINDS if params.kind_enabled(kind)]
    bring_tracked(places.tree, places.source, kinds, remote=default_remote(places.tree) is not None)
    changes = changes_of(places.tree)
    for kind in kinds:
        if any(change.kind == "data" and change.name.endswith(f"/{kind}") for change in changes):
            check_not_older(places.tree, places.source, kind)
    if request.values:
        before, after = read_yaml(places.tree / PARAMS_FILE), read_yaml(places.scratch / PARAMS_FILE)
        changes = tuple(dict.fromkeys([*changes, *changed_parameters(places.tree, before, after)]))
    batch, new_data = find_batch(places, params, request, changes, path=path, now=now)
    facts = Facts(changes, new_data, monitored, request.scheduled, request.force)
    inputs = inputs_of(places, text, changes, batch)
    decision = decide(facts, params.retraining, history_of(store, places, inputs, now=now), now=now)
    return Decided(decision, params, text, changes, batch, new_data.rows if new_data else 0, monitored, inputs)


def brought(places: Places, request: Request) -> Path | None:
    """The batch that was asked for.

    Raises:
        InvalidData: it was had, and cannot be used.
        ValueError: it cannot be had.
    """
    if request.batch is None or request.kind is None:
        return None
    with invalid_content():
        return fetch(request.batch, kind=request.kind, scratch=places.scratch)


@contextmanager
def invalid_content() -> Iterator[None]:
    """A batch that was had and cannot be used makes the data invalid; one that cannot be had is an error."""
    try:
        yield
    except ContentError as error:
        raise InvalidData(f"the batch cannot be used: {error}") from error


def params_with(places: Places, values: tuple[str, ...]) -> tuple[str, Params]:
    """The text of params.yaml with other values, and what it says; the file itself stays."""
    file = places.tree / PARAMS_FILE
    if not values:
        return file.read_text(encoding="utf-8"), load_params(file).params
    text = with_values(file, values)
    write_text(places.scratch / PARAMS_FILE, text)
    return text, load_params(places.scratch / PARAMS_FILE).params


def find_batch(
    places: Places, params: Params, request: Request, changes: tuple[Change, ...], *, path: Path | None, now: datetime
) -> tuple[Batch | None, NewData | None]:
    """The batch, and its rows where they are new: not yet in place, or in place and not yet trained on.

    Args:
        path: of the batch, as it was fetched.

    Raises:
        InvalidData: it cannot be used.
    """
    if path is None or request.kind is None:
        return None, None
    kind, user_dir = request.kind, places.source / request.kind
    with invalid_content():
        batch = read_batch(params, path, kind=kind, mode=request.mode, user_dir=user_dir, now=now)
    if batch.there and not any(change.kind == "data" and change.name.endswith(f"/{kind}") for change in changes):
        say(f"the batch is in data/00_source/{kind} already, as {batch.name}")
        return batch, None
    described = describe(params, batch, scratch=places.scratch / "batch")
    check_alone(params, batch, described.manifest)
    return batch, NewData(kind, len(described.manifest), request.mode == "replace")


def inputs_of(places: Places, text: str, changes: tuple[Change, ...], batch: Batch | None) -> str:
    """The SHA-256 of what dvc.lock has and of what is other now: the same on every machine."""
    ignore = read_ignore(places.tree)
    changed = [places.tree / change.name for change in changes if change.kind in ("data", "code", "outs")]
    parts = [
        dvc_digest(places.tree / LOCK_FILE) if (places.tree / LOCK_FILE).is_file() else None,
        text,
        [(path.name, dvc_digest(path, ignore=ignore) if path.exists() else None) for path in changed],
        (batch.kind, batch.mode, batch.digest) if batch is not None else None,
    ]
    return sha256(json.dumps(parts).encode()).hexdigest()


def history_of(store: Store, places: Places, inputs: str, *, now: datetime) -> History:
    done = retrainings(store)
    same = next((each for each in done if each.inputs == inputs), None)
    last = done[0] if done else None
    trained = last_training(store)
    newest = max((each for each in (last, trained) if each is not None), key=lambda each: each.at, default=None)
    state = told(newest) if newest is not None else lock_commit(places.tree)
    return History(
        state,
        told(last) if last is not None else None,
        in_week(done, now),
        Same(same.run_id, *told(same), same.outcome) if same is not None else None,
    )


def told(last: Last) -> Earlier:
    return Earlier(f"run {last.run_id[:RUN_CHARACTERS]}", last.at)
