"""Comparisons of made-up columns whose answers are known."""

import numpy as np
import pytest

from encdec.evaluation.bootstrap import Interval, Resampling, bootstrap, paired_bootstrap
from encdec.evaluation.comparison import Opponent, as_json, compare, verdict
from encdec.metrics.scores import Metric, Scores

MSE = Metric("mse", lambda columns: float(np.mean(columns["mse"])), higher_is_better=False)
ACTIVE = Metric("mean_active_units", lambda columns: float(np.mean(columns["active"])), higher_is_better=False)
RESAMPLING = Resampling(200, 0.9, 3)


def scores(rows: int = 30) -> Scores:
    generator = np.random.default_rng(0)
    return Scores({"mse": generator.random(rows), "active": generator.integers(0, 5, rows)}, (MSE, ACTIVE), {})


@pytest.mark.parametrize(
    ("low", "high", "higher_is_better", "expected"),
    [
        (0.1, 0.2, True, "model"),
        (0.1, 0.2, False, "baseline"),
        (-0.2, -0.1, True, "baseline"),
        (-0.2, -0.1, False, "model"),
        (-0.1, 0.2, True, "unclear"),
        (0.0, 0.2, True, "unclear"),
        (-0.2, 0.0, False, "unclear"),
    ],
)
def test_verdict_needs_an_interval_without_zero(low: float, high: float, higher_is_better: bool, expected: str) -> None:
    assert verdict(Interval((low + high) / 2, low, high), higher_is_better=higher_is_better) == expected


def test_comparison_is_the_bootstrap_of_each_and_of_their_paired_difference() -> None:
    model = scores()
    other = {"mse": model.columns["mse"] + np.random.default_rng(1).random(30)}
    first, second = compare(model, [Opponent("PCA", other, ("mse",))], resampling=RESAMPLING)
    assert first.metric is MSE
    assert first.model == bootstrap(MSE, model.columns, resampling=RESAMPLING)
    assert first.baseline == bootstrap(MSE, other, resampling=RESAMPLING)
    assert first.difference == paired_bootstrap(MSE, model.columns, other, resampling=RESAMPLING)
    assert (first.opponent, first.better) == ("PCA", "model")  # each of its errors is smaller
    assert second.model == bootstrap(ACTIVE, model.columns, resampling=RESAMPLING)
    assert second[2:] == (None, None, None, None)


def test_json_has_every_number_and_null_without_a_baseline() -> None:
    model = scores()
    other = {"mse": model.columns["mse"] - 1.0}
    found = as_json(compare(model, [Opponent("PCA", other, ("mse",))], resampling=RESAMPLING))
    mean = float(np.mean(model.columns["mse"]))
    assert list(found) == ["mse", "mean_active_units"]
    assert found["mse"]["value"] == mean
    assert found["mse"]["better"] == "baseline"
    assert found["mse"]["higher_is_better"] is False
    assert found["mse"]["baseline"]["name"] == "PCA"
    np.testing.assert_allclose(list(found["mse"]["difference"].values()), [1.0, 1.0, 1.0])
    assert [found["mean_active_units"][key] for key in ("baseline", "difference", "better")] == [None, None, None]


def test_opponents_that_do_not_fit_are_refused() -> None:
    model = scores()
    with pytest.raises(ValueError, match="baseline PCA has 29 rows, the model 30"):
        compare(model, [Opponent("PCA", {"mse": np.zeros(29)}, ("mse",))], resampling=RESAMPLING)
    with pytest.raises(ValueError, match="the model has no metric bleu, only mse, mean_active_units"):
        compare(model, [Opponent("PCA", {"mse": np.zeros(30)}, ("bleu",))], resampling=RESAMPLING)
    twice = [Opponent(name, {"mse": np.zeros(30)}, ("mse",)) for name in ("PCA", "zero")]
    with pytest.raises(ValueError, match="baseline zero: metric mse has another baseline already"):
        compare(model, twice, resampling=RESAMPLING)
