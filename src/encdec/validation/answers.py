"""From the result of an expectation to a finding: counts, a sentence, and the first rows that fail."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from great_expectations.core.expectation_validation_result import ExpectationValidationResult

from encdec.validation.columns import visible
from encdec.validation.findings import Finding, Row
from encdec.validation.rules import Rule, Twin
from encdec.validation.suite_run import MAX_ROWS, configuration_of

MAX_TEXT = 80
"""Characters of a text that a finding keeps."""


def finding_of(rule: Rule, result: ExpectationValidationResult, table: pd.DataFrame) -> Finding:
    """`table`: the manifest and the derived columns; its index is the position of the row."""
    configuration, details = configuration_of(result), result.result
    kwargs = configuration.kwargs
    by_row = "unexpected_count" in details
    failed, total = counts(rule, result)
    rows = rows_at(table, rule, details.get("partial_unexpected_index_list") or []) if by_row else ()
    if not by_row and not result.success:
        rows = tuple(rule.failures[:MAX_ROWS])
    columns = [kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs]
    return Finding(
        check=rule.terms.check,
        expectation=configuration.type,
        columns=tuple(columns or kwargs.get("column_list", ())),
        severity=rule.terms.severity,
        tolerance=rule.terms.tolerance,
        observed=observed(details, failed, total),
        failed_count=failed,
        total=total,
        success=bool(result.success),
        rows=rows,
        message=sentence(rule, details, failed=failed, total=total),
    )


def counts(rule: Rule, result: ExpectationValidationResult) -> tuple[int, int]:
    """What fails, and out of how many: rows that are not null, or what the rule says of the table."""
    details = result.result
    if "unexpected_count" in details:
        return int(details["unexpected_count"]), int(details["element_count"] - (details.get("missing_count") or 0))
    return (0 if result.success else max(1, len(rule.failures))), rule.total


def observed(details: dict[str, Any], failed: int, total: int) -> float | int | str | None:
    """The value that was compared: for rows, the share that fails."""
    if "unexpected_count" in details:
        return failed / total if total else 0.0
    value = details.get("observed_value")
    return value if isinstance(value, (float, int, str)) else None


def sentence(rule: Rule, details: dict[str, Any], *, failed: int, total: int) -> str:
    expected = f"expected {rule.expected}"
    if "unexpected_count" in details:
        allowed = f"at most {rule.terms.tolerance or 0.0:.4%}".replace("0000%", "%").replace(".%", "%")
        return f"{expected}; {failed:,} of {total:,} rows fail, {allowed} may"
    value = details.get("observed_value")
    return f"{expected}; found {value:,}" if isinstance(value, (int, float)) else f"{expected}"


def rows_at(table: pd.DataFrame, rule: Rule, positions: Sequence[int]) -> tuple[Row, ...]:
    shown = [column for column in rule.shown if column in table]
    rows = [{column: plain(table.at[position, column]) for column in shown} for position in positions]
    if rule.twin is not None:
        repeated = twins(table, rule.twin, positions)
        rows = [row | {"same_as": same} for row, same in zip(rows, repeated, strict=True)]
    return tuple(rows)


def twins(table: pd.DataFrame, twin: Twin, positions: Sequence[int]) -> list[str]:
    """For each position, the first other row with the same key, in another split or in the same one."""
    wanted = table.loc[list(positions), twin.key]
    like = table.loc[table[twin.key].isin(set(wanted)), ["sample", "split", twin.key]]
    names = []
    for position in positions:
        key, split = table.at[position, twin.key], table.at[position, "split"]
        same_split = like["split"] == split
        others = like[(like[twin.key] == key) & (~same_split if twin.in_other_split else same_split)]
        first = others[others.index != position].iloc[0]
        names.append(f"{first['sample']} ({first['split']})")
    return names


def plain(value: Any) -> Any:
    """A number or a short text, as JSON and a terminal can show it; null as None."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str):
        value = visible(value)
        return value if len(value) <= MAX_TEXT else value[: MAX_TEXT - 3] + "..."
    return None if value is None or value != value else value
