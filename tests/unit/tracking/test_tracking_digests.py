"""DVC itself is the reference."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from encdec.tracking.digests import dvc_digest, read_ignore


def dvc(folder: Path, *arguments: str) -> None:
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1", "ITERATIVE_DO_NOT_TRACK": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def added(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, str]:
    """What `dvc add` says of a file, and of a folder with everything that could make a difference."""
    root = tmp_path_factory.mktemp("added")
    folder = root / "data"
    for name in ("b/deep/x.bin", "b.txt", "a b.txt", "Zahl-ä-日.txt", "b/10", "b/9", ".hidden", "b-c/y"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode() * 1000 + b"\r\n")
    (folder / "empty.txt").write_bytes(b"")
    (folder / "empty folder").mkdir()
    (folder / "link").symlink_to(folder / "b.txt")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "a.pyc").write_bytes(b"1")
    (folder / "notes.tmp").write_bytes(b"1")
    (root / "file.txt").write_bytes(b"line\r\n" * 300_000)
    (root / ".dvcignore").write_text("# comment\n__pycache__\ndata/*.tmp\n", encoding="utf-8")
    dvc(root, "init", "--no-scm", "-q")
    dvc(root, "add", "-q", "data", "file.txt")
    return {
        root / name: yaml.safe_load((root / f"{name}.dvc").read_bytes())["outs"][0]["md5"]
        for name in ("data", "file.txt")
    }


def test_digests_of_files_and_folders_are_those_of_dvc(added: dict[Path, str]) -> None:
    for path, expected in added.items():
        assert dvc_digest(path, ignore=read_ignore(path.parent)) == expected
    assert {expected.endswith(".dir") for expected in added.values()} == {True, False}


def test_what_dvcignore_names_counts_where_nothing_is_ignored(added: dict[Path, str]) -> None:
    folder = next(path for path in added if path.name == "data")
    assert dvc_digest(folder) != added[folder]


def test_a_missing_path_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.txt"):
        dvc_digest(tmp_path / "nothing.txt")
