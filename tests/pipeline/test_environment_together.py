"""Two at once, and a clock that is set back."""

import sqlite3
import time
from pathlib import Path

import pytest
from small_project import Project
from started import Ended, command, digests, end, locked, start

STAGES = ("ingest@images", "validate@images", "prepare@images")


def at_once(project: Project, *argv: str) -> list[Ended]:
    first = start(project, argv)
    time.sleep(0.5)
    second = start(project, argv)
    return [end(first), end(second)]


def make_ready(project: Project) -> None:
    """The environment that `make repro` would make is the one that the tests run in."""
    (project.path / ".venv").mkdir()
    for name in (".python", ".runtime"):
        (project.path / ".venv" / name).touch()


@pytest.mark.parametrize("by", ["dvc", "make"])
def test_of_two_repros_at_once_both_end_well_or_one_says_who_is_in_its_way(project: Project, by: str) -> None:
    expected = {stage: locked(project, stage) for stage in STAGES}
    make_ready(project)
    makefile = project.path / "Makefile"
    command_line = f"dvc repro --force {' '.join(STAGES)}"
    whole, changed = makefile.read_text(), makefile.read_text().replace("dvc repro\n", f"{command_line}\n")
    assert changed != whole
    makefile.write_text(changed)
    argv = command_line.split() if by == "dvc" else ["make", "repro"]
    ended = at_once(project, *argv)
    assert 0 in [each.code for each in ended], ended
    for each in ended:
        assert "Traceback" not in each.output
        if each.code != 0:
            assert "is busy, it is being blocked by" in each.output or "Unable to acquire lock" in each.output
    assert {stage: digests(project, stage) for stage in STAGES} == expected
    assert {stage: locked(project, stage) for stage in STAGES} == expected
    assert project.run("dvc", "status", *STAGES).stdout.strip() == "Data and pipelines are up to date."


def durations(project: Project, since: float) -> list[int]:
    """Milliseconds of the runs that began lately."""
    with sqlite3.connect(project.path / "mlflow.db") as connection:
        query = "SELECT end_time - start_time FROM runs WHERE rowid > ?"
        return [int(duration) for (duration,) in connection.execute(query, (since,))]


def last_row(project: Project) -> int:
    with sqlite3.connect(project.path / "mlflow.db") as connection:
        return int(connection.execute("SELECT max(rowid) FROM runs").fetchone()[0])


@pytest.mark.parametrize("stage", ["tune@cnn", "train@cnn"])
def test_a_clock_that_goes_back_changes_no_bytes_and_makes_no_duration_negative(
    project: Project, tmp_path: Path, stage: str
) -> None:
    """The clock of the system cannot be set here: each look at `time.time` is a minute before the one before it."""
    row = last_row(project)
    ended = end(start(project, command(project, stage), env={"DVC_STAGE": stage, "ENCDEC_CLOCK_BACK": "60"}))
    assert ended.code == 0, ended.output
    assert digests(project, stage) == locked(project, stage)
    found = durations(project, row)
    assert len(found) >= 1
    assert min(found) >= 0
    assert "-" not in ended.output.partition("trial 1 of")[2].partition("left)")[0]
