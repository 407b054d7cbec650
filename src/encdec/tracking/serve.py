"""A model as a server on this machine: its files are verified, then a process of its own loads and serves them."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from encdec.signals import stoppable
from encdec.tracking.package import Example, build_package, read_card
from encdec.tracking.registry import fetch_package
from encdec.tracking.store import Store
from encdec.tracking.ui import base_address, stop, taken

START = Path(__file__).with_name("scoring") / "start.py"


def serve_model(
    model: str, store: Store | None, *, host: str, port: int, workers: int, threads: int, max_megabytes: int
) -> int:
    """Serve until Ctrl-C or SIGTERM; what was fetched is removed then.

    Args:
        model: an address in the store, or a folder of the train stage (then no store is needed).
        workers: processes, each with the model in its memory.
        threads: of torch, in each process.
        max_megabytes: the largest request.

    Returns:
        The status of the server.

    Raises:
        ChangedModelError: a file is not what was logged.
        ValueError: there is no such model, or the port is in use or none.
    """
    if taken(host, port):
        raise ValueError(f"port {port} on {host} is in use: stop what uses it, or choose another with --port")
    with TemporaryDirectory(prefix="encdec-serve-") as temporary:
        package = Path(temporary, "model")
        if store is None:
            build_package(Path(model), to=package, example=blank_example(Path(model)))
        else:
            fetch_package(store, model, to=package)
        environment = {
            **os.environ,
            "ENCDEC_SERVED_PACKAGE": str(package),
            "ENCDEC_MAX_BODY_BYTES": str(max_megabytes * 1_000_000),
            "OMP_NUM_THREADS": str(threads),
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        command = [sys.executable, str(START), "--host", host, "--port", str(port), "--workers", str(workers)]
        print(f"Serving {model} at {base_address(host, port)}/invocations (Ctrl-C ends it)", flush=True)
        server = subprocess.Popen(command, env=environment, start_new_session=True)
        try:
            with stoppable():
                return server.wait()
        except KeyboardInterrupt:
            print()
            return 128 + signal.SIGINT
        finally:
            stop(server)


def blank_example(folder: Path) -> Example:
    """An input to show where none is known."""
    card = read_card(folder)
    if card.kind == "pairs":
        return ["?"]
    return np.zeros((1, card.channels, card.height, card.width), dtype=np.float32)
