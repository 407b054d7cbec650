"""Versions and aliases in a real registry: what moves, in which order, and what is left where it stops."""

import json

import pytest
from mlflow.entities import LoggedModelOutput

from encdec.tracking import aliases
from encdec.tracking.aliases import Logged, Moved, Pointers, TurnLost
from encdec.tracking.store import Store

NAME = "vae"


def logged(store: Store) -> Logged:
    run = store.client.create_run(store.experiment_id)
    model = store.client.create_logged_model(store.experiment_id, name=NAME, source_run_id=run.info.run_id)
    return Logged.of(model)


@pytest.fixture
def registered(store: Store) -> Store:
    """Versions 1 to 3 of `vae`, none with an alias."""
    aliases.make_registered(store, NAME)
    for number in range(1, 4):
        assert aliases.register(store, NAME, logged(store), digest=f"{number}.dir") == number
    return store


def promote(store: Store, version: int) -> Pointers:
    turn, seen = aliases.take_turn(store, NAME), aliases.read_pointers(store, NAME)
    return aliases.move_champion(store, NAME, version, seen=seen, turn=turn)


def test_what_is_not_registered_has_no_aliases(store: Store) -> None:
    assert aliases.read_pointers(store, "cnn") == Pointers(None, None, None)


def test_the_same_model_and_the_same_weights_are_registered_once(store: Store) -> None:
    aliases.make_registered(store, NAME)
    aliases.make_registered(store, NAME)
    first, twin, other = (logged(store) for _ in range(3))
    numbers = [
        aliases.register(store, NAME, model, digest=digest)
        for model, digest in ((first, "a.dir"), (first, "a.dir"), (twin, "a.dir"), (other, "b.dir"))
    ]
    assert numbers == [1, 1, 1, 2]
    assert aliases.logged_id(aliases.versions_of(store, NAME)[0]) == first.model_id


def test_the_champion_becomes_the_previous_one(registered: Store) -> None:
    aliases.point_challenger(registered, NAME, 2)
    assert promote(registered, 1) == Pointers(1, None, 2)
    assert promote(registered, 2) == Pointers(2, 1, None)
    assert promote(registered, 3) == Pointers(3, 2, None)
    assert promote(registered, 2) == Pointers(2, 3, None)  # a rollback
    assert aliases.read_pointers(registered, NAME) == Pointers(2, 3, None)


def test_a_champion_that_changed_meanwhile_stops_the_move(registered: Store) -> None:
    promote(registered, 1)
    turn, seen = aliases.take_turn(registered, NAME), aliases.read_pointers(registered, NAME)
    registered.client.set_registered_model_alias(NAME, "champion", "3")  # by hand, in the UI
    with pytest.raises(Moved, match="was version 1 and is version 3 now"):
        aliases.move_champion(registered, NAME, 2, seen=seen, turn=turn)
    assert aliases.read_pointers(registered, NAME) == Pointers(3, None, None)


def test_who_began_later_has_the_turn(registered: Store) -> None:
    early, seen = aliases.take_turn(registered, NAME), aliases.read_pointers(registered, NAME)
    late = aliases.take_turn(registered, NAME)
    with pytest.raises(TurnLost, match="nothing was moved here"):
        aliases.move_champion(registered, NAME, 1, seen=seen, turn=early)
    assert aliases.move_champion(registered, NAME, 2, seen=seen, turn=late).champion == 2


def test_a_move_that_was_cut_off_still_tells_the_true_previous(registered: Store) -> None:
    for version in (1, 2):
        promote(registered, version)
    # as a process leaves it that died after the alias previous and before champion
    move = json.dumps({"from": 2, "to": 3, "previous": 1})
    registered.client.set_registered_model_tag(NAME, aliases.MOVE_TAG, move)
    registered.client.set_registered_model_alias(NAME, "previous", "2")
    assert aliases.read_pointers(registered, NAME) == Pointers(2, 1, None)
    assert promote(registered, 3) == Pointers(3, 2, None)


def test_a_deleted_champion_leaves_no_champion(registered: Store) -> None:
    promote(registered, 1)
    promote(registered, 2)
    registered.client.delete_model_version(NAME, "2")
    assert aliases.read_pointers(registered, NAME) == Pointers(None, 1, None)
    assert promote(registered, 3) == Pointers(3, 1, None)


def raw(store: Store) -> dict[str, int]:
    return {alias: int(version) for alias, version in store.client.get_registered_model(NAME).aliases.items()}


def test_a_rollback_after_the_champion_was_deleted_leaves_no_previous_that_is_the_champion(registered: Store) -> None:
    promote(registered, 1)
    promote(registered, 2)
    registered.client.delete_model_version(NAME, "2")
    assert promote(registered, 1) == Pointers(1, None, None)
    assert raw(registered) == {"champion": 1}
    assert promote(registered, 3) == Pointers(3, 1, None)


@pytest.mark.parametrize(("deleted", "expected"), [(None, {"champion": 2, "previous": 1}), ("1", {"champion": 2})])
def test_a_move_that_was_cut_off_is_mended(registered: Store, deleted: str | None, expected: dict[str, int]) -> None:
    for version in (1, 2):
        promote(registered, version)
    move = json.dumps({"from": 2, "to": 3, "previous": 1})
    registered.client.set_registered_model_tag(NAME, aliases.MOVE_TAG, move)
    registered.client.set_registered_model_alias(NAME, "previous", "2")
    if deleted is not None:
        registered.client.delete_model_version(NAME, deleted)
    for _ in range(2):
        aliases.mend_previous(registered, NAME)
        assert raw(registered) == expected


def test_the_turn_is_read_again_right_before_the_champion(registered: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    promote(registered, 1)
    turn, seen = aliases.take_turn(registered, NAME), aliases.read_pointers(registered, NAME)
    aliases.point_challenger(registered, NAME, 2)
    remove = aliases.remove_alias

    def overtaken(store: Store, name: str, alias: aliases.Alias) -> None:
        remove(store, name, alias)
        aliases.take_turn(store, name)

    monkeypatch.setattr(aliases, "remove_alias", overtaken)
    with pytest.raises(TurnLost):
        aliases.move_champion(registered, NAME, 2, seen=seen, turn=turn)
    assert aliases.read_pointers(registered, NAME).champion == 1


def test_what_may_not_be_removed_is_told_as_it_is(registered: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a server with accounts, for who does not own the model."""
    aliases.point_challenger(registered, NAME, 1)
    monkeypatch.setattr(aliases, "remove_alias", lambda store, name, alias: None)
    assert promote(registered, 1) == Pointers(1, None, 1)


def test_a_version_whose_files_are_lost_is_not_used_again(registered: Store) -> None:
    again = logged(registered)
    assert aliases.twins_of(registered, NAME, model_id=again.model_id, digest="2.dir") == [2]
    assert aliases.register(registered, NAME, again, digest="2.dir") == 2
    assert aliases.register(registered, NAME, again, digest="2.dir", without={2}) == 4
    assert aliases.register(registered, NAME, again, digest="2.dir", without={2}) == 4


def test_a_logged_model_that_was_deleted_is_none(store: Store) -> None:
    run = store.client.create_run(store.experiment_id)
    models = [store.client.create_logged_model(store.experiment_id, source_run_id=run.info.run_id) for _ in range(2)]
    for step, model in enumerate(models):
        store.client.log_outputs(run.info.run_id, [LoggedModelOutput(model.model_id, step=step)])
    run = store.client.get_run(run.info.run_id)
    for model in models:
        assert aliases.logged_by(store, run) is not None
        store.client.delete_logged_model(model.model_id)
    assert aliases.logged_by(store, run) is None


def test_tags_of_an_earlier_decision_become_empty(registered: Store) -> None:
    aliases.tag_version(registered, NAME, 1, {"a": "1", "b": "2"})
    aliases.tag_version(registered, NAME, 1, {"a": "3"}, ended=("a", "b", "c"))
    tags = registered.client.get_model_version(NAME, "1").tags
    assert (tags["a"], tags["b"], "c" in tags) == ("3", "", False)
