"""Each expectation passes on the good manifest and fails on one planted row, with the right count and row named."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pandas as pd
import pytest

from encdec.params.data import ImageChecks, MaxCharacters, PairChecks
from encdec.validation.findings import Finding, ValidationReport
from encdec.validation.validate import validate_images, validate_pairs


class Planted(NamedTuple):
    """`plant` changes a good manifest; the finding of `check` about `columns` must count `failed` of `total`."""

    check: str
    columns: tuple[str, ...]
    plant: Callable[[pd.DataFrame], object]
    failed: int
    total: int
    rows: list[dict[str, Any]]


def put(row: int, **values: object) -> Callable[[pd.DataFrame], None]:
    def plant(frame: pd.DataFrame) -> None:
        for column, value in values.items():
            frame.loc[row, column] = value

    return plant


def put_each(rows: list[int], column: str, value: object) -> Callable[[pd.DataFrame], None]:
    return lambda frame: frame.loc.__setitem__((rows, column), value)


def repeat(row: int, *, of: int, column: str) -> Callable[[pd.DataFrame], None]:
    return lambda frame: frame.loc.__setitem__((row, column), frame.loc[of, column])


IMAGES = [
    # row 3 is of class d; 9 of 40 rows remain to d: 9 / 40 * 4 = 0.9 of an equal share
    Planted("declared_labels", ("label",), put(3, label="z"), 1, 40,
            [{"sample": "00003", "split": "train", "label": "z"}]),
    Planted("class_balance", ("share_of_equal",), put(3, label="z"), 1, 4, [{"class": "d", "share_of_equal": 0.9}]),
    Planted("class_balance", ("label",), put_each([*range(3, 40, 4)], "label", "a"), 1, 4, [{"class": "d", "rows": 0}]),
    Planted("image_size", ("height",), put(5, height=7), 1, 40,
            [{"sample": "00005", "split": "train", "height": 7, "width": 8}]),
    Planted("image_size", ("width",), put(5, width=9), 1, 40,
            [{"sample": "00005", "split": "train", "height": 8, "width": 9}]),
    Planted("channels", ("channels",), put(6, channels=2), 1, 40,
            [{"sample": "00006", "split": "train", "channels": 2}]),
    Planted("constant_images", ("pixel_max", "pixel_min"), put(7, pixel_min=3.0, pixel_max=3.0), 1, 40,
            [{"sample": "00007", "split": "train", "pixel_min": 3.0, "pixel_max": 3.0}]),
    Planted("pixel_range", ("pixel_max",), put(8, pixel_max=17.0), 1, 40,
            [{"sample": "00008", "split": "train", "pixel_min": 0.0, "pixel_max": 17.0}]),
    Planted("pixel_range", ("pixel_min",), put(8, pixel_min=-1.0), 1, 40,
            [{"sample": "00008", "split": "train", "pixel_min": -1.0, "pixel_max": 16.0}]),
    Planted("pixel_range", ("pixel_max", "pixel_min"), put(8, pixel_min=9.0, pixel_max=2.0), 1, 40,
            [{"sample": "00008", "split": "train", "pixel_min": 9.0, "pixel_max": 2.0}]),
    Planted("duplicates", ("split", "content_hash"), repeat(9, of=2, column="content_hash"), 2, 40,
            [{"sample": "00002", "split": "train", "same_as": "00009 (train)"},
             {"sample": "00009", "split": "train", "same_as": "00002 (train)"}]),
    Planted("leakage", ("content_splits",), repeat(39, of=1, column="content_hash"), 2, 40,
            [{"sample": "00001", "split": "train", "same_as": "00039 (test)"},
             {"sample": "00039", "split": "test", "same_as": "00001 (train)"}]),
    # 29 and 5 of 40 rows
    Planted("split_proportions", ("in_train",), put(28, split="train"), 1, 1,
            [{"split": "train", "share": 0.725, "declared": 0.7}]),
    Planted("split_proportions", ("in_val",), put(28, split="train"), 1, 1,
            [{"split": "val", "share": 0.125, "declared": 0.15}]),
    Planted("split_proportions", ("in_test",), put(39, split="val"), 1, 1,
            [{"split": "test", "share": 0.125, "declared": 0.15}]),
]  # fmt: skip

PAIRS = [
    # row 4 is "0 and 4" -> "40"; a blank of any script is blank: U+3000 is the ideographic space
    Planted("empty_texts", ("source_visible",), put(4, source=" \u3000\t"), 1, 40,
            [{"sample": "00004", "split": "train", "source": " \u3000\t", "target": "40"}]),
    Planted("empty_texts", ("target_visible",), put(4, target=""), 1, 40,
            [{"sample": "00004", "split": "train", "source": "0 and 4", "target": ""}]),
    Planted("long_texts", ("source_characters",), put(4, source_characters=13), 1, 40,
            [{"sample": "00004", "split": "train", "source_characters": 13, "source": "0 and 4"}]),
    Planted("long_texts", ("target_characters",), put(4, target_characters=7), 1, 40,
            [{"sample": "00004", "split": "train", "target_characters": 7, "target": "40"}]),
    # of the 12 rows of val and test; é is written as e and a combining accent, and told composed
    Planted("unseen_characters", ("source_unseen",), put(30, source="ze\u0301 and"), 1, 12,
            [{"sample": "00030", "split": "val", "source_unseen": "z\u00e9", "source": "ze\u0301 and"}]),
    Planted("unseen_characters", ("target_unseen",), put(39, target="x!x"), 1, 12,
            [{"sample": "00039", "split": "test", "target_unseen": "!x", "target": "x!x"}]),
    # a NUL and an override among a tab, a next line and the right-to-left mark of ordinary Arabic
    Planted("control_characters", ("source_controls",), put(4, source="a\0\t\x85\u200f\u202e\0"), 1, 40,
            [{"sample": "00004", "split": "train", "source_controls": "U+0000 U+202E"}]),
    Planted("control_characters", ("target_controls",), put(4, target="\u2066a\u2069"), 1, 40,
            [{"sample": "00004", "split": "train", "target_controls": "U+2066 U+2069"}]),
    # 12 over 2 characters; and a text of no character counts as one of one
    Planted("length_ratio", ("length_ratio",), put(4, source_characters=12), 1, 40,
            [{"sample": "00004", "split": "train", "length_ratio": 6.0, "source": "0 and 4", "target": "40"}]),
    Planted("length_ratio", ("length_ratio",), put(4, target_characters=0), 1, 40,
            [{"sample": "00004", "split": "train", "length_ratio": 7.0, "source": "0 and 4", "target": "40"}]),
    Planted("duplicates", ("split", "content_hash"), repeat(35, of=34, column="content_hash"), 2, 40,
            [{"sample": "00034", "split": "test", "same_as": "00035 (test)"},
             {"sample": "00035", "split": "test", "same_as": "00034 (test)"}]),
    Planted("leakage", ("group_splits",), repeat(28, of=0, column="group"), 2, 40,
            [{"sample": "00000", "split": "train", "group": "0 and 0", "same_as": "00028 (val)"},
             {"sample": "00028", "split": "val", "group": "0 and 0", "same_as": "00000 (train)"}]),
    Planted("split_proportions", ("in_train",), put(28, split="train"), 1, 1,
            [{"split": "train", "share": 0.725, "declared": 0.7}]),
]  # fmt: skip


def name(planted: Planted) -> str:
    return f"{planted.check}-{'-'.join(planted.columns)}"


def failing(report: ValidationReport, planted: Planted) -> Finding:
    found = [one for one in report.errors if (one.check, one.columns) == (planted.check, planted.columns)]
    assert len(found) == 1, [(one.check, one.columns) for one in report.errors]
    return found[0]


def assert_told(finding: Finding, planted: Planted) -> None:
    assert (finding.failed_count, finding.total) == (planted.failed, planted.total)
    assert list(finding.rows) == planted.rows


def test_every_expectation_about_images_passes_on_good_rows(
    images: pd.DataFrame, image_checks: ImageChecks, image_source: dict[str, Any]
) -> None:
    report = validate_images(images, image_checks, image_source)
    assert [finding.message for finding in report.findings if not finding.success] == []
    content = {(one.check, one.columns) for one in report.findings if one.check not in ("schema", "types", "row_count")}
    assert content == {(planted.check, planted.columns) for planted in IMAGES}, "an expectation without a planted row"


def test_every_expectation_about_pairs_passes_on_good_rows(
    pairs: pd.DataFrame, pair_checks: PairChecks, pair_source: dict[str, Any], max_characters: MaxCharacters
) -> None:
    report = validate_pairs(pairs, pair_checks, pair_source, max_characters=max_characters)
    assert [finding.message for finding in report.findings if not finding.success] == []
    planted = {(one.check, one.columns) for one in PAIRS} | {
        ("split_proportions", (f"in_{s}",)) for s in ("val", "test")
    }
    content = {(one.check, one.columns) for one in report.findings if one.check not in ("schema", "types", "row_count")}
    assert content == planted, "an expectation without a planted row"


@pytest.mark.parametrize("planted", IMAGES, ids=name)
def test_an_expectation_about_images_fails_on_a_planted_row(
    planted: Planted, images: pd.DataFrame, image_checks: ImageChecks, image_source: dict[str, Any]
) -> None:
    planted.plant(images)
    assert_told(failing(validate_images(images, image_checks, image_source), planted), planted)


@pytest.mark.parametrize("planted", PAIRS, ids=name)
def test_an_expectation_about_pairs_fails_on_a_planted_row(
    planted: Planted,
    pairs: pd.DataFrame,
    pair_checks: PairChecks,
    pair_source: dict[str, Any],
    max_characters: MaxCharacters,
) -> None:
    planted.plant(pairs)
    report = validate_pairs(pairs, pair_checks, pair_source, max_characters=max_characters)
    assert_told(failing(report, planted), planted)


def test_an_image_of_one_value_is_constant_and_yet_within_the_pixel_range(
    images: pd.DataFrame, image_checks: ImageChecks, image_source: dict[str, Any]
) -> None:
    images.loc[7, ["pixel_min", "pixel_max"]] = 16.0
    assert [one.check for one in validate_images(images, image_checks, image_source).errors] == ["constant_images"]


def test_checks_cover_every_key_of_the_parameters(
    images: pd.DataFrame,
    image_checks: ImageChecks,
    image_source: dict[str, Any],
    pairs: pd.DataFrame,
    pair_checks: PairChecks,
    pair_source: dict[str, Any],
    max_characters: MaxCharacters,
) -> None:
    image_report = validate_images(images, image_checks, image_source)
    pair_report = validate_pairs(pairs, pair_checks, pair_source, max_characters=max_characters)
    assert {one.check for one in image_report.findings} == set(image_checks.model_dump(by_alias=True))
    assert {one.check for one in pair_report.findings} == set(pair_checks.model_dump(by_alias=True))
