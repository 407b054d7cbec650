"""`make ui`: the MLflow UI on this machine's store, opened at the table of runs."""

import argparse
import errno
import os
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from collections.abc import Mapping
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from encdec.masking import masked
from encdec.params.loading import load_params
from encdec.signals import stoppable
from encdec.tracking.address import (
    ARTIFACT_FOLDER,
    URI_VARIABLE,
    compare_page,
    is_server,
    runs_page,
    without_credentials,
)
from encdec.tracking.project import find_project
from encdec.tracking.seeds.summary import bring_all_up_to_date
from encdec.tracking.store import Store, open_store
from encdec.tracking.views import VIEW, last_trainings, publish

START_SECONDS = 120
STOP_SECONDS = 10
SHOWN_CHARACTERS = 4000
HIGHEST_PORT, RESERVED_PORTS = 65_535, 1023


def main(host: str, port: int) -> int:
    """Serve until Ctrl-C; where a server keeps the runs, only say where they are to be seen."""
    project = find_project(Path.cwd())
    params = load_params(project.tree / "params.yaml").params
    if not is_server(os.environ.get(URI_VARIABLE, "")) and taken(host, port):
        free = port + 1
        print(
            f"port {port} on {host} is in use: stop what uses it, or choose another: make ui PORT={free}",
            file=sys.stderr,
        )
        return 1
    store = open_store(params.tracking.experiment, project)
    publish(store)
    bring_all_up_to_date(store)
    if is_server(store.uri):
        show(store, without_credentials(store.uri))
        return 0
    log = project.work / f"ui-{port}.log"
    print(f"Starting the MLflow UI for {masked(store.uri)} (its own words go to {project.name(log)}) ...", flush=True)
    with log.open("w", encoding="utf-8") as file:
        server = subprocess.Popen(
            serve_command(host, port),
            env=serve_environment(store, os.environ),
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        with stoppable():
            return serve(server, base_address(host, port), store=store, log=log)
    except KeyboardInterrupt:
        print()
        return 0
    finally:
        stop(server)


def taken(host: str, port: int) -> bool:
    """Whether another program listens there.

    Raises:
        ValueError: nothing can listen there; the message says why.
    """
    if not 1 <= port <= HIGHEST_PORT:
        raise ValueError(f"port {port}: must be from 1 to {HIGHEST_PORT}")
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:  # as uvicorn chooses
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server: a port in TIME_WAIT is free
            probe.bind((host, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return True
        raise ValueError(
            f"port {port} on {host}: {error.strerror}: choose another host, or a port above {RESERVED_PORTS}"
        ) from error
    return False


def base_address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve_command(host: str, port: int) -> list[str]:
    return [sys.executable, "-m", "encdec.tracking.server", "--host", host, "--port", str(port)]


def serve_environment(store: Store, environment: Mapping[str, str]) -> dict[str, str]:
    """The address of the store goes here: on the command line everybody on the machine could read its password.

    The names are those by which `mlflow server` tells them to its own server.
    """
    from mlflow.server import constants

    ours = {
        constants.BACKEND_STORE_URI_ENV_VAR: store.uri,
        constants.REGISTRY_STORE_URI_ENV_VAR: store.uri,
        constants.ARTIFACT_ROOT_ENV_VAR: "mlflow-artifacts:/",
        constants.ARTIFACTS_DESTINATION_ENV_VAR: (store.project.home / ARTIFACT_FOLDER).as_uri(),
        constants.SERVE_ARTIFACTS_ENV_VAR: "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # helpers for GenAI, which nothing here uses
        "PYTHONWARNINGS": "ignore",  # deprecations inside of MLflow, for its makers
    }
    return {**environment, **ours}


def serve(server: "subprocess.Popen[bytes]", base: str, *, store: Store, log: Path) -> int:
    """Wait until it answers, say where, and wait until it ends.

    Returns:
        Its status.
    """
    began = time.monotonic()
    while not answers(f"{base}/health"):
        if server.poll() is not None or time.monotonic() - began > START_SECONDS:
            print(masked(log.read_text(encoding="utf-8", errors="replace"))[-SHOWN_CHARACTERS:], file=sys.stderr)
            print(f"the MLflow server did not start within {START_SECONDS} s; its own words are above", file=sys.stderr)
            return server.poll() or 1
        time.sleep(0.2)
    show(store, base)
    print("Ctrl-C ends it.", flush=True)
    return server.wait()


def answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=2) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False


def show(store: Store, base: str) -> None:
    """Print where the runs are to be seen, and open the table where there is a display."""
    table = runs_page(base, store.experiment_id, VIEW)
    print(f"The table of runs: {table}", flush=True)
    trainings = [run.info.run_id for run in last_trainings(store)]
    if trainings:
        address = compare_page(base, store.experiment_id, trainings)
        print(f"The last run of every model, side by side: {address}", flush=True)
    else:
        print("It is empty: no model was trained yet. `make repro` trains them all.", flush=True)
    if has_display():
        webbrowser.open(table)


def has_display() -> bool:
    if sys.platform in ("win32", "darwin"):
        return "SSH_CONNECTION" not in os.environ
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def stop(server: "subprocess.Popen[bytes]") -> None:
    """End the server and the processes that it started: it leads a session of its own."""
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGTERM)
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="make ui", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="where to listen; 127.0.0.1 is this machine alone")
    parser.add_argument("--port", type=int, default=5000)
    given = parser.parse_args()
    try:
        sys.exit(main(given.host, given.port))
    except (ValueError, OSError) as error:
        sys.exit(str(error))
