"""`encdec reproduce` on real commits: the code of then, the data of then, and a verdict on what comes out now."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from two_stages import CLOCK, TwoStages, make

from encdec.tracking.digests import dvc_digest
from encdec.tracking.store import search

pytestmark = pytest.mark.xdist_group("reproduce")  # one project for all of them


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, root: Path) -> TwoStages:
    """After a run of its first commit, one with uncommitted changes, one of another commit, and one by the clock."""
    files = {"a.txt": "first"}
    project = make(tmp_path_factory.mktemp("reproduced") / "project", params=root / "params.yaml", files=files)
    project.salt("2")
    (project.path / "notes.txt").write_text("a new file, not committed\n")
    project.repro("--force")
    project.salt("3")
    project.commit("another code")
    project.repro("--force")
    project.salt(CLOCK)
    project.commit("a stage that reads the clock")
    project.repro("--force", "prepare")
    project.commit("its results")
    return project


@pytest.fixture
def project(original: TwoStages) -> Iterator[TwoStages]:
    """Nothing of a reproduction is left in it, whatever came out."""
    before = original.run("git", "status", "--porcelain").stdout
    yield original
    assert original.run("git", "worktree", "list").stdout.count("\n") == 1
    assert list((original.path / ".work" / "reproductions").glob("*")) == []
    assert original.run("git", "status", "--porcelain").stdout == before


def runs(project: TwoStages, stage: str) -> list[str]:
    """The oldest first."""
    return [run.info.run_id for run in reversed(search(project.store, f"tags.DVC_STAGE = '{stage}'"))]


def reproduce(project: TwoStages, *arguments: str, code: int) -> dict[str, Any]:
    done = project.encdec("reproduce", *arguments, "--json", check=False)
    assert done.returncode == code, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def verdict_tag(project: TwoStages, run_id: str) -> str | None:
    tag: str | None = project.store.client.get_run(run_id).data.tags.get("encdec.reproduced")
    return tag


def test_an_older_commit_gives_the_same_bytes_again(project: TwoStages) -> None:
    first = runs(project, "prepare")[0]
    count = len(search(project.store, ""))
    found = reproduce(project, first, code=0)
    assert (found["identical"], found["ran"], found["reasons"]) == (True, ["prepare"], [])
    (out,) = found["outs"]
    assert (out["path"], out["then"]) == ("data/prepared", out["now"])
    assert verdict_tag(project, first) == "identical"
    assert len(search(project.store, "")) == count  # the runs of the reproduction lie elsewhere


def test_dvc_gives_no_advice_about_a_tree_that_goes(project: TwoStages) -> None:
    said = project.encdec("reproduce", runs(project, "prepare")[0]).stderr
    assert "Running stage 'prepare':" in said
    for advice in ("git add", "dvc push", "dvc config", "lock file"):
        assert advice not in said


def test_uncommitted_changes_of_then_are_applied(project: TwoStages) -> None:
    dirty = runs(project, "prepare")[1]
    tags = project.store.client.get_run(dirty).data.tags
    assert tags["git.changed"] == "notes.txt, stage.py"
    done = project.encdec("reproduce", dirty[:10], "--all")
    assert done.stdout.startswith(f"identical: prepare of run {dirty}")
    assert "ran again: ingest, prepare" in done.stdout
    different = reproduce(project, dirty, "--without-changes", code=1)
    assert different["outs"][0]["differences"] == ["metrics.json: rows[1] was 2, is 1"]
    assert different["reasons"] == ["the tree had uncommitted changes, without which it was run"]
    assert verdict_tag(project, dirty) == "different"


def test_a_stage_that_reads_the_clock_is_different_and_said_to_be_so(project: TwoStages) -> None:
    done = project.encdec("reproduce", "data/prepared", check=False)
    assert done.returncode == 1
    assert done.stdout.startswith("different: prepare of run")
    assert "metrics.json: rows[1] was 1" in done.stdout  # seconds since 1970
    assert "a clock" in done.stdout
    assert "rows.txt" not in done.stdout  # which is the same


def test_a_diff_that_was_changed_in_the_artifacts_is_not_applied(project: TwoStages) -> None:
    dirty = runs(project, "prepare")[1]
    artifacts = urlsplit(project.store.client.get_run(dirty).info.artifact_uri).path
    file = Path(artifacts, "git", "changes.diff")
    kept = file.read_bytes()
    file.write_bytes(kept.replace(b"+", b"+import os;", 1))
    try:
        done = project.encdec("reproduce", dirty, check=False)
    finally:
        file.write_bytes(kept)
    assert done.returncode == 1
    assert "its diff was changed since it was kept: it is not applied" in done.stderr


def test_what_changed_around_a_run_is_named(project: TwoStages) -> None:
    run_id = runs(project, "prepare")[2]
    client = project.store.client
    torch = client.get_run(run_id).data.tags["version.torch"]
    client.set_tag(run_id, "version.torch", "1.0")
    client.set_tag(run_id, "machine.cpu", "abacus")
    try:
        done = project.encdec("reproduce", run_id)
    finally:
        client.set_tag(run_id, "version.torch", torch)
    assert "though this has changed since" in done.stdout
    assert f"torch was 1.0, is {torch}" in done.stdout
    assert "the processor was abacus, is " in done.stdout


def test_data_that_left_the_cache_come_from_the_remote_or_are_made_again(project: TwoStages, tmp_path: Path) -> None:
    clone = project.copy(tmp_path / "clone")
    clone.run("git", "checkout", "-q", "--", ".")
    first = runs(project, "prepare")[0]
    clone.run(sys.executable, "-m", "dvc", "remote", "add", "-q", "-d", "store", str(tmp_path / "remote"))
    raw = project.store.client.get_run(first).data.tags["dvc.in/data/raw"]
    shutil.move(clone.path / ".dvc" / "cache", tmp_path / "remote")  # what `dvc push` sends of every commit
    shutil.rmtree(clone.path / "data" / "raw")
    found = reproduce(clone, first, code=0)
    assert found["ran"] == ["prepare"]  # what it reads came from the remote
    (clone.path / ".dvc" / "config").write_text("")
    shutil.rmtree(clone.path / ".dvc" / "cache")
    found = reproduce(clone, first, code=0)
    assert found["ran"] == ["ingest", "prepare"]
    assert {out["path"] for out in found["outs"]} == {"data/raw", "data/prepared"}
    assert raw in {out["now"] for out in found["outs"]}


def test_user_data_that_are_gone_are_asked_for(project: TwoStages, tmp_path: Path) -> None:
    clone = project.copy(tmp_path / "clone")
    source = clone.path / "data" / "source"
    (clone.path / ".gitignore").write_text("mlflow.db*\nmlruns\n.work\n__pycache__\n/data/source\n")
    clone.run("git", "rm", "-rq", "--cached", "data/source")
    clone.salt("4")
    clone.commit("the data are no part of the code")
    (source / "a.txt").write_text("mine")
    clone.repro()
    run_id = runs(clone, "ingest")[-1]
    assert reproduce(clone, run_id, code=0)["identical"]
    (source / "a.txt").write_text("others")
    done = clone.encdec("reproduce", run_id, check=False)
    assert done.returncode == 1
    assert "data/source: the data of then (digest " in done.stderr
    assert "dvc add" in done.stderr


def test_what_cannot_be_made_again_is_refused_with_a_reason(project: TwoStages, tmp_path: Path) -> None:
    dirty = runs(project, "prepare")[1]
    client = project.store.client
    tags = client.get_run(dirty).data.tags
    for changed, said in (
        ({"git.diff.too_large": "5000000"}, "5,000,000 bytes, too large to be kept"),
        ({"git.dirty": "false", "git.commit": "f" * 40}, f"commit {'f' * 40} is not in this repository"),
        ({"encdec.restored": "true"}, "reproduce it where it ran"),
    ):
        for key, value in changed.items():
            client.set_tag(dirty, key, value)
        done = project.encdec("reproduce", dirty, check=False)
        for key in changed:
            if key in tags:
                client.set_tag(dirty, key, tags[key])
            else:
                client.delete_tag(dirty, key)
        assert done.returncode == 1
        assert said in done.stderr
    client.delete_tag(dirty, "git.diff")
    assert "no diff of them: notes.txt, stage.py" in project.encdec("reproduce", dirty, check=False).stderr
    client.set_tag(dirty, "git.diff", tags["git.diff"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_reproduction_that_is_stopped_leaves_nothing(
    project: TwoStages, tmp_path: Path, number: signal.Signals
) -> None:
    program = "from encdec.cli.main import main; main()"
    started = subprocess.Popen(
        [sys.executable, "-c", program, "reproduce", runs(project, "prepare")[0]],
        cwd=project.path,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert started.stderr is not None
    while "Running stage" not in (line := started.stderr.readline()):
        assert line, "it ended before it ran anything"
    os.kill(started.pid, number)
    assert started.wait(60) != 0
    started.stderr.close()
    if number == signal.SIGKILL:  # nobody could clean up: the next does
        assert project.run("git", "worktree", "list").stdout.count("\n") == 2
        time.sleep(3)  # until the stage has seen that nobody waits for it
        reproduce(project, runs(project, "prepare")[0], code=0)


def test_the_tree_is_kept_where_it_is_asked_for(project: TwoStages) -> None:
    found = reproduce(project, runs(project, "prepare")[0], "--keep", code=0)
    tree = Path(found["tree"])
    assert dvc_digest(tree / "data" / "prepared") == found["outs"][0]["then"]
    project.run("git", "worktree", "remove", "--force", str(tree))
