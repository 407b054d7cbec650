"""A decision as it is kept in a real registry, also where the champion could not be moved after all."""

import json
import shutil
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np
import pytest
import torch

from encdec.cards import ImageCard
from encdec.models.build import build_network
from encdec.models.storage import save_model
from encdec.params.loading import load_params
from encdec.promotion.decision import Aliases, Decision, Version, verdict
from encdec.promotion.gate import Check
from encdec.promotion.moving import keep_and_move
from encdec.promotion.records import find_rolled_back, keep, settle
from encdec.promotion.versions import versions_text
from encdec.promotion.whole import check_version, lost_versions, problem_of
from encdec.tracking import aliases
from encdec.tracking.aliases import Logged, Pointers, TurnLost
from encdec.tracking.decided import begin_decision
from encdec.tracking.digests import dvc_digest
from encdec.tracking.package import log_package
from encdec.tracking.project import Project
from encdec.tracking.store import Store, open_store, search

CARD = ImageCard(kind="images", source="digits", channels=1, height=8, width=8, pixel_max=16, classes=("a", "b"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """In a folder whose name a filter of MLflow cannot hold."""
    folder = tmp_path_factory.mktemp("o'neil")
    (folder / "dvc.yaml").write_text("stages: {}\n", encoding="utf-8")
    return open_store("encdec", Project(folder, folder))


def registered(store: Store, name: str, count: int) -> None:
    aliases.make_registered(store, name)
    for number in range(1, count + 1):
        run = store.client.create_run(store.experiment_id)
        model = store.client.create_logged_model(store.experiment_id, source_run_id=run.info.run_id)
        aliases.register(store, name, Logged.of(model), digest=f"{name}{number}.dir")


def decision(name: str, number: int, before: Pointers, *, passed: bool = True, note: str | None = None) -> Decision:
    after = aliases.after_move(before, number) if passed else before
    return Decision(
        action="promote",
        model=name,
        accepted=passed,
        sentence=f"{name} version {number} was decided about.",
        note=note,
        candidate=Version(number=number, digest=None, run_id=None, commit=None),
        champion=Version(number=before.champion, digest=None, run_id=None, commit=None) if before.champion else None,
        checks=(Check(name="size", passed=passed, value=1.0, limit=5.0, reason="the model's folder has 1 MB"),),
        metrics=(),
        test=None,
        rules={},
        before=Aliases(**before._asdict()),
        after=Aliases(**after._asdict()),
        undo=f"encdec rollback {name}",
        surroundings={"at": "2026-11-22 02:59:41 UTC"},
    )


def place_of(uri: str) -> str:
    return url2pathname(urlsplit(uri).path)


def tags(store: Store, name: str, number: int) -> dict[str, str]:
    return dict(store.client.get_model_version(name, str(number)).tags)


def test_a_move_that_was_overtaken_is_kept_as_not_moved(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    registered(store, "cnn", 1)
    turn, seen = aliases.take_turn(store, "cnn"), aliases.read_pointers(store, "cnn")
    move = aliases.move_champion

    def overtaken(store: Store, name: str, to: int, *, seen: Pointers, turn: str) -> Pointers:
        aliases.take_turn(store, name)  # as another machine does, between the record and the move
        return move(store, name, to, seen=seen, turn=turn)

    monkeypatch.setattr(aliases, "move_champion", overtaken)
    with pytest.raises(TurnLost):
        keep_and_move(store, decision("cnn", 1, seen), version=1, seen=seen, turn=turn)
    told = tags(store, "cnn", 1)
    assert told["promotion.decision"] == "not moved"
    assert "began on another machine" in told["promotion.reason"]
    (run,) = search(store, "tags.model = 'cnn' and tags.stage = 'promote'")
    assert (run.info.status, run.data.tags["promotion.decision"]) == ("FINISHED", "not moved")
    kept = json.loads(Path(place_of(run.info.artifact_uri), "promotion", "decision.json").read_text())
    assert (kept["accepted"], kept["after"]["champion"], kept["undo"]) == (False, None, None)
    assert "not moved" in versions_text(store, "cnn")


def test_where_the_turn_is_lost_before_nothing_is_kept(store: Store) -> None:
    registered(store, "vae", 1)
    turn, seen = aliases.take_turn(store, "vae"), aliases.read_pointers(store, "vae")
    aliases.take_turn(store, "vae")
    with pytest.raises(TurnLost):
        keep_and_move(store, decision("vae", 1, seen), version=1, seen=seen, turn=turn)
    assert "promotion.decision" not in tags(store, "vae", 1)
    assert search(store, "tags.model = 'vae' and tags.stage = 'promote'") == []


def test_the_aliases_are_kept_as_they_really_are(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a server with accounts, for who may not remove the alias of somebody else's model."""
    registered(store, "autoencoder", 1)
    aliases.point_challenger(store, "autoencoder", 1)
    monkeypatch.setattr(aliases, "remove_alias", lambda store, name, alias: None)
    turn, seen = aliases.take_turn(store, "autoencoder"), aliases.read_pointers(store, "autoencoder")
    done = keep_and_move(store, decision("autoencoder", 1, seen), version=1, seen=seen, turn=turn)
    assert done.decision.after == Aliases(champion=1, previous=None, challenger=1)
    assert json.loads(Path(done.page).with_name("decision.json").read_text())["after"]["challenger"] == 1


def test_tags_of_an_earlier_decision_do_not_stay(store: Store) -> None:
    name, seen = "seq2seq", Pointers(1, 2, None)
    registered(store, name, 2)
    keep(store, decision(name, 2, seen, passed=False, note="a try"))
    assert (tags(store, name, 2)["promotion.failed"], tags(store, name, 2)["promotion.note"]) == ("size", "a try")
    keep(store, decision(name, 2, seen))
    assert (tags(store, name, 2)["promotion.failed"], tags(store, name, 2)["promotion.note"]) == ("", "")


def move(store: Store, name: str, to: int, *, back: bool = False, note: str | None = None) -> None:
    """As `encdec promote` and `encdec rollback` do it when all is decided."""
    turn, seen = aliases.take_turn(store, name), aliases.read_pointers(store, name)
    found = decision(name, to, seen, note=note)
    found = found.model_copy(update={"action": "rollback", "checks": ()}) if back else found
    keep_and_move(store, found, version=to, seen=seen, turn=turn)


def test_what_was_rolled_back_is_known_until_it_is_in_use_again(store: Store) -> None:
    name = "seq2seq"
    registered(store, name, 2)

    def found() -> list[int]:
        return [n for n in (1, 2) if find_rolled_back(store, name, [n], again=False) is not None]

    move(store, name, 1)
    move(store, name, 2)
    assert found() == [], "an older champion was not taken back"
    move(store, name, 1, back=True, note="too many sevens")
    assert found() == [2]
    told = find_rolled_back(store, name, [1, 2], again=True)
    assert told == (2, "2026-11-22 02:59:41 UTC", "too many sevens; seq2seq version 1 was decided about", True)
    keep(store, decision(name, 2, Pointers(1, 2, 2), passed=False))
    assert found() == [2], "a refusal does not take it away: the next promotion would get through"
    move(store, name, 2, back=True)
    assert found() == [1], "a second rollback brings it back, and leaves the other one"
    move(store, name, 1)
    assert found() == [], "promoted again by somebody who asked for it"


def test_a_promotion_of_what_was_rolled_back_that_moves_nothing_leaves_it_so(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "twice"
    registered(store, name, 2)
    for number, back in ((1, False), (2, False), (1, True)):
        move(store, name, number, back=back)

    def overtaken(*_: object, **__: object) -> Pointers:
        raise TurnLost("another one")

    monkeypatch.setattr(aliases, "move_champion", overtaken)
    with pytest.raises(TurnLost):
        move(store, name, 2)
    assert find_rolled_back(store, name, [2], again=False) is not None
    with pytest.raises(TurnLost):
        move(store, name, 2, back=True)
    assert find_rolled_back(store, name, [2], again=False) is not None
    assert find_rolled_back(store, name, [1], again=False) is None, "it was not left"


def test_other_versions_of_the_weights_that_were_rolled_back_are_known_too(store: Store) -> None:
    """Weights whose files were lost get a new version."""
    name = "lost"
    registered(store, name, 2)
    for number, back in ((1, False), (2, False), (1, True)):
        move(store, name, number, back=back)
    run = store.client.create_run(store.experiment_id)
    model = store.client.create_logged_model(store.experiment_id, source_run_id=run.info.run_id)
    assert aliases.register(store, name, Logged.of(model), digest=f"{name}2.dir", without=[2]) == 3
    twins = aliases.twins_of(store, name, model_id=None, digest=f"{name}2.dir")
    assert twins == [2, 3]
    assert find_rolled_back(store, name, twins, again=False) is not None
    settle(store, name, 3)
    assert find_rolled_back(store, name, twins, again=False) is None


def test_an_unfinished_decision_goes_on_wherever_the_project_lies(store: Store) -> None:
    assert "'" in str(store.project.home)
    first, second = (begin_decision(store, action="promote", model="cnn", version=9) for _ in range(2))
    assert first == second
    store.client.set_terminated(first)


def test_a_version_whose_files_are_lost_or_others_is_no_champion(store: Store, root: Path, tmp_path: Path) -> None:
    name, spec = "sparse_autoencoder", load_params(root / "params.yaml").params.models.sparse_autoencoder
    torch.manual_seed(1)
    folder = tmp_path / name
    folder.mkdir()
    save_model(folder, name=name, spec=spec, card=CARD, network=build_network(name, spec, CARD))
    run_id = str(store.client.create_run(store.experiment_id).info.run_id)

    def log() -> Logged:
        example = np.zeros((1, 1, 8, 8), dtype=np.float32)
        return aliases.logged_at(store, log_package(store, run_id, folder=folder, name=name, example=example))

    model, digest = log(), dvc_digest(folder)
    aliases.make_registered(store, name)
    assert aliases.register(store, name, model, digest=digest) == 1
    check_version(store, name, 1)
    assert "its folder is" in (problem_of(store, f"models:/{name}/1", digest="other.dir") or "")
    shutil.rmtree(place_of(model.location))
    with pytest.raises(ValueError, match=r"sparse_autoencoder/1: .* is missing.*The champion is as it was"):
        check_version(store, name, 1)
    assert lost_versions(store, name, model_id=model.model_id, digest=digest) == [1]
    assert log() == model, "into the same place, which the version names"
    assert lost_versions(store, name, model_id=model.model_id, digest=digest) == []


def test_a_registered_model_stays_where_logging_it_again_fails(
    store: Store, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, spec = "denoising_autoencoder", load_params(root / "params.yaml").params.models.denoising_autoencoder
    folder = tmp_path / name
    folder.mkdir()
    save_model(folder, name=name, spec=spec, card=CARD, network=build_network(name, spec, CARD))
    run_id = str(store.client.create_run(store.experiment_id).info.run_id)
    example = np.zeros((1, 1, 8, 8), dtype=np.float32)
    address = log_package(store, run_id, folder=folder, name=name, example=example)

    def full(model_id: str, local_dir: str) -> None:
        raise OSError("no more room")

    monkeypatch.setattr(store.client, "log_model_artifacts", full)
    with pytest.raises(OSError, match="no more room"):
        log_package(store, run_id, folder=folder, name=name, example=example)
    assert problem_of(store, address, digest=dvc_digest(folder)) is None


def test_a_verdict_that_was_not_carried_out_is_told(store: Store) -> None:
    accepted = decision("cnn", 1, Pointers())
    assert verdict(accepted).word == "accepted"
    assert verdict(accepted.model_copy(update={"accepted": False})).word == "not moved"
    assert verdict(decision("cnn", 1, Pointers(), passed=False)).word == "refused"
