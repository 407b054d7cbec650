"""All cores give what one gives, and no process outlives the one that started it."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from PIL import Image

from encdec.sources import workers
from encdec.sources.ingest import ingest_images
from encdec.sources.reading import iter_images
from encdec.sources.rejections import read_rejected
from encdec.sources.workers import worked


def doubled(numbers):
    return [2 * number for number in numbers]


def kill_oneself(numbers):
    os.kill(os.getpid(), signal.SIGKILL)


def fail(numbers):
    raise OSError(28, "No space left on device", f"file {numbers[0]}")


@pytest.mark.parametrize("processes", [1, 3])
@pytest.mark.parametrize("size", [0, 1, 1000])
def test_results_come_in_the_order_of_the_items(processes, size):
    parts = list(worked(doubled, range(size), label="count", chunk=7, processes=processes))
    assert [number for part in parts for number in part] == [2 * number for number in range(size)]


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_of_the_work_is_raised_with_its_path(processes, children):
    with pytest.raises(OSError, match="No space left on device") as caught:
        list(worked(fail, range(100), label="count", chunk=10, processes=processes))
    assert caught.value.filename == "file 0"
    assert children() == set()


def test_a_process_that_is_killed_is_an_error_that_says_so(children):
    with pytest.raises(ChildProcessError, match="a process that reads images was killed from outside"):
        list(worked(kill_oneself, range(100), label="count", chunk=10, processes=2))
    assert children() == set()


@pytest.mark.parametrize(("limit", "cores"), [("max 100000", 8), ("150000 100000", 2), ("5000 100000", 1)])
def test_a_container_with_a_share_of_the_cores_counts_as_many(monkeypatch, tmp_path, limit, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)))
    monkeypatch.setattr(workers, "CPU_LIMIT", tmp_path / "cpu.max")
    assert workers.num_cores() == 8
    (tmp_path / "cpu.max").write_text(f"{limit}\n")
    assert workers.num_cores() == cores


def test_processes_end_when_the_results_are_no_longer_wanted(children):
    with closing(worked(doubled, range(1000), label="count", chunk=10, processes=2)) as parts:
        next(parts)
        assert len(children()) == 2
    assert children() == set()


@pytest.fixture
def children():
    """Asked later: the processes that this test has started and that run still. Other tests' servers are not its."""

    def running():
        found = psutil.Process().children(recursive=True)
        return {child for child in found if child.status() != psutil.STATUS_ZOMBIE}

    before = running()
    return lambda: running() - before


SLOW = """
import sys, time
from contextlib import closing
from encdec.signals import stoppable
from encdec.sources.workers import worked

def sleep(numbers):
    time.sleep(600)

with stoppable(), closing(worked(sleep, range(100), label="sleep", chunk=1, processes=2)) as parts:
    next(parts)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("whom", ["parent", "group"])
def test_no_process_is_left_when_the_stage_is_stopped_in_the_middle(number, whom):
    stage = subprocess.Popen([sys.executable, "-c", SLOW], start_new_session=True, stderr=subprocess.DEVNULL)
    at_work = psutil.Process(stage.pid)
    wait_for(lambda: len(at_work.children()) == 2)
    time.sleep(0.2)  # they ignore the group's signals from their first task on
    started = at_work.children()
    (os.killpg if whom == "group" else os.kill)(stage.pid, number)
    stage.wait(timeout=60)
    wait_for(lambda: not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in started))


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "still not so"
        time.sleep(0.02)


def test_a_folder_gives_the_same_bytes_whatever_the_number_of_processes(
    images_of, user_dir, tmp_path: Path, monkeypatch
):
    for number in range(60):
        label = ("cows", "hens")[number % 2]
        (user_dir / label / "deep").mkdir(parents=True, exist_ok=True)
        image = Image.new("RGB" if number % 3 else "L", (5 + number % 4, 4), number)
        image.save(user_dir / label / ("deep" if number % 5 == 0 else "") / f"{number:02d}.png")
    for number in (3, 30, 31, 59):
        (user_dir / "cows" / f"broken {number}.png").write_bytes(b"no image")
    monkeypatch.setattr(workers, "CHUNK", 8)
    monkeypatch.setattr(worked, "__kwdefaults__", worked.__kwdefaults__ | {"chunk": 8})
    images = images_of("folder", max_rejected=0.5)
    written, pixels = [], []
    for cores in (1, 2, 5):
        monkeypatch.setattr(workers, "num_cores", lambda cores=cores: cores)
        out = tmp_path / str(cores)
        out.mkdir()
        ingest_images(images, user_dir=user_dir, out=out)
        files = sorted(path for path in out.rglob("*") if path.is_file())
        written.append({path.relative_to(out).as_posix(): path.read_bytes() for path in files})
        pixels.append([image.tolist() for image in iter_images(out, images)])
    assert written[0] == written[1] == written[2]
    assert pixels[0] == pixels[1] == pixels[2]
    assert list(read_rejected(out)["sample"]) == [f"cows/broken {number}.png" for number in (3, 30, 31, 59)]
