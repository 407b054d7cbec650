"""What validation found: a finding per expectation, the report of a manifest, and the error that stops the pipeline."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from encdec.outs import write_json, write_text
from encdec.params.data import Severity

RESULT_FILE = "validation.json"
PAGE_FILE = "data_docs.html"
MAX_LINES = 24
"""Lines of findings and rows in an error message, so that it fits on one screen."""
MAX_ROW_WIDTH = 160

Row = Mapping[str, Any]


class Finding(NamedTuple):
    """What came of one expectation.

    `failed_count` of `total` are rows, or for an expectation about the whole table the columns, classes or splits that
    fail; `tolerance` is the share of rows that may fail (None where the check has none); `rows` are the first ones
    that fail, with the values that matter.
    """

    check: str
    expectation: str
    columns: tuple[str, ...]
    severity: Severity
    tolerance: float | None
    observed: float | int | str | None
    failed_count: int
    total: int
    success: bool
    rows: tuple[Row, ...]
    message: str

    def as_json(self) -> dict[str, Any]:
        return self._asdict() | {"columns": list(self.columns), "rows": [dict(row) for row in self.rows]}


class ValidationReport(NamedTuple):
    """Every finding, those of success too, in the order of the suite.

    `result`: the JSON of Great Expectations, `page`: its page, both without what varies from run to run.
    """

    kind: str
    source: str
    num_rows: int
    findings: tuple[Finding, ...]
    result: Mapping[str, Any]
    page: str

    @property
    def errors(self) -> list[Finding]:
        return [finding for finding in self.findings if not finding.success and finding.severity == "error"]

    @property
    def warnings(self) -> list[Finding]:
        return [finding for finding in self.findings if not finding.success and finding.severity == "warning"]

    def write(self, out: Path) -> None:
        """validation.json and data_docs.html in the folder `out`: the same bytes for the same manifest and checks."""
        write_json(out / RESULT_FILE, self.as_json())
        write_text(out / PAGE_FILE, self.page)

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "source": self.source,
            "rows": self.num_rows,
            "success": not self.errors,
            "errors": len(self.errors),
            "warnings": len(self.warnings),
            "checks": [checked(list(group)) for group in by_check(self.findings)],
            "great_expectations": self.result,
        }

    def summary(self) -> str:
        """A line, and one more for each warning, with the first row that fails."""
        num_checks = len(by_check(self.findings))
        counts = f"{counted(len(self.errors), 'error')}, {counted(len(self.warnings), 'warning')}"
        head = (
            f"validate {self.kind}: {num_checks} checks on {counted(self.num_rows, 'row')} of {self.source}: {counts}"
        )
        return "\n".join([head, *map(warning_line, self.warnings)])


def warning_line(finding: Finding) -> str:
    first = f" (first: {finding.rows[0]['sample']})" if finding.rows and "sample" in finding.rows[0] else ""
    return f"  warning: {finding.check}: {finding.message}{first}"


class ValidationError(ValueError):
    """The manifest fails at least one check whose severity is error; `report` has everything."""

    def __init__(self, report: ValidationReport) -> None:
        self.report = report
        super().__init__(explanation(report))


def by_check(findings: Iterable[Finding]) -> list[list[Finding]]:
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.check, []).append(finding)
    return list(groups.values())


def checked(findings: list[Finding]) -> dict[str, Any]:
    """One check: what its worst expectation says, then all of its expectations."""
    worst = max(findings, key=lambda finding: (not finding.success, finding.failed_count))
    shared = ("check", "severity", "tolerance", "success", "failed_count", "total", "observed", "message", "rows")
    entry = worst.as_json()
    return {key: entry[key] for key in shared} | {"expectations": [finding.as_json() for finding in findings]}


def explanation(report: ValidationReport) -> str:
    """One screen: each error with its count, tolerance and first rows, then what to do."""
    shown = report.errors[: MAX_LINES // 2]
    rows_each = max(1, (MAX_LINES - len(shown)) // max(1, len(shown)))
    manifest = f"data/01_raw/{report.kind}/manifest.parquet"
    where = f"{manifest} ({counted(report.num_rows, 'row')} of {report.source})"
    lines = [f"{where} fails {counted(len(report.errors), 'expectation')}:"]
    for finding in shown:
        lines.append(f"  {finding.check}: {finding.message} [{finding.expectation}]")
        lines += [f"    {row_line(row)}" for row in finding.rows[:rows_each]]
        more = finding.failed_count - min(len(finding.rows), rows_each)
        if finding.rows and more > 0:
            lines[-1] += f"   ... and {more:,} more"
    if len(report.errors) > len(shown):
        lines.append(f"  ... and {len(report.errors) - len(shown)} more")
    names = sorted({finding.check for finding in report.errors})
    section = f"{report.kind}.sources.{report.source}.validation"
    lines.append(
        "What to do: correct the data and run `dvc repro` again, or, if these rows are as they should be, "
        f"change the severity or the limits of {', '.join(names)} in params.yaml: {section}."
    )
    return "\n".join(lines)


def row_line(row: Row) -> str:
    text = ", ".join(f"{key} {value!r}" if isinstance(value, str) else f"{key} {value}" for key, value in row.items())
    return text if len(text) <= MAX_ROW_WIDTH else text[: MAX_ROW_WIDTH - 3] + "..."


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
