"""Numbers, sentences and the Markdown table, each derived by hand."""

import re
from pathlib import Path

import pytest

from encdec.params.root import Params
from encdec.report.build import Outs
from encdec.report.metrics import meaning
from encdec.report.numbers import cell, decimals_for, significant, value_text, with_interval
from encdec.report.readme import with_results
from encdec.report.results import read_results, spoken
from encdec.report.sentences import overview
from encdec.report.summary import markdown_table, summary_text, table_rows, width


@pytest.mark.parametrize(
    ("spread", "decimals"),
    [(0.026, 3), (0.26, 2), (2.6, 1), (26.0, 0), (2600.0, 0), (0.0010, 4), (1e-12, 8), (0.0, 0)],
)
def test_interval_is_worth_two_digits(spread: float, decimals: int) -> None:
    assert decimals_for(spread) == decimals


@pytest.mark.parametrize(
    ("numbers", "plus", "text"),
    [
        ((0.98523, 0.9704, 0.99634), False, "0.985 [0.970, 0.996]"),
        ((-31.52, -32.9, -30.1), False, "\u221231.5 [\u221232.9, \u221230.1]"),
        ((0.0296, 0.0166, 0.0426), True, "+0.030 [0.017, 0.043]"),
        ((-0.0001, -0.011, 0.012), True, "0.000 [\u22120.011, 0.012]"),
        ((9.0, 9.0, 9.0), False, "9"),
        ((0.25, 0.25, 0.25), True, "+0.2500"),
        ((12345.6, 11000.0, 13000.0), False, "12,346 [11,000, 13,000]"),
    ],
)
def test_value_has_the_digits_that_its_interval_is_worth(
    numbers: tuple[float, float, float], plus: bool, text: str
) -> None:
    value, low, high = numbers
    assert with_interval(value, low, high, plus=plus) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.00312345, "0.003123"),
        (1234.5678, "1,235"),
        (0.0, "0"),
        (-2.5, "\u22122.500"),
        (1.5e-7, "1.500e\u221207"),
        (270.0, "270"),
        (float("inf"), "inf"),
    ],
)
def test_number_alone_has_four_digits(value: float, text: str) -> None:
    assert significant(value) == text


def test_fields_that_are_no_long_numbers_stay() -> None:
    assert [cell(text) for text in ("0.0612345678", "7", "c3", "2019-04-05", "")] == [
        "0.06123",
        "7",
        "c3",
        "2019-04-05",
        "",
    ]
    assert [value_text(value) for value in (None, True, 0.5, 3, [32, 64], "relu")] == [
        "null",
        "true",
        "0.5000",
        "3",
        "[32, 64]",
        "relu",
    ]


def test_markdown_columns_line_up_in_a_terminal() -> None:
    lines = markdown_table(("a", "b"), [("wide", "1|2"), ("\u65e5\u672c", "x")]).splitlines()
    assert lines == ["| a    | b    |", "| ---- | ---- |", "| wide | 1\\|2 |", "| \u65e5\u672c | x    |"]
    assert {width(line) for line in lines} == {15}


def test_overview_counts_the_headlines(params: Params, outs: Outs) -> None:
    # by their first metrics: cnn, autoencoder, denoising, vae and seq2seq are better, sparse is worse
    assert overview(read_results(params, outs.evaluation)) == (
        "6 models on digits and dates, judged by the first metric of each: "
        "5 beat their baselines, 1 lost to a baseline."
    )


def test_summary_has_a_row_for_each_metric_with_a_baseline(params: Params, outs: Outs) -> None:
    text = summary_text(read_results(params, outs.evaluation))
    rows = [
        [field.strip() for field in line.strip("| ").split(" | ")] for line in text.splitlines() if line.startswith("|")
    ]
    assert rows[0] == ["model", "metric", "value", "baseline", "difference", "verdict"]
    assert [row[:2] for row in rows[2:]].count(["vae", "kl \u2193"]) == 0
    assert rows[2] == [
        "cnn",
        "accuracy \u2191",
        "0.985 [0.972, 0.998]",
        "logistic regression: 0.956",
        "+0.030 [0.017, 0.043]",
        "better",
    ]
    assert len({len(line) for line in text.splitlines() if line.startswith("|")}) == 1
    assert "95 % percentile bootstrap over these rows (1,000 resamples, seed 7)" in text


def test_name_of_a_baseline_reads_in_a_sentence() -> None:
    assert spoken("PCA, 12 components") == "PCA (12 components)"
    assert spoken("Wiener filter") == "Wiener filter"


def test_count_has_no_decimals(params: Params, outs: Outs) -> None:
    rows = {row.metric: row for result in read_results(params, outs.evaluation) for row in result.rows}
    assert rows["dead_units"].value == "28 [26, 30]"  # 26.5 and 29.5, to the even number
    assert with_interval(28.0, 28.0, 32.0, whole=True) == "28 [28, 32]"


@pytest.mark.parametrize(
    "field", ["1|2", "`code`", "[text](javascript:alert(1))", "<script>", "a\\|b", "\\", "&lt;", "x\\", "||"]
)
def test_markup_in_a_field_is_escaped_and_read_back(field: str) -> None:
    text = markdown_table(("a", "b"), [(field, "end")])
    assert table_rows(text) == [["a", "b"], [field, "end"]]
    row = text.splitlines()[2].removesuffix(" | end |").removeprefix("| ").replace("\\\\", "")
    assert re.findall(r"(?<!\\)[|`<&]|\]\(", row) == []


def test_field_stays_on_its_line() -> None:
    assert table_rows(markdown_table(("a",), [("one\ntwo\u2028three\x1b[31m",)])) == [["a"], ["one two three [31m"]]


def test_nll_is_of_an_image_or_of_a_token() -> None:
    assert meaning("nll", "images") == "negative log-likelihood, nats per image"
    assert meaning("nll", "pairs") == "negative log-likelihood, nats per token of the right answer"
    assert meaning("top5_accuracy", "images") == "share of images whose class is among the first 5 answers"


def test_results_take_the_place_of_earlier_ones(tmp_path: Path) -> None:
    readme = "before\n<!-- results -->\nold\n<!-- /results -->\nafter\n"
    once = with_results(readme, "new\n")
    assert once == "before\n<!-- results -->\nnew\n<!-- /results -->\nafter\n"
    assert with_results(once, "new\n") == once
    with pytest.raises(ValueError, match="expected one <!-- results -->"):
        with_results("no marks", "new")
