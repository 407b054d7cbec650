"""The registry of MLflow: versions of a model, and the aliases champion, challenger and previous."""

import json
import secrets
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple

from encdec.tracking.flat import MAX_TAG, cut
from encdec.tracking.registry import MISSING, SOURCE, logged_model
from encdec.tracking.store import LOCKED_OUT, Store

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel, Run
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

Alias = Literal["champion", "challenger", "previous"]
CHAMPION: Alias = "champion"
CHALLENGER: Alias = "challenger"
PREVIOUS: Alias = "previous"
TURN_TAG = "promotion.turn"
DIGEST_TAG = "dvc.md5"
DECISION_TAG = "promotion.decision"
MOVE_TAG = "promotion.move"
"""What is about to be moved, written before the first alias is: from, to, and what `previous` was."""
DESCRIPTION = "Versions that `encdec promote` has judged: champion is in use, previous was before it, challenger waits."


class Logged(NamedTuple):
    """A logged model: its id, the run that logged it, and where its files lie."""

    model_id: str
    run_id: str
    location: str

    @classmethod
    def of(cls, model: "LoggedModel") -> "Logged":
        return cls(model.model_id, model.source_run_id or "", model.artifact_location)


class Pointers(NamedTuple):
    """Where the aliases point: the number of a version, or None."""

    champion: int | None = None
    previous: int | None = None
    challenger: int | None = None


class Moved(RuntimeError):
    """The champion is another one than that which the candidate was compared with."""


class TurnLost(ValueError):
    """Another promotion of the model began on another machine after this one."""


def read_pointers(store: Store, name: str) -> Pointers:
    """The aliases of a model; all None where it is not registered.

    A process that died between two moves leaves `previous` at the champion itself: then the one that it was before the
    move is told.
    """
    registered = find_registered(store, name)
    if registered is None:
        return Pointers()
    aliases = {alias: int(version) for alias, version in registered.aliases.items()}
    champion, previous = aliases.get(CHAMPION), aliases.get(PREVIOUS)
    if previous is not None and previous == champion:
        move: Mapping[str, int | None] = json.loads(registered.tags.get(MOVE_TAG, "{}"))
        previous = move.get("previous") if move.get("from") == champion else None
    return Pointers(champion, previous, aliases.get(CHALLENGER))


def find_registered(store: Store, name: str) -> "RegisteredModel | None":
    from mlflow.exceptions import MlflowException

    try:
        return store.client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None


def versions_of(store: Store, name: str) -> list["ModelVersion"]:
    """All versions, the oldest first."""
    found = store.client.search_model_versions(f"name = '{name}'", max_results=10_000)
    return sorted(found, key=lambda version: int(version.version))


def version_of(
    store: Store, name: str, *, model_id: str | None, digest: str, without: Collection[int] = ()
) -> int | None:
    """The first version of a logged model, or of the same weights from another training, or None.

    Args:
        without: those that do not count, since their files are lost.
    """
    found = twins_of(store, name, model_id=model_id, digest=digest)
    return next((number for number in found if number not in without), None)


def twins_of(store: Store, name: str, *, model_id: str | None, digest: str) -> list[int]:
    """All such versions, the oldest first."""
    return [
        int(each.version)
        for each in versions_of(store, name)
        if (model_id is not None and logged_id(each) == model_id) or each.tags.get(DIGEST_TAG) == digest
    ]


def logged_at(store: Store, address: str) -> Logged:
    """The logged model behind an address.

    Raises:
        ValueError: there is none; the message names what there is.
    """
    return Logged.of(logged_model(store, address))


def logged_by(store: Store, run: "Run | None") -> Logged | None:
    """The model that a training run logged, or None; one that was deleted, in the UI, does not count."""
    from mlflow.exceptions import MlflowException

    for output in reversed(run.outputs.model_outputs if run is not None and run.outputs else ()):
        try:
            return Logged.of(store.client.get_logged_model(output.model_id))
        except MlflowException as error:
            if error.error_code not in MISSING:
                raise
    return None


def logged_id(version: "ModelVersion") -> str | None:
    """The id of the logged model of a version; MLflow's databases keep it in the source alone."""
    return version.model_id or next(iter(SOURCE.findall(version.source or "")), None)


def make_registered(store: Store, name: str) -> None:
    from mlflow.exceptions import MlflowException

    if find_registered(store, name) is not None:
        return
    try:
        store.client.create_registered_model(name, description=DESCRIPTION)
    except MlflowException as error:  # another machine was quicker
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def register(store: Store, name: str, model: Logged, *, digest: str, without: Collection[int] = ()) -> int:
    """The version of a logged model, made where there is none yet: the same weights are never registered twice.

    Args:
        digest: of the model's folder, as dvc.lock has it.
        without: versions whose files are lost, which are not used again.
    """
    known = version_of(store, name, model_id=model.model_id, digest=digest, without=without)
    if known is not None:
        return known
    # not models:/<id>: MLflow would look that up in the store of its global state, not in this one
    created = store.client.create_model_version(
        name,
        source=model.location,
        run_id=model.run_id,
        model_id=model.model_id,
        tags={"model": name, DIGEST_TAG: digest},
    )
    first = version_of(store, name, model_id=model.model_id, digest=digest, without=without)
    if first is not None and first != int(created.version):  # another machine registered it in the same moment
        store.client.delete_model_version(name, str(created.version))
        return first
    return int(created.version)


def take_turn(store: Store, name: str) -> str:
    """Say that a promotion begins here; who began last may move the aliases."""
    turn = secrets.token_hex(8)
    store.client.set_registered_model_tag(name, TURN_TAG, turn)
    return turn


def move_champion(store: Store, name: str, to: int, *, seen: Pointers, turn: str) -> Pointers:
    """Make a version the champion and the champion the previous one: the champion's alias moves last.

    Args:
        seen: the aliases when the candidate was compared.
        turn: what `take_turn` gave then.

    Raises:
        Moved: the champion has changed since; nothing was moved.
        TurnLost: another promotion has begun since; nothing was moved.
    """
    now = check_turn(store, name, seen=seen, turn=turn)
    if seen.champion is not None:
        move = {"from": seen.champion, "to": to, "previous": now.previous}
        store.client.set_registered_model_tag(name, MOVE_TAG, json.dumps(move))
        store.client.set_registered_model_alias(name, PREVIOUS, str(seen.champion))
    elif now.previous == to:  # the champion was deleted: what an old move noted holds no more
        store.client.set_registered_model_tag(name, MOVE_TAG, "{}")
    if now.challenger == to:
        remove_alias(store, name, CHALLENGER)
    check_turn(store, name, seen=seen, turn=turn)  # the registry has no lock: between this and the move is one call
    store.client.set_registered_model_alias(name, CHAMPION, str(to))
    mend_previous(store, name)
    return read_pointers(store, name)


def check_turn(store: Store, name: str, *, seen: Pointers, turn: str) -> Pointers:
    """The aliases as they are now, where this process may still move the champion.

    Raises:
        Moved: the champion is another one than that which was seen.
        TurnLost: another promotion has begun since.
    """
    registered = store.client.get_registered_model(name)
    if registered.tags.get(TURN_TAG) != turn:
        raise TurnLost(
            f"another promotion or rollback of {name} began on another machine while this one measured: "
            "nothing was moved here; look at its decision, then run this again"
        )
    now = read_pointers(store, name)
    if now.champion != seen.champion:
        raise Moved(f"the champion of {name} was version {seen.champion} and is version {now.champion} now")
    return now


def mend_previous(store: Store, name: str) -> None:
    """Where `previous` points at the champion itself, as after a kill between two moves or after the champion was
    deleted and this one put back: point it to the one that it was before the move, or remove it.
    """
    found = store.client.get_registered_model(name).aliases
    if PREVIOUS not in found or found[PREVIOUS] != found.get(CHAMPION):
        return
    noted = read_pointers(store, name).previous
    if noted is not None and noted in {int(each.version) for each in versions_of(store, name)}:
        store.client.set_registered_model_alias(name, PREVIOUS, str(noted))
    else:
        remove_alias(store, name, PREVIOUS)


def remove_alias(store: Store, name: str, alias: Alias) -> None:
    """A server with accounts lets nobody but the model's owner remove an alias: then the champion has both."""
    from mlflow.exceptions import MlflowException

    try:
        store.client.delete_registered_model_alias(name, alias)
    except MlflowException as error:
        if error.error_code not in LOCKED_OUT:
            raise


def after_move(before: Pointers, to: int) -> Pointers:
    """Where the aliases point when a version has become the champion."""
    previous = before.champion if before.champion is not None else before.previous
    return Pointers(to, None if previous == to else previous, None if before.challenger == to else before.challenger)


def point_challenger(store: Store, name: str, version: int) -> None:
    store.client.set_registered_model_alias(name, CHALLENGER, str(version))


def tag_version(store: Store, name: str, version: int, tags: Mapping[str, str], *, ended: Collection[str] = ()) -> None:
    """Set tags of a version.

    Args:
        ended: keys of an earlier decision that hold no more; they become empty, since a server with accounts lets
            nobody but the model's owner remove a tag.
    """
    known = store.client.get_model_version(name, str(version)).tags
    emptied = {key: "" for key in ended if known.get(key) and key not in tags}
    for key, value in {**tags, **emptied}.items():
        store.client.set_model_version_tag(name, str(version), key, cut(value, MAX_TAG))


def describe_version(store: Store, name: str, version: int, text: str) -> None:
    store.client.update_model_version(name, str(version), description=text)
