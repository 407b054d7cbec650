"""`make ui`: the MLflow UI on this machine's store, opened at the table of runs."""

import argparse
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

from encdec.params.loading import load_params
from encdec.signals import stoppable
from encdec.tracking.address import ARTIFACT_FOLDER, URI_VARIABLE, is_server, masked, runs_page, without_credentials
from encdec.tracking.project import find_project
from encdec.tracking.store import Store, open_store

START_SECONDS = 120
STOP_SECONDS = 10


def main(host: str, port: int) -> int:
    """Serve until Ctrl-C; where a server keeps the runs, only say where it is."""
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
    if is_server(store.uri):
        show(runs_page(without_credentials(store.uri), store.experiment_id))
        return 0
    print(f"Starting the MLflow UI for {masked(store.uri)} ...", flush=True)
    server = subprocess.Popen(
        [*serve_command(host, port)], env=serve_environment(store, os.environ), start_new_session=True
    )
    try:
        with stoppable():
            return serve(server, f"http://{host}:{port}", store.experiment_id)
    except KeyboardInterrupt:
        print()
        return 0
    finally:
        stop(server)


def taken(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server: a port in TIME_WAIT is free
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def serve_command(host: str, port: int) -> list[str]:
    arguments = ["--host", host, "--port", str(port), "--workers", "1", "--uvicorn-opts", "--log-level warning"]
    return [sys.executable, "-m", "mlflow", "server", *arguments]


def serve_environment(store: Store, environment: Mapping[str, str]) -> dict[str, str]:
    """The address of the store goes here: on the command line everybody on the machine could read its password."""
    ours = {
        "MLFLOW_BACKEND_STORE_URI": store.uri,
        "MLFLOW_REGISTRY_STORE_URI": store.uri,
        "MLFLOW_ARTIFACTS_DESTINATION": (store.project.home / ARTIFACT_FOLDER).as_uri(),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # helpers for GenAI, which nothing here uses
        "PYTHONWARNINGS": "ignore",  # deprecations inside of MLflow, for its makers
    }
    return {**environment, **ours}


def serve(server: "subprocess.Popen[bytes]", base: str, experiment_id: str) -> int:
    """Wait until it answers, say where, and wait until it ends.

    Returns:
        Its status.
    """
    began = time.monotonic()
    while not answers(f"{base}/health"):
        if server.poll() is not None or time.monotonic() - began > START_SECONDS:
            print(f"the MLflow server did not start within {START_SECONDS} s; its own words are above", file=sys.stderr)
            return server.poll() or 1
        time.sleep(0.2)
    show(runs_page(base, experiment_id))
    print("Ctrl-C ends it.", flush=True)
    return server.wait()


def answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=2) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False


def show(address: str) -> None:
    print(f"The table of runs: {address}", flush=True)
    if has_display():
        webbrowser.open(address)


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
