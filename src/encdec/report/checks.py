"""What the validation of each kind of data found, and what preparation left out."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_args

from encdec.params.root import Kind, Params
from encdec.report.files import read_mapping, read_table
from encdec.report.numbers import value_text

MOST_REJECTED = 10_000_000


class CheckRow(NamedTuple):
    """`result`: passed, warning or error."""

    check: str
    severity: str
    observed: str
    tolerance: str
    failed: str
    result: str
    message: str
    rows: tuple[str, ...]


class DataChecks(NamedTuple):
    """`rejected`: how many rows were left out, at ingest or in preparation, by reason."""

    kind: Kind
    source: str
    rows: int
    checks: tuple[CheckRow, ...]
    rejected: tuple[tuple[str, int], ...]

    @property
    def warnings(self) -> int:
        return sum(check.result == "warning" for check in self.checks)

    @property
    def errors(self) -> int:
        return sum(check.result == "error" for check in self.checks)

    @property
    def num_rejected(self) -> int:
        return sum(count for _, count in self.rejected)


def read_checks(params: Params, *, validation: Path, prepared: Path) -> tuple[DataChecks, ...]:
    """Both kinds of data, as far as they are switched on.

    Raises:
        ValueError: a file is missing.
    """
    return tuple(
        read_kind(kind, validation=validation / kind, prepared=prepared / kind)
        for kind in get_args(Kind)
        if params.kind_enabled(kind)
    )


def read_kind(kind: Kind, *, validation: Path, prepared: Path) -> DataChecks:
    result = read_mapping(validation / "validation.json", stage=f"validate@{kind}")
    rejected = read_table(prepared / "rejected.csv", stage=f"prepare@{kind}", most=MOST_REJECTED)
    reason = rejected.header.index("reason") if rejected.header else 0
    reasons = Counter(row[reason] for row in rejected.rows)
    return DataChecks(
        kind=kind,
        source=result["source"],
        rows=result["rows"],
        checks=tuple(build_check(entry) for entry in result["checks"]),
        rejected=tuple(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
    )


def build_check(entry: Mapping[str, Any]) -> CheckRow:
    tolerance = entry["tolerance"]
    return CheckRow(
        check=entry["check"],
        severity=entry["severity"],
        observed=value_text(entry["observed"]) if entry["observed"] is not None else "",
        tolerance=f"{tolerance * 100:g} %" if tolerance is not None else "",
        failed=f"{entry['failed_count']:,} of {entry['total']:,}",
        result="passed" if entry["success"] else entry["severity"],
        message=entry["message"],
        rows=tuple(", ".join(f"{key} {value_text(value)}" for key, value in row.items()) for row in entry["rows"]),
    )
