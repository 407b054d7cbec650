"""Rules about the content of a manifest of text pairs."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from great_expectations.expectations.core.expect_column_value_lengths_to_be_between import (
    ExpectColumnValueLengthsToBeBetween,
)
from great_expectations.expectations.core.expect_column_values_to_be_between import ExpectColumnValuesToBeBetween

from encdec.params.data import LengthRatio, MaxCharacters, PairChecks, TolerantCheck
from encdec.validation.rules import Rule, Terms
from encdec.validation.split_rules import duplicates_rule, leakage_rule, proportion_rules

SIDES = ("source", "target")


def pair_rules(
    frame: pd.DataFrame, checks: PairChecks, source: Mapping[str, Any], *, max_characters: MaxCharacters
) -> list[Rule]:
    """`frame`: as columns.pair_frame makes it; `source`: split of source.json."""
    return [
        *empty_rules(checks.empty_texts),
        *long_rules(checks.long_texts, {"source": max_characters.source, "target": max_characters.target}),
        *unseen_rules(checks.unseen_characters),
        *control_rules(checks.control_characters),
        ratio_rule(checks.length_ratio),
        duplicates_rule(checks),
        leakage_rule(checks, key="group", count="group_splits"),
        *proportion_rules(frame, checks.split_proportions, source["split"]),
    ]


def empty_rules(settings: TolerantCheck) -> list[Rule]:
    terms = Terms.of("empty_texts", settings)
    return [
        Rule(
            terms,
            ExpectColumnValuesToBeBetween(column=f"{side}_visible", min_value=1, **terms.by_row),
            f"a {side} that is not blank",
            ("sample", "split", "source", "target"),
        )
        for side in SIDES
    ]


def long_rules(settings: TolerantCheck, limits: Mapping[str, int]) -> list[Rule]:
    terms = Terms.of("long_texts", settings)
    return [
        Rule(
            terms,
            ExpectColumnValuesToBeBetween(column=f"{side}_characters", max_value=limit, **terms.by_row),
            f"a {side} of at most {limit} characters",
            ("sample", "split", f"{side}_characters", side),
        )
        for side, limit in limits.items()
    ]


def unseen_rules(settings: TolerantCheck) -> list[Rule]:
    """Only rows of val and test count: in those of train the column is null, and a null is no row here."""
    terms = Terms.of("unseen_characters", settings)
    return [
        Rule(
            terms,
            ExpectColumnValueLengthsToBeBetween(column=f"{side}_unseen", max_value=0, **terms.by_row),
            f"no character in a {side} of val and test that train lacks",
            ("sample", "split", f"{side}_unseen", side),
        )
        for side in SIDES
    ]


def control_rules(settings: TolerantCheck) -> list[Rule]:
    terms = Terms.of("control_characters", settings)
    return [
        Rule(
            terms,
            ExpectColumnValueLengthsToBeBetween(column=f"{side}_controls", max_value=0, **terms.by_row),
            f"no control character and no mark that turns the direction of reading in a {side}",
            ("sample", "split", f"{side}_controls"),
        )
        for side in SIDES
    ]


def ratio_rule(settings: LengthRatio) -> Rule:
    terms = Terms.of("length_ratio", settings)
    expectation = ExpectColumnValuesToBeBetween(column="length_ratio", max_value=settings.max_ratio, **terms.by_row)
    expected = f"the longer text at most {settings.max_ratio:g} times the shorter"
    return Rule(terms, expectation, expected, ("sample", "split", "length_ratio", "source", "target"))
