import subprocess
import sys
import time
from collections.abc import Mapping
from threading import active_count

import psutil
import pytest

from encdec.tracking.recorder import Recorder
from encdec.tracking.store import Store
from encdec.tracking.system_metrics import SystemMetrics

CPU, MEMORY = "system/cpu_utilization_percentage", "system/system_memory_usage_percentage"
OWN_MEMORY = "system/process_memory_usage_megabytes"


class Log:
    def __init__(self) -> None:
        self.samples: list[tuple[int, dict[str, float]]] = []

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        self.samples.append((step, dict(metrics)))


def test_the_machine_is_sampled_under_mlflows_names() -> None:
    log = Log()
    with SystemMetrics(log.log_metrics, 0.2):
        time.sleep(1)
    assert len(log.samples) >= 3
    for _, metrics in log.samples:
        assert {CPU, MEMORY, "system/system_memory_usage_megabytes", "system/network_receive_megabytes"} <= set(metrics)
        assert 0 <= metrics[CPU] <= 100
        assert metrics[MEMORY] == pytest.approx(
            psutil.virtual_memory().used / psutil.virtual_memory().total * 100, abs=15
        )
        assert metrics[OWN_MEMORY] == pytest.approx(psutil.Process().memory_info().rss / 1e6, rel=0.2)


def test_work_shows_in_the_load() -> None:
    log = Log()
    command = [sys.executable, "-c", "while True: pass"]
    busy = [subprocess.Popen(command) for _ in range(psutil.cpu_count() or 1)]
    try:
        time.sleep(0.5)
        with SystemMetrics(log.log_metrics, 0.5):
            time.sleep(1.8)
    finally:
        for process in busy:
            process.kill()
            process.wait()
    assert len(log.samples) >= 3
    assert min(metrics[CPU] for _, metrics in log.samples[:3]) > 80, "the first one too"


def test_a_block_that_is_shorter_than_the_interval_has_one_sample() -> None:
    log = Log()
    with SystemMetrics(log.log_metrics, 60):
        time.sleep(0.1)
    assert len(log.samples) == 1


def test_an_exception_ends_the_thread_and_is_not_held_back() -> None:
    before, log = active_count(), Log()
    with pytest.raises(KeyboardInterrupt), SystemMetrics(log.log_metrics, 0.05):
        raise KeyboardInterrupt
    assert active_count() == before
    assert len(log.samples) == 1


def test_the_steps_of_a_continued_run_go_on() -> None:
    log, began = Log(), time.time() - 100
    with SystemMetrics(log.log_metrics, 0.05, began=began):
        time.sleep(0.3)
    steps = [step for step, _ in log.samples]
    assert steps[0] >= 100
    assert steps == sorted(set(steps)), "each step once, also where there are several in a second"


def test_the_training_goes_on_where_samples_cannot_be_kept(capsys: pytest.CaptureFixture[str]) -> None:
    def full(metrics: Mapping[str, float], step: int) -> None:
        raise OSError(28, "No space left on device")

    with SystemMetrics(full, 0.05):
        time.sleep(0.3)
    assert "no system metrics: [Errno 28] No space left on device" in capsys.readouterr().err


def test_the_samples_are_metrics_of_the_run(store: Store) -> None:
    run_id = store.client.create_run(store.experiment_id).info.run_id
    recorder = Recorder(store, run_id)
    with SystemMetrics(recorder.log_metrics, 0.2):
        time.sleep(0.5)
    recorder.flush()
    assert len(store.client.get_metric_history(run_id, CPU)) >= 2
