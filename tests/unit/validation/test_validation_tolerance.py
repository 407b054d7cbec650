"""A share of failing rows equal to the tolerance passes, a greater one fails; a warning stops nothing."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from encdec.params.data import Channels, ImageChecks, TolerantCheck
from encdec.validation.rules import mostly, within
from encdec.validation.validate import validate_images


@pytest.mark.parametrize(("tolerance", "allowed"), [(0.0, 0), (0.025, 1), (0.7, 28)])
def test_the_tolerance_itself_passes_and_one_row_more_fails(
    tolerance: float, allowed: int, images: pd.DataFrame, image_checks: ImageChecks, image_source: dict[str, Any]
) -> None:
    checks = image_checks.model_copy(update={"channels": Channels(severity="error", tolerance=tolerance, allowed=(1,))})
    images.loc[: allowed - 1, "channels"] = 2
    assert validate_images(images, checks, image_source).errors == []
    images.loc[:allowed, "channels"] = 2
    (finding,) = validate_images(images, checks, image_source).errors
    assert (finding.check, finding.failed_count, finding.total) == ("channels", allowed + 1, 40)
    assert finding.tolerance == tolerance


def test_no_rounding_turns_the_tolerance_at_any_count_of_rows() -> None:
    # Great Expectations compares (rows - failing) / rows with `mostly`, both rounded to the nearest double
    for total in (10, 100, 1000, 1797, 10**6, 5 * 10**7):
        failing = np.unique(np.linspace(0, total - 1, 400, dtype=np.int64))
        for tolerance, share in ((0.01, (1, 100)), (0.1, (1, 10)), (0.3, (3, 10)), (0.7, (7, 10)), (1e-05, (1, 10**5))):
            passes = (total - failing) / total >= mostly(tolerance)
            exact = failing * share[1] <= share[0] * total
            np.testing.assert_array_equal(passes, exact)


def test_the_share_of_a_split_may_differ_by_the_tolerance_exactly() -> None:
    # in binary 0.7 + 0.1 = 0.7999999999999999 and 0.15 - 0.05 = 0.09999999999999999
    assert within(0.7, 0.1) == (0.6, 0.8)
    assert within(0.15, 0.05) == (0.1, 0.2)
    assert within(0.05, 0.1) == (0.0, 0.15)
    assert within(0.95, 0.1) == (0.85, 1.0)


@pytest.mark.parametrize(("tolerance", "num_errors"), [(0.025, 0), (0.024, 2)])
def test_a_split_may_be_off_by_the_tolerance(
    tolerance: float,
    num_errors: int,
    images: pd.DataFrame,
    image_checks: ImageChecks,
    image_source: dict[str, Any],
) -> None:
    images.loc[28, "split"] = "train"  # 29 / 40 = 0.725 of 0.7, and 5 / 40 = 0.125 of 0.15
    checks = image_checks.model_copy(update={"split_proportions": TolerantCheck(severity="error", tolerance=tolerance)})
    assert len(validate_images(images, checks, image_source).errors) == num_errors


def test_a_warning_is_reported_and_is_no_error(
    images: pd.DataFrame, image_checks: ImageChecks, image_source: dict[str, Any]
) -> None:
    images.loc[6, "channels"] = 2
    checks = image_checks.model_copy(update={"channels": Channels(severity="warning", tolerance=0.01, allowed=(1,))})
    report = validate_images(images, checks, image_source)
    assert report.errors == []
    assert [(one.check, one.severity, one.failed_count) for one in report.warnings] == [("channels", "warning", 1)]
    assert report.as_json()["success"] is True
    assert report.summary() == (
        "validate images: 12 checks on 40 rows of digits: 0 errors, 1 warning\n"
        "  warning: channels: expected 1 channels; 1 of 40 rows fail, at most 1% may (first: 00006)"
    )
