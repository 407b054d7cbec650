"""The machine that a run ran on."""

import os
import platform
import socket
from pathlib import Path

import psutil


def machine() -> dict[str, str]:
    """Processor, cores, memory in GiB, system, Python and host, as tags."""
    return {
        "machine.cpu": processor(),
        "machine.cores": str(psutil.cpu_count() or "unknown"),
        "machine.usable_cores": str(usable_cores()),
        "machine.memory_gib": f"{psutil.virtual_memory().total / 2**30:.1f}",
        "machine.system": f"{platform.system()} {platform.machine()}",
        "machine.python": platform.python_version(),
        "machine.host": socket.gethostname(),
    }


def usable_cores() -> int:
    """Cores that this process may use; a container or taskset may leave it fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine() or "unknown"
