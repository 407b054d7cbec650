"""The rows that were left out: how many, why, and how many may be."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from encdec.params.root import Kind, Params
from encdec.report.files import read_table
from encdec.report.numbers import shortened

MOST_REJECTED = 10_000_000
MOST_SHOWN = 10


class Reason(NamedTuple):
    """`stage`: ingest, whose rows came into no split, or prepare."""

    reason: str
    stage: str
    rows: int


class Rejected(NamedTuple):
    """`limit`: the share of rows that ingest may leave out, or None where the source has no such limit.

    `first`: the first rows, as the file has them, below `header`.
    """

    reasons: tuple[Reason, ...]
    limit: float | None
    key: str
    splits: Counter[str]
    header: tuple[str, ...]
    first: tuple[tuple[str, ...], ...]

    @property
    def total(self) -> int:
        return self.splits.total()

    @property
    def at_ingest(self) -> int:
        return self.splits[""]


def read_rejected(path: Path, params: Params, kind: Kind) -> Rejected:
    """What rejected.csv lists.

    Raises:
        ValueError: no such file, or it lacks a column.
    """
    stage = f"prepare@{kind}"
    table = read_table(path, stage=stage, most=MOST_REJECTED)
    missing = [name for name in ("sample", "split", "reason") if name not in table.header]
    if missing:
        raise ValueError(f"{path}: no column {', '.join(missing)}; run `dvc repro --force {stage}`")
    reasons = Counter(zip(table.column("split"), table.column("reason"), strict=True))
    by_reason: Counter[tuple[str, str]] = Counter()
    for (split, reason), count in reasons.items():
        by_reason["prepare" if split else "ingest", reason] += count
    source = params.source_name(kind)
    section = params.data(kind)[source]
    limit = section.get("max_rejected") if isinstance(section, dict) else None
    return Rejected(
        reasons=tuple(
            Reason(reason, origin, count)
            for (origin, reason), count in sorted(by_reason.items(), key=lambda item: (-item[1], item[0]))
        ),
        limit=limit,
        key=f"{kind}.sources.{source}.max_rejected",
        splits=Counter(table.column("split")),
        header=table.header,
        first=tuple(tuple(shortened(field) for field in row) for row in table.rows[:MOST_SHOWN]),
    )
