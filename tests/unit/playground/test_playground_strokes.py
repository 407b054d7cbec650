import json

import numpy as np
import pytest

from encdec.playground.strokes import BRUSH, PAD_SIDE, draw_ink, line_width, read_strokes


def test_a_straight_stroke_has_the_area_of_its_line_with_round_ends() -> None:
    ink = draw_ink([[(140.0, 40.0), (140.0, 240.0)]])
    width = line_width([[(140.0, 40.0), (140.0, 240.0)]])
    assert width == BRUSH  # 200 long: an eighth of 226 is 28.25, more than the brush
    assert ink.shape == (PAD_SIDE, PAD_SIDE)
    expected = 200 * width + np.pi * (width / 2) ** 2
    assert float(ink.sum()) == pytest.approx(expected, rel=0.03)  # edges are sampled at a quarter of a unit
    assert ink.max() == 1.0


def test_what_is_drawn_small_is_drawn_with_a_thinner_line() -> None:
    # 100 long: (100 + 26) / 8 = 15.75
    assert line_width([[(10.0, 10.0), (10.0, 110.0)]]) == pytest.approx(15.75)
    assert line_width([[(10.0, 10.0)]]) == BRUSH  # a dot


def test_what_the_page_sends_is_read() -> None:
    assert read_strokes("[[[1, 2.5], [3, 4]], [[5, 6]]]") == [[(1.0, 2.5), (3.0, 4.0)], [(5.0, 6.0)]]
    assert read_strokes("") == []
    assert read_strokes(None) == []
    assert read_strokes("[]") == []


@pytest.mark.parametrize(
    "sent",
    [
        "not json",
        "[[[1]]]",
        '[[["a", 2]]]',
        "[[]]",
        "[[[1e9, 2]]]",
        "[[[NaN, 2]]]",
        '{"a": 1}',
        json.dumps([[[1, 1]]] * 501),
        json.dumps([[[1, 1]] * 5001]),
        "[" * 100_000,
    ],
)
def test_anything_else_that_is_sent_is_one_sentence(sent: str) -> None:
    with pytest.raises(ValueError, match=r"^the drawing could not be read: clear the pad and draw again$"):
        read_strokes(sent)
