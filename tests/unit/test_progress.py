"""Long work shows how far it is: a bar where somebody looks, a line now and then where a log is kept."""

import os
import pty
import subprocess
import sys

import pytest

from encdec import progress as module
from encdec.progress import duration, progress, size, state, watched

WORK = """
import time
from encdec.progress import progress
with progress("train vae", total=40, unit="steps") as meter:
    for step in range(40):
        time.sleep(0.02)
        meter.advance()
        meter.note(f"epoch {step} [red]markup[/red]")
print("done")
"""


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (45, "45 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s"), (7620, "2 h 07 min"), (-3, "0 s")],
)
def test_a_duration_is_said_in_its_largest_units(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "told"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (22_100, "22.1 kB"), (9_912_422, "9.9 MB"), (3e9, "3.0 GB")],
)
def test_sizes_are_told_in_decimal_units(count: float, told: str) -> None:
    assert size(count) == told


def test_rate_and_time_left_count_only_what_was_done_now() -> None:
    # 600 steps in 10 s are 60/s; of 3,000 steps 1,800 are left: 30 s. The 600 of the run before say nothing of speed.
    assert state(1200, 600, 3000, unit="steps", seconds=10.0) == "1,200 of 3,000 steps, 60/s, 30 s left"
    assert state(600, 600, 3000, unit="steps", seconds=10.0) == "600 of 3,000 steps"
    assert state(3, 0, 8, unit="trials", seconds=6.0) == "3 of 8 trials, 0.5/s, 10 s left"
    assert state(5_000_000, 0, 20_000_000, unit="bytes", seconds=2.0) == "5.0 MB of 20.0 MB, 2.5 MB/s, 6 s left"
    assert state(5_000_000, 0, None, unit="bytes", seconds=2.0) == "5.0 MB, 2.5 MB/s"


def test_a_log_gets_a_plain_line_each_half_minute(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    with progress("evaluate vae", total=100, unit="images") as meter:
        for _ in range(100):
            clock.now += 1.0
            meter.advance()
            meter.note("fine")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == [
        "evaluate vae: 30 of 100 images, 1.0/s, 1 min 10 s left, fine",
        "evaluate vae: 60 of 100 images, 1.0/s, 40 s left, fine",
        "evaluate vae: 90 of 100 images, 1.0/s, 10 s left, fine",
    ]


def test_watched_items_pass_unchanged_and_count_by_their_weight(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "LINE_SECONDS", 0.0)
    assert list(watched(["ab", "cde"], "read", total=5, unit="letters", weigh=len)) == ["ab", "cde"]
    counts = [line.split(" letters")[0] for line in capsys.readouterr().err.splitlines()]
    assert counts == ["read: 2 of 5", "read: 5 of 5"]


def test_a_terminal_shows_a_bar_that_goes_when_the_work_is_done() -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen([sys.executable, "-c", WORK], stderr=theirs, stdout=theirs, env=environment):
        os.close(theirs)
        drawn = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux says so when the other end is closed
                break
            if not part:
                break
            drawn += part
    os.close(ours)
    text = drawn.decode()
    assert "train vae" in text
    assert " of 40 steps" in text
    assert "s left" in text
    assert "[red]markup" in text, "what a note says is not markup"
    assert text.rstrip().endswith("\x1b[2Kdone"), "the bar is wiped before what comes next"


def test_nothing_is_drawn_in_a_log_of_short_work() -> None:
    done = subprocess.run([sys.executable, "-c", WORK], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("done\n", "")
