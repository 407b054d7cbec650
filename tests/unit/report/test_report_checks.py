"""What validation found, and what was left out, as the page tells it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from report_outs import proportions

from encdec.params.root import Params
from encdec.report.build import Outs
from encdec.report.checks import CheckRow, read_checks
from encdec.report.rejected import Reason, read_rejected

DECLARED = {"train": 0.8, "val": 0.1, "test": 0.1}
Read = Callable[[dict[str, Any], dict[str, Any]], CheckRow]


@pytest.fixture
def read(params: Params, outs: Outs) -> Read:
    """What becomes of one check of images."""

    def read_one(entry: dict[str, Any], result: dict[str, Any]) -> CheckRow:
        path = outs.validation / "images" / "validation.json"
        path.write_text(json.dumps({"source": "digits", "rows": 100, "checks": [entry], "great_expectations": result}))
        return read_checks(params, validation=outs.validation, prepared=outs.prepared)[0].checks[0]

    return read_one


def test_split_proportions_show_the_distance_that_the_tolerance_is_about(read: Read) -> None:
    row = read(*proportions({"train": 0.81, "val": 0.12, "test": 0.07}, DECLARED))
    assert row.observed == "3 points off (test: 7 %)"  # 0.01, 0.02 and 0.03 from what is declared
    assert (row.tolerance, row.failed, row.result) == ("5 points", "0 of 3 splits", "passed")


def test_failing_splits_are_counted(read: Read) -> None:
    row = read(*proportions({"train": 0.9, "val": 0.07, "test": 0.03}, DECLARED))
    assert row.observed == "10 points off (train: 90 %)"
    assert (row.failed, row.result) == ("2 of 3 splits", "warning")  # val is within: 0.03 of 0.05


def test_share_that_was_declared_near_an_end_is_found_again(read: Read) -> None:
    declared = {"train": 0.97, "val": 0.02, "test": 0.01}  # limits of 0.92 to 1, 0 to 0.07 and 0 to 0.06
    row = read(*proportions({"train": 0.93, "val": 0.04, "test": 0.03}, declared))
    assert row.observed == "4 points off (train: 93 %)"


def test_checks_of_columns_are_counted_by_column(read: Read) -> None:
    entries = [{"check": "types", "columns": [c], "observed": "str", "success": c != "b", "total": 1} for c in "abc"]
    entry = {"check": "types", "severity": "error", "tolerance": None, "success": False, "failed_count": 1, "total": 1}
    entry |= {"observed": "int64", "message": "expected b of type str", "rows": [], "expectations": entries}
    row = read(entry, {})
    assert (row.failed, row.observed) == ("1 of 3", "int64")


def test_rejected_rows_are_counted_by_reason_and_stage(params: Params, outs: Outs) -> None:
    found = read_rejected(outs.prepared / "pairs" / "rejected.csv", params, "pairs")
    assert found.reasons == (
        Reason("too long", "prepare", 2),
        Reason("no text", "ingest", 1),
        Reason("empty", "prepare", 1),
    )
    assert (found.total, found.at_ingest, found.limit) == (4, 1, None)  # dates are made, none can be unusable


def test_limit_of_the_source_in_use_is_shown(params: Params, tmp_path: Path) -> None:
    table = params.model_copy(update={"pairs": params.pairs.model_copy(update={"source": "table"})})
    path = tmp_path / "rejected.csv"
    path.write_text("sample,split,reason,detail\n")
    found = read_rejected(path, table, "pairs")
    assert (found.limit, found.key) == (0.01, "pairs.sources.table.max_rejected")


def test_line_ends_inside_of_a_text_do_not_part_a_row(params: Params, outs: Outs) -> None:
    path = outs.prepared / "pairs" / "rejected.csv"
    path.write_text('sample,split,reason,detail\n1,val,odd,"a\u2028b\x0cc\nd"\n2,val,odd,e\x85f\n', encoding="utf-8")
    assert read_rejected(path, params, "pairs").reasons == (Reason("odd", "prepare", 2),)


def test_long_text_is_read_and_shown_in_part(params: Params, outs: Outs) -> None:
    path = outs.prepared / "pairs" / "rejected.csv"
    path.write_text(f"sample,split,reason,detail\n1,val,odd,{'x' * 200_000}\n")  # above what csv reads by itself
    found = read_rejected(path, params, "pairs")
    assert found.first == (("1", "val", "odd", f"{'x' * 300}\u2026"),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"sample,split\n", "no column reason; run `dvc repro --force prepare@pairs`"),
        (b"", "no column sample, split, reason"),
        (b"sample,split,reason\n1,val\n", "row 1 has 2 fields, expected 3; run `dvc repro --force prepare@pairs`"),
        (b"sample,split,reason\n1,val,\xff\n", "not UTF-8"),
    ],
)
def test_broken_list_is_refused(params: Params, outs: Outs, content: bytes, message: str) -> None:
    path = outs.prepared / "pairs" / "rejected.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"rejected\.csv: {message}"):
        read_rejected(path, params, "pairs")
