"""Rules about how rows share out among the splits: repeats within one, leaks between two, sizes."""

from collections.abc import Mapping

import pandas as pd
from great_expectations.expectations.core.expect_column_mean_to_be_between import ExpectColumnMeanToBeBetween
from great_expectations.expectations.core.expect_column_values_to_be_between import ExpectColumnValuesToBeBetween
from great_expectations.expectations.core.expect_compound_columns_to_be_unique import ExpectCompoundColumnsToBeUnique

from encdec.params.data import ImageChecks, PairChecks, TolerantCheck
from encdec.validation.rules import Rule, Terms, Twin, within


def duplicates_rule(checks: ImageChecks | PairChecks) -> Rule:
    """Every row of a set of equal ones counts."""
    terms = Terms.of("duplicates", checks.duplicates)
    expectation = ExpectCompoundColumnsToBeUnique(column_list=["split", "content_hash"], **terms.by_row)
    expected = "no content twice within a split"
    return Rule(terms, expectation, expected, ("sample", "split"), Twin("content_hash", in_other_split=False))


def leakage_rule(checks: ImageChecks | PairChecks, *, key: str, count: str) -> Rule:
    """`count`: the column with the number of splits that hold the row's `key`. Rows of both sides count."""
    terms = Terms.of("leakage", checks.leakage)
    expectation = ExpectColumnValuesToBeBetween(column=count, max_value=1, **terms.by_row)
    shown = ("sample", "split") if key == "content_hash" else ("sample", "split", key)
    return Rule(terms, expectation, f"no {key} in two splits", shown, Twin(key, in_other_split=True))


def proportion_rules(frame: pd.DataFrame, settings: TolerantCheck, declared: Mapping[str, float]) -> list[Rule]:
    """A rule per split: its share of the rows is within the tolerance (absolute) of the declared one."""
    terms = Terms.of("split_proportions", settings)
    rules = []
    for split, share in declared.items():
        low, high = within(share, settings.tolerance)
        expectation = ExpectColumnMeanToBeBetween(column=f"in_{split}", min_value=low, max_value=high, **terms.common)
        failure = {"split": split, "share": float(frame[f"in_{split}"].mean()), "declared": share}
        rules.append(Rule(terms, expectation, f"a share of {split} from {low:g} to {high:g}", failures=(failure,)))
    return rules
