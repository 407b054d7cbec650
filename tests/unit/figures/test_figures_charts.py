"""The numbers in learning curves, confusion, reliability and bars, each derived by hand."""

import numpy as np
import pandas as pd
import pytest
from drawn import drawn, texts

from encdec.figures.bars import Rates, falling_bars, rates_by_group, worst_first
from encdec.figures.confusion import confused_pairs, confusion, row_shares
from encdec.figures.learning import best_epoch, learning_curves
from encdec.figures.picture import Words
from encdec.figures.reliability import Bins, reliability
from encdec.figures.style import LIGHT

WORDS = Words("name", "Title", "Caption.", "Alt.", "quality")
HISTORY = pd.DataFrame(
    {"epoch": [0.0, 1.0, 2.0, 3.0], "val/nll": [2.0, np.nan, 0.5, 0.75], "train/loss": [2.5, 1.0, 0.4, 0.3]}
)
COUNTS = np.array([[5, 1, 0], [2, 7, 0], [0, 0, 0]])


def test_the_best_epoch_is_the_lowest_finite_one() -> None:
    assert best_epoch(HISTORY, "val/nll") == (2, 0.5)
    infinite = HISTORY.assign(**{"val/nll": [np.inf, -np.inf, 3.0, 3.0]})
    assert best_epoch(infinite, "val/nll") == (2, 3.0)


def test_curves_have_the_values_of_the_history_and_a_line_at_the_best_epoch() -> None:
    picture = learning_curves(HISTORY, monitor="val/nll")
    axes = drawn(picture).axes[0]
    train, val, best = axes.get_lines()
    assert (train.get_label(), val.get_label()) == ("train/loss", "val/nll")
    np.testing.assert_array_equal(train.get_ydata(), HISTORY["train/loss"])
    np.testing.assert_array_equal(val.get_ydata(), HISTORY["val/nll"])
    assert set(best.get_xdata()) == {2}
    assert "epoch 2, where it was lowest (0.5)" in picture.words.caption
    assert "in the last of 4 epochs it was 0.75" in picture.words.caption


def test_other_metrics_get_panels_of_their_own() -> None:
    more = HISTORY.assign(**{"val/accuracy": [0.1, 0.5, 0.8, 0.7]})
    figure = drawn(learning_curves(more, monitor="val/nll"))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["", "val/accuracy"]


def test_a_history_without_the_metric_is_refused() -> None:
    with pytest.raises(ValueError, match=r"history\.csv: no column val/mse, only epoch, val/nll, train/loss"):
        learning_curves(HISTORY, monitor="val/mse")
    with pytest.raises(ValueError, match=r"val/nll is finite in no epoch"):
        learning_curves(HISTORY.assign(**{"val/nll": np.nan}), monitor="val/nll")


def test_confused_pairs_come_by_count_and_leave_the_diagonal_out() -> None:
    assert confused_pairs(COUNTS) == [(1, 0, 2), (0, 1, 1)]
    np.testing.assert_allclose(row_shares(COUNTS), [[5 / 6, 1 / 6, 0], [2 / 9, 7 / 9, 0], [0, 0, 0]])


def test_the_matrix_shows_every_count_that_is_not_0_in_its_cell() -> None:
    picture = confusion(COUNTS, classes=["a", "b", "c"])
    axes = drawn(picture).axes[0]
    cells = {text.get_position(): text.get_text() for text in axes.texts}
    assert cells == {(0, 0): "5", (1, 0): "1", (0, 1): "2", (1, 1): "7"}  # x is the answer, y the true class
    assert [text.get_text() for text in axes.get_yticklabels()] == ["a", "b", "c"]
    assert "12 of 15 images lie on the diagonal, 3 beside it" in picture.words.caption
    assert "Most often b was taken for a (2 of 9)" in picture.words.caption


def test_right_and_wrong_answers_are_drawn_in_different_colours() -> None:
    axes = drawn(confusion(COUNTS, classes=["a", "b", "c"])).axes[0]
    colours = np.asarray(axes.images[0].get_array())
    np.testing.assert_allclose(colours[1, 0], LIGHT.mistakes(1.0))  # the largest share of mistakes is full
    np.testing.assert_allclose(colours[0, 2], LIGHT.mistakes(0.0))
    assert colours[0, 0][2] > colours[0, 0][0], "the diagonal is blue"


def test_more_classes_than_fit_become_the_pairs_that_are_confused_most() -> None:
    counts = np.diag(np.full(60, 10))
    counts[3, 5], counts[40, 2], counts[7, 8] = 4, 9, 4
    picture = confusion(counts, classes=[f"class {number}" for number in range(60)])
    axes = drawn(picture).axes[0]
    assert [bar.get_width() for bar in axes.patches] == [9, 4, 4]
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert names == ["class 40 → class 2", "class 3 → class 5", "class 7 → class 8"]
    assert "17 of 617 answers are wrong" in picture.words.caption


@pytest.mark.parametrize("count", [1, 20, 50])
def test_any_number_of_classes_up_to_fifty_has_a_matrix(count: int) -> None:
    figure = drawn(confusion(np.diag(np.arange(1, count + 1)), classes=[f"c{number}" for number in range(count)]))
    assert np.asarray(figure.axes[0].images[0].get_array()).shape == (count, count, 4)


def test_the_reliability_diagram_has_a_point_and_a_count_per_filled_bin() -> None:
    bins = Bins(np.array([0, 2, 8]), np.array([0.0, 0.5, 0.9]), np.array([0.0, 1.0, 0.75]))
    picture = reliability(bins, error=0.22)
    above, below = drawn(picture).axes
    points = above.get_lines()[-1]
    assert points.get_xdata().tolist() == [0.5, 0.9]
    assert points.get_ydata().tolist() == [1.0, 0.75]
    assert [bar.get_height() for bar in below.patches] == [0, 2, 8]
    assert [text.get_text() for text in below.texts] == ["", "2", "8"]
    # mean confidence (2 * 0.5 + 8 * 0.9) / 10 = 0.82; accuracy (2 + 6) / 10 = 0.8
    assert "Mean confidence 0.820, accuracy 0.800: right less often than it says" in picture.words.caption


def test_bars_fall_and_what_is_at_rest_is_counted() -> None:
    picture = falling_bars(
        np.array([0.2, 0.0, 0.5, 0.0]), words=WORDS, axis="share", unit="unit", limit=0.0, limit_text="dead"
    )
    figure = drawn(picture)
    heights = [bar.get_height() for bar in figure.axes[0].patches[:4]]
    assert heights == [0.5, 0.2, 0.0, 0.0]
    assert "2 dead " in texts(figure)
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == ["2", "0", "1", "3"]


RATES = Rates(
    ["en", "ar", "ja"], np.array([10, 20, 30]), *np.array([[0.0, 0.5, 0.0], [0.0, 0.3, 0.0], [0.3, 0.7, 0.1]])
)


def test_the_worst_group_comes_first_and_of_equal_ones_the_larger() -> None:
    assert worst_first(RATES).tolist() == [1, 2, 0]
    axes = drawn(rates_by_group(RATES, words=WORDS, axis="errors", overall=0.2, ordered=False)).axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["ar  (20)", "ja  (30)", "en  (10)"]
    assert [bar.get_width() for bar in axes.patches] == [0.5, 0.0, 0.0]
    assert axes.get_ylim()[0] > axes.get_ylim()[1], "the first is on top"


def test_groups_with_an_order_keep_it() -> None:
    axes = drawn(rates_by_group(RATES, words=WORDS, axis="errors", overall=0.2, ordered=True)).axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["en  (10)", "ar  (20)", "ja  (30)"]
