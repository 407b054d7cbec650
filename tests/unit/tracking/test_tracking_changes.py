"""The diff of a dirty tree: whole, applicable, and made without touching the repository."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from encdec.params.loading import Loaded
from encdec.tracking import changes
from encdec.tracking.changes import Changes, changes_of
from encdec.tracking.git import git_state
from encdec.tracking.stage import tracked_stage
from encdec.tracking.store import Store

BINARY = bytes(range(256)) * 5


def git(where: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *identity, *arguments], cwd=where, check=True, capture_output=True, text=True)
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "a repository"
    folder.mkdir()
    (folder / "code.py").write_text("print(1)\n")
    (folder / "latin.txt").write_bytes(b"caf\xe9\n")
    (folder / "gone.txt").write_text("here\n")
    (folder / "picture.bin").write_bytes(BINARY)
    (folder / ".gitignore").write_text("*.env\n")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    return folder


def change(folder: Path) -> None:
    (folder / "code.py").write_text("print(2)\n")
    (folder / "latin.txt").write_bytes(b"caf\xe9s\n")
    (folder / "gone.txt").unlink()
    (folder / "picture.bin").write_bytes(BINARY[::-1])
    (folder / "new [1].txt").write_text("a name with what git takes for a pattern\n")
    (folder / "secrets.env").write_text("TOKEN=hunter2\n")
    (folder / "dvc.lock").write_text("schema: '2.0'\n")


def found(tree: Path) -> Changes:
    changed = changes_of(tree, git_state(tree, []))
    assert changed is not None
    return changed


def test_the_diff_applied_to_the_commit_gives_the_tree(repository: Path, tmp_path: Path) -> None:
    change(repository)
    diff = found(repository).diff
    assert diff is not None
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(repository), str(clone))
    subprocess.run(["git", "apply", "--binary", "-"], cwd=clone, input=diff, check=True)
    names = ["code.py", "latin.txt", "picture.bin", "new [1].txt"]
    assert [(clone / name).read_bytes() for name in names] == [(repository / name).read_bytes() for name in names]
    assert sorted(path.name for path in clone.iterdir()) == sorted([".git", ".gitignore", *names])


def test_ignored_files_are_never_in_it(repository: Path) -> None:
    change(repository)
    diff = found(repository).diff
    assert diff is not None
    assert b"hunter2" not in diff
    assert b"dvc.lock" not in diff


def test_neither_index_nor_objects_are_touched(repository: Path) -> None:
    change(repository)
    git(repository, "add", "code.py")
    before = git(repository, "status", "--porcelain"), git(repository, "count-objects", "-v")
    found(repository)
    assert (git(repository, "status", "--porcelain"), git(repository, "count-objects", "-v")) == before


def test_a_project_below_the_top_of_its_repository_has_its_own_changes(repository: Path, tmp_path: Path) -> None:
    below = repository / "part"
    below.mkdir()
    (below / "dvc.yaml").write_text("stages: {}\n")
    (repository / "code.py").write_text("elsewhere\n")
    diff = found(below).diff
    assert diff is not None
    assert b"b/part/dvc.yaml" in diff
    assert b"elsewhere" not in diff


def test_a_clean_tree_has_none(repository: Path) -> None:
    assert changes_of(repository, git_state(repository, [])) is None


def test_a_diff_that_is_too_large_leaves_its_size(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change(repository)
    monkeypatch.setattr(changes, "MAX_DIFF", 100)
    large = found(repository)
    assert large.diff is None
    assert large.size > 100
    assert large.tags == {"git.diff.too_large": str(large.size)}
    monkeypatch.setattr(changes, "MAX_CHANGED", 100)
    assert found(repository).size == sum(
        (repository / name).stat().st_size for name in ("code.py", "latin.txt", "picture.bin", "new [1].txt")
    )


def test_a_run_of_a_dirty_tree_keeps_it(store: Store, loaded: Loaded) -> None:
    tree = store.project.tree
    (tree / ".gitignore").write_text("mlflow.db\n.work\nmlruns\n")
    git(tree, "init", "-q")
    git(tree, "add", "-A")
    git(tree, "commit", "-qm", "first")

    def stage() -> dict[str, str]:
        with tracked_stage("train", loaded=loaded, item="vae", inputs=[], outputs=[], section={}) as run:
            pass
        tags: dict[str, str] = store.client.get_run(run.run_id).data.tags
        return {**tags, "run_id": run.run_id}

    assert "git.diff" not in stage()
    (tree / "params.yaml").write_text("seed: 8\n")
    tags = stage()
    kept = Path(store.client.download_artifacts(tags["run_id"], "git/changes.diff")).read_bytes()
    assert tags["git.diff"] == hashlib.sha256(kept).hexdigest()
    assert b"+seed: 8" in kept


@pytest.mark.parametrize("text", ["mirror: https://ann:s3cret@example.org", "the password of the database: hunter22"])
def test_a_diff_with_a_password_is_not_kept(repository: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("PGPASSWORD", "hunter22")
    (repository / "notes.txt").write_text(text)
    secret = found(repository)
    assert secret.diff is None
    assert secret.tags == {"git.diff.secret": "true"}
