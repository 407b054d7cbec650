"""The Makefile's own words: help, and what it says where something is missing."""

import os
import subprocess
from pathlib import Path

import pytest


def make(root: Path, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PATH": path or os.environ["PATH"]}
    return subprocess.run(["make", *arguments], cwd=root, env=env, capture_output=True, text=True, timeout=60)


@pytest.fixture
def bare(root: Path, tmp_path: Path) -> Path:
    """A checkout without an environment."""
    for name in ("Makefile", "requirements.lock", "requirements-dev.lock", "pyproject.toml"):
        (tmp_path / name).write_bytes((root / name).read_bytes())
    return tmp_path


def test_help_lists_every_target(root: Path) -> None:
    shown = make(root, "help").stdout
    for target in ("repro", "test", "unit", "lint", "ui", "lock", "clean"):
        assert f"make {target} " in shown


def test_an_old_python_gets_a_sentence(bare: Path) -> None:
    old = bare / "python3.9"
    # no Python that old is installed here: this one answers as it would
    old.write_text('#!/bin/sh\ncase "$1" in --version) echo "Python 3.9.2";; *) exit 1;; esac\n')
    old.chmod(0o755)
    refused = make(bare, "repro", f"PYTHON={old}")
    assert refused.returncode != 0
    assert "encdec needs Python 3.11 or newer" in refused.stderr
    assert "Python 3.9.2" in refused.stderr
    assert not (bare / ".venv").exists()


def test_a_missing_git_gets_a_sentence(bare: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "make", "python3", "test", "grep", "awk", "echo", "touch", "rm"):
        found = subprocess.run(["sh", "-c", f"command -v {name}"], capture_output=True, text=True).stdout.strip()
        if found.startswith("/"):
            (tools / name).symlink_to(found)
    refused = make(bare, "repro", path=str(tools))
    assert refused.returncode != 0
    assert "encdec needs git, and none was found" in refused.stderr
