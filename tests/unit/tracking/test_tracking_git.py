import os
import subprocess
from pathlib import Path

import pytest

from encdec.tracking.git import GitState, git_state
from encdec.tracking.locked import locked_outs, read_dvc_lock

LOCK = """schema: '2.0'
stages:
  evaluate@vae:
    cmd: python
    deps:
    - path: src
      md5: abc.dir
    outs:
    - path: data/metrics.json
      md5: abc
    - path: data/details
      md5: abc.dir
  report:
    cmd: python
"""


def git(where: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *identity, *arguments], cwd=where, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "a repository"
    (folder / "data").mkdir(parents=True)
    for name in ("params.yaml", "data/metrics.json"):
        (folder / name).write_text("{}\n")
    (folder / "dvc.lock").write_text(LOCK)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    return folder


def state(tree: Path, outs: list[str] | None = None) -> GitState:
    found = git_state(tree, outs or [])
    assert found is not None
    return found


def test_a_clean_tree_has_its_commit_and_branch(repository: Path) -> None:
    expected = subprocess.run(["git", "rev-parse", "HEAD"], cwd=repository, capture_output=True, text=True, check=True)
    assert state(repository) == (expected.stdout.strip(), "main", ())
    assert not state(repository).dirty


def test_what_dvc_writes_is_no_change(repository: Path) -> None:
    (repository / "dvc.lock").write_text(LOCK + "# rewritten\n")
    (repository / "data" / "metrics.json").write_text("{1}\n")  # a metrics file lies in git
    (repository / "data" / ".gitignore").write_text("/details\n")
    (repository / "data" / "details").mkdir()
    (repository / "data" / "details" / "new").touch()
    assert not state(repository).dirty
    (repository / "new_out").touch()  # written by this very stage, not yet in dvc.lock
    assert not state(repository, ["new_out"]).dirty
    assert state(repository).changed == ("new_out",)


def test_what_a_person_changes_is_a_change(repository: Path) -> None:
    (repository / "params.yaml").write_text("seed: 8\n")
    (repository / "src").mkdir()
    (repository / "src" / "ä new.py").touch()
    (repository / "data" / "metrics.json.txt").touch()  # beside an out is not below it
    assert state(repository).changed == ("data/metrics.json.txt", "params.yaml", "src/ä new.py")
    assert state(repository).dirty


def test_renames_show_both_names(repository: Path) -> None:
    git(repository, "mv", "params.yaml", "other.yaml")
    assert state(repository).changed == ("other.yaml", "params.yaml")


def test_a_project_below_the_top_of_its_repository_sees_itself_alone(repository: Path) -> None:
    below = repository / "part"
    below.mkdir()
    (below / "dvc.yaml").touch()
    (repository / "params.yaml").write_text("elsewhere\n")
    assert state(below).changed == ("dvc.yaml",)


def test_a_detached_head_has_no_branch(repository: Path) -> None:
    git(repository, "checkout", "-q", "--detach")
    assert state(repository).branch is None


def test_without_repository_commit_or_git_there_is_nothing_to_say(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert git_state(tmp_path, []) is None
    empty = tmp_path / "empty"
    empty.mkdir()
    git(empty, "init", "-q")
    assert git_state(empty, []) is None
    monkeypatch.setenv("PATH", os.devnull)
    assert git_state(repository, []) is None


def test_outs_are_read_from_the_lock(repository: Path, tmp_path: Path) -> None:
    assert locked_outs(repository / "dvc.lock").keys() == {"data/metrics.json", "data/details"}
    assert read_dvc_lock(repository / "dvc.lock")["evaluate@vae"].outs["data/metrics.json"] == "abc"
    assert locked_outs(tmp_path / "dvc.lock") == {}
