"""The summary's words, each derived by hand from the numbers."""

from typing import Any

import pytest

from encdec.params.root import Params
from encdec.report.build import Outs
from encdec.report.intervals import MARGIN, WIDTH, draw_bars
from encdec.report.results import Row, build_row, read_results
from encdec.report.sentences import gain, percent, tell


def row(metric: str, ours: tuple[float, ...], theirs: tuple[float, ...], gap: tuple[float, ...], better: str) -> Row:
    keys = ("value", "low", "high")
    entry: dict[str, Any] = dict(zip(keys, ours, strict=True))
    entry |= {"higher_is_better": metric in ("accuracy", "psnr", "exact_match", "bleu"), "better": better}
    entry |= {"baseline": {"name": "PCA, 12 components", **dict(zip(keys, theirs, strict=True))}}
    return build_row("cnn", metric, entry | {"difference": dict(zip(keys, gap, strict=True))}, kind="images")


def test_loss_is_told_in_percent_of_the_baseline() -> None:
    # 0.0075 of 0.0157 is 47.8 %
    found = row("mse", (0.0082, 0.0077, 0.0088), (0.0157, 0.0149, 0.0164), (-0.0075, -0.0082, -0.0068), "model")
    assert gain(found) == "That is 48\u00a0% less (lower is better)."


def test_share_is_told_in_percentage_points() -> None:
    found = row("accuracy", (0.9852, 0.97, 0.996), (0.9556, 0.93, 0.97), (0.0296, 0.0166, 0.0426), "model")
    assert gain(found) == "That is 3.0 percentage points more (higher is better)."  # the interval is 2.6 points wide


def test_likelihood_is_told_in_nats_and_never_in_percent() -> None:
    found = row("negative_elbo", (-30.1, -32.7, -27.5), (-20.0, -21.3, -18.7), (-10.1, -12.4, -7.9), "model")
    assert gain(found) == "That is 10.1\u00a0nats less (lower is better)."


def test_difference_that_may_be_chance_is_called_that() -> None:
    found = row("accuracy", (0.984, 0.969, 0.996), (0.969, 0.945, 0.988), (0.0157, -0.004, 0.035), "unclear")
    expected = "That is 1.6 percentage points more (higher is better), which another sample of test rows could undo."
    assert gain(found) == expected


def test_worse_model_is_called_worse_and_equal_ones_equal() -> None:
    found = row("mse", (0.0143, 0.0137, 0.0149), (0.0131, 0.0125, 0.0137), (0.0012, 0.0006, 0.0018), "baseline")
    assert gain(found) == "That is 9.2\u00a0% more (lower is better)."  # 0.0012 of 0.0131
    assert gain(row("mse", (0.1, 0.1, 0.1), (0.1, 0.1, 0.1), (0.0, 0.0, 0.0), "unclear")) == "The two are equal."


def test_loss_over_a_baseline_of_zero_is_told_by_itself() -> None:
    found = row("token_error_rate", (0.5, 0.4, 0.6), (0.0, 0.0, 0.0), (0.5, 0.4, 0.6), "baseline")
    assert gain(found).startswith("That is 0.50 more (lower is better), but")


def test_baseline_without_any_error_is_called_unbeatable() -> None:
    found = row("mse", (0.5, 0.4, 0.6), (1e-15, 0.0, 2e-15), (0.5, 0.4, 0.6), "baseline")
    assert gain(found).endswith("but no model can be better than a baseline without any error.")
    almost = row("mse", (0.5, 0.4, 0.6), (1e-4, 0.0, 2e-4), (0.5, 0.4, 0.6), "baseline")
    assert "no model can" not in gain(almost)


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.478, "48"),
        (0.092, "9.2"),
        (0.05, "5"),
        (0.99973, "99.97"),
        (0.999999, "99.99"),
        (1.0, "100"),
        (12.5, "1,250"),
    ],
)
def test_percent_is_never_rounded_up_to_all(share: float, text: str) -> None:
    assert percent(share) == text


def test_story_of_a_model(params: Params, outs: Outs) -> None:
    stories = {result.model: tell(result) for result in read_results(params, outs.evaluation)}
    assert stories["sparse_autoencoder"].verdict == "loses to its baseline"
    assert stories["sparse_autoencoder"].sign == "\u25bc"
    assert stories["sparse_autoencoder"].sentence == (
        "Squared error of the restored image: 0.0143; PCA (12 components): 0.0131. "
        "That is 9.2\u00a0% more (lower is better)."
    )
    assert stories["cnn"].sentence == (
        "Images put into the right class: 98.5\u00a0%; logistic regression: 95.6\u00a0%. "
        "That is 3.0 percentage points more (higher is better)."
    )


def test_better_is_at_the_right_whichever_way_the_metric_goes() -> None:
    higher = draw_bars(row("accuracy", (0.8, 0.7, 0.9), (0.5, 0.4, 0.6), (0.3, 0.2, 0.4), "model"))
    lower = draw_bars(row("mse", (0.2, 0.1, 0.3), (0.5, 0.4, 0.6), (-0.3, -0.4, -0.2), "model"))
    # from 0.4 to 0.9 over the width less its margins, and from 0.6 down to 0.1 over the same
    inner = WIDTH - 2 * MARGIN
    assert higher.ours == lower.ours
    assert higher.theirs == lower.theirs
    assert higher.ours == pytest.approx((MARGIN + inner * 0.6, MARGIN + inner * 0.8, WIDTH - MARGIN), abs=0.051)
    assert higher.theirs == pytest.approx((MARGIN, MARGIN + inner * 0.2, MARGIN + inner * 0.4), abs=0.051)
    same = draw_bars(row("mse", (0.1, 0.1, 0.1), (0.1, 0.1, 0.1), (0.0, 0.0, 0.0), "unclear"))
    assert same.ours.value == WIDTH / 2
