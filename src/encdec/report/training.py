"""How a model came to be: its parameters, what tuning tried, and how it learned."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from encdec.params.root import ModelName, Params
from encdec.report.files import Table, read_mapping, read_table
from encdec.report.numbers import cell, significant, value_text

MOST_ROWS = 10
"""Rows of a table that the page shows; the file has them all."""
MOST_EPOCHS = 100_000
CURVE_WIDTH, CURVE_HEIGHT = 220, 44


class Parameter(NamedTuple):
    """`tuned`: whether Optuna chose the value."""

    key: str
    value: str
    tuned: bool


class Learning(NamedTuple):
    """How the monitored metric went.

    `best_epoch`: how many of the `epochs` had been trained when it was at its least; `curve`: its course as points of
    an SVG polyline, `best_x`, `best_y` the least of them.
    """

    monitor: str
    epochs: int
    best_epoch: int
    first: str
    best: str
    last: str
    curve: str
    best_x: float
    best_y: float


class Making(NamedTuple):
    """`trials` is None where nothing was searched; `tables` are those that the evaluation wrote."""

    parameters: tuple[Parameter, ...]
    trials: Table | None
    pruned: int
    learning: Learning
    tables: tuple[Table, ...]


def read_making(model: ModelName, params: Params, *, tuning: Path, models: Path, evaluation: Path) -> Making:
    """From the outs of tune, train and evaluate.

    Raises:
        ValueError: a file is missing.
    """
    best = read_mapping(tuning / model / "best.json", stage=f"tune@{model}")
    trials = read_table(tuning / model / "trials.csv", stage=f"tune@{model}", most=MOST_EPOCHS)
    spec = read_mapping(models / model / "spec.json", stage=f"train@{model}")["spec"]
    details = evaluation / model / "details"
    tables = [read_table(path, stage=f"evaluate@{model}", most=MOST_ROWS) for path in sorted(details.glob("*.csv"))]
    return Making(
        parameters=tuple(
            Parameter(key, value_text(value), key in best) for key, value in flattened(spec) if key != "enabled"
        ),
        trials=tidy(trials) if trials.total else None,
        pruned=sum("PRUNED" in row for row in trials.rows),
        learning=read_learning(models / model / "history.csv", model, monitor=params.models.named(model).monitor),
        tables=tuple(tidy(table) for table in tables),
    )


def flattened(section: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a section, by dotted key."""
    for key, value in section.items():
        if isinstance(value, dict):
            yield from flattened(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def tidy(table: Table) -> Table:
    """The first rows, with numbers of no more digits than a reader needs."""
    rows = tuple(tuple(cell(field) for field in row) for row in table.rows[:MOST_ROWS])
    return table._replace(rows=rows)


def read_learning(path: Path, model: ModelName, *, monitor: str) -> Learning:
    """The monitored metric, which is minimised, by epoch.

    Raises:
        ValueError: no such file, no epochs, or no such column.
    """
    history = read_table(path, stage=f"train@{model}", most=MOST_EPOCHS)
    if monitor not in history.header or not history.rows:
        found = f"columns {', '.join(history.header)} and {history.total} rows"
        raise ValueError(f"{path}: {found}, expected {monitor} by epoch; run `dvc repro --force train@{model}`")
    column = history.header.index(monitor)
    values = [float(row[column]) for row in history.rows]
    least = min(range(len(values)), key=lambda row: values[row])
    points = curve_points(values)
    return Learning(
        monitor=monitor,
        epochs=len(values),
        best_epoch=least + 1,
        first=significant(values[0]),
        best=significant(values[least]),
        last=significant(values[-1]),
        curve=" ".join(f"{x:g},{y:g}" for x, y in points),
        best_x=points[least][0],
        best_y=points[least][1],
    )


def curve_points(values: list[float]) -> list[tuple[float, float]]:
    """From left to right in equal steps, the largest value at the top."""
    low, high = min(values), max(values)
    step = CURVE_WIDTH / max(1, len(values) - 1)
    spread = (high - low) or 1.0
    return [
        (round(row * step, 1), round(CURVE_HEIGHT * (high - value) / spread, 1)) for row, value in enumerate(values)
    ]
