"""What a retraining proposes, in a real repository of git."""

import subprocess
from pathlib import Path

import pytest

from encdec.retraining.patch import patch_of
from encdec.retraining.versioned import check_versioned

README = "# A project\n<!-- results -->\nold\n<!-- /results -->\nmine\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    for name, text in {
        "README.md": README,
        "dvc.lock": "old\n",
        "params.yaml": "seed: 7\n",
        "src/code.py": "code\n",
        "data/00_source/images/.gitkeep": "",
        "data/00_source/pairs/.gitkeep": "",
        "data/06_evaluation/cnn/metrics.json": "{}\n",
        ".gitignore": "/data/07_report/\n",
    }.items():
        put(tree, name, text)
    git(tree, "init", "-q", "-b", "main")
    git(tree, "add", "-A")
    git(tree, "commit", "-qm", "start")
    return tree


def put(tree: Path, name: str, text: str) -> None:
    (tree / name).parent.mkdir(parents=True, exist_ok=True)
    (tree / name).write_text(text)


def git(tree: Path, *arguments: str, given: bytes = b"") -> str:
    command = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost", *arguments]
    return subprocess.run(command, cwd=tree, check=True, capture_output=True, input=given).stdout.decode()


def proposed(tree: Path, tmp_path: Path) -> dict[str, str]:
    """The files that differ once the patch is applied to the commit, elsewhere."""
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(tree), str(clone))
    git(clone, "apply", "--index", "-", given=patch_of(tree))
    names = git(clone, "diff", "--cached", "--name-only").splitlines()
    return {name: (clone / name).read_text() if (clone / name).exists() else "" for name in names}


def test_results_parameters_and_what_dvc_tracks(tree: Path, tmp_path: Path) -> None:
    put(tree, "dvc.lock", "new\n")
    put(tree, "params.yaml", "seed: 8\n")
    put(tree, "data/06_evaluation/cnn/metrics.json", '{"accuracy": 1}\n')
    put(tree, "data/00_source/images.dvc", "outs: []\n")
    put(tree, "data/00_source/.gitignore", "/images\n")
    put(tree, "data/07_report/summary.md", "| new |\n")
    put(tree, "src/code.py", "half a thought\n")
    put(tree, "notes.txt", "mine\n")
    git(tree, "add", "src/code.py")
    before = git(tree, "status", "--porcelain")
    assert proposed(tree, tmp_path) == {
        "README.md": README.replace("old", "| new |"),
        "dvc.lock": "new\n",
        "params.yaml": "seed: 8\n",
        "data/06_evaluation/cnn/metrics.json": '{"accuracy": 1}\n',
        "data/00_source/images.dvc": "outs: []\n",
        "data/00_source/.gitignore": "/images\n",
    }
    assert git(tree, "status", "--porcelain") == before
    assert (tree / "README.md").read_text() == README


def test_new_data_go_with_it_where_git_has_those_beside_them(tree: Path, tmp_path: Path) -> None:
    put(tree, "data/00_source/images/cat/1.png", "a cat\n")
    git(tree, "add", "-A")
    git(tree, "commit", "-qm", "data")
    put(tree, "data/00_source/images/cat/batch-1/2.png", "another\n")
    put(tree, "data/00_source/pairs/pairs.tsv", "nobody versions these\n")
    assert proposed(tree, tmp_path) == {"data/00_source/images/cat/batch-1/2.png": "another\n"}


def test_data_that_are_gone_are_gone(tree: Path, tmp_path: Path) -> None:
    put(tree, "data/00_source/images/cat/1.png", "a cat\n")
    git(tree, "add", "-A")
    git(tree, "commit", "-qm", "data")
    (tree / "data/00_source/images/cat/1.png").unlink()
    assert proposed(tree, tmp_path) == {"data/00_source/images/cat/1.png": ""}


def test_nothing_changed_and_no_repository_are_an_empty_patch(tree: Path, tmp_path: Path) -> None:
    assert patch_of(tree) == b""
    (tmp_path / "plain").mkdir()
    assert patch_of(tmp_path / "plain") == b""


def test_data_that_nobody_versions_are_told(tree: Path) -> None:
    source = tree / "data" / "00_source"
    with pytest.raises(ValueError, match="neither DVC nor git tracks data/00_source/images"):
        check_versioned(tree, source, "images")
    put(tree, "data/00_source/images.dvc", "outs: []\n")
    check_versioned(tree, source, "images")
    put(tree, "data/00_source/pairs/pairs.tsv", "a\tb\n")
    git(tree, "add", "data/00_source/pairs/pairs.tsv")
    check_versioned(tree, source, "pairs")
