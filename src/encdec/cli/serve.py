"""Serve a trained model over HTTP on this machine.

MODEL is an address in MLflow or a folder of the train stage:

  encdec serve models:/cnn@champion --port 5001
  encdec serve data/05_models/seq2seq --port 5002 --workers 2

It is the server of `mlflow models serve`, with the same address (POST /invocations) and the same answers, behind a
gate: every file is held against the digests in the tracking database before any of it is loaded, a request larger
than --max-megabytes is refused unread, and each mistake in a request is answered by a code and a sentence.
"""

import argparse
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="an address in MLflow, or a folder of the train stage")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen; 127.0.0.1, the default, is this machine")
    parser.add_argument("--port", type=int, default=5001, help="(5001)")
    parser.add_argument("--workers", type=int, default=1, help="processes, each with the model in memory (1)")
    parser.add_argument("--threads", type=int, default=1, help="of torch, in each process (1)")
    parser.add_argument("--max-megabytes", type=int, default=64, help="the largest request (64)")


def run(model: str, *, host: str, port: int, workers: int, threads: int, max_megabytes: int) -> None:
    from encdec.tracking.here import open_store_here
    from encdec.tracking.opening import folder_of, is_address
    from encdec.tracking.serve import serve_model

    for name, value in (("--workers", workers), ("--threads", threads), ("--max-megabytes", max_megabytes)):
        if value < 1:
            raise ValueError(f"{name} {value}: must be at least 1")
    store = open_store_here() if is_address(model) else None
    if store is None:
        folder_of(model)
    status = serve_model(
        model, store, host=host, port=port, workers=workers, threads=threads, max_megabytes=max_megabytes
    )
    if status:
        sys.exit(status)
