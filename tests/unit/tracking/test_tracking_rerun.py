"""A stage that is run again by DVC: its own words are heard, and why it failed; DVC's advice is not."""

import os
import subprocess
from pathlib import Path

import pytest

from encdec.tracking.reproduction.rerun import run_stage

STAGES = """
stages:
  good:
    cmd: echo words && echo 1 > good.txt
    outs: [good.txt]
  bad:
    cmd: echo words && exit 3
    outs: [bad.txt]
  unmet:
    cmd: echo words
    deps: [missing.txt]
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for command in (["git", "init", "--quiet"], ["dvc", "init", "--quiet"]):
        subprocess.run(command, cwd=tmp_path, check=True)
    (tmp_path / "dvc.yaml").write_text(STAGES)
    return tmp_path


def test_a_stage_that_is_run_again_speaks_for_itself(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run_stage("good", tree, os.environ)
    assert capfd.readouterr().err == "Running stage 'good':\nwords\n"
    assert (tree / "good.txt").read_text() == "1\n"


@pytest.mark.parametrize(
    ("stage", "why"), [("bad", "exited with 3"), ("unmet", "dependency 'missing.txt' does not exist")]
)
def test_why_a_stage_failed_is_said(tree: Path, capfd: pytest.CaptureFixture[str], stage: str, why: str) -> None:
    with pytest.raises(ChildProcessError, match=f"^{stage} failed when it was run again"):
        run_stage(stage, tree, os.environ)
    said = capfd.readouterr().err
    assert why in said
    assert "Traceback" not in said
