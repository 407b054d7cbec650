"""A server that a test started, and what it answers."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import requests
from numpy.typing import NDArray
from ports import free_port

from encdec.params.root import ModelName

PATIENCE_SECONDS = 120
JSON = "application/json"


class Answered(NamedTuple):
    status: int
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Served(NamedTuple):
    name: ModelName
    address: str
    log: Path

    def post(self, body: bytes | str, *, kind: str | None = JSON) -> Answered:
        headers = {} if kind is None else {"Content-Type": kind}
        data = body.encode() if isinstance(body, str) else body
        done = requests.post(f"{self.address}/invocations", data=data, headers=headers, timeout=60)
        return Answered(done.status_code, done.text)

    def ask(self, inputs: object, **params: object) -> Answered:
        return self.post(json.dumps({"inputs": inputs, **({"params": params} if params else {})}))

    def images(self, images: NDArray[np.float32], **params: object) -> Answered:
        return self.ask(images.tolist(), **params)

    def texts(self, *sources: str, **params: object) -> Answered:
        frame = {"columns": ["source"], "data": [[source] for source in sources]}
        return self.post(json.dumps({"dataframe_split": frame, **({"params": params} if params else {})}))


@contextmanager
def started(name: ModelName, command: Sequence[str], environment: Mapping[str, str], cwd: Path) -> Iterator[Served]:
    """The command with a free port of this machine, until the block ends."""
    port = free_port()
    served = Served(name, f"http://127.0.0.1:{port}", cwd / f"server-{port}.log")
    with served.log.open("wb") as log:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            cwd=cwd,
            env=dict(environment),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_for(served, process)
        yield served
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(served: Served, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the server ended with {process.returncode}:\n{served.log.read_text()}")
        try:
            if requests.get(f"{served.address}/ping", timeout=2).status_code == 200:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError(f"the server did not start:\n{served.log.read_text()}")
