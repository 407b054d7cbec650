"""Which slices got worse: hand-derived chances, and how often noise alone is taken for a loss."""

import numpy as np
import pytest

from encdec.evaluation.bootstrap import Resampling
from encdec.metrics.scores import Metric
from encdec.retraining.mistakes import turned
from encdec.retraining.slices import lines_of, worse_by_chance

ACCURACY = Metric("accuracy", lambda columns: float(columns["correct"].mean()), higher_is_better=True)
ERROR = Metric("mse", lambda columns: float(columns["mse"].mean()), higher_is_better=False)
RESAMPLING = Resampling(4000, 0.95, 7)


def correct(*values):
    return {"correct": np.array(values, dtype=bool)}


def test_the_chance_is_that_of_a_fair_coin_for_each_row_that_differs():
    # five rows of twenty differ, and all five are worse: under exchange the gain is as low only where all five coins
    # fall alike, 1/2**5 = 0.031; four standard deviations of 4000 draws are 0.011
    ours, theirs = correct(*[0] * 5, *[1] * 15), correct(*[1] * 20)
    assert worse_by_chance(ACCURACY, ours, theirs, RESAMPLING) == pytest.approx(1 / 32, abs=0.011)


def test_a_metric_that_is_better_when_lower_is_turned():
    ours, theirs = {"mse": np.arange(1.0, 9.0)}, {"mse": np.zeros(8)}
    # eight of eight worse: 1/2**8 = 0.004
    assert worse_by_chance(ERROR, ours, theirs, RESAMPLING) == pytest.approx(1 / 256, abs=0.004)
    assert worse_by_chance(ERROR, theirs, ours, RESAMPLING) == pytest.approx(1.0, abs=0.001)


def test_a_chance_is_never_nothing():
    # what was seen is one of the exchanges: of forty rows that all are worse, 1 of 4001
    assert worse_by_chance(ACCURACY, correct(*[0] * 40), correct(*[1] * 40), RESAMPLING) == 1 / 4001


def test_a_slice_that_lost_half_is_named_and_one_that_lost_a_row_is_not():
    theirs = correct(*[1] * 60)
    ours = correct(*[1] * 20, *[0] * 10, *[1] * 10, *[1] * 19, 0)
    groups = {"a": np.arange(20), "b|<b>": np.arange(20, 40), "c": np.arange(40, 60)}
    lines = lines_of(ACCURACY, ours, theirs, groups, RESAMPLING)
    assert (lines[0].name, lines[0].worse) == ("b|<b>", True)
    assert {line.name for line in lines if line.worse} == {"b|<b>"}
    assert lines[0].gain == pytest.approx(-0.5)
    assert lines[0].before == 1.0


def test_many_slices_get_as_many_exchanges_as_their_correction_asks():
    # 40 slices at 5 %: each must have a chance below 0.00125, which 100 exchanges cannot show
    theirs, ours = correct(*[1] * 1200), correct(*[0] * 30, *[1] * 1170)
    groups = {f"{number:02d}": np.arange(30 * number, 30 * number + 30) for number in range(40)}
    lines = lines_of(ACCURACY, ours, theirs, groups, Resampling(100, 0.95, 7))
    assert [line.name for line in lines if line.worse] == ["00"]


def test_two_models_that_are_alike_seldom_have_a_slice_that_is_worse():
    # level 0.05 for all ten slices together: of 40 pairs of alike models at most 6 (a binomial's 99.9 %) have one
    generator = np.random.default_rng(1)
    groups = {str(number): np.arange(20 * number, 20 * number + 20) for number in range(10)}
    found = 0
    for seed in range(40):
        ours, theirs = ({"correct": generator.random(200) < 0.8} for _ in range(2))
        lines = lines_of(ACCURACY, ours, theirs, groups, Resampling(500, 0.95, seed))
        found += any(line.worse for line in lines)
    assert found <= 6


def test_columns_of_another_width_are_left_out():
    ours = {"mse": np.ones(6), "active": np.ones((6, 3))}
    theirs = {"mse": np.zeros(6), "active": np.ones((6, 5))}
    assert worse_by_chance(ERROR, ours, theirs, RESAMPLING) < 0.05  # 1/64


def test_rows_that_became_wrong_are_found_the_surest_first():
    ours = {"correct": np.array([0, 0, 1, 0, 1], bool), "confidence": np.array([0.6, 0.9, 0.8, 0.99, 0.5])}
    theirs = {"correct": np.array([1, 1, 0, 0, 1], bool), "confidence": np.ones(5)}
    found = turned(ours, theirs)
    assert found.rows.tolist() == [1, 0]
    assert (found.num_mistakes, found.num_mended) == (2, 1)


def test_of_errors_those_that_more_than_doubled_count():
    found = turned({"mse": np.array([0.1, 0.5, 0.3, 0.01])}, {"mse": np.array([0.1, 0.1, 0.2, 0.1])})
    assert found.rows.tolist() == [1]
    assert (found.num_mistakes, found.num_mended) == (1, 1)
