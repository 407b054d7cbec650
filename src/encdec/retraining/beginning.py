"""The beginning of a retraining: the data are validated, the batch is laid beside them, and the state is written."""

from collections.abc import Mapping
from datetime import datetime

from encdec.params.root import KINDS, MODEL_NAMES, Kind, ModelName, Params
from encdec.progress import note as say
from encdec.retraining.again import made_again
from encdec.retraining.base import Base
from encdec.retraining.changes import SOURCE as SOURCE_NAME
from encdec.retraining.checked import check_together
from encdec.retraining.deciding import Decided
from encdec.retraining.placing import stage, together
from encdec.retraining.request import Places, Request
from encdec.retraining.state import Champion, Placed, Unfinished, keep_state
from encdec.tracking.retrained import champion_of, version_digest
from encdec.tracking.store import Store

OWN = ("folder", "table")
"""Sources of a user's own data; what the others give is as it was published."""


def begin(store: Store, places: Places, request: Request, decided: Decided, base: Base, *, now: datetime) -> Unfinished:
    """
    Raises:
        InvalidData: the data as they would be fail their suite; nothing of the project was changed.
    """
    batch = decided.batch
    if batch is not None and not batch.there:
        stage(batch.targets, places.staged)
    validate(places, decided)
    decision = decided.decision
    placed = Placed.of(batch, decided.rows) if batch is not None else None
    first = "moving" if placed is not None and placed.mode == "replace" else "placing"
    return keep_state(
        places.work,
        Unfinished(
            request=request.key,
            inputs=decided.inputs,
            base=base.commit,
            began=now.timestamp(),
            sentence=decision.sentence,
            names=tuple(reason.name for reason in decision.reasons),
            reasons=tuple(reason.text for reason in decision.reasons),
            code=tuple(change.name for change in decided.changes if change.kind == "code"),
            monitored=decided.monitored.sentence if decided.monitored is not None else None,
            batch=placed,
            params=decided.text,
            force=request.force and not decided.changes and (batch is None or batch.there),
            promote=request.promote,
            champions=champions_of(store, decided.params, base, again=made_again(places.tree, base)),
            phase=first if placed is not None and batch is not None and not batch.there else "tracking",
        ),
    )


def validate(places: Places, decided: Decided) -> None:
    """Whatever of a user's own data is new, or is read in another way."""
    batch = decided.batch
    for kind in KINDS:
        if not decided.params.kind_enabled(kind) or decided.params.source_name(kind) not in OWN:
            continue
        user_dir, ours = places.source / kind, batch is not None and batch.kind == kind and not batch.there
        if ours and batch is not None:
            together(user_dir, places.staged, places.scratch / "together", replace=batch.mode == "replace")
            user_dir = places.scratch / "together"
        elif not read_anew(decided, kind):
            continue
        say(f"retrain: validating the {kind} before anything is changed")
        check_together(decided.params, kind, user_dir=user_dir, scratch=places.scratch / f"raw-{kind}")


def read_anew(decided: Decided, kind: Kind) -> bool:
    return any(
        (change.kind == "data" and change.name == f"{SOURCE_NAME}/{kind}")
        or (change.kind == "parameters" and change.name.startswith(f"{kind}."))
        for change in decided.changes
    )


def champions_of(
    store: Store, params: Params, base: Base, *, again: Mapping[ModelName, str]
) -> dict[str, Champion | None]:
    """What each model is to be measured against, before anything moves."""
    found: dict[str, Champion | None] = {}
    for name in MODEL_NAMES:
        if not params.model_enabled(name):
            continue
        version, model = champion_of(store, name), base.model(name)
        if version is not None:
            found[name] = Champion(version=version, digest=version_digest(store, name, version))
        else:
            made = again.get(name)
            found[name] = Champion(version=None, digest=model[1], again=made) if model is not None else None
    return found
