"""Every harness runs for a fixed number of inputs from a fixed seed, and a harness finds what it is there to find."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

if not os.environ.get("CI"):  # there a missing fuzzer is a failure
    pytest.importorskip("atheris", reason="NO ATHERIS (no build for this system?): THE FUZZING HARNESSES DID NOT RUN")

HERE = Path(__file__).parent
HARNESSES = sorted(path.name for path in HERE.glob("fuzz_*.py"))
RUNS = 3000
BROKEN = """
from harness import fuzz


def read(path):
    if path.read_bytes().startswith(b"a"):
        {error}


fuzz(read, name="input", seeds=[b"xbc"])
"""


def run(harness: Path, *options: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(harness), "-seed=1", "-rss_limit_mb=2048", "-timeout=20", *options]
    path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    env = {**os.environ, "PYTHONPATH": path, "TMPDIR": str(cwd), "PYTHONHASHSEED": "0"}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize("name", HARNESSES)
def test_no_input_does_anything_but_what_is_promised(name: str, tmp_path: Path) -> None:
    done = run(HERE / name, f"-runs={RUNS}", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Done {RUNS} runs" in done.stderr
    assert list(tmp_path.iterdir()) == [], "a harness leaves nothing behind"


@pytest.mark.parametrize(
    ("error", "found"),
    [
        ("{}['x']", "KeyError: 'x'"),
        ("b'\\xff'.decode()", "no refusal in words that names 'input': UnicodeDecodeError"),
        ("raise ValueError('what?')", "no refusal in words that names 'input': ValueError('what?')"),
        ("assert False, 'another array'", "AssertionError: another array"),
    ],
    ids=["traceback", "library", "nameless", "wrong answer"],
)
def test_a_harness_finds_what_is_no_refusal_in_words_and_keeps_the_input(
    error: str, found: str, tmp_path: Path
) -> None:
    (tmp_path / "fuzz_broken.py").write_text(BROKEN.replace("{error}", error))
    done = run(tmp_path / "fuzz_broken.py", "-runs=100000", cwd=tmp_path)
    assert done.returncode != 0
    assert found in done.stdout + done.stderr
    (kept,) = tmp_path.glob("crash-*")
    assert kept.read_bytes().startswith(b"a")
    assert run(tmp_path / "fuzz_broken.py", str(kept), cwd=tmp_path).returncode != 0


def test_a_harness_lets_refusals_in_words_pass(tmp_path: Path) -> None:
    (tmp_path / "fuzz_right.py").write_text(BROKEN.replace("{error}", "raise ValueError(f'{path}: starts with a')"))
    assert run(tmp_path / "fuzz_right.py", "-runs=5000", cwd=tmp_path).returncode == 0
