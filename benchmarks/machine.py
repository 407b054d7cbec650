"""On what the figures were measured."""

import os
import platform
import socket
from pathlib import Path

from benchmarks.preparation import Sources

Machine = dict[str, str | int | float]


def processor() -> str:
    """The name of the processor, as Linux tells it; elsewhere what Python knows."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def describe_machine(torch_version: str, *, threads: int, sources: Sources) -> Machine:
    return {
        "processor": processor(),
        "cores": os.cpu_count() or 0,
        "threads": threads,
        "python": platform.python_version(),
        "torch": torch_version,
        "images": sources.images,
        "pairs": sources.pairs,
        "load": round(os.getloadavg()[0], 2),
    }


def free_port() -> int:
    """A port of this machine that nothing listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
