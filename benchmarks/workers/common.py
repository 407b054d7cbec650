"""What every competitor's process shares. It runs in the peers' environments too: nothing of this project, no pydantic.

A competitor is given the path of a request (JSON) and prints its answer (JSON) as the last line.
"""

import json
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

Request = dict[str, Any]


def read_request() -> Request:
    """The request named on the command line; the number of threads is set."""
    request: Request = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    torch.set_num_threads(request["threads"])
    torch.manual_seed(request["seed"])
    return request


def answer(
    *,
    samples: int,
    seconds: float,
    parameters: int,
    quality: dict[str, float],
    precision: str = "float32",
    whole_seconds: float | None = None,
    curve: Sequence[tuple[float, float]] = (),
) -> None:
    """Print what was measured.

    Args:
        samples: images, or target tokens with EOS, that the loop trained on.
        seconds: of the training loop, without validation.
        whole_seconds: of the call that holds the loop, with set-up and validation.
        curve: (seconds of the loop, error rate) at each look at the validation sample.
    """
    told = {
        "samples": samples,
        "seconds": seconds,
        "whole_seconds": whole_seconds,
        "parameters": parameters,
        "quality": quality,
        "precision": precision,
        "peak_bytes": peak_bytes(),
        "curve": list(curve),
    }
    print(json.dumps(told), flush=True)


def peak_bytes() -> int:
    """The largest resident size of this process; Linux's `ru_maxrss` begins at that of the one that started it."""
    if sys.platform != "linux":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith("VmHWM:")))


def num_parameters(network: torch.nn.Module) -> int:
    return sum(each.numel() for each in network.parameters())


class Clock:
    """Seconds between `start` and `stop`, without what runs in `paused` blocks."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.since: float | None = None

    def start(self) -> None:
        self.since = time.perf_counter()

    def stop(self) -> None:
        if self.since is not None:
            self.seconds += time.perf_counter() - self.since
            self.since = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        self.stop()
        try:
            yield
        finally:
            self.start()


class ErrorCurve:
    """The error rate on a fixed sample of val along the training, taken while the clock stands still.

    Args:
        path: JSON with `rows` of val, their `sources` as token lists, and `references`, for each source the token
            lists that are right.
    """

    def __init__(self, path: str) -> None:
        sample = json.loads(Path(path).read_text(encoding="utf-8"))
        self.rows: list[int] = sample["rows"]
        self.sources: list[list[str]] = sample["sources"]
        self.references: list[list[list[str]]] = sample["references"]
        self.points: list[tuple[float, float]] = []

    def add(self, seconds: float, predictions: Sequence[Sequence[str]]) -> float:
        error = error_rate(predictions, self.references)
        self.points.append((seconds, error))
        return error


def error_rate(predictions: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]) -> float:
    """Edits to the closest reference of each prediction over the tokens of those references.

    Of references that are equally close, the first counts.
    """
    edits = length = 0
    for prediction, several in zip(predictions, references, strict=True):
        nearest = min((levenshtein(prediction, one), place) for place, one in enumerate(several))
        edits += nearest[0]
        length += len(several[nearest[1]])
    return edits / length


def levenshtein(first: Sequence[str], second: Sequence[str]) -> int:
    """Insertions, deletions and substitutions that make one of the other."""
    row = list(range(len(second) + 1))
    for i, left in enumerate(first, start=1):
        diagonal, row[0] = row[0], i
        for j, right in enumerate(second, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (left != right))
    return row[-1]
