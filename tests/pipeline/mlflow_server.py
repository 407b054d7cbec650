"""A real `mlflow server` that a test starts, kills and starts again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import requests
from ports import free_port


class Server:
    """`mlflow server` on a port of its own, whose database and artifacts outlive it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        where = [
            f"--backend-store-uri=sqlite:///{self.folder}/server.db",
            f"--artifacts-destination={self.folder}/kept",
        ]
        command = [sys.executable, "-m", "mlflow", "server", *where, "--host=127.0.0.1", f"--port={self.port}"]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--workers=1"], stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        for _ in range(300):
            try:  # its port is open seconds before it answers
                requests.get(f"{self.base}/api/2.0/mlflow/experiments/get?experiment_id=0", timeout=60)
                return
            except requests.ConnectionError:
                time.sleep(0.2)
        raise TimeoutError((self.folder / "server.log").read_text())

    def kill(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None
