"""Rules about the manifest's columns, types and size: what every other rule takes for granted."""

from collections.abc import Mapping

import pandas as pd
from great_expectations import expectations as gxe

from encdec.params.data import SPLITS, ImageChecks, PairChecks
from encdec.validation.rules import Rule, Terms


def structure_rules(manifest: pd.DataFrame, checks: ImageChecks | PairChecks, columns: Mapping[str, str]) -> list[Rule]:
    """`columns`: the dtype of each column of a manifest; a missing one is left to the rule about the schema."""
    types = Terms.of("types", checks.types)
    present = [column for column in columns if column in manifest]
    rules = [schema_rule(manifest, Terms.of("schema", checks.schema_), columns)]
    rules += [type_rule(types, column, columns[column], str(manifest[column].dtype)) for column in present]
    rules += [not_null_rule(types, column) for column in present if columns[column] != "int64"]
    if "split" in manifest:
        expectation = gxe.ExpectColumnValuesToBeInSet(column="split", value_set=list(SPLITS), **types.by_row)
        rules.append(Rule(types, expectation, f"split one of {', '.join(SPLITS)}", shown=("sample", "split")))
    count = checks.row_count
    terms = Terms.of("row_count", count)
    expectation = gxe.ExpectTableRowCountToBeBetween(
        min_value=count.min_rows, max_value=count.max_rows, **terms.common
    )
    rules.append(Rule(terms, expectation, f"from {count.min_rows:,} to {count.max_rows:,} rows"))
    return rules


def schema_rule(manifest: pd.DataFrame, terms: Terms, columns: Mapping[str, str]) -> Rule:
    expectation = gxe.ExpectTableColumnsToMatchSet(column_set=list(columns), exact_match=True, **terms.common)
    missing = [{"column": column, "found": "missing"} for column in columns if column not in manifest]
    unexpected = [{"column": str(column), "found": "unexpected"} for column in manifest if column not in columns]
    expected = f"the columns {', '.join(columns)}"
    return Rule(terms, expectation, expected, failures=(*missing, *unexpected), total=len(columns))


def type_rule(terms: Terms, column: str, expected: str, found: str) -> Rule:
    expectation = gxe.ExpectColumnTypeToBe(column=column, type_=expected, **terms.common)
    failure = {"column": column, "found": found, "expected": expected}
    return Rule(terms, expectation, f"{column} of type {expected}", failures=(failure,))


def not_null_rule(terms: Terms, column: str) -> Rule:
    expectation = gxe.ExpectColumnValuesToNotBeNull(column=column, **terms.by_row)
    return Rule(terms, expectation, f"{column} not null", shown=("sample", "split", column))
