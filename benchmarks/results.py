"""What the competitors measured: kept a row a run, and made into medians, spreads and ratios."""

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any, NamedTuple

from benchmarks.cases import Competitor


class Run(NamedTuple):
    """One process of one competitor; `metric` is the model's own on val, and `value` what it was after the run."""

    case: str
    competitor: Competitor
    round: int
    seed: int
    threads: int
    samples: int
    seconds: float
    whole_seconds: float | None
    parameters: int
    precision: str
    peak_bytes: int
    metric: str
    value: float | None
    error_rate: float | None
    seconds_to_target: float | None

    @property
    def rate(self) -> float:
        """Samples a second of the training loop."""
        return self.samples / self.seconds


class Spread(NamedTuple):
    """`low` and `high` are the least and the greatest."""

    middle: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        return cls(median(values), min(values), max(values))


def crossing(curve: Sequence[tuple[float, float]], target: float) -> float | None:
    """When the error rate first was at most `target`, on straight lines between the looks; None where it never was.

    `curve`: (seconds, error rate), in the order of time. A curve that starts below the target counts from its start.
    """
    before: tuple[float, float] | None = None
    for seconds, error in curve:
        if error <= target:
            if before is None or before[1] == error:
                return seconds
            share = (before[1] - target) / (before[1] - error)
            return before[0] + share * (seconds - before[0])
        before = (seconds, error)
    return None


def run_of(
    answer: dict[str, Any], *, case: str, competitor: Competitor, round_: int, seed: int, threads: int, target: float
) -> Run:
    """The answer of a competitor's process as a row."""
    quality: dict[str, float] = dict(answer["quality"])
    error_rate = quality.pop("val/phoneme_error_rate", None)
    metric, value = next(iter(quality.items()), ("", None))
    return Run(
        case=case,
        competitor=competitor,
        round=round_,
        seed=seed,
        threads=threads,
        samples=answer["samples"],
        seconds=answer["seconds"],
        whole_seconds=answer["whole_seconds"],
        parameters=answer["parameters"],
        precision=answer["precision"],
        peak_bytes=answer["peak_bytes"],
        metric=metric,
        value=value,
        error_rate=error_rate,
        seconds_to_target=crossing(answer["curve"], target),
    )


def ratios(runs: Sequence[Run], subject: Competitor, base: Competitor) -> list[float]:
    """How many times as fast `subject` was, a value for each round in which both ran."""
    by_round = {(run.competitor, run.round): run.rate for run in runs}
    rounds = sorted({run.round for run in runs})
    return [
        by_round[subject, each] / by_round[base, each]
        for each in rounds
        if (subject, each) in by_round and (base, each) in by_round
    ]


def mean_and_deviation(values: Sequence[float]) -> tuple[float, float]:
    """The mean and the standard deviation of the sample; of one value, the deviation is 0."""
    return fmean(values), stdev(values) if len(values) > 1 else 0.0


def write_runs(path: Path, runs: Iterable[Run]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Run._fields)
        writer.writerows(runs)


def read_runs(path: Path) -> list[Run]:
    """What `write_runs` wrote."""
    with path.open(encoding="utf-8", newline="") as file:
        return [parse(row) for row in csv.DictReader(file)]


def parse(row: dict[str, str]) -> Run:
    texts = ("case", "competitor", "precision", "metric")
    values: dict[str, Any] = {name: row[name] if name in texts else json.loads(row[name] or "null") for name in row}
    return Run(**values)
