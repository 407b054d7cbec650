"""How much an MLflow server that takes a second for every call slows a training.

The training runs as `dvc repro` starts it, in a copy of the project: beside a real `mlflow server`, and beside the same
one behind a proxy that keeps every call waiting. The loop is what lies between the first batch and the last look at
val. Needs the outs of `make repro`.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import requests

from benchmarks.machine import free_port
from benchmarks.overhead import STEPS_OF_AN_EPOCH, TIMED, command, limit_training
from benchmarks.project_copy import copy_project, run

LOCAL = "127.0.0.1"
OF_A_CONNECTION = ("host", "content-length", "transfer-encoding")
"""Headers that are not forwarded: the proxy's own request has them."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="vae", help="which model is trained (vae)")
    parser.add_argument("--steps", type=int, default=20_000, help="of its training (20000: a minute or more)")
    parser.add_argument("--seconds", type=float, default=1.0, help="that a call waits (1)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is timed, in turns (3)")
    arguments = parser.parse_args()
    with TemporaryDirectory() as temporary:
        project = Path(temporary, "project")
        copy_project(project)
        limit_training(project, steps=arguments.steps, epochs=max(1, arguments.steps // STEPS_OF_AN_EPOCH))
        line = command(project, f"train@{arguments.model}")
        print(
            "| round | server | loop in seconds | in tracking | share | ratio |\n|--:|---|--:|--:|--:|--:|", flush=True
        )
        with server(Path(temporary)) as base, slowed(base, arguments.seconds) as slow:
            for number in range(arguments.rounds):
                usual = None
                for name, address in (("as it is", base), (f"{arguments.seconds:g} s a call", slow)):
                    loop, tracking = train(project, line, address)
                    usual = usual or loop
                    share, ratio = f"{tracking / loop:.2%}", f"{loop / usual:.3f}"
                    print(f"| {number + 1} | {name} | {loop:.1f} | {tracking:.2f} | {share} | {ratio} |", flush=True)


def train(project: Path, line: list[str], address: str) -> tuple[float, float]:
    """The seconds of the loop, and of those the ones that tracking took."""
    code = f"import sys; sys.argv = {line[1:]!r}\n{TIMED}"
    spent = json.loads(run(project, line[0], "-c", code, tracking=address).splitlines()[-1])
    return spent["fit"], spent["tracking"]


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """A real server with a database of its own; its address."""
    port = free_port()
    where = [f"--backend-store-uri=sqlite:///{folder}/server.db", f"--artifacts-destination={folder}/artifacts"]
    line = [sys.executable, "-m", "mlflow", "server", *where, f"--host={LOCAL}", f"--port={port}", "--workers=1"]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(line, stdout=log, stderr=log)
    try:
        wait_for(f"http://{LOCAL}:{port}")
        yield f"http://{LOCAL}:{port}"
    finally:
        process.terminate()
        process.wait()


def wait_for(address: str) -> None:
    for _ in range(300):
        try:
            requests.get(f"{address}/api/2.0/mlflow/experiments/get?experiment_id=0", timeout=60)
            return
        except requests.ConnectionError:
            time.sleep(0.2)
    raise SystemExit(f"no answer from {address}")


@contextmanager
def slowed(base: str, seconds: float) -> Iterator[str]:
    """The address of a proxy before a server, which keeps every call waiting."""

    class Proxy(BaseHTTPRequestHandler):
        def forward(self) -> None:
            time.sleep(seconds)
            body = b"".join(self.chunks()) if "Transfer-Encoding" in self.headers else self.rfile.read(self.length())
            headers = {key: value for key, value in self.headers.items() if key.lower() not in OF_A_CONNECTION}
            answer = requests.request(self.command, f"{base}{self.path}", data=body, headers=headers, timeout=120)
            self.send_response(answer.status_code)
            self.send_header("Content-Type", answer.headers.get("Content-Type", "application/json"))
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def length(self) -> int:
            return int(self.headers.get("Content-Length", 0))

        def chunks(self) -> Iterator[bytes]:
            """An empty file is sent so."""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = forward

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing: the table alone is printed."""

    proxy = ThreadingHTTPServer((LOCAL, 0), Proxy)
    thread = Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{LOCAL}:{proxy.server_address[1]}"
    finally:
        proxy.shutdown()
        thread.join()


if __name__ == "__main__":
    main()
