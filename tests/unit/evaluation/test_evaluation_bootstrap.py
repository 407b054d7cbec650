"""Every expected number is derived in a comment or computed by scipy; none is copied from an earlier run."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from encdec.evaluation import bootstrap as rooms
from encdec.evaluation.bootstrap import Resampling, bootstrap, draws, paired_bootstrap, resample
from encdec.metrics.scores import Columns, Metric

MEAN = Metric("mean", lambda columns: float(np.mean(columns["x"])), higher_is_better=True)
RATIO = Metric("ratio", lambda columns: float(np.sum(columns["x"]) / np.sum(columns["weight"])), higher_is_better=True)


def test_bounds_of_two_rows_are_those_of_all_possible_resamples() -> None:
    # rows 0 and 1 give the means 0, 1/2, 1/2, 1 with probability 1/4 each: the 10 % and 90 % points are 0 and 1,
    # and the 30 % and 70 % points are both 1/2
    columns = {"x": np.array([0.0, 1.0])}
    wide = bootstrap(MEAN, columns, resampling=Resampling(4000, 0.8, 3))
    narrow = bootstrap(MEAN, columns, resampling=Resampling(4000, 0.4, 3))
    assert wide == (0.5, 0.0, 1.0)
    assert narrow == (0.5, 0.5, 0.5)


def test_all_resamples_of_two_rows_are_drawn_about_equally_often() -> None:
    drawn = np.stack(list(draws(2, Resampling(4000, 0.9, 5))))
    counts = [int((drawn == pair).all(axis=1).sum()) for pair in product((0, 1), repeat=2)]
    # binomial(4000, 1/4): mean 1000, standard deviation 27.4; five of them
    assert all(abs(count - 1000) < 137 for count in counts)


def test_interval_equals_scipy_on_the_same_draws() -> None:
    x = np.random.default_rng(0).exponential(size=40)
    ours = bootstrap(MEAN, {"x": x}, resampling=Resampling(500, 0.9, 11))
    theirs = stats.bootstrap(
        (x,), np.mean, n_resamples=500, confidence_level=0.9, method="percentile", rng=np.random.default_rng(11)
    ).confidence_interval
    np.testing.assert_allclose([ours.low, ours.high], [theirs.low, theirs.high], rtol=1e-12)


def test_interval_of_a_ratio_agrees_with_scipy_on_paired_rows() -> None:
    generator = np.random.default_rng(1)
    columns = {"x": generator.exponential(size=60), "weight": generator.uniform(1, 2, size=60)}
    ours = bootstrap(RATIO, columns, resampling=Resampling(4000, 0.95, 2))
    theirs = stats.bootstrap(
        (columns["x"], columns["weight"]),
        lambda x, weight: float(x.sum() / weight.sum()),
        n_resamples=4000,
        vectorized=False,
        paired=True,
        method="percentile",
        rng=np.random.default_rng(99),
    )
    # a 2.5 % point of 4000 draws has standard error sqrt(0.025 * 0.975 / 4000) / density; the density of a normal
    # there is 0.0584 / deviation: 0.042 deviations. Two such errors are independent: five of 0.06 deviations
    deviation = float(theirs.standard_error)
    assert abs(ours.low - theirs.confidence_interval.low) < 5 * 0.06 * deviation
    assert abs(ours.high - theirs.confidence_interval.high) < 5 * 0.06 * deviation


def test_interval_covers_the_true_mean_as_often_as_it_says() -> None:
    covered = 0
    for repeat in range(200):
        x = np.random.default_rng(1000 + repeat).normal(size=100)
        interval = bootstrap(MEAN, {"x": x}, resampling=Resampling(300, 0.95, repeat))
        covered += interval.low <= 0.0 <= interval.high
    # A percentile interval of a mean has half-width 1.96 * s / sqrt(n) with s**2 of n, not n - 1, rows, and a t tail:
    # P(|t_99| < 1.96 * sqrt(99 / 100)) = 0.946. Binomial(200, 0.946) lies within [176, 199] but for 1 in 1000.
    low, high = stats.binom.ppf([0.0005, 0.9995], 200, 2 * stats.t.cdf(1.96 * np.sqrt(0.99), 99) - 1)
    assert low <= covered <= high


def test_interval_is_the_same_for_the_same_seed_alone() -> None:
    x = {"x": np.random.default_rng(0).normal(size=50)}
    first, again, other = (bootstrap(MEAN, x, resampling=Resampling(200, 0.9, seed)) for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_draws_do_not_depend_on_the_size_of_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.stack(list(draws(7, Resampling(20, 0.9, 4))))
    monkeypatch.setattr(rooms, "MAX_INDICES", 21)  # three resamples at once
    np.testing.assert_array_equal(np.stack(list(draws(7, Resampling(20, 0.9, 4)))), whole)


def test_difference_of_columns_that_differ_by_a_constant_has_no_spread() -> None:
    x = np.random.default_rng(0).normal(size=30)
    # the same rows are drawn of both, so every resampled difference is exactly the constant 1/4 up to rounding
    difference = paired_bootstrap(MEAN, {"x": x + 0.25}, {"x": x}, resampling=Resampling(100, 0.95, 0))
    np.testing.assert_allclose(difference, [0.25, 0.25, 0.25], atol=1e-12)


def test_difference_has_the_sign_of_the_first_less_the_second() -> None:
    ones, zeros = {"x": np.ones(5)}, {"x": np.zeros(5)}
    assert paired_bootstrap(MEAN, zeros, ones, resampling=Resampling(10, 0.95, 0)) == (-1.0, -1.0, -1.0)


def test_rows_of_columns_with_several_values_stay_whole() -> None:
    pairs = np.arange(20).reshape(10, 2)

    def broken_rows(columns: Columns) -> float:
        return float(
            np.sum(columns["pairs"][:, 1] - columns["pairs"][:, 0] != 1)
            + np.sum(columns["x"] * 2 != columns["pairs"][:, 0])
        )

    metric = Metric("broken", broken_rows, higher_is_better=False)
    resampled = resample([metric], {"pairs": pairs, "x": np.arange(10)}, resampling=Resampling(20, 0.9, 0))
    np.testing.assert_array_equal(resampled, np.zeros((20, 1)))


def test_columns_that_cannot_be_resampled_are_refused() -> None:
    resampling = Resampling(10, 0.9, 0)
    with pytest.raises(ValueError, match=r"must have one length, found \{'x': 2, 'y': 3\}"):
        bootstrap(MEAN, {"x": np.zeros(2), "y": np.zeros(3)}, resampling=resampling)
    with pytest.raises(ValueError, match=r"\['x'\] have no rows"):
        bootstrap(MEAN, {"x": np.zeros(0)}, resampling=resampling)
    with pytest.raises(ValueError, match="needs the same rows, found 2 and 3"):
        paired_bootstrap(MEAN, {"x": np.zeros(2)}, {"x": np.zeros(3)}, resampling=resampling)
    with pytest.raises(ValueError, match="metric mean is inf"):
        bootstrap(MEAN, {"x": np.array([1.0, np.inf])}, resampling=resampling)
