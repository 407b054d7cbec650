"""How a model came to be: its parameters, what tuning tried, and how it learned."""

from collections.abc import Iterator, Mapping
from math import isfinite, nan
from pathlib import Path
from typing import Any, NamedTuple

from encdec.params.root import ModelName, Params
from encdec.report.figures import Figures, read_figures
from encdec.report.files import Table, read_mapping, read_table
from encdec.report.numbers import cell, significant, value_text

MOST_ROWS = 10
"""Rows of a table that the page shows; the file has them all."""
MOST_EPOCHS = 100_000


class Parameter(NamedTuple):
    """`tuned`: whether Optuna chose the value."""

    key: str
    value: str
    tuned: bool


class Learning(NamedTuple):
    """How the monitored metric went in `epochs` epochs; `best_epoch` counts from 1, as history.csv and MLflow do."""

    monitor: str
    epochs: int
    best_epoch: int
    first: str
    best: str
    last: str


class Making(NamedTuple):
    """`trials` is None where nothing was searched; `tables` and `figures` are those that the evaluation made."""

    parameters: tuple[Parameter, ...]
    trials: Table | None
    pruned: int
    learning: Learning
    tables: tuple[Table, ...]
    figures: Figures


def read_making(model: ModelName, params: Params, *, tuning: Path, models: Path, evaluation: Path) -> Making:
    """From the outs of tune, train and evaluate.

    Raises:
        ValueError: a file is missing.
    """
    best = read_mapping(tuning / model / "best.json", stage=f"tune@{model}")
    trials = read_table(tuning / model / "trials.csv", stage=f"tune@{model}", most=MOST_EPOCHS)
    spec = read_mapping(models / model / "spec.json", stage=f"train@{model}")["spec"]
    stage, details = f"evaluate@{model}", evaluation / model / "details"
    tables = [read_table(path, stage=stage, most=MOST_ROWS) for path in sorted(details.glob("*.csv"))]
    return Making(
        parameters=tuple(
            Parameter(key, value_text(value), key in best) for key, value in flattened(spec) if key != "enabled"
        ),
        trials=tidy(trials) if trials.total else None,
        pruned=trials.column("state").count("PRUNED"),
        learning=read_learning(models / model / "history.csv", model, monitor=params.models.named(model).monitor),
        tables=tuple(tidy(table) for table in tables),
        figures=read_figures(evaluation / model / "figures", stage=stage),
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
    """The monitored metric, which is minimised, by epoch; an epoch in which it was not finite is never the best.

    Raises:
        ValueError: no such file, no such column, or no finite value in it.
    """
    history = read_table(path, stage=f"train@{model}", most=MOST_EPOCHS)
    values = [float(field) if field else nan for field in history.column(monitor)]
    finite = [epoch for epoch, value in enumerate(values, start=1) if isfinite(value)]
    if not finite:
        found = f"columns {', '.join(history.header)} and {history.total} rows"
        raise ValueError(f"{path}: {found}, expected {monitor} by epoch; run `dvc repro --force train@{model}`")
    least = min(finite, key=lambda epoch: values[epoch - 1])
    return Learning(
        monitor=monitor,
        epochs=len(values),
        best_epoch=least,
        first=significant(values[0]),
        best=significant(values[least - 1]),
        last=significant(values[-1]),
    )
