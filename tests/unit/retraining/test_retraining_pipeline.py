"""`dvc repro` within its time, its failures, and what a killed command has left, in a real repository of DVC."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from encdec.retraining.pipeline import MARK, ReproFailed, end_orphans, run_repro

QUICK = "python -c \"open('{0}', 'w').write('x')\""
NEVER = "python -c \"import time; open('began', 'w').close(); time.sleep(600)\""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q", "--no-scm"], cwd=tmp_path, check=True)
    return tmp_path


def write(tree: Path, **commands: str) -> None:
    stages = [f"  {name}:\n    cmd: {command}\n    outs: [{name}.txt]\n" for name, command in commands.items()]
    (tree / "dvc.yaml").write_text("stages:\n" + "".join(stages))


def test_the_stages_that_ran_are_told(tree):
    write(tree, a=QUICK.format("a.txt"), b=QUICK.format("b.txt"))
    ran = run_repro(tree, tree / ".work", hours=1, force=False)
    assert (sorted(ran.stages), ran.in_time) == (["a", "b"], True)
    assert run_repro(tree, tree / ".work", hours=1, force=False).stages == ()
    assert sorted(run_repro(tree, tree / ".work", hours=1, force=True).stages) == ["a", "b"]


def test_what_takes_longer_than_it_may_is_stopped(tree):
    write(tree, a=NEVER)
    ran = run_repro(tree, tree / ".work", hours=4 / 3600, force=False)
    assert not ran.in_time
    assert (tree / "began").exists()
    assert not marked(tree)


def test_a_stage_that_fails_is_an_error_with_its_last_words(tree):
    write(tree, a="python -c \"raise SystemExit('no luck today')\"")
    with pytest.raises(ReproFailed, match="failed to run"):
        run_repro(tree, tree / ".work", hours=1, force=False)


def test_what_a_killed_command_has_left_is_ended_and_nothing_else(tree):
    environment = {**os.environ, MARK: str(tree / ".work")}
    sleeping = [sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(600)"]
    left = subprocess.Popen(sleeping, env=environment, stdout=subprocess.PIPE, preexec_fn=take_interrupts)
    other = subprocess.Popen(sleeping, env={**os.environ, MARK: "elsewhere"}, stdout=subprocess.PIPE)
    for process in (left, other):
        assert process.stdout is not None
        process.stdout.readline()
    end_orphans(tree / ".work")
    left.wait(timeout=10)
    assert other.poll() is None
    other.kill()
    other.wait()
    for process in (left, other):
        assert process.stdout is not None
        process.stdout.close()


def take_interrupts() -> None:
    """The tests may run in the background of a shell, which makes them deaf to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def marked(tree: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(tree / ".work"):
                found.append(process)
        except psutil.Error:
            continue
    return found
