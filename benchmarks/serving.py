"""How fast trained models are served: latency of one row, and rows per second with two workers on two cores.

Needs `wrk` (apt-get install wrk) and the outs of `train` and `prepare`. For the classifier and the sequence model it
starts `encdec serve` and `mlflow models serve`, one after the other, on the same package, and asks them over HTTP on
this machine: one row at a time on one connection, and --rows rows in a request on --connections of them. wrk itself
takes a part of the same cores. Beside them stands the same answer without a server: the call in Python.

    wrk -t1 -c1 -d10s --latency -s <script> http://127.0.0.1:<port>/invocations

is the command of the first; the script has the body and prints the percentiles. An answer other than 200 ends it.
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from urllib.error import URLError
from urllib.request import urlopen

import numpy as np
import pandas as pd
import torch

from benchmarks.machine import free_port
from encdec.datasets.images import ImageSplit
from encdec.datasets.pairs import PairSplit
from encdec.models.storage import load_model
from encdec.serving.images import predict_images
from encdec.serving.texts import load_text_model, predict_texts
from encdec.tracking.package import Example, build_package

PATIENCE_SECONDS = 120
LUA = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = [==[{body}]==]
done = function(summary, latency, requests)
  local bad = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
  io.write(string.format("FOUND %d %d %d %f %f\\n", summary.requests, summary.duration, bad,
    latency:percentile(50), latency:percentile(95)))
end
"""


class Case(NamedTuple):
    """`call(rows)` answers so many rows in Python; `body(rows)` asks the same over HTTP."""

    name: str
    example: Example
    call: Callable[[int], object]
    body: Callable[[int], str]


class Load(NamedTuple):
    """Milliseconds; rows per second."""

    p50: float
    p95: float
    rate: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("data/05_models"))
    parser.add_argument("--prepared", type=Path, default=Path("data/03_prepared"))
    parser.add_argument("--seconds", type=int, default=10, help="of each measurement (10)")
    parser.add_argument("--rows", type=int, default=64, help="in a request, for the rows per second (64)")
    parser.add_argument("--connections", type=int, default=4, help="for the rows per second (4)")
    parser.add_argument("--workers", type=int, default=2, help="processes of the server (2)")
    given = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("the load tool wrk is not installed: apt-get install wrk")
    torch.set_num_threads(1)
    print(f"{given.workers} workers of one thread, {os.cpu_count()} cores shared with wrk; {given.seconds} s each")
    print(f"rows/s: {given.rows} rows in a request, {given.connections} connections (the call: one process)\n")
    print("| model | | one row, p50 ms | p95 ms | rows/s | rows/s over the call's |")
    print("|---|---|--:|--:|--:|--:|")
    for case in (images_case(given.models, given.prepared), texts_case(given.models, given.prepared)):
        bare = called(case, seconds=given.seconds, rows=given.rows)
        print_row(case.name, "the call in Python", bare, bare)
        with TemporaryDirectory() as temporary:
            package = Path(temporary, "package")
            build_package(given.models / case.name, to=package, example=case.example)
            for title, command in commands(given.models / case.name, package, given.workers).items():
                with served(command, Path(temporary)) as address:
                    found = asked(case, address, given, folder=Path(temporary))
                print_row(case.name, title, found, bare)


def images_case(models: Path, prepared: Path) -> Case:
    split, model = ImageSplit.open(prepared / "images" / "test"), load_model(models / "cnn")

    def rows(count: int) -> np.ndarray:
        numbers = np.arange(count) % len(split)
        return np.ascontiguousarray(split.batch(numbers).images.numpy())

    def call(count: int) -> object:
        return predict_images(model, rows(count), batch_size=256)

    return Case("cnn", rows(1), call, lambda count: json.dumps({"inputs": rows(count).tolist()}))


def texts_case(models: Path, prepared: Path) -> Case:
    split, model = PairSplit.open(prepared / "pairs" / "test"), load_text_model(models / "seq2seq")
    sources = split.rows["source"].tolist()

    def rows(count: int) -> list[str]:
        return [sources[number % len(sources)] for number in range(count)]

    def call(count: int) -> object:
        return predict_texts(model, pd.DataFrame({"source": rows(count)}), batch_size=256)

    def body(count: int) -> str:
        return json.dumps({"dataframe_split": {"columns": ["source"], "data": [[text] for text in rows(count)]}})

    return Case("seq2seq", rows(1), call, body)


def commands(folder: Path, package: Path, workers: int) -> dict[str, list[str]]:
    ours = [sys.executable, "-m", "encdec.cli.main", "serve", str(folder), "--workers", str(workers)]
    theirs = ["mlflow", "models", "serve", "-m", str(package), "--env-manager", "local", "--workers", str(workers)]
    return {"encdec serve": ours, "mlflow models serve": theirs}


def called(case: Case, *, seconds: int, rows: int) -> Load:
    """Without a server, in this process."""
    one, many = (times(case.call, count, seconds=seconds) for count in (1, rows))
    milliseconds = [1000 * each for each in one]
    p95 = statistics.quantiles(milliseconds, n=20)[-1]
    return Load(statistics.median(milliseconds), p95, rows * len(many) / sum(many))


def times(call: Callable[[int], object], rows: int, *, seconds: int) -> list[float]:
    call(rows)
    found: list[float] = []
    while sum(found) < seconds or len(found) < 20:
        began = time.perf_counter()
        call(rows)
        found.append(time.perf_counter() - began)
    return found


def asked(case: Case, address: str, given: argparse.Namespace, *, folder: Path) -> Load:
    one = loaded(case.body(1), address, connections=1, seconds=given.seconds, folder=folder)
    many = loaded(case.body(given.rows), address, connections=given.connections, seconds=given.seconds, folder=folder)
    return Load(one.p50, one.p95, many.rate * given.rows)


def loaded(body: str, address: str, *, connections: int, seconds: int, folder: Path) -> Load:
    """What wrk finds; the rate is of requests."""
    script = folder / "request.lua"
    script.write_text(LUA.format(body=body), encoding="utf-8")
    command = [
        "wrk",
        "-t1",
        f"-c{connections}",
        "--latency",
        "--timeout",
        "60s",
        "-s",
        str(script),
        f"{address}/invocations",
    ]
    subprocess.run([*command, "-d2s"], check=True, capture_output=True)  # warms the workers up
    done = subprocess.run([*command, f"-d{seconds}s"], check=True, capture_output=True, text=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith("FOUND"))
    requests, microseconds, bad, p50, p95 = map(float, line.split()[1:])
    if bad or not requests:
        raise RuntimeError(
            f"{address}: {bad:.0f} of {requests:.0f} requests were not answered with 200:\n{done.stdout}"
        )
    return Load(p50 / 1000, p95 / 1000, requests / microseconds * 1e6)


@contextmanager
def served(command: Sequence[str], folder: Path) -> Iterator[str]:
    port = free_port()
    address, log = f"http://127.0.0.1:{port}", folder / "server.log"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with log.open("wb") as file:
        server = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        began = time.monotonic()
        while not answers(address):
            if server.poll() is not None or time.monotonic() - began > PATIENCE_SECONDS:
                raise RuntimeError(f"the server did not start:\n{log.read_text(encoding='utf-8')}")
            time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def answers(address: str) -> bool:
    try:
        with urlopen(f"{address}/ping", timeout=2) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False


def print_row(model: str, title: str, found: Load, bare: Load) -> None:
    ratio = found.rate / bare.rate
    print(f"| {model} | {title} | {found.p50:.2f} | {found.p95:.2f} | {found.rate:,.0f} | {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    main()
