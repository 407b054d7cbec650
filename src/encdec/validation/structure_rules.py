"""Rules about the manifest's columns, types and size: what every other rule takes for granted."""

from collections.abc import Mapping

import pandas as pd
from great_expectations.expectations.core.expect_column_type_to_be import ExpectColumnTypeToBe
from great_expectations.expectations.core.expect_column_values_to_be_in_set import ExpectColumnValuesToBeInSet
from great_expectations.expectations.core.expect_column_values_to_not_be_null import ExpectColumnValuesToNotBeNull
from great_expectations.expectations.core.expect_table_columns_to_match_set import ExpectTableColumnsToMatchSet
from great_expectations.expectations.core.expect_table_row_count_to_be_between import ExpectTableRowCountToBeBetween

from encdec.params.data import SPLITS, ImageChecks, PairChecks, RowCount
from encdec.validation.rules import Rule, Terms


def structure_rules(manifest: pd.DataFrame, checks: ImageChecks | PairChecks, columns: Mapping[str, str]) -> list[Rule]:
    """`columns`: the dtype of each column of a manifest; a missing one is left to the rule about the schema."""
    types = Terms.of("types", checks.types)
    present = [column for column in columns if column in manifest]
    rules = [schema_rule(manifest, Terms.of("schema", checks.schema_), columns)]
    rules += [type_rule(types, column, columns[column], str(manifest[column].dtype)) for column in present]
    rules += [not_null_rule(types, column) for column in present if columns[column] != "int64"]
    if "split" in manifest:
        known = ExpectColumnValuesToBeInSet(column="split", value_set=list(SPLITS), **types.by_row)
        rules.append(Rule(types, known, f"split one of {', '.join(SPLITS)}", shown=("sample", "split")))
    return [*rules, count_rule(checks.row_count)]


def count_rule(settings: RowCount) -> Rule:
    terms = Terms.of("row_count", settings)
    low, high = settings.min_rows, settings.max_rows
    expectation = ExpectTableRowCountToBeBetween(min_value=low, max_value=high, **terms.common)
    return Rule(terms, expectation, f"from {low:,} to {high:,} rows")


def schema_rule(manifest: pd.DataFrame, terms: Terms, columns: Mapping[str, str]) -> Rule:
    expectation = ExpectTableColumnsToMatchSet(column_set=list(columns), exact_match=True, **terms.common)
    missing = [{"column": column, "found": "missing"} for column in columns if column not in manifest]
    unexpected = [{"column": str(column), "found": "unexpected"} for column in manifest if column not in columns]
    expected = f"the columns {', '.join(columns)}"
    return Rule(terms, expectation, expected, failures=(*missing, *unexpected), total=len(columns))


def type_rule(terms: Terms, column: str, expected: str, found: str) -> Rule:
    expectation = ExpectColumnTypeToBe(column=column, type_=expected, **terms.common)
    failure = {"column": column, "found": found, "expected": expected}
    return Rule(terms, expectation, f"{column} of type {expected}", failures=(failure,))


def not_null_rule(terms: Terms, column: str) -> Rule:
    expectation = ExpectColumnValuesToNotBeNull(column=column, **terms.by_row)
    return Rule(terms, expectation, f"{column} not null", shown=("sample", "split", column))
