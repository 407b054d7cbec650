"""Rules about the content of a manifest of images."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from great_expectations.expectations.core.expect_column_distinct_values_to_contain_set import (
    ExpectColumnDistinctValuesToContainSet,
)
from great_expectations.expectations.core.expect_column_min_to_be_between import ExpectColumnMinToBeBetween
from great_expectations.expectations.core.expect_column_pair_values_a_to_be_greater_than_b import (
    ExpectColumnPairValuesAToBeGreaterThanB,
)
from great_expectations.expectations.core.expect_column_values_to_be_between import ExpectColumnValuesToBeBetween
from great_expectations.expectations.core.expect_column_values_to_be_in_set import ExpectColumnValuesToBeInSet

from encdec.params.data import ClassBalance, ImageChecks, ImageSize
from encdec.validation.columns import shares_of_equal
from encdec.validation.rules import Rule, Terms
from encdec.validation.split_rules import duplicates_rule, leakage_rule, proportion_rules


def image_rules(frame: pd.DataFrame, checks: ImageChecks, source: Mapping[str, Any]) -> list[Rule]:
    """`frame`: as columns.image_frame makes it; `source`: classes, pixel_max and split of source.json."""
    classes = source["classes"]
    labels = Terms.of("declared_labels", checks.declared_labels)
    declared = ExpectColumnValuesToBeInSet(column="label", value_set=list(classes), **labels.by_row)
    channels = Terms.of("channels", checks.channels)
    allowed = ExpectColumnValuesToBeInSet(column="channels", value_set=list(checks.channels.allowed), **channels.by_row)
    numbers = " or ".join(str(number) for number in checks.channels.allowed)
    return [
        Rule(labels, declared, f"a label among the {len(classes)} declared classes", ("sample", "split", "label")),
        *balance_rules(frame["label"], checks.class_balance, classes),
        *size_rules(checks.image_size),
        Rule(channels, allowed, f"{numbers} channels", ("sample", "split", "channels")),
        *pixel_rules(checks, source["pixel_max"]),
        duplicates_rule(checks),
        leakage_rule(checks, key="content_hash", count="content_splits"),
        *proportion_rules(frame, checks.split_proportions, source["split"]),
    ]


def balance_rules(labels: "pd.Series[str]", settings: ClassBalance, classes: Sequence[str]) -> list[Rule]:
    """No class without a row, and none with too few."""
    terms = Terms.of("class_balance", settings)
    shares = shares_of_equal(labels, classes)
    present = ExpectColumnDistinctValuesToContainSet(column="label", value_set=list(classes), **terms.common)
    least = ExpectColumnMinToBeBetween(column="share_of_equal", min_value=settings.min_share, **terms.common)
    absent = tuple({"class": str(name), "rows": 0} for name in shares.index[shares == 0])
    few = shares[(shares > 0) & (shares < settings.min_share)]
    rare = tuple({"class": str(name), "share_of_equal": round(float(share), 6)} for name, share in few.items())
    expected = f"every class with at least {settings.min_share:g} of an equal share"
    return [
        Rule(terms, present, "every declared class in some row", failures=absent, total=len(classes)),
        Rule(terms, least, expected, failures=rare, total=len(classes)),
    ]


def size_rules(settings: ImageSize) -> list[Rule]:
    terms = Terms.of("image_size", settings)
    low, high = settings.min_side, settings.max_side
    return [
        Rule(
            terms,
            ExpectColumnValuesToBeBetween(column=side, min_value=low, max_value=high, **terms.by_row),
            f"{side} from {low} to {high}",
            ("sample", "split", "height", "width"),
        )
        for side in ("height", "width")
    ]


def pixel_rules(checks: ImageChecks, pixel_max: int) -> list[Rule]:
    """Some contrast, and values from 0 to `pixel_max`."""
    constant, extent = (
        Terms.of("constant_images", checks.constant_images),
        Terms.of("pixel_range", checks.pixel_range),
    )
    shown = ("sample", "split", "pixel_min", "pixel_max")
    contrast = ExpectColumnPairValuesAToBeGreaterThanB(column_A="pixel_max", column_B="pixel_min", **constant.by_row)
    ordered = ExpectColumnPairValuesAToBeGreaterThanB(
        column_A="pixel_max", column_B="pixel_min", or_equal=True, **extent.by_row
    )
    bounds = [
        Rule(
            extent,
            ExpectColumnValuesToBeBetween(column=column, min_value=0, max_value=pixel_max, **extent.by_row),
            f"{column} from 0 to {pixel_max}",
            shown,
        )
        for column in ("pixel_min", "pixel_max")
    ]
    return [
        Rule(constant, contrast, "more than one pixel value in an image", shown),
        *bounds,
        Rule(extent, ordered, "pixel_min not above pixel_max", shown),
    ]
