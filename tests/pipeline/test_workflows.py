"""The workflows that retrain, promote, monitor and roll back, run step by step on fresh clones, with a real server."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from github_workflow import Event, Job, Kill, Killed
from PIL import Image
from retraining_project import BATCH, write_digits
from small_project import Project, copy_project
from workflow_world import LATER, World, opened_world

pytestmark = pytest.mark.xdist_group("workflows")  # one world for all of them
SCHEDULE = Event("schedule")


@pytest.fixture(scope="module")
def world(base: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Its champion is version 1, promoted by the workflow."""
    folder = tmp_path_factory.mktemp("world")
    with opened_world(copy_project(base, folder / "seed"), folder) as world:
        promoted = world.run("promote", Event("workflow_dispatch", {"model": "cnn", "note": "the first"}))["promote"]
        assert promoted.result == "success", promoted.output
        assert world.aliases() == {"champion": 1}
        assert "becomes the champion" in promoted.summary
        yield world


def dispatched(batch: str, **more: str) -> Event:
    payload = {"batch": f"{LATER}{batch}", "kind": "images", **more}
    return Event("repository_dispatch", payload={"action": "new-data", "client_payload": payload})


def state_of(world: World) -> tuple[Any, ...]:
    """What a retraining that comes to nothing leaves as it is."""
    return (world.aliases(), world.git("for-each-ref"), world.kept.github["pulls"])


def document_of(job: Job) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((job.tree / ".work" / "retraining" / "retrain.json").read_text())
    return found


def test_with_nothing_new_nothing_is_fetched_run_or_proposed(world: World) -> None:
    before, runs = state_of(world), world.outcomes()
    jobs = world.run("retrain", SCHEDULE)
    assert (jobs["retrain"].result, jobs["propose"].result) == ("success", "skipped")
    assert "Not retraining: nothing changed since run " in jobs["retrain"].summary
    assert not (jobs["retrain"].tree / "data" / "05_models" / "cnn").exists()
    assert (state_of(world), world.outcomes()) == (before, runs)


def test_data_that_fail_validation_stop_it_and_the_summary_says_why(world: World) -> None:
    bad = world.incoming / "bad"
    write_digits(bad, BATCH)
    (bad / "0").rename(bad / "$(touch owned) `touch owned`")
    before = state_of(world)
    jobs = world.run("retrain", dispatched("bad"))
    assert (jobs["retrain"].result, jobs["propose"].result) == ("failure", "skipped")
    summary = jobs["retrain"].summary
    assert "declared" in summary
    assert "neither the data, nor the models, nor the champion" in summary
    assert state_of(world) == before
    assert world.outcomes()[-1] == ("FINISHED", "invalid")


def test_an_address_and_parameters_from_outside_are_texts_to_the_shell(world: World) -> None:
    before = state_of(world)
    jobs = world.run("retrain", dispatched('x"; touch owned; $(touch owned) `touch owned` #'))
    assert jobs["retrain"].result == "failure"
    assert "DVC could not bring it" in jobs["retrain"].output
    asked = {"parameters": "models.cnn.training.max_steps=$(touch${IFS}owned) ; touch owned"}
    jobs = world.run("retrain", Event("workflow_dispatch", asked))
    assert jobs["retrain"].result == "failure"
    assert "--set" in jobs["retrain"].output
    assert not list(world.kept.folder.rglob("owned"))
    assert state_of(world) == before


def test_a_worse_challenger_is_refused_with_numbers_and_is_a_draft(world: World) -> None:
    before = world.aliases()
    asked = Event("workflow_dispatch", {"parameters": "models.cnn.training.max_steps=1"})
    jobs = world.run("retrain", asked)
    assert (jobs["retrain"].result, jobs["propose"].result) == ("success", "success"), jobs["retrain"].output
    assert world.aliases() == before
    pull = pull_with(world, "max_steps")
    assert pull["draft"]
    assert pull["title"] == "Refused: Retraining: a changed parameter (models.cnn.training.max_steps)."
    assert "got worse in accuracy by more than noise" in pull["body"]
    assert re.search(r"accuracy ↑ +\| [\d.]+ .*\| [\d.]+ \[.*\| −[\d.]+ \[", pull["body"])
    check_pictures(world, pull)
    assert once_more(world, asked, outcome="refused") == pull["number"]
    check_refused_after_a_merge(world, pull, before)


def check_refused_after_a_merge(world: World, pull: dict[str, Any], before: dict[str, int]) -> None:
    """Somebody merges the draft all the same, and somebody approves: the gate holds, and `git revert` undoes it."""
    world.merge(pull["head"])
    promoted = world.run("promote", Event("push"))["promote"]
    assert promoted.result == "failure"
    said = " ".join(promoted.output.split())
    assert "✗ retraining refused by the retraining of run " in said, promoted.output
    assert "✗ champion gain in accuracy over version 1: −" in said
    assert "Version 1 stays the champion." in " ".join(promoted.summary.split())
    assert world.aliases()["champion"] == before["champion"]
    world.revert()
    after = world.run("retrain", Event("push"))["retrain"]
    assert "Not retraining: nothing changed since" in after.summary


def once_more(world: World, event: Event, *, outcome: str) -> int:
    """The same trigger again: nothing is trained, and the pull request is the one that there is; its number."""
    runs = world.outcomes()
    again = world.run("retrain", event)
    assert f"given the same data, parameters and code, and came to its end ({outcome})" in again["retrain"].summary
    assert "Running stage" not in again["retrain"].output
    assert world.outcomes() == runs
    assert again["propose"].result == "success", again["propose"].output
    return int(again["propose"].output.rstrip().rpartition("/")[2])


def pull_with(world: World, text: str) -> dict[str, Any]:
    (found,) = (pull for pull in world.kept.github["pulls"] if text in pull["title"])
    assert isinstance(found, dict)
    return found


def check_pictures(world: World, pull: dict[str, Any]) -> None:
    """A pull request shows pictures by their whole address; they are in a commit that is not merged."""
    links = re.findall(r"!\[.*?\]\((.*?)\)", pull["body"])
    assert links
    for link in links:
        found = re.fullmatch(r"https://github.com/team/encdec/raw/(\w{40})/(.*)", link)
        assert found is not None
        commit, file = found.groups()
        assert world.git("cat-file", "-t", f"{commit}:{file}").strip() == "blob"
    assert "pictures/" not in world.git("diff", "--name-only", "main", pull["head"])


def test_a_drift_that_the_monitor_finds_is_retrained(world: World) -> None:
    dark = world.incoming / "dark"
    write_digits(dark, slice(60, 110))
    for file in dark.rglob("*.png"):
        pixels = np.asarray(Image.open(file))
        Image.fromarray((pixels // 3).astype("uint8")).save(file)
    asked = Event("workflow_dispatch", {"batch": f"{LATER}dark"})
    jobs = world.run("monitor", asked)
    assert (jobs["monitor"].result, jobs["retrain"].result) == ("success", "success"), jobs["monitor"].output
    assert "has shifted" in jobs["monitor"].summary
    started = world.kept.github["started"][-1]
    assert started["workflow"] == "retrain.yml"
    retrained = world.run("retrain", Event("workflow_dispatch", started["inputs"]))["retrain"]
    document = document_of(retrained)
    assert document["reasons"] == ["new_data", "drift"], retrained.output
    assert document["sentence"].startswith(
        "Retraining: new data (200 rows of images) and drift (remote://incoming/dark "
    )
    assert document["batch"]["digest"] == monitored(world, started["inputs"]["monitor_run"])["batch"]["digest"]
    assert "has shifted" in pull_with(world, "and drift")["body"]


def monitored(world: World, run_id: str) -> dict[str, Any]:
    file = world.kept.folder / "artifacts" / f"{run_id}-monitoring" / "monitor.json"
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def test_a_batch_without_a_shift_starts_nothing(world: World) -> None:
    write_digits(world.incoming / "usual", slice(20, 60))
    before = world.kept.github["started"]
    jobs = world.run("monitor", Event("workflow_dispatch", {"batch": f"{LATER}usual"}))
    assert (jobs["monitor"].result, jobs["retrain"].result) == ("success", "skipped"), jobs["monitor"].output
    assert world.kept.github["started"] == before
    assert world.run("monitor", SCHEDULE)["monitor"].result == "skipped"  # no MONITOR_BATCH is set


def test_good_data_make_a_better_model_through_a_crash_and_two_triggers(
    world: World, base: Project, tmp_path: Path
) -> None:
    """From the data to the champion and back: one retraining, one pull request, whatever happens on the way."""
    write_digits(world.incoming / "may", BATCH)
    with pytest.raises(Killed):
        world.run("retrain", dispatched("may"), kill=Kill("05_models/.cnn.partial", tmp_path / "training"))
    with pytest.raises(Killed):  # trained, and its run has ended; yet nobody has heard of it
        world.run("retrain", dispatched("may"), kill=Kill("files/summary.md", tmp_path / "ended"))
    assert world.outcomes()[-1] == ("FINISHED", "accepted")
    number = once_more(world, dispatched("may"), outcome="accepted")
    assert once_more(world, dispatched("may"), outcome="accepted") == number
    pull = pull_with(world, "new data (360 rows of images).")
    assert not pull["draft"]
    assert "How to undo it" in pull["body"]
    assert re.search(r"^\| nll ↓ .*\| better +\|$", pull["body"], re.MULTILINE)
    assert not re.search(r"\| (\*\*)?worse", pull["body"])
    assert world.git("show", f"{pull['head']}:dvc.lock") != world.git("show", "main:dvc.lock")
    check_same_as_without_a_crash(world, pull, base, tmp_path)

    before = world.aliases()
    world.merge(pull["head"])
    promoted = world.run("promote", Event("push"))["promote"]
    assert promoted.result == "success", promoted.output
    champion = world.aliases()["champion"]
    assert champion > before["champion"]
    assert world.aliases()["previous"] == before["champion"]
    assert f"cnn version {champion} becomes the champion" in " ".join(promoted.summary.split())
    after_merge = world.run("retrain", Event("push"))
    assert "Not retraining: nothing changed since run " in after_merge["retrain"].summary

    rolled = world.run("rollback", Event("workflow_dispatch", {"model": "cnn", "note": "too many sevens"}))["rollback"]
    assert rolled.result == "success", rolled.output
    assert world.aliases()["champion"] == before["champion"]
    assert world.aliases()["previous"] == champion
    notes = world.query("SELECT value FROM tags WHERE value LIKE '%' || ? || '%'", "too many sevens")
    assert notes


def check_same_as_without_a_crash(world: World, pull: dict[str, Any], base: Project, tmp_path: Path) -> None:
    """By the same command in a clone that knows nothing of all this."""
    project = copy_project(base, tmp_path)
    shutil.copytree(world.incoming / "may", tmp_path / "may")
    project.run("encdec", "retrain", "--batch", str(tmp_path / "may"), "--kind", "images")
    (tmp_path / "dvc.lock").write_text(world.git("show", f"{pull['head']}:dvc.lock"))
    proposed = Project(tmp_path, project.spy).lock()
    for stage in ("tune@cnn", "train@cnn"):
        assert proposed[stage]["outs"] == project.lock()[stage]["outs"]


def test_without_a_server_and_a_remote_production_is_left_alone(base: Project, tmp_path: Path) -> None:
    """A stranger's fork: a push promotes nothing, and by hand it is an error that says what is missing."""
    seed = copy_project(base, tmp_path / "seed")
    with opened_world(seed, tmp_path) as world:
        alone = world._replace(kept=world.kept._replace(variables={}))
        assert alone.run("promote", Event("push"))["promote"].result == "skipped"
        by_hand = alone.run("promote", Event("workflow_dispatch"))["promote"]
        assert by_hand.result == "failure"
        assert "MLFLOW_TRACKING_URI is not set" in by_hand.output
        seed.run("dvc", "remote", "default", "--unset")
        seed.run("git", "commit", "-qam", "No remote")
        seed.run("git", "push", "-q", str(world.kept.origin), "main", env=world.person)
        retrained = world.run("retrain", Event("workflow_dispatch", {"force": True}))["retrain"]
        assert retrained.result == "failure"
        assert "retraining.remote is true, but DVC has no default remote" in retrained.output
        promoted = world.run("promote", Event("workflow_dispatch"))["promote"]
        assert "DVC has no default remote" in promoted.output
