"""How much of the machine a stage uses, under MLflow's names for it: the tab *System metrics* of a run shows them."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Event, Thread
from types import TracebackType
from typing import Protocol, Self

import psutil

from encdec.masking import masked
from encdec.tracking.store import Store

PREFIX = "system/"
INTERVAL = 10.0
"""Seconds between two samples, as in MLflow."""
SAMPLED = ("tune", "train")


class Monitor(Protocol):
    """What MLflow's monitors do; they have no types of their own."""

    def collect_metrics(self) -> None: ...

    def aggregate_metrics(self) -> Mapping[str, float]: ...

    def clear_metrics(self) -> None: ...


class SystemMetrics:
    """Samples CPU, memory, network and, where there is one, GPU in a thread of its own while a block runs.

    The sampling is MLflow's; its SystemMetricsMonitor is not used, which sends by itself, asks the store for the run
    before each sample and logs nothing of a block that is shorter than its interval. Here the last sample is taken when
    the block ends, so that one of a second has one too. A step is a second since the run began: where a killed run goes
    on, its steps do.

    Args:
        log: takes the metrics and the step; it is called from that thread.
        interval: seconds between two samples.
        began: when the run began, in seconds since 1970; now, where it is not a continued one.
    """

    def __init__(
        self, log: Callable[[Mapping[str, float], int], None], interval: float = INTERVAL, *, began: float | None = None
    ) -> None:
        self.log = log
        self.interval = interval
        self.began = time.time() if began is None else began
        self.monitors: list[Monitor] = []
        self.process = psutil.Process()
        self.last_step = -1
        self.stopped = Event()
        self.thread = Thread(target=self.watch, name="system metrics", daemon=True)

    def __enter__(self) -> Self:
        self.monitors = list(monitors())
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopped.set()
        self.thread.join()

    def watch(self) -> None:
        """All in this thread: psutil says how busy the CPU was since the same thread asked before, and first 0."""
        psutil.cpu_percent()
        while not self.stopped.wait(self.interval):
            if not self.sample():
                return
        self.sample()

    def sample(self) -> bool:
        """Log one sample; where that is not possible, say so: a training does not end for it.

        Returns:
            Whether it was logged.
        """
        from mlflow.exceptions import MlflowException

        step = max(int(time.time() - self.began), self.last_step + 1)  # the clock may have been set back
        try:
            self.log(dict(self.measured()), step)
        except (OSError, psutil.Error, MlflowException) as problem:
            print(f"no system metrics: {masked(str(problem))}", file=sys.stderr)
            return False
        self.last_step = step
        return True

    def measured(self) -> Iterator[tuple[str, float]]:
        for monitor in self.monitors:
            monitor.collect_metrics()
            for name, value in monitor.aggregate_metrics().items():
                yield f"{PREFIX}{name}", float(value)
            monitor.clear_metrics()
        yield f"{PREFIX}process_memory_usage_megabytes", self.process.memory_info().rss / 1e6


def monitors() -> Iterator[Monitor]:
    """MLflow's own; those of GPUs where their library is installed and finds one."""
    from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor
    from mlflow.system_metrics.metrics.gpu_monitor import GPUMonitor
    from mlflow.system_metrics.metrics.network_monitor import NetworkMonitor
    from mlflow.system_metrics.metrics.rocm_monitor import ROCMMonitor

    yield CPUMonitor()  # type: ignore[no-untyped-call]  # MLflow has not typed it
    yield NetworkMonitor()  # type: ignore[no-untyped-call]  # MLflow has not typed it
    for kind in (GPUMonitor, ROCMMonitor):
        try:
            yield kind()
        except (ImportError, RuntimeError):  # their words for: no library, no GPU
            continue


@contextmanager
def sampled(
    store: Store, run_id: str, stage: str, *, log: Callable[[Mapping[str, float], int], None]
) -> Iterator[None]:
    """System metrics of a stage that takes long enough for them, handed to `log` for its run."""
    if stage not in SAMPLED:
        yield
        return
    with SystemMetrics(log, began=store.client.get_run(run_id).info.start_time / 1000):
        yield
