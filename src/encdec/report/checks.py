"""What the validation of each kind of data found, and what was left out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

from encdec.params.data import SPLITS
from encdec.params.root import Kind, Params
from encdec.report.files import read_mapping
from encdec.report.numbers import value_text
from encdec.report.rejected import Rejected, read_rejected

PROPORTIONS = "split_proportions"


class CheckRow(NamedTuple):
    """`result`: passed, warning or error. `observed` is what was compared with `tolerance`."""

    check: str
    severity: str
    observed: str
    tolerance: str
    failed: str
    result: str
    message: str
    rows: tuple[str, ...]


class DataChecks(NamedTuple):
    """`splits`: the prepared rows of each split; none where validation did not count them."""

    kind: Kind
    source: str
    rows: int
    splits: Mapping[str, int]
    checks: tuple[CheckRow, ...]
    rejected: Rejected

    @property
    def warnings(self) -> int:
        return sum(check.result == "warning" for check in self.checks)

    @property
    def errors(self) -> int:
        return sum(check.result == "error" for check in self.checks)


def read_checks(params: Params, *, validation: Path, prepared: Path) -> tuple[DataChecks, ...]:
    """Both kinds of data, as far as they are switched on.

    Raises:
        ValueError: a file is missing.
    """
    return tuple(
        read_kind(kind, params, validation=validation / kind, prepared=prepared / kind)
        for kind in get_args(Kind)
        if params.kind_enabled(kind)
    )


def read_kind(kind: Kind, params: Params, *, validation: Path, prepared: Path) -> DataChecks:
    result = read_mapping(validation / "validation.json", stage=f"validate@{kind}")
    rejected = read_rejected(prepared / "rejected.csv", params, kind)
    limits = proportion_limits(result["great_expectations"])
    shares = observed_shares(result["checks"])
    return DataChecks(
        kind=kind,
        source=result["source"],
        rows=result["rows"],
        splits={
            split: round(shares[split] * result["rows"]) - rejected.splits[split] for split in SPLITS if split in shares
        },
        checks=tuple(
            build_proportions(entry, limits) if entry["check"] == PROPORTIONS else build_row(entry)
            for entry in result["checks"]
        ),
        rejected=rejected,
    )


def build_row(entry: Mapping[str, Any]) -> CheckRow:
    several = len(entry["expectations"]) > 1 and all(each["total"] == 1 for each in entry["expectations"])
    return build_columns(entry) if several else build_check(entry)


def build_check(entry: Mapping[str, Any]) -> CheckRow:
    tolerance, observed = entry["tolerance"], entry["observed"]
    by_rows = tolerance is not None and isinstance(observed, float)  # then it is the share of rows that fail
    return CheckRow(
        check=entry["check"],
        severity=entry["severity"],
        observed=share_text(observed) if by_rows else value_text(observed) if observed is not None else "",
        tolerance=share_text(tolerance) if tolerance is not None else "",
        failed=f"{entry['failed_count']:,} of {entry['total']:,}",
        result="passed" if entry["success"] else entry["severity"],
        message=entry["message"],
        rows=tuple(", ".join(f"{key} {value_text(value)}" for key, value in row.items()) for row in entry["rows"]),
    )


def build_columns(entry: Mapping[str, Any]) -> CheckRow:
    """A check of several expectations about the whole table: how many of them fail."""
    failed = sum(not expectation["success"] for expectation in entry["expectations"])
    row = build_check(entry)
    return row._replace(
        failed=f"{failed} of {len(entry['expectations'])}", observed="" if row.result == "passed" else row.observed
    )


def build_proportions(entry: Mapping[str, Any], limits: Mapping[str, tuple[float, float]]) -> CheckRow:
    """The farthest split's distance from its declared share, which is what the tolerance is about."""
    row = build_check(entry)
    shares, tolerance = observed_shares([entry]), entry["tolerance"]
    distances = {
        split: abs(shares[split] - declared_share(limits[split], tolerance)) for split in shares if split in limits
    }
    failed = sum(not expectation["success"] for expectation in entry["expectations"])
    row = row._replace(failed=f"{failed} of {len(entry['expectations'])} splits", tolerance=points(tolerance))
    if not distances:
        return row
    farthest = max(distances, key=lambda split: distances[split])
    return row._replace(observed=f"{points(distances[farthest])} off ({farthest}: {share_text(shares[farthest])})")


def observed_shares(checks: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The share of rows of each split, from the columns in_train, in_val and in_test."""
    return {
        expectation["columns"][0].removeprefix("in_"): expectation["observed"]
        for check in checks
        if check["check"] == PROPORTIONS
        for expectation in check["expectations"]
        if expectation["columns"] and isinstance(expectation["observed"], float)
    }


def proportion_limits(suite: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """The least and the greatest share that a split may have."""
    settings = [result["expectation_config"] for result in suite.get("results", ())]
    return {
        setting["kwargs"]["column"].removeprefix("in_"): (
            setting["kwargs"]["min_value"],
            setting["kwargs"]["max_value"],
        )
        for setting in settings
        if setting["meta"].get("check") == PROPORTIONS
    }


def declared_share(limits: tuple[float, float], tolerance: float) -> float:
    """The middle of the limits; where one was cut off at 0 or 1, the tolerance leads from the other."""
    low, high = limits
    if low <= 0:
        return high - tolerance
    return low + tolerance if high >= 1 else (low + high) / 2


def share_text(share: float) -> str:
    return f"{share * 100:.4g} %"


def points(share: float) -> str:
    text = f"{share * 100:.2g}"
    return f"{text} point{'' if text == '1' else 's'}"
