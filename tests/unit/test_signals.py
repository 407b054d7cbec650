"""A signal ends a stage with a line and the shell's status, whatever it was doing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from encdec.signals import farewell, leave, leave_at_once, stoppable

STAGE = """
import os, signal, sys, time
from encdec.starting import begin
begin(__name__)
from encdec.command import run_command
def main(out):
    try:
        print("at work", flush=True)
        time.sleep(60)
    finally:
        print("cleaned up", flush=True)
run_command(main, "text", paths={"out": "where"})
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stage_at_work_cleans_up_and_says_what_stopped_it(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "stage.py").write_text(STAGE)
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "stage.py"), "--out", "x"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "at work\n"
    process.send_signal(number)
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output, errors) == (128 + number, "cleaned up\n", f"\n{farewell(number.name)}\n")


def test_handlers_of_others_are_left_alone_and_ours_are_put_back() -> None:
    theirs = signal.signal(signal.SIGHUP, lambda number, frame: None)
    others = signal.getsignal(signal.SIGHUP)
    before = signal.getsignal(signal.SIGTERM)
    try:
        leave_at_once()
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGHUP)) == (leave, others)
        with stoppable():
            assert signal.getsignal(signal.SIGTERM) not in (leave, before)
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
            assert signal.getsignal(signal.SIGHUP) is others
        assert signal.getsignal(signal.SIGTERM) is leave
    finally:
        signal.signal(signal.SIGHUP, theirs)
        signal.signal(signal.SIGTERM, before)
        signal.signal(signal.SIGINT, signal.default_int_handler)


def test_an_imported_stage_script_changes_nothing_of_the_process_that_imports_it() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    code = "from encdec.starting import begin; begin('x'); import signal; print(int(signal.getsignal(15)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ})
    assert done.stdout.strip() == "0"
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.parametrize("option", [[], ["-X", "utf8=0"]])
def test_text_and_file_names_are_utf8_in_an_ascii_locale(tmp_path: Path, option: list[str]) -> None:
    (tmp_path / "stage.py").write_text(
        "from encdec.starting import begin\nbegin(__name__)\n"
        "import os, sys\nfrom pathlib import Path\n"
        "Path(sys.argv[1]).write_text('한')\nprint(sys.argv[1], os.listdir())\n"
    )
    env = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    env.pop("PYTHONIOENCODING", None)
    done = subprocess.run(
        [sys.executable, *option, "stage.py", "그림"], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("\\uadf8\\ub9bc ['")
    assert (tmp_path / "그림").read_bytes() == "한".encode()
