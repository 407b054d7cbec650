"""A manifest with wrong columns or types leads to that finding, never to a KeyError elsewhere."""

from typing import Any

import pandas as pd
import pytest

from encdec.params.data import Check, ImageChecks, MaxCharacters, PairChecks, RowCount
from encdec.validation.findings import ValidationReport
from encdec.validation.validate import validate_images, validate_pairs


@pytest.mark.parametrize("column", ["sample", "split", "label", "content_hash", "pixel_max"])
def test_a_missing_column_is_the_only_finding(
    column: str, images: pd.DataFrame, image_checks: ImageChecks, image_source: dict[str, Any]
) -> None:
    report = validate_images(images.drop(columns=column), image_checks, image_source)
    assert [(one.check, one.failed_count, one.total) for one in report.errors] == [("schema", 1, 11)]
    assert report.errors[0].rows == ({"column": column, "found": "missing"},)
    assert {one.check for one in report.findings} == {"schema", "types", "row_count"}


def test_a_missing_column_stops_even_where_the_schema_may_only_warn(
    images: pd.DataFrame, image_checks: ImageChecks, image_source: dict[str, Any]
) -> None:
    lenient = image_checks.model_copy(update={"schema_": Check(severity="warning")})
    assert [one.check for one in validate_images(images.drop(columns="label"), lenient, image_source).errors] == [
        "schema"
    ]


def test_a_column_too_many_is_told_and_the_content_is_checked_all_the_same(
    images: pd.DataFrame, image_checks: ImageChecks, image_source: dict[str, Any]
) -> None:
    lenient = image_checks.model_copy(update={"schema_": Check(severity="warning")})
    images.loc[5, "height"] = 7
    report = validate_images(images.assign(colour="red"), lenient, image_source)
    assert [one.check for one in report.errors] == ["image_size"]
    assert [(one.check, one.rows) for one in report.warnings] == [
        ("schema", ({"column": "colour", "found": "unexpected"},))
    ]


@pytest.mark.parametrize(
    ("column", "dtype", "found"),
    [
        ("height", "float64", "float64"),
        ("height", "int32", "int32"),
        ("label", "object", "object"),
        ("pixel_min", "str", "str"),
    ],
)
def test_a_wrong_type_is_the_only_finding(
    column: str, dtype: str, found: str, images: pd.DataFrame, image_checks: ImageChecks, image_source: dict[str, Any]
) -> None:
    report = validate_images(images.astype({column: dtype}), image_checks, image_source)
    assert [(one.check, one.columns, one.failed_count, one.total) for one in report.errors] == [
        ("types", (column,), 1, 1)
    ]
    assert report.errors[0].rows[0]["found"] == found


@pytest.mark.parametrize(("column", "value"), [("label", None), ("pixel_min", float("nan")), ("split", "dev")])
def test_a_null_or_an_unknown_split_is_a_wrong_type(
    column: str, value: object, images: pd.DataFrame, image_checks: ImageChecks, image_source: dict[str, Any]
) -> None:
    images.loc[[4, 6], column] = value
    (finding,) = validate_images(images, image_checks, image_source).errors
    assert (finding.check, finding.columns, finding.failed_count, finding.total) == ("types", (column,), 2, 40)
    assert [row["sample"] for row in finding.rows] == ["00004", "00006"]


def test_a_missing_text_column_is_the_only_finding(
    pairs: pd.DataFrame, pair_checks: PairChecks, pair_source: dict[str, Any], max_characters: MaxCharacters
) -> None:
    report = validate_pairs(pairs.drop(columns="target"), pair_checks, pair_source, max_characters=max_characters)
    assert [(one.check, one.rows) for one in report.errors] == [("schema", ({"column": "target", "found": "missing"},))]


@pytest.mark.parametrize("bounds", [(41, 50), (1, 39)])
def test_too_few_or_too_many_rows_are_counted(
    bounds: tuple[int, int], images: pd.DataFrame, image_checks: ImageChecks, image_source: dict[str, Any]
) -> None:
    rows = RowCount(severity="error", min_rows=bounds[0], max_rows=bounds[1])
    (finding,) = validate_images(images, image_checks.model_copy(update={"row_count": rows}), image_source).errors
    assert (finding.check, finding.observed) == ("row_count", 40)
    assert finding.message == f"expected from {bounds[0]} to {bounds[1]} rows; found 40"


def test_an_empty_manifest_is_an_error_of_its_row_count(
    images: pd.DataFrame, image_checks: ImageChecks, image_source: dict[str, Any]
) -> None:
    lenient = image_checks.model_copy(update={"row_count": RowCount(severity="warning", min_rows=1, max_rows=9)})
    report = validate_images(images.head(0), lenient, image_source)
    assert [one.check for one in report.errors] == ["row_count"]


def test_the_order_of_the_index_does_not_matter(
    images: pd.DataFrame, image_checks: ImageChecks, image_source: dict[str, Any]
) -> None:
    images.loc[5, "height"] = 7
    shuffled: ValidationReport = validate_images(images[::-1].set_axis([0] * 40), image_checks, image_source)
    assert [row["sample"] for row in shuffled.errors[0].rows] == ["00005"]


def test_a_source_without_classes_is_told(
    images: pd.DataFrame, image_checks: ImageChecks, image_source: dict[str, Any]
) -> None:
    del image_source["classes"]
    with pytest.raises(ValueError, match=r"^source\.json: has no classes; run the ingest stage again$"):
        validate_images(images, image_checks, image_source)
