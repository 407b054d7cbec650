"""Promotion and rollback of real classifiers in a real registry: accepted, refused, killed half-way, two at once."""

import json
import os
import re
import shutil
import signal
from pathlib import Path

import pytest
from filelock import FileLock
from promotion_project import (
    Trainings,
    aliases,
    decision_runs,
    kill_at,
    pause_between_writes,
    query,
    read_trainings,
    start,
    train_three,
    version_tags,
    versions,
    write,
)
from small_project import Project, copy_project

pytestmark = pytest.mark.xdist_group("promotion")  # one set of trainings for all of them

REFUSED = 10


@pytest.fixture(scope="session")
def three(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the project; trained once in a test session, whatever the number of workers."""
    shared = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent
    folder = shared / "three-classifiers"
    with FileLock(shared / "three-classifiers.lock"):
        if not (folder / "done").exists():
            shutil.rmtree(folder, ignore_errors=True)
            train_three(root, folder)
            (folder / "done").touch()
    return folder


@pytest.fixture
def trainings(three: Path) -> Trainings:
    return read_trainings(three)


@pytest.fixture
def project(three: Path, tmp_path: Path) -> Project:
    return copy_project(Project(three / "project", three / "spy"), tmp_path)


@pytest.fixture(scope="module")
def promoted(three: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = copy_project(Project(three / "project", three / "spy"), tmp_path_factory.mktemp("promoted"))
    project.run("encdec", "promote", read_trainings(three).good)
    return project


@pytest.fixture
def with_champion(promoted: Project, tmp_path: Path) -> Project:
    """The first good one is the champion, as version 1."""
    return copy_project(promoted, tmp_path)


def test_the_first_is_accepted_and_a_poor_one_is_refused_and_a_rollback_restores(
    project: Project, trainings: Trainings
) -> None:
    first = project.run("encdec", "promote", trainings.good, "--note", "the <b>first</b>")
    assert "there is no champion to compare with" in one_line(first.stdout)
    assert "cnn version 1 becomes the champion, the first one" in one_line(first.stdout)
    assert aliases(project) == {"champion": 1}
    second = project.run("encdec", "promote", trainings.other)
    assert re.search(r"gain in accuracy over version 1: \S+ \[\S+, \S+\]", one_line(second.stdout))
    assert aliases(project) == {"champion": 2, "previous": 1}
    again = project.run("encdec", "promote", trainings.other)
    assert again.stdout.strip() == "cnn version 2 is the champion already: nothing moves"
    poor = project.run("encdec", "promote", "cnn", check=False)
    assert poor.returncode == REFUSED
    assert "✗ floor: accuracy" in poor.stdout
    assert "✗ champion" in poor.stdout
    assert "Version 2 stays the champion" in one_line(poor.stdout)
    assert aliases(project) == {"champion": 2, "previous": 1, "challenger": 3}
    tags = version_tags(project, 3)
    assert tags["promotion.decision"] == "refused"
    assert tags["promotion.champion"] == "2"
    assert tags["promotion.reason"].startswith("accuracy is 0.")
    back = project.run("encdec", "rollback", "cnn", "--note", "too many sevens")
    assert "cnn version 1 is the champion again in place of version 2" in one_line(back.stdout)
    assert aliases(project) == {"champion": 1, "previous": 2, "challenger": 3}
    project.run("encdec", "rollback", "cnn")
    assert aliases(project) == {"champion": 2, "previous": 1, "challenger": 3}
    to_poor = project.run("encdec", "rollback", "cnn", "--to", "3", check=False)
    assert to_poor.returncode == 1
    assert "version 3 was refused by the gate" in to_poor.stderr
    listed = project.run("encdec", "versions", "cnn").stdout
    assert re.search(r"^3 +challenger +refused", listed, re.MULTILINE)
    assert re.search(r"^2 +champion +accepted", listed, re.MULTILINE)
    assert {status for _, status in decision_runs(project)} == {"FINISHED"}
    check_artifacts(project)


def test_what_was_rolled_back_does_not_come_back_by_itself(with_champion: Project, trainings: Trainings) -> None:
    """A workflow promotes what dvc.lock names whenever it changes, and that is what was rolled back."""
    project = with_champion
    project.run("encdec", "promote", trainings.other)
    project.run("encdec", "rollback", "cnn", "--note", "too many sevens")
    assert aliases(project) == {"champion": 1, "previous": 2}
    for _ in range(2):  # a refusal does not make the next one pass
        refused = project.run("encdec", "promote", trainings.other, check=False)
        assert refused.returncode == REFUSED
        said = re.search(
            r"✗ rolled back +version 2 of these weights was rolled back at \d{4}-\S+ \S+ UTC \(too many sevens; .*\): "
            "--again promotes it all the same",
            one_line(refused.stdout),
        )
        assert said, refused.stdout
        assert "1 of 7 checks failed (rolled back). Version 1 stays the champion." in one_line(refused.stdout)
        assert aliases(project) == {"champion": 1, "previous": 2, "challenger": 2}
    assert project.run("encdec", "promote", trainings.other, "--dry-run", check=False).returncode == REFUSED
    again = project.run("encdec", "promote", trainings.other, "--again")
    assert "promoted again, as asked" in one_line(again.stdout)
    assert aliases(project) == {"champion": 2, "previous": 1}
    assert version_tags(project, 2)["promotion.rolled_back"] == ""
    project.run("encdec", "promote", trainings.good)  # it made room for another one, and was not rolled back
    assert aliases(project) == {"champion": 1, "previous": 2}


def one_line(text: str) -> str:
    """What was printed, whatever the width of the terminal."""
    return " ".join(text.split())


def check_artifacts(project: Project) -> None:
    """Every decision has its JSON and its page, the first one's note escaped."""
    uris = query(
        project,
        "SELECT r.artifact_uri FROM runs r JOIN tags t ON t.run_uuid = r.run_uuid AND t.key = 'stage' "
        "WHERE t.value IN ('promote', 'rollback') ORDER BY r.start_time",
    )
    folders = [Path(uri.removeprefix("file://"), "promotion") for (uri,) in uris]
    decisions = [json.loads((folder / "decision.json").read_text()) for folder in folders]
    assert [each["action"] for each in decisions] == ["promote"] * 3 + ["rollback"] * 2
    assert [each["accepted"] for each in decisions] == [True, True, False, True, True]
    assert decisions[0]["note"] == "the <b>first</b>"
    page = (folders[0] / "decision.html").read_text()
    assert "the &lt;b&gt;first&lt;/b&gt;" in page
    assert "<b>first" not in page
    assert decisions[1]["metrics"][0]["gain"]["low"] < decisions[1]["metrics"][0]["gain"]["high"]


def test_a_dry_run_judges_and_writes_nothing(with_champion: Project, trainings: Trainings) -> None:
    before = dump(with_champion)
    done = with_champion.run("encdec", "promote", "cnn", "--dry-run", "--json", check=False)
    assert done.returncode == REFUSED
    decision = json.loads(done.stdout)
    assert decision["candidate"]["number"] is None
    assert "would be refused" in decision["sentence"]
    assert dump(with_champion) == before
    again = json.loads(with_champion.run("encdec", "promote", "cnn", "--dry-run", "--json", check=False).stdout)
    assert again["metrics"] == decision["metrics"], "the same decision twice"


def dump(project: Project) -> list[tuple[object, ...]]:
    tables = ("runs", "model_versions", "registered_models", "registered_model_aliases", "registered_model_tags")
    return [row for table in tables for row in query(project, f"SELECT * FROM {table}")]


STEPS = {
    "version": "INSERT ON model_versions",
    "challenger": "INSERT ON registered_model_aliases WHEN NEW.alias = 'challenger'",
    "run": "UPDATE ON runs WHEN NEW.name LIKE 'promote cnn v2' AND NEW.status = 'FINISHED'",
    "tags": "INSERT ON model_version_tags WHEN NEW.key = 'promotion.decision'",
    "previous": "INSERT ON registered_model_aliases WHEN NEW.alias = 'previous'",
    "champion": "UPDATE ON registered_model_aliases WHEN NEW.alias = 'champion'",
}


@pytest.mark.parametrize("step", STEPS)
def test_what_is_killed_half_way_goes_on_and_ends_the_same(
    with_champion: Project, trainings: Trainings, step: str
) -> None:
    project = with_champion
    kill_at(project, STEPS[step], "promote", trainings.other)
    assert aliases(project)["champion"] == 1, "the champion moves last"
    project.run("encdec", "promote", trainings.other)
    assert aliases(project) == {"champion": 2, "previous": 1}
    assert versions(project) == [1, 2], "registered once"
    assert {status for _, status in decision_runs(project)} == {"FINISHED"}


def test_a_rollback_after_a_killed_promotion_goes_to_the_true_previous(
    with_champion: Project, trainings: Trainings
) -> None:
    project = with_champion
    project.run("encdec", "promote", trainings.other)  # champion 2, previous 1
    project.edit_params("promotion", "models", "cnn", "floors", value={})
    project.edit_params("promotion", "models", "cnn", "margin", value=1.0)
    kill_at(project, STEPS["champion"], "promote", trainings.poor)
    assert aliases(project) == {"champion": 2, "previous": 2}  # cut off between the two
    project.run("encdec", "rollback", "cnn")
    assert aliases(project) == {"champion": 1, "previous": 2}


def test_two_promotions_at_once_are_decided_one_after_the_other(project: Project, trainings: Trainings) -> None:
    both = [start(project, "promote", address) for address in (trainings.good, trainings.other)]
    said = [process.communicate(timeout=300)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    found = aliases(project)
    assert {found["champion"], found["previous"]} == {1, 2}
    assert sum("there is no champion to compare with" in one_line(text) for text in said) == 1
    compared = f"over version {found['previous']}:"
    assert sum(compared in one_line(text) for text in said) == 1, "against the one that was first"


def test_a_promotion_that_another_machine_overtook_moves_nothing(
    with_champion: Project, trainings: Trainings, tmp_path: Path
) -> None:
    """Two clones, each with its own locks, and one database: as two machines have it."""
    here, elsewhere = with_champion, copy_project(with_champion, tmp_path / "elsewhere")
    uri = {"MLFLOW_TRACKING_URI": f"sqlite:///{here.path / 'mlflow.db'}"}
    first = start(here, "promote", trainings.other, env=uri)
    while "challenger" not in aliases(here):
        assert first.poll() is None, first.communicate()[0]
    pause_between_writes(here, first)
    elsewhere.run("encdec", "rollback", "cnn", "--to", "1", env=uri)  # nothing to do, and says so: yet it has begun
    first.send_signal(signal.SIGCONT)
    said = first.communicate(timeout=300)[0]
    assert first.returncode == 1
    assert "began on another machine while this one measured: nothing was moved here" in one_line(said)
    assert aliases(here) == {"champion": 1, "challenger": 2}


def test_a_store_that_fails_half_way_is_a_sentence_and_leaves_the_champion(
    with_champion: Project, trainings: Trainings
) -> None:
    write(
        with_champion,
        "CREATE TRIGGER full BEFORE UPDATE ON registered_model_aliases BEGIN SELECT RAISE(ABORT, 'no more room'); END",
    )
    failed = with_champion.run("encdec", "promote", trainings.other, check=False)
    assert failed.returncode == 1
    assert "no more room" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert aliases(with_champion)["champion"] == 1
    write(with_champion, "DROP TRIGGER full")
    with_champion.run("encdec", "promote", trainings.other)
    assert aliases(with_champion) == {"champion": 2, "previous": 1}


def test_the_behavioural_tests_decide_too(project: Project, trainings: Trainings) -> None:
    project.edit_params("promotion", "behaviour", value=True)
    project.edit_params("promotion", "models", "cnn", "floors", value={})
    done = project.run("encdec", "promote", "cnn", "--dry-run", check=False)
    assert done.returncode == REFUSED
    assert "1 of 5 checks failed (behaviour)" in one_line(done.stdout)
    assert "the classifier is right on new digits" in one_line(done.stdout)
    good = project.run("encdec", "promote", trainings.good)
    assert re.search(r"✓ behaviour 4 of 4 behavioural tests passed", one_line(good.stdout))
    assert aliases(project) == {"champion": 1}


def test_a_champion_whose_files_are_lost_is_logged_again(project: Project, trainings: Trainings) -> None:
    project.edit_params("promotion", "models", "cnn", "floors", value={})
    project.run("encdec", "promote", "cnn")
    project.run("encdec", "promote", trainings.good)
    assert aliases(project) == {"champion": 2, "previous": 1}
    ((place,),) = query(
        project,
        "SELECT artifact_location FROM logged_models WHERE source_run_id = "
        f"'{trainings.poor.removeprefix('runs:/')}' AND lifecycle_stage = 'active'",
    )
    shutil.rmtree(place.removeprefix("file://"))
    back = project.run("encdec", "rollback", "cnn", check=False)
    assert back.returncode == 1
    assert "models:/cnn/1: digests.json: is missing" in back.stderr
    assert aliases(project) == {"champion": 2, "previous": 1}
    assert [name for name, _ in decision_runs(project)] == ["promote cnn v1", "promote cnn v2"]
    project.run("encdec", "promote", "cnn", check=False)  # refused by the champion, and whole again
    project.run("encdec", "rollback", "cnn")
    assert aliases(project) == {"champion": 1, "previous": 2}


def test_what_cannot_be_promoted_is_a_sentence(project: Project) -> None:
    def refused(target: str) -> str:
        done = project.run("encdec", "promote", target, check=False)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        return done.stderr

    assert "cnm: no model of that name (did you mean cnn?)" in refused("cnm")
    assert "dvc.lock: stage train@vae has not run: run `make repro`" in refused("vae")
    with (project.path / "data/05_models/cnn/spec.json").open("a") as file:
        file.write(" ")
    assert "data/05_models/cnn: is not what dvc.lock says" in refused("cnn")
    project.edit_params("models", "cnn", "enabled", value=False)
    assert "params.yaml: models.cnn.enabled: is false" in refused("cnn")
    nothing = project.run("encdec", "rollback", "cnn", check=False)
    assert "no model cnn is registered: `encdec promote cnn` registers it" in nothing.stderr
    assert aliases(project) == {}
