"""A clock of our own: the share of all the time that calls take, as they come."""

from collections.abc import Callable
from itertools import cycle, repeat

import pytest

from encdec.pauses import LONGEST_SECONDS, Pauses

SHARE = 1 / 200


def share_of(took: Callable[[int], float], *, calls: int = 500) -> float:
    pauses = Pauses(0.0, share=SHARE)
    spent = [took(number) for number in range(calls)]
    return sum(spent) / (sum(spent) + sum(pauses.after(each) for each in spent))


def test_calls_that_take_the_same_take_their_share() -> None:
    assert share_of(lambda number: 0.1) == pytest.approx(SHARE / (1 + SHARE))


@pytest.mark.parametrize("dear", [2, 4, 9])
def test_a_few_dear_calls_among_cheap_ones_keep_all_below_a_hundredth(dear: int) -> None:
    """By the cheapest it would be the share of the dear ones among them times as much."""
    times = cycle([0.3] * (9 - dear) + [0.9] * dear)
    assert SHARE / 2 < share_of(lambda number: next(times)) < 2 * SHARE


def test_pauses_are_neither_shorter_nor_longer_than_they_may_be() -> None:
    pauses = Pauses(2.0, share=SHARE)
    assert [pauses.after(took) for took in (0.0, 0.01)] == [2.0, 2.0]
    assert [pauses.after(took) for took in repeat(60.0, 3)][-1] == LONGEST_SECONDS


def test_what_was_slow_once_says_nothing_about_the_next() -> None:
    pauses = Pauses(1.0, share=SHARE)
    assert pauses.after(120.0) == LONGEST_SECONDS, "the first call says all that is known"
    assert [pauses.after(took) for took in (0.001, 0.001, 120.0, 0.001)] == [1.0] * 4


def test_what_was_forgotten_counts_no_more() -> None:
    pauses = Pauses(1.0, share=SHARE)
    pauses.after(2.0)
    pauses.forget()
    assert pauses.after(0.1) == pytest.approx(20.0)
